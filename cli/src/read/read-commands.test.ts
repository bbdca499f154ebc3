import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeEvent, type SealedChunk, type SessionEvent, sealChunk } from '@sidegate/session';
import {
  type CommandSummarySchema,
  type ListSessionsRequest,
  type Reader,
  type SearchRequest,
  type SessionSummarySchema,
} from '@sidegate/session/store';
import { sampleOpened } from '@sidegate/session/testing';
import { COMMANDS } from '../commands.ts';
import { runProgram } from '../program.ts';
import { serveReader } from '../testing/reader-socket.ts';
import { TestTerminal } from '../testing/test-terminal.ts';

const SESSION: MessageInitShape<typeof SessionSummarySchema> = {
  sessionId: 's1',
  protocol: 'Postgres',
  target: 'data/orders-db',
  targetAddress: 'orders-db:5432',
  access: 'agents/bot',
  gate: 'g1',
  verified: { source: 'Token', issuer: 'https://issuer', subject: 'anna', groups: ['support'], groupsKnown: true },
  claimed: { agent: 'bot\u001b[2J' },
  openedUs: 1_700_000_000_000_000n,
  closedUs: 1_700_000_004_200_000n,
  closeCode: 'AgentLeft',
  commands: 2n,
  denied: 1n,
};

const COMMAND: MessageInitShape<typeof CommandSummarySchema> = {
  sessionId: 's1',
  commandId: 1n,
  atUs: 1_700_000_001_000_000n,
  text: 'select *\nfrom orders',
  decision: 'Allow',
  rule: 'data/p/allow',
  complete: true,
  outcome: 'Done',
  tag: 'SELECT 1',
  forwarded: true,
  rows: 1n,
  durationUs: 12_345n,
  maskedValues: 2n,
  binds: [{ text: "it's" }, {}],
};

const opened: SessionEvent = sampleOpened({
  atUs: 1_700_000_000_000_000,
  gate: { id: 'g1', version: '1' },
  target: { namespace: 'data', name: 'orders-db', host: 'orders-db', port: 5432 },
});
const remark: SessionEvent = { kind: 'Remark', atUs: 1_700_000_001_000_000, code: 'Note', text: 'hello' };
const closed: SessionEvent = { kind: 'Closed', atUs: 1_700_000_002_000_000, code: 'AgentLeft', reason: '' };

function chunksOf(...events: readonly SessionEvent[]): SealedChunk[] {
  const chunks: SealedChunk[] = [];
  for (const [at, event] of events.entries()) {
    const content = { sessionId: 's1', gateId: 'g1', firstSequence: at + 1, previousSha256: chunks.at(-1)?.sha256 };
    const [opens, closes] = [event.kind === 'Opened', event.kind === 'Closed'];
    chunks.push(sealChunk({ ...content, opens, closes, events: [encodeEvent(at + 1, event)] }));
  }
  return chunks;
}

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-read-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(methods: Partial<ServiceImpl<typeof Reader>>, ...parameters: readonly string[]) {
  const socket = await serveReader(methods);
  try {
    const terminal = new TestTerminal();
    const exitCode = await runProgram(COMMANDS, [...parameters, '--socket', socket.path], terminal);
    return { exitCode, out: terminal.written, err: terminal.errors.join('\n'), terminal };
  } finally {
    await socket.close();
  }
}

describe('sessions', () => {
  test('lists in columns, and shows control characters instead of sending them', async () => {
    const { exitCode, out } = await run({ listSessions: () => ({ sessions: [SESSION] }) }, 'sessions');
    expect(exitCode).toBe(0);
    expect(out).toBe(
      [
        'SESSION  OPENED               LENGTH  TARGET          SUBJECT  AGENT (CLAIMED)  COMMANDS  DENIED  ROWS',
        's1       2023-11-14 22:13:20   4.2 s  data/orders-db  anna     bot\\x1b[2J              2       1     0',
        '',
      ].join('\n'),
    );
  });

  test('asks for what the flags say', async () => {
    let asked: ListSessionsRequest | undefined;
    const flags = ['--target', 'data/orders-db', '--decision', 'Deny', '--text', 'drop', '--open', '--limit', '5'];
    const { err } = await run(
      {
        listSessions: (request) => {
          asked = request;
          return {};
        },
      },
      'sessions',
      ...flags,
      '--since',
      '2026-11-28T20:00:00Z',
    );
    expect(asked).toMatchObject({
      limit: 5,
      filter: { target: 'data/orders-db', decision: 'Deny', text: 'drop', open: true, sinceUs: 1_795_896_000_000_000n },
    });
    expect(err).toBe('No session fits.');
  });

  test('goes from page to page up to the limit', async () => {
    const limits: number[] = [];
    const { terminal } = await run(
      {
        listSessions: ({ limit, cursor }) => {
          limits.push(limit);
          return { sessions: [SESSION], nextCursor: `${cursor}x` };
        },
      },
      'sessions',
      '--limit',
      '3',
      '--json',
    );
    expect(limits).toEqual([3, 2, 1]);
    expect(terminal.objects).toHaveLength(3);
    expect(terminal.objects[0]).toMatchObject({ sessionId: 's1', openedUs: 1_700_000_000_000_000 });
  });

  test.each([
    [['--since', 'yesterday'], '--since: yesterday is no time.'],
    [['--decision', 'deny'], '--decision: deny is no decision.'],
    [['--limit', '0'], '--limit: 0 is no number of lines.'],
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['word'], 'The word word is one too many.'],
  ])('refuses %j', async (flags, message) => {
    const { exitCode, err } = await run({}, 'sessions', ...flags);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });
});

test('show tells verified from claimed, and each command with its decision', async () => {
  const denied = {
    ...COMMAND,
    commandId: 2n,
    decision: 'Deny',
    outcome: '',
    forwarded: false,
    reason: 'no',
    binds: [],
  };
  const { out, exitCode } = await run(
    { getSession: () => ({ session: SESSION, commands: [COMMAND, denied] }) },
    'show',
    's1',
  );
  expect(exitCode).toBe(0);
  expect(out).toContain(
    'verified  anna, by https://issuer (Token)\n          groups: support\nclaimed   agent: bot\\x1b[2J\n',
  );
  expect(out).toContain(
    [
      '#1  22:13:21.000Z  Allow  data/p/allow  Done, SELECT 1, 1 row, 12.3 ms, 2 masked',
      '    select *',
      '    from orders',
      "    with $1 = 'it''s', $2 = NULL",
      '#2  22:13:21.000Z  Deny  data/p/allow',
      '    select *',
      '    from orders',
      '    reason: no',
    ].join('\n'),
  );
});

test('search passes phrases on as phrases', async () => {
  let asked: SearchRequest | undefined;
  const { out } = await run(
    {
      search: (request) => {
        asked = request;
        return { commands: [COMMAND] };
      },
    },
    'search',
    'two words',
    'custom*',
  );
  expect(asked?.text).toBe('"two words" custom*');
  expect(out).toMatch(/^session s1, 2023-11-14\n#1 /u);
});

test('watch shows events as lines', async () => {
  const { out } = await run(
    {
      async *watch() {
        for (const [at, event] of [opened, remark, closed].entries()) {
          yield { sessionId: 's1', sequence: BigInt(at + 1), event: encodeEvent(at + 1, event) };
        }
      },
    },
    'watch',
    's1',
  );
  expect(out.trimEnd().split('\n')).toEqual([
    '22:13:20.000Z  opened by anna to data/orders-db',
    '22:13:21.000Z  remark Note: hello',
    '22:13:22.000Z  closed: AgentLeft',
  ]);
});

describe('verify', () => {
  const whole = chunksOf(opened, remark, closed);
  const lastHash = Buffer.from(whole[2]?.sha256 ?? []).toString('hex');

  /** A store that gives these chunks, and says that all is well. */
  function storeOf(
    chunks: readonly SealedChunk[],
    faults: readonly string[] = [],
  ): Partial<ServiceImpl<typeof Reader>> {
    return {
      async *verify() {
        yield { sessionId: 's1', consistent: faults.length === 0, closed: true, faults: [...faults] };
      },
      async *chunks() {
        for (const { bytes } of chunks) yield { chunk: bytes };
      },
    };
  }

  test.each<[string, readonly SealedChunk[], readonly string[], number, string]>([
    [
      'all chunks',
      whole,
      [],
      0,
      `s1  consistent, not anchored, closed\n    3 events in 3 chunks, last hash ${lastHash}\n`,
    ],
    ['no end', whole.slice(0, 2), [], 0, 's1  consistent, not anchored, no end\n'],
    ['a chunk missing', [whole[0], whole[2]].flatMap((one) => one ?? []), [], 1, 'Events 2 to 2 are missing.'],
    ['a chunk twice', [...whole, ...whole.slice(2)], [], 1, 's1  NOT CONSISTENT\n'],
    ['no chunks', [], [], 1, 'There are no chunks.'],
    ['all chunks, and what the store itself found', whole, ['The end is gone.'], 1, 'The end is gone.'],
  ])('of a store that gives %s', async (_name, chunks, faults, exitCode, text) => {
    const result = await run(storeOf(chunks, faults), 'verify', 's1');
    expect(result.out).toContain(text);
    expect(result.exitCode).toBe(exitCode);
  });

  test.each([
    ['fits', lastHash, 0, 'consistent, anchored'],
    ['does not fit', '0'.repeat(64), 1, 'The last hash is not the one that was expected.'],
    ['is no hash', 'abc', 2, ''],
  ])('with a hash that %s', async (_name, hash, exitCode, text) => {
    const result = await run(storeOf(whole), 'verify', 's1', '--expect', hash);
    expect(result.exitCode).toBe(exitCode);
    expect(result.out).toContain(text);
  });

  test('of a session that the store cannot read is a finding, and the next session is still checked', async () => {
    const { exitCode, out } = await run(
      {
        async *verify() {
          yield { sessionId: 's0', consistent: false, faults: ['The stored bytes changed.'] };
          yield { sessionId: 's1', consistent: true, closed: true };
        },
        async *chunks({ sessionId }) {
          if (sessionId === 's0') throw new ConnectError('The stored bytes changed.', Code.DataLoss);
          for (const { bytes } of whole) yield { chunk: bytes };
        },
      },
      'verify',
      '--all',
    );
    expect(out).toContain('s0  NOT CONSISTENT\n    The stored bytes changed.\ns1  consistent, not anchored, closed\n');
    expect(exitCode).toBe(1);
  });

  test('of what, must be said', async () => {
    expect(await run(storeOf(whole), 'verify')).toMatchObject({ exitCode: 2 });
    expect(await run(storeOf(whole), 'verify', 's1', '--all')).toMatchObject({ exitCode: 2 });
    expect(await run(storeOf(whole), 'verify', '--all')).toMatchObject({ exitCode: 0 });
  });

  test('of an exported file needs no store, and finds a changed byte', async () => {
    const file = join(folder, 's1.chunks');
    expect(await run(storeOf(whole), 'export', 's1', file)).toMatchObject({ err: '', exitCode: 0 });
    expect(await run(storeOf(whole), 'export', 's1', file)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining('EEXIST'),
    });
    const check = async (path: string) => {
      const terminal = new TestTerminal();
      const exitCode = await runProgram(COMMANDS, ['verify', '--file', path], terminal);
      return { exitCode, written: terminal.written, errors: terminal.errors };
    };
    expect(await check(file)).toMatchObject({ exitCode: 0, written: expect.stringContaining(lastHash) });
    const bytes = readFileSync(file);
    const changed = join(folder, 'changed');
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(changed, bytes);
    expect(await check(changed)).toMatchObject({ exitCode: 1, written: expect.stringContaining('NOT CONSISTENT') });
    writeFileSync(changed, bytes.subarray(0, -1));
    expect(await check(changed)).toMatchObject({
      exitCode: 1,
      errors: [expect.stringContaining('ends inside a chunk')],
    });
    writeFileSync(changed, 'something else altogether');
    expect(await check(changed)).toMatchObject({ exitCode: 1, errors: [expect.stringContaining('no file of chunks')] });
  });
});

describe('a store that cannot be read', () => {
  test('is named, with what to do', async () => {
    const terminal = new TestTerminal({ SIDEGATE_STATE: join(folder, 'nowhere') });
    expect(await runProgram(COMMANDS, ['sessions', '--json'], terminal)).toBe(1);
    expect(terminal.errors.join('')).toContain(`${folder}/nowhere/owner/store.sock: There is no store here.`);
    expect(terminal.objects).toMatchObject([{ kind: 'Fault', code: 'NoStore' }]);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  test.each([
    [Code.NotFound, 'There is no session s1.', 'NotFound'],
    [Code.DataLoss, 'The stored bytes changed.', 'DataLoss'],
  ])('tells its error %i', async (code, message, name) => {
    const failing = {
      getSession: () => {
        throw new ConnectError(message, code);
      },
    };
    const { exitCode, err, terminal } = await run(failing, 'show', 's1', '--json');
    expect(exitCode).toBe(1);
    expect(err).toBe(`sidegate: ${message}`);
    expect(terminal.objects).toEqual([{ kind: 'Fault', code: name, message }]);
  });
});

test('alarms and readings are listed', async () => {
  const alarm = {
    id: 1n,
    atUs: 1_700_000_000_000_000n,
    kind: 'Fork',
    sessionId: 's1',
    sequence: 3n,
    text: 'Differs.',
    evidence: 'f.chunk',
  };
  const alarms = await run({ listAlarms: () => ({ alarms: [alarm] }) }, 'alarms');
  expect(alarms.out).toContain('2023-11-14 22:13:20  Fork  s1           3  Differs. Kept as evidence/f.chunk.');
  const reading = {
    id: 1n,
    atUs: 1_700_000_000_000_000n,
    reader: 'otto',
    action: 'Events',
    sessionId: 's1',
    request: '{}',
  };
  const readings = await run({ listReadings: () => ({ readings: [reading] }) }, 'readings', 's1');
  expect(readings.out).toContain('2023-11-14 22:13:20  otto    Events  s1       {}');
});

test.each(COMMANDS.map(({ name }) => name))('%s has a help text and --json', async (name) => {
  const terminal = new TestTerminal();
  expect(await runProgram(COMMANDS, [name, '--help'], terminal)).toBe(0);
  expect(terminal.written).toContain(`sidegate ${name}`);
  expect(terminal.written).toContain('--json');
});

test('a program run without a command, or with one that is not there, is wrongly called', async () => {
  const terminal = new TestTerminal();
  expect(await runProgram(COMMANDS, [], terminal)).toBe(2);
  expect(await runProgram(COMMANDS, ['nope'], terminal)).toBe(2);
  expect(await runProgram(COMMANDS, ['--help'], terminal)).toBe(0);
});
