import { expect, jest, test } from '@jest/globals';
import type { AgentAccess, Snapshot, Target } from '@sidegate/crds';
import { compileRules } from '@sidegate/policy';
import { isSessionOfPod } from '@sidegate/session';
import type { Protocol } from '../protocols/protocol.ts';
import { configure } from './configuration.ts';
import { Gate } from './gate.ts';
import type { GatedSession } from './gated-session.ts';
import { LineSession } from './testing/line-protocol.ts';
import { ScriptedRecorder } from './testing/scripted-recorder.ts';
import { settle } from './testing/session-stage.ts';
import type { Wires } from './wires.ts';

const POD = '0d1f9a52-6a3e-4c55-9c3e-2f1f0a8f7b11';
const META = { apiVersion: 'sidegate.dev/v1alpha1' } as const;
const TARGET: Target = {
  ...META,
  kind: 'Target',
  metadata: { name: 'db', namespace: 'data' },
  spec: {
    protocol: 'Postgres',
    host: 'db.data.svc',
    port: 5432,
  },
};
const ACCESS: AgentAccess = {
  ...META,
  kind: 'AgentAccess',
  metadata: { name: 'bots', namespace: 'data' },
  spec: { podSelector: {}, identity: { source: 'Workload' }, targetRefs: [{ namespace: 'data', name: 'db' }] },
};

/** A gate with one Target, and what its sessions send to their agents. */
class Stage {
  readonly gate: Gate;
  readonly said: string[][] = [];
  readonly #key: string;

  constructor(gateId: string) {
    const protocol = { name: 'Postgres', openSession: () => new LineSession() } as unknown as Protocol;
    const recorder = new ScriptedRecorder();
    this.gate = new Gate({
      gateId,
      gateVersion: '0',
      recorder,
      protocols: new Map([['Postgres', protocol]]),
      shared: new Map(),
      verify: () => Promise.reject(new Error('nobody has a token here')),
      readWorkloadToken: () => Promise.reject(new Error('nobody has a token here')),
      readCatalog: () => Promise.resolve({ ok: true, value: undefined }),
      desk: undefined,
      agentTls: false,
      heldBytesMax: 1 << 30,
      nowUs: () => 1_000,
      observe: { decided: () => {}, finished: () => {} },
    });
    const snapshot: Snapshot = {
      version: 'v1',
      nonce: 'n1',
      resources: { targets: [TARGET], accesses: [ACCESS], policies: [] },
      operatorNamespace: 'sidegate',
      issuers: [],
      doors: [
        {
          target: { namespace: 'data', name: 'db' },
          access: { namespace: 'data', name: 'bots' },
          listen: { host: '127.64.0.1', port: 5432 },
        },
      ],
      secrets: [{ target: { namespace: 'data', name: 'db' }, username: 'u', password: 'p' }],
      maskKey: '11'.repeat(32),
      workload: { subject: 'system:serviceaccount:agents:bot', groups: [], groupsKnown: true },
    } as unknown as Snapshot;
    const rules = compileRules({
      ...snapshot.resources,
      operatorNamespace: 'sidegate',
      maskKey: snapshot.maskKey,
      version: 'v1',
      namespaceLabels: {},
    });
    if (!rules.ok) throw new Error(JSON.stringify(rules.fault));
    const { configuration, faults } = configure(snapshot, rules.value);
    if (faults.length > 0) throw new Error(JSON.stringify(faults));
    this.gate.adopt(configuration);
    this.#key = [...configuration.doors.keys()][0] ?? '';
  }

  async open(): Promise<GatedSession> {
    const said: string[] = [];
    this.said.push(said);
    const none = (): void => {};
    const wires: Wires = {
      sendAgent: (bytes) => said.push(Buffer.from(bytes).toString().trim()),
      sendTarget: none,
      cork: none,
      uncork: none,
      startAgentTls: none,
      startTargetTls: none,
      dialTarget: none,
      holdReading: none,
      holdAgent: none,
      isAgentUnread: false,
      unsentBytes: 0,
      resumeAgent: none,
      resumeReading: none,
      close: none,
      sendCancel: none,
    };
    const session = this.gate.open(this.#key, wires);
    if (session === undefined) throw new Error('the door is closed');
    session.receiveAgent(Buffer.from('login nobody\n'));
    await settle();
    session.targetConnected();
    await settle();
    return session;
  }
}

jest.useFakeTimers();

test('a session of a pod is named after it, one of a machine is not', async () => {
  const inPod = await new Stage(POD).open();
  expect(isSessionOfPod(inPod.sessionId ?? '', POD)).toBe(true);
  // A label may have 63 characters, and so has a claim about a session.
  expect(inPod.sessionId?.length).toBeLessThanOrEqual(63);
  const local = await new Stage('local').open();
  expect(local.sessionId).toMatch(/^[0-9a-f-]{36}$/);
});

test('a session whose record the store does not take is over, with the reason; others go on', async () => {
  const stage = new Stage('local');
  const [refused, other] = [await stage.open(), await stage.open()];
  stage.gate.recordRefused(refused.sessionId ?? '', 'It differs from the stored one.');
  await settle();
  const why = 'The store does not take the record of this session: It differs from the stored one.';
  expect(stage.said).toEqual([['ready', `bye Terminated: ${why}`], ['ready']]);
  expect(stage.gate.sessions.size).toBe(1);
  other.receiveAgent(Buffer.from('read\n'));
  await settle();
  expect(stage.gate.sessions.size).toBe(1);
});
