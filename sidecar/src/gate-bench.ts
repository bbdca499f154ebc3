import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ok, type Policy } from '@sidegate/crds';
import { compileRules, type SessionRules } from '@sidegate/policy';
import type { Opened } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import { openClock } from './clock.ts';
import { Budgets } from './gate/budgets.ts';
import { GatedSession } from './gate/gated-session.ts';
import { HeldBytes } from './gate/held-bytes.ts';
import type { Admission } from './gate/surroundings.ts';
import { Turn } from './gate/turn.ts';
import type { Wires } from './gate/wires.ts';
import { openGateMetrics } from './metrics/gate-metrics.ts';
import { writeCommand } from './protocols/redis/codec.ts';
import { committedCatalog } from './protocols/redis/command-catalog.ts';
import { RedisSession } from './protocols/redis/session.ts';
import { createRecorder } from './recording.ts';

/**
 * What the gate's own code costs for a command of Redis: `node [flags of a gate] sidecar/src/gate-bench.ts [--pipeline N] [--sessions N]`. Scripted
 * peers stand where sockets would, everything else is real: reading, judging, masks, the spool (without a store). Prints microseconds of
 * processor time, which hold on a machine that does other work, too.
 */
const { values } = parseArgs({
  options: {
    pipeline: { type: 'string', default: '1' },
    sessions: { type: 'string', default: '8' },
    commands: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
  },
});
const PIPELINE = Number(values.pipeline);
const SESSIONS = Number(values.sessions);
const COMMANDS = Number(values.commands);
const ROUNDS = Number(values.rounds);
const KEYS = 10_000;

const GUARD: Policy = {
  apiVersion: 'sidegate.dev/v1alpha1',
  kind: 'Policy',
  metadata: { namespace: 'data', name: 'guard' },
  spec: {
    rules: [{ name: 'no-flush', match: { redis: { commands: ['FLUSHALL'] } }, action: 'Deny', reason: 'Keys stay.' }],
    masks: [
      { name: 'whole', keys: ['session:*'], with: { type: 'Redact' } },
      { name: 'cards', detect: ['CreditCard'], with: { type: 'Redact' } },
    ],
  },
};
const DOOR = { target: { namespace: 'data', name: 'cache' }, access: { namespace: 'agents', name: 'bots' } };
const IDENTITY: Admission['identity'] = {
  verified: {
    source: 'Token',
    issuer: 'https://issuer',
    subject: 'bot',
    groups: [],
    expiresAtMs: Number.MAX_SAFE_INTEGER,
  },
  claimed: {},
};

function rulesOf(): SessionRules {
  const compiled = compileRules({
    targets: [
      {
        apiVersion: 'sidegate.dev/v1alpha1',
        kind: 'Target',
        metadata: DOOR.target,
        spec: {
          protocol: 'Redis',
          host: 'cache',
          port: 6379,
          allowedNamespaces: { from: 'All' },
          defaultAction: 'Allow',
        },
      },
    ],
    accesses: [
      {
        apiVersion: 'sidegate.dev/v1alpha1',
        kind: 'AgentAccess',
        metadata: DOOR.access,
        spec: { podSelector: {}, identity: { source: 'Token' }, targetRefs: [DOOR.target], defaultAction: 'Allow' },
      },
    ],
    policies: [GUARD],
    operatorNamespace: 'ops',
    maskKey: '00'.repeat(32),
    version: 'v1',
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.fault));
  const opened = compiled.value.openSession({ ...DOOR, identity: IDENTITY });
  if (!opened.ok) throw new Error(opened.fault.message);
  return opened.value;
}

const folder = mkdtempSync(join(tmpdir(), 'sidegate-bench-'));
const clock = openClock();
const created = createRecorder({
  spoolFolder: folder,
  gateId: 'g',
  store: undefined,
  nowUs: clock.nowUs,
  random: Math.random,
  limits: { spoolBytesMax: 16 * 1024 ** 3 },
  notice: () => {},
});
if (!created.ok) throw new Error(created.fault.message);
const recorder = created.value;
const turns = new Turn(recorder);
const metrics = openGateMetrics({ sessionsOpen: () => SESSIONS, commandsHeld: () => 0 });
const catalog = committedCatalog();
const budgets = new Budgets();

class Peer {
  toTarget = 0;
  toAgent = 0;
  dialled = false;
  readonly session: GatedSession;

  constructor(id: number) {
    const rules = rulesOf();
    const admission: Admission = { identity: IDENTITY, rules, credential: { username: 'gate', password: 'secret' } };
    const wires: Wires = {
      sendAgent: (bytes) => void (this.toAgent += bytes.length),
      sendTarget: (bytes) => void (this.toTarget += bytes.length),
      cork: () => {},
      uncork: () => {},
      startAgentTls: () => {},
      startTargetTls: () => {},
      dialTarget: () => void (this.dialled = true),
      holdReading: () => {},
      holdAgent: () => {},
      isAgentUnread: false,
      unsentBytes: 0,
      resumeAgent: () => {},
      resumeReading: () => {},
      close: () => {
        throw new Error('closed');
      },
      sendCancel: () => {},
    };
    const protocol = new RedisSession({
      target: { host: 'cache', port: 6379, tls: false, databases: undefined },
      agentTls: false,
      identitySource: 'Workload',
      limits: { frameBytesMax: 1 << 30, pendingCommandsMax: 10_000, preparedMax: 10_000 },
      random: (length) => new Uint8Array(length),
      shared: undefined,
    });
    this.session = new GatedSession(protocol, {
      turn: turns,
      wires,
      held: new HeldBytes(1 << 30),
      door: DOOR,
      budgets,
      desk: undefined,
      nowUs: clock.nowUs,
      admit: async () => ok(admission),
      openRecord: () =>
        recorder.open({ ...OPENED, sessionId: `session-${id}`, atUs: clock.nowUs() }, admission.rules.durability),
      readCatalog: async () => ok(catalog),
      cancelOther: () => {},
      claimCancelKey: () => {},
      ended: () => {},
      observe: metrics,
    });
  }

  async open(): Promise<void> {
    this.session.receiveAgent(writeCommand(['PING']));
    await this.#until(() => this.dialled);
    this.session.targetConnected();
    await this.#until(() => this.toTarget > 0);
    this.toTarget = 0;
    this.session.receiveTarget(Buffer.from('+OK\r\n'));
    await this.#until(() => this.toTarget > 0);
    this.session.receiveTarget(Buffer.from('+PONG\r\n'));
    await this.#until(() => this.toAgent > 0);
  }

  async #until(done: () => boolean): Promise<void> {
    for (let tries = 0; tries < 100; tries += 1) {
      if (done()) return;
      await turn();
    }
    throw new Error('it did not open');
  }
}

const OPENED: Opened = sampleOpened({
  sessionId: '',
  protocol: 'Redis',
  target: { ...DOOR.target, host: 'cache', port: 6379 },
  access: DOOR.access,
  verified: { source: 'Token', issuer: 'i', subject: 'bot', groups: [], groupsKnown: true, expiresAtMs: 1 },
  policyVersion: 'v1',
});

const keyAt = (index: number): string => `key:${String(index % KEYS).padStart(12, '0')}`;
const LOADS = {
  SET: { command: (index: number) => writeCommand(['SET', keyAt(index), 'VXK']), answer: '+OK\r\n' },
  GET: { command: (index: number) => writeCommand(['GET', keyAt(index)]), answer: '$3\r\nVXK\r\n' },
} as const;

const peers = Array.from({ length: SESSIONS }, (_, id) => new Peer(id));
for (const peer of peers) await peer.open();

async function run(name: keyof typeof LOADS, count: number): Promise<{ user: number; system: number }> {
  const { command, answer } = LOADS[name];
  const chunks = Array.from({ length: 4096 }, (_, at) => {
    const parts: Uint8Array[] = [];
    for (let each = 0; each < PIPELINE; each += 1) parts.push(command((at * PIPELINE + each) * 7919));
    return Buffer.concat(parts);
  });
  const answers = Buffer.from(answer.repeat(PIPELINE));
  const before = process.cpuUsage();
  let done = 0;
  let at = 0;
  while (done < count) {
    for (const { session } of peers) session.receiveAgent(Buffer.from(chunks[at++ & 4095] ?? ''));
    await turn();
    for (const { session } of peers) session.receiveTarget(Buffer.from(answers));
    await turn();
    done += SESSIONS * PIPELINE;
  }
  const { user, system } = process.cpuUsage(before);
  return { user: user / done, system: system / done };
}

for (const name of ['SET', 'GET'] as const) {
  await run(name, COMMANDS / 2);
  const rounds: { user: number; system: number }[] = [];
  const bytes = recorder.bytes;
  for (let round = 0; round < ROUNDS; round += 1) rounds.push(await run(name, COMMANDS));
  const sorted = rounds.toSorted((left, right) => left.user + left.system - right.user - right.system);
  const middle = sorted[Math.floor(ROUNDS / 2)] ?? { user: 0, system: 0 };
  const best = sorted[0] ?? middle;
  const recorded = (recorder.bytes - bytes) / (ROUNDS * COMMANDS);
  process.stdout.write(
    `${name}, pipeline of ${PIPELINE}, ${SESSIONS} sessions: ${(middle.user + middle.system).toFixed(2)} us/command ` +
      `(user ${middle.user.toFixed(2)}, system ${middle.system.toFixed(2)}; best ${(best.user + best.system).toFixed(2)}), ` +
      `${recorded.toFixed(0)} B recorded\n`,
  );
}
for (const peer of peers) if (peer.toAgent === 0) throw new Error('nothing was answered');
rmSync(folder, { recursive: true });
process.exit(0);
