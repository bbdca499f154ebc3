import { describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '@sidegate/session';
import { sampleFinished as finished, sampleJudged as judged, sampleOpened } from '@sidegate/session/testing';
import { backend, dataRow, READY, rowDescription } from '../testing/backend-bytes.ts';
import { runReading } from '../testing/reading-run.ts';

const START = 1_700_000_000_000_000;

const answer = (commandId: number, atUs: number, ...bytes: readonly Uint8Array[]): SessionEvent => ({
  kind: 'AnswerPart',
  atUs,
  commandId,
  bytes: Buffer.concat(bytes),
});

const rows = Buffer.concat([
  rowDescription(['id', 23], ['email']),
  dataRow('1', '****.org'),
  dataRow('200', undefined),
  backend('C', 'SELECT 2'),
  READY,
]);

const EVENTS: readonly SessionEvent[] = [
  sampleOpened({ atUs: START }),
  judged(1, START + 500_000, 'select id, email\nfrom customers where id = any($1)', { binds: ['{1,200}', undefined] }),
  { kind: 'CommandForwarded', atUs: START + 500_000, commandId: 1 },
  // A piece may end inside a row.
  answer(1, START + 510_000, rows.subarray(0, 80)),
  answer(1, START + 511_000, rows.subarray(80)),
  finished(1, START + 512_000, { tag: 'SELECT 2', rows: 2, durationUs: 12_000, maskedValues: 1 }),
  judged(2, START + 60_000_000, 'drop table customers;\u001b]0;x', {
    decision: 'Deny',
    rule: 'data/p/no-ddl',
    reason: 'Ask.',
  }),
  answer(
    2,
    START + 60_000_000,
    backend('E', 'VERROR', 'C42501', 'Mdenied by no-ddl', 'HAsk.', Buffer.from([0])),
    READY,
  ),
  finished(2, START + 60_000_000, { outcome: 'Refused', errorCode: '42501', errorText: 'denied by no-ddl' }),
  { kind: 'Closed', atUs: START + 61_000_000, code: 'AgentLeft', reason: '' },
];

const replay = (events: readonly SessionEvent[], ...flags: readonly string[]) =>
  runReading(events, ['replay', 's1', ...flags]);

describe('replay', () => {
  test('reads like a session with psql, with decision and time at each command', async () => {
    const { terminal, exitCode } = await replay(EVENTS, '--instant');
    expect(exitCode).toBe(0);
    expect(terminal.written.split('\n')).toEqual([
      '-- session s1, 2023-11-14 22:13:20.000Z',
      '-- opened by anna to data/orders',
      '',
      '-- +0.500 s  #1  Allow by data/p/allow',
      'select id, email',
      'from customers where id = any($1);',
      "-- $1 = '{1,200}', $2 = NULL",
      ' id  | email',
      '-----+----------',
      ' 1   | ****.org',
      ' 200 | NULL',
      'SELECT 2',
      '-- Done, 2 rows, 12 ms, 1 values masked',
      '',
      '-- +60.000 s  #2  Deny by data/p/no-ddl: Ask.',
      'drop table customers;\\x1b]0;x;',
      'ERROR: 42501: denied by no-ddl',
      'HINT: Ask.',
      '-- Refused, 0 rows, 0 us, 42501 denied by no-ddl',
      '-- +61.000 s  closed: AgentLeft',
      '',
    ]);
    expect(terminal.pauses).toEqual([]);
  });

  test('pauses as the session did, and never for long', async () => {
    const { terminal } = await replay(EVENTS);
    expect(terminal.pauses).toEqual([500, 10, 1, 1, 3000, 1000]);
    expect((await replay(EVENTS, '--speed', '10')).terminal.pauses).toEqual([50, 1, 0.1, 0.1, 300, 100]);
  });

  test.each(['0', 'fast', '-1', '1e3'])('knows no speed %s', async (speed) => {
    const { exitCode, terminal } = await replay(EVENTS, `--speed=${speed}`);
    expect(exitCode).toBe(2);
    expect(terminal.errors).toEqual([`sidegate: --speed: ${speed} is no speed. Give a number above 0, or --instant.`]);
  });

  test('of a session without an end shows the rows that came', async () => {
    const { terminal } = await replay(EVENTS.slice(0, 4), '--instant');
    expect(terminal.written).toContain(' id | email\n----+----------\n 1  | ****.org\n');
  });

  test('of many rows shows them all, in columns as wide as the first hundred', async () => {
    const many = Array.from({ length: 250 }, (_none, at) => dataRow(String(at)));
    const { terminal } = await replay(
      [EVENTS[0], EVENTS[1], answer(1, START, rowDescription(['n']), ...many)].flatMap((one) => one ?? []),
      '--instant',
    );
    expect(terminal.written.split('\n').filter((line) => /^ \d+$/u.test(line))).toHaveLength(250);
  });

  test('shows the rows of a COPY that the agent sent', async () => {
    const copy = Buffer.concat([
      backend('d', Buffer.from('1\tAnna\n2\tO')),
      backend('d', Buffer.from('tto\n')),
      backend('c'),
    ]);
    const input: SessionEvent = { kind: 'InputPart', atUs: START, commandId: 1, bytes: copy };
    const asked = judged(1, START, 'copy t from stdin');
    const { terminal } = await replay([asked, input, answer(1, START, backend('C', 'COPY 2'))], '--instant');
    expect(terminal.written).toContain('copy t from stdin;\n> 1\tAnna\n> 2\tO\n> tto\nCOPY 2\n');
  });

  test('in JSON has every event, and what is in an answer', async () => {
    const { terminal } = await replay(EVENTS, '--json');
    expect(terminal.objects.map(({ sequence }) => sequence)).toEqual(EVENTS.map((_event, at) => at + 1));
    expect(terminal.objects[4]).toMatchObject({
      event: {
        kind: 'AnswerPart',
        items: [
          { kind: 'Row', values: ['200', null] },
          { kind: 'Complete', tag: 'SELECT 2' },
        ],
      },
    });
    expect(terminal.pauses).toEqual([]);
  });
});
