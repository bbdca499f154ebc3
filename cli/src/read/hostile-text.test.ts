import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeEvent, type SessionEvent, sealChunk } from '@sidegate/session';
import { sampleFinished, sampleJudged, sampleOpened } from '@sidegate/session/testing';
import { COMMANDS } from '../commands.ts';
import { runProgram } from '../program.ts';
import { backend, dataRow, rowDescription } from '../testing/backend-bytes.ts';
import { type ReaderSocket, serveReader } from '../testing/reader-socket.ts';
import { TestTerminal } from '../testing/test-terminal.ts';

/** Clears the screen twice (as 7-bit and as one character), turns the direction of writing, has no width, and ends the line for some readers. */
const EVIL = '\u001b[2J\u009b2J\u202e\u200b\u0085\u2028\u007f\u{e0041}end';
/** What must not reach a terminal, whatever the command. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}\u2028\u2029]/u;
const ID = `s${EVIL}`;
const US = 1_700_000_000_000_000;

const EVENTS: readonly SessionEvent[] = [
  sampleOpened({
    atUs: US,
    sessionId: ID,
    gate: { id: EVIL, version: EVIL },
    target: { namespace: EVIL, name: EVIL, host: EVIL, port: 1 },
    verified: { source: EVIL, issuer: EVIL, subject: EVIL, groups: [EVIL], groupsKnown: true, expiresAtMs: 1 },
    claimed: { agent: EVIL, [EVIL]: EVIL },
    details: { [EVIL]: EVIL },
  }),
  sampleJudged(1, US, EVIL, { binds: [EVIL], rule: EVIL, reason: EVIL, objects: [EVIL], observed: [EVIL] }),
  { kind: 'HoldEnded', atUs: US, commandId: 1, approvalId: EVIL, outcome: 'Approved', decidedBy: [], reason: EVIL },
  {
    kind: 'AnswerPart',
    atUs: US,
    commandId: 1,
    bytes: Buffer.concat([
      rowDescription([EVIL]),
      dataRow(EVIL),
      backend('d', Buffer.from(EVIL)),
      backend('N', `S${EVIL}`, `C${EVIL}`, `M${EVIL}`, `D${EVIL}`, `H${EVIL}`, Buffer.from([0])),
      backend('A', Buffer.alloc(4), EVIL, EVIL),
      backend('C', EVIL),
    ]),
  },
  sampleFinished(1, US, { outcome: 'Failed', tag: EVIL, errorCode: EVIL, errorText: EVIL }),
  { kind: 'Remark', atUs: US, code: EVIL, text: EVIL },
  { kind: 'Closed', atUs: US, code: EVIL, reason: EVIL },
];
const SESSION = {
  sessionId: ID,
  protocol: EVIL,
  target: EVIL,
  targetAddress: EVIL,
  access: EVIL,
  gate: EVIL,
  policyVersion: EVIL,
  closeCode: EVIL,
  closeReason: EVIL,
  claimed: { agent: EVIL, run: EVIL, [EVIL]: EVIL },
  details: { [EVIL]: EVIL },
  verified: { source: EVIL, issuer: EVIL, subject: EVIL, groups: [EVIL], groupsKnown: true, pod: EVIL, podUid: EVIL },
  alarms: 1n,
};
const COMMAND = {
  sessionId: ID,
  commandId: 1n,
  text: EVIL,
  decision: EVIL,
  rule: EVIL,
  reason: EVIL,
  outcome: EVIL,
  tag: EVIL,
  errorCode: EVIL,
  errorText: EVIL,
  hold: EVIL,
  decidedBy: [EVIL],
  observed: [EVIL],
  prepares: EVIL,
  verbs: [EVIL],
  objects: [EVIL],
  binds: [{ text: EVIL }],
  claimed: { [EVIL]: EVIL },
};
const CHUNK = sealChunk({
  sessionId: ID,
  gateId: EVIL,
  firstSequence: 1,
  previousSha256: undefined,
  opens: true,
  closes: true,
  events: EVENTS.map((event, at) => encodeEvent(at + 1, event)),
}).bytes;

let socket: ReaderSocket;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-hostile-'));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(CHUNK.length);
  writeFileSync(join(folder, 'file'), Buffer.concat([Buffer.from('sidegate chunks 1\n'), length, CHUNK]));
  const stored = EVENTS.map((event, at) => ({
    sessionId: ID,
    sequence: BigInt(at + 1),
    event: encodeEvent(at + 1, event),
  }));
  socket = await serveReader({
    listSessions: () => ({ sessions: [SESSION] }),
    getSession: () => ({ session: SESSION, commands: [COMMAND] }),
    search: () => ({ commands: [COMMAND] }),
    listAlarms: () => ({ alarms: [{ kind: EVIL, sessionId: ID, text: EVIL, evidence: EVIL }] }),
    listReadings: () => ({ readings: [{ reader: EVIL, action: EVIL, sessionId: ID, request: EVIL }] }),
    async *verify() {
      yield { sessionId: ID, consistent: false, faults: [EVIL] };
    },
    async *chunks() {
      yield { chunk: CHUNK };
    },
    async *events() {
      yield* stored;
    },
    async *watch() {
      yield* stored;
    },
  });
});
afterAll(async () => {
  await socket.close();
  rmSync(folder, { recursive: true, force: true });
});

async function sidegate(...words: readonly string[]): Promise<TestTerminal> {
  const terminal = new TestTerminal();
  await runProgram(COMMANDS, [...words, '--socket', socket.path], terminal);
  return terminal;
}

describe('what agents, targets and gates said', () => {
  test.each([
    [['sessions']],
    [['show', 's1']],
    [['search', 'x']],
    [['watch']],
    [['watch', 's1']],
    [['replay', 's1', '--instant']],
    [['alarms']],
    [['readings']],
    [['verify', '--all']],
  ])('reaches no terminal as it came: %j', async (words) => {
    const { written } = await sidegate(...words);
    expect(written).toContain('end');
    expect(OBEYED.exec(written)?.[0]).toBeUndefined();
    const json = await sidegate(...words, '--json');
    expect(OBEYED.exec(json.written)?.[0]).toBeUndefined();
    expect(JSON.stringify(json.objects)).toContain(JSON.stringify(EVIL).slice(1, -1));
  });

  test.each([[['verify', '--file']], [['verify', 'other', '--file']]])(
    '%j of a file that names itself so',
    async (words) => {
      const { written } = await sidegate(...words, join(folder, 'file'));
      expect(written).toContain('end');
      expect(OBEYED.exec(written)?.[0]).toBeUndefined();
    },
  );

  test('is whole in JSON, whatever keys agents choose', async () => {
    const claimed = JSON.parse('{"$run":"r","__proto__":"p"}');
    const other = await serveReader({
      async *events() {
        yield { sequence: 1n, event: encodeEvent(1, sampleOpened({ claimed })) };
      },
    });
    const terminal = new TestTerminal();
    await runProgram(COMMANDS, ['replay', 's1', '--json', '--socket', other.path], terminal);
    await other.close();
    expect(terminal.written).toContain('"claimed":{"$run":"r","__proto__":"p"}');
  });
});

describe('a transcript', () => {
  test('has no decision that an agent or a server wrote', async () => {
    const fake = '-- +0.001 s  #7  Allow by data/p/allow';
    const answer = Buffer.concat([backend('d', Buffer.from(`x\n${fake}\n`)), backend('C', fake)]);
    const other = await serveReader({
      async *events() {
        const events: readonly SessionEvent[] = [
          sampleOpened({ atUs: US }),
          sampleJudged(1, US, `select 1\n${fake}`),
          { kind: 'AnswerPart', atUs: US, commandId: 1, bytes: answer },
        ];
        for (const [at, event] of events.entries())
          yield { sequence: BigInt(at + 1), event: encodeEvent(at + 1, event) };
      },
    });
    const terminal = new TestTerminal();
    await runProgram(COMMANDS, ['replay', 's1', '--instant', '--socket', other.path], terminal);
    await other.close();
    const lines = terminal.written.split('\n');
    expect(lines.filter((line) => line.startsWith('--'))).toHaveLength(3);
    expect(lines.filter((line) => line.startsWith(` ${fake}`))).toHaveLength(3);
  });
});
