import { describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '../event.ts';
import { CHANNEL_BYTES as SSH, sampleFinished, sampleJudged, sampleOpened } from '../testing/index.ts';
import { Asciicast, type AsciicastOptions } from './asciicast.ts';

const START_US = 1_700_000_000_250_000;

const opened: SessionEvent = sampleOpened({
  atUs: START_US,
  protocol: 'SSH',
  target: { namespace: 'data', name: 'build', host: 'build', port: 22 },
});

const judged = (commandId: number, atMs: number, text: string, ...verbs: readonly string[]): SessionEvent =>
  sampleJudged(commandId, START_US + atMs * 1000, text, { verbs: verbs.length === 0 ? ['exec'] : verbs });

const part = (
  kind: 'InputPart' | 'AnswerPart',
  commandId: number,
  atMs: number,
  ...bytes: readonly Uint8Array[]
): SessionEvent => ({ kind, atUs: START_US + atMs * 1000, commandId, bytes: Buffer.concat(bytes) });

const finished = (commandId: number, atMs: number): SessionEvent => sampleFinished(commandId, START_US + atMs * 1000);

const SHELL: readonly SessionEvent[] = [
  opened,
  judged(1, 500, 'shell', 'shell'),
  part('InputPart', 1, 501, SSH.variable('LANG', 'C'), SSH.terminal('xterm-256color', 100, 30)),
  part('AnswerPart', 1, 1000, SSH.success, SSH.data('$ ')),
  part('InputPart', 1, 2000, SSH.data('ls\r')),
  part('AnswerPart', 1, 2001, SSH.data('ls\r\nGr\xfc\xdfe'), SSH.data(Buffer.from([0xe2, 0x82]))),
  part('AnswerPart', 1, 2002, SSH.data(Buffer.from([0xac]))),
  part('InputPart', 1, 3000, SSH.resized(120, 40)),
  part('AnswerPart', 1, 4000, SSH.exit(7), SSH.eof, SSH.close),
  finished(1, 4001),
  { kind: 'Closed', atUs: START_US + 9_000_000, code: 'AgentLeft', reason: '' },
];

function cast(events: readonly SessionEvent[], options?: AsciicastOptions): unknown {
  const writer = new Asciicast(options);
  let text = '';
  for (const event of events) {
    const lines = writer.add(event);
    if (!lines.ok) return lines.fault;
    text += lines.value;
  }
  const last = writer.end();
  if (!last.ok) return last.fault;
  expect((text + last.value).endsWith('\n')).toBe(true);
  return (text + last.value)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('an SSH session as asciicast v3', () => {
  test('has the size, the type and the bytes of its terminal, with the time since the event before', () => {
    expect(cast(SHELL)).toEqual([
      {
        version: 3,
        term: { cols: 100, rows: 30, type: 'xterm-256color' },
        timestamp: 1_700_000_000,
        title: 'data/build by anna',
      },
      [0.5, 'm', '#1 Allow: shell'],
      [0.5, 'o', '$ '],
      [1.001, 'o', 'ls\r\nGrüße'],
      [0.001, 'o', '€'],
      [0.998, 'r', '120x40'],
      [1.001, 'x', '7'],
    ]);
  });

  test('has what was typed only where that is asked for', () => {
    expect(cast(SHELL, { hasInput: true })).toContainEqual([1, 'i', 'ls\r']);
  });

  test('begins at the command that is chosen', () => {
    expect(cast([opened, judged(1, 100, 'true'), finished(1, 200), ...shifted()], { commandId: 2 })).toEqual([
      {
        version: 3,
        term: { cols: 80, rows: 24 },
        timestamp: 1_700_000_005,
        command: 'make\nall',
        title: 'data/build by anna',
      },
      [0, 'm', '#2 Allow: make\nall'],
      [0.1, 'o', 'one\r\n'],
      [0, 'o', 'two'],
      [0.15, 'x', '137'],
    ]);
  });

  test('without a choice shows one command after the other, each with its text', () => {
    const [first, ...rest] = SHELL;
    expect(cast([first ?? opened, ...shifted(), ...rest.slice(0, -1).map(later)])).toEqual([
      { version: 3, term: { cols: 80, rows: 24 }, timestamp: 1_700_000_000, title: 'data/build by anna' },
      [5, 'm', '#2 Allow: make\nall'],
      [0, 'o', '$ make all\r\n'],
      [0.1, 'o', 'one\r\n'],
      [0, 'o', 'two'],
      [4.9, 'm', '#1 Allow: shell'],
      [0.001, 'r', '100x30'],
      [0.499, 'o', '$ '],
      [1.001, 'o', 'ls\r\nGrüße'],
      [0.001, 'o', '€'],
      [0.998, 'r', '120x40'],
      [1.001, 'x', '7'],
    ]);
  });

  test('of commands that ran at once needs a choice', () => {
    const both = [opened, judged(1, 0, 'a'), judged(2, 1, 'b')];
    expect(cast(both)).toMatchObject({ code: 'BadCommand', message: 'The commands 1 and 2 ran at the same time.' });
    expect(cast([...both, part('AnswerPart', 2, 2, SSH.data('b'))], { commandId: 2 })).toContainEqual([
      0.001,
      'o',
      'b',
    ]);
    expect(cast(both, { commandId: 3 })).toMatchObject({ code: 'BadCommand' });
  });

  test('without an end has what there is, and no exit', () => {
    expect(cast(SHELL.slice(0, 6))).toEqual([
      expect.objectContaining({ version: 3 }),
      [0.5, 'm', '#1 Allow: shell'],
      [0.5, 'o', '$ '],
      [1.001, 'o', 'ls\r\nGrüße'],
      // The character of which only two bytes came.
      [0, 'o', '\ufffd'],
    ]);
  });

  test('of an open session that nothing ran in is a header', () => {
    expect(cast([opened])).toEqual([expect.objectContaining({ version: 3, term: { cols: 80, rows: 24 } })]);
  });

  test('has a limit for pauses where one is wanted, and who decided what was held', () => {
    const vote = { user: 'ops', decision: 'Approve', reason: '', atUs: 1 };
    const held: SessionEvent = {
      kind: 'HoldEnded',
      atUs: START_US + 900_000,
      commandId: 1,
      approvalId: 'a',
      outcome: 'Approved',
      decidedBy: [vote],
      reason: '',
    };
    expect(cast([opened, judged(1, 0, 'uptime'), held], { idleLimitS: 2 })).toEqual([
      expect.objectContaining({ idle_time_limit: 2 }),
      [0, 'm', '#1 Allow: uptime'],
      [0, 'o', '$ uptime\r\n'],
      [0.9, 'm', '#1 Approved by ops'],
    ]);
  });

  test('of another protocol is none', () => {
    expect(cast([{ ...opened, protocol: 'Postgres' }])).toMatchObject({ code: 'BadProtocol' });
  });

  test('has no interval below 0 when the clock was set back', () => {
    const back = part('AnswerPart', 1, 400, SSH.data('x'));
    expect(cast([opened, judged(1, 500, 'shell', 'shell'), back])).toContainEqual([0, 'o', 'x']);
  });

  test('has what was typed into a shell as markers', () => {
    const line = judged(2, 1500, 'ls', 'shell', 'typed', 'ls');
    const events = [...SHELL.slice(0, 4), line, finished(2, 1501), ...SHELL.slice(4)];
    expect(cast(events)).toContainEqual([0.5, 'm', '#2 Allow: ls']);
    expect(cast(events)).toContainEqual([1.001, 'x', '7']);
  });

  test('of files that went over SFTP has markers only', () => {
    const files = [opened, judged(1, 0, 'sftp', 'sftp'), part('AnswerPart', 1, 1, SSH.data('\0\0\0\x05'))];
    expect(cast(files)).toEqual([expect.objectContaining({ version: 3 }), [0, 'm', '#1 Allow: sftp']]);
  });
});

/** An exec that writes lines on both outputs, without a terminal, and is killed. */
function shifted(): SessionEvent[] {
  return [
    judged(2, 5000, 'make\nall'),
    part('AnswerPart', 2, 5100, SSH.data('one\n'), SSH.stderr('two')),
    part('AnswerPart', 2, 5200, SSH.killed('KILL')),
    finished(2, 5250),
  ];
}

function later(event: SessionEvent): SessionEvent {
  return { ...event, atUs: event.atUs + 9_500_000 };
}
