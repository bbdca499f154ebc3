import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SessionEvent } from '@sidegate/session';
import { CHANNEL_BYTES as SSH } from '@sidegate/session/testing';
import { runReading as run } from '../testing/reading-run.ts';
import { SSH_OPENED, SSH_SESSION, sshFinished, sshJudged, sshPart } from '../testing/ssh-events.ts';

const AT_ONCE: readonly SessionEvent[] = [
  SSH_OPENED,
  sshJudged(1, 0, 'one'),
  sshJudged(2, 1, 'two'),
  sshPart('AnswerPart', 1, 10, SSH.data('from one\nand')),
  sshPart('AnswerPart', 2, 11, SSH.data('from two\n')),
  sshPart('AnswerPart', 1, 12, SSH.data(' more\n')),
  sshPart('InputPart', 2, 13, SSH.data('abc')),
  sshPart('AnswerPart', 2, 14, SSH.data(Buffer.from([1, 0, 255]))),
  sshFinished(2, 15, { outcome: 'Failed', tag: 'exit 3', errorCode: '3' }),
  sshPart('AnswerPart', 1, 16, SSH.data('end')),
  sshFinished(1, 17, { tag: '', outcome: 'Lost', errorText: 'gone', maskedValues: 2 }),
];

describe('replay of an SSH session', () => {
  test('shows each command, its decision and its output, as text where nobody looks on', async () => {
    const { terminal, exitCode } = await run(SSH_SESSION, ['replay', 's1', '--instant']);
    expect(exitCode).toBe(0);
    expect(terminal.written.split('\n')).toEqual([
      '-- session s1, 2023-11-14 22:13:20.000Z',
      '-- opened by anna to data/build',
      '',
      '-- +0.500 s  #1  Allow by data/p/allow',
      'shell',
      '-- terminal xterm, 100x30',
      '$ ls',
      'masked@',
      '$ ',
      '-- Done, exit 0, 1 ms',
      '',
      '-- +7.000 s  #2  Deny by data/p/no-rm: Files stay.',
      'rm -rf /',
      'sidegate: denied: data/p/no-rm: Files stay.',
      '-- Refused, 1 ms, data/p/no-rm',
      '-- +8.000 s  closed: AgentLeft',
      '',
    ]);
  });

  test('on a terminal has its colours and puts it back, and sets no title', async () => {
    const { terminal } = await run(SSH_SESSION, ['replay', 's1', '--instant'], 100);
    expect(terminal.written).toContain('\u001b[32m$\u001b[0m ls\r\nmasked@\r\n$ ');
    expect(terminal.written).toContain('\u001b[!p');
    expect(terminal.written).not.toContain('title');
  });

  test('of one command is what its terminal showed, and nothing else', async () => {
    const { terminal } = await run(SSH_SESSION, ['replay', 's1', '--command', '1', '--speed', '10']);
    expect(terminal.written).toBe('$ ls\nmasked@\n$ ');
    expect(terminal.pauses.map((ms) => Math.round(ms * 10) / 10)).toEqual([0.1, 9.9, 300, 1, 39, 0.1]);
    const other = await run(SSH_SESSION, ['replay', 's1', '--command', '#2', '--instant']);
    expect(other.terminal.written).toBe('sidegate: denied: data/p/no-rm: Files stay.\n');
  });

  test.each([
    ['1', [500, 1, 99, 1000, 10, 390, 1, 999, 1, 999]],
    ['60', [500, 1, 99, 5000, 10, 390, 1, 999, 1, 999]],
  ])('waits no longer than the idle limit of %s s', async (limit, pauses) => {
    const { terminal } = await run(SSH_SESSION, ['replay', 's1', '--idle-limit', limit]);
    expect(terminal.pauses).toEqual(pauses);
  });

  test('says whose output it is where commands run at once, and hides what is no text', async () => {
    const { terminal } = await run(AT_ONCE, ['replay', 's1', '--instant']);
    expect(terminal.written.split('\n').slice(8)).toEqual([
      '-- #1',
      'from one',
      'and',
      '-- #2',
      'from two',
      '-- #1',
      ' more',
      '-- #2',
      '-- what comes now is no text',
      '-- Failed, exit 3, 1 ms, 3 B of input',
      'end',
      '-- Lost, 1 ms, 2 values masked',
      '',
    ]);
  });

  test('notes of typed lines only those that did not simply run', async () => {
    const typed = { verbs: ['shell', 'typed'] };
    const lines = [
      sshJudged(3, 5605, 'ls', typed),
      sshFinished(3, 5606, { tag: '' }),
      sshJudged(4, 5607, 'rm x', { ...typed, decision: 'Deny', rule: 'data/p/no-rm' }),
      sshFinished(4, 5608, { outcome: 'Refused', tag: '' }),
    ];
    const events = [...SSH_SESSION.slice(0, 5), ...lines, ...SSH_SESSION.slice(5)];
    const { terminal } = await run(events, ['replay', 's1', '--instant']);
    expect(terminal.written).toContain('\n$ \n-- +5.607 s  #4  Deny by data/p/no-rm: rm x\nls\nmasked@\n$ ');
  });

  test('shows what is decided in colours that are seen, whatever those of what runs', async () => {
    const hidden = sshPart('AnswerPart', 1, 610, SSH.data('\u001b[8m'));
    const events = [
      ...SSH_SESSION.slice(0, 4),
      hidden,
      sshJudged(2, 620, 'rm -rf /', { decision: 'Deny', rule: 'data/p/no-rm' }),
    ];
    const { terminal } = await run(events, ['replay', 's1', '--instant'], 80);
    expect(terminal.written).toContain(
      '\u001b[8m\n\n\u001b[0m\u001b(B\u000f-- +0.620 s  #2  Deny by data/p/no-rm\nrm -rf /\n',
    );
    const piped = await run(events, ['replay', 's1', '--instant']);
    expect(piped.terminal.written).not.toContain('\u001b');
  });

  test('of a session without an end has what came', async () => {
    const { terminal, exitCode } = await run(SSH_SESSION.slice(0, 4), ['replay', 's1', '--instant']);
    expect([exitCode, terminal.written.endsWith('-- terminal xterm, 100x30\n$ ')]).toEqual([0, true]);
  });

  test('in JSON has what is in each piece', async () => {
    const { terminal } = await run(AT_ONCE, ['replay', 's1', '--json']);
    expect(terminal.objects[3]).toMatchObject({
      event: { kind: 'AnswerPart', commandId: 1, items: [{ kind: 'Data', isStderr: false, text: 'from one\nand' }] },
    });
    expect(terminal.objects[7]).toMatchObject({ event: { items: [{ kind: 'Data', base64: 'AQD/' }] } });
  });

  test('of a command that there is not is a fault', async () => {
    const { terminal, exitCode } = await run(SSH_SESSION, ['replay', 's1', '--command', '9']);
    expect([exitCode, terminal.errors]).toEqual([
      2,
      ['sidegate: The session has no command 9. See them with sidegate show.'],
    ]);
    const wrong = await run(SSH_SESSION, ['replay', 's1', '--command', 'ls']);
    expect(wrong.terminal.errors[0]).toContain('ls is no command.');
  });
});

describe('export for asciinema', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidegate-cast-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const cast = (events: readonly SessionEvent[], ...more: readonly string[]) =>
    run(events, ['export', 's1', join(folder, 'x.cast'), '--format', 'asciicast', ...more]);
  const lines = (): unknown[] =>
    readFileSync(join(folder, 'x.cast'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('has what the terminal was sent, and nobody else may read it', async () => {
    const { exitCode, terminal } = await cast(SSH_SESSION, '--command', '1', '--input', '--idle-limit', '2');
    expect([exitCode, terminal.written]).toEqual([0, `The terminal is in ${join(folder, 'x.cast')}.\n`]);
    expect(lines()).toEqual([
      {
        version: 3,
        term: { cols: 100, rows: 30, type: 'xterm' },
        timestamp: 1_700_000_000,
        idle_time_limit: 2,
        command: 'shell',
        title: 'data/build by anna',
      },
      [0, 'm', '#1 Allow: shell'],
      [0.1, 'o', '\u001b]0;title\u0007\u001b[32m$\u001b[0m '],
      [5, 'i', 'ls\r'],
      [0.01, 'o', 'ls\r\nmasked@\r\n$ '],
      [0.391, 'x', '0'],
    ]);
    expect(statSync(join(folder, 'x.cast')).mode & 0o777).toBe(0o600);
  });

  test('of commands that ran at once leaves no file unless one is chosen', async () => {
    const { exitCode, terminal } = await cast(AT_ONCE);
    expect(exitCode).toBe(2);
    expect(terminal.errors[0]).toContain('The commands 1 and 2 ran at the same time. Choose one with --command.');
    expect(existsSync(join(folder, 'x.cast'))).toBe(false);
    expect((await cast(AT_ONCE, '--command', '2')).exitCode).toBe(0);
  });

  test.each([
    ['an unknown format', ['--format', 'gif'], 'gif is no format'],
    ['a command that there is not', ['--command', '7'], 'no command 7'],
    ['no limit', ['--idle-limit', '0'], '0 is no limit'],
    ['a limit that is none', ['--idle-limit', 'x'], 'x is no number of seconds'],
  ])('refuses %s', async (_what, more, said) => {
    const { exitCode, terminal } = await cast(SSH_SESSION, ...more);
    expect([exitCode, terminal.errors[0]]).toEqual([2, expect.stringContaining(said)]);
    expect(existsSync(join(folder, 'x.cast'))).toBe(false);
  });

  test('writes over nothing', async () => {
    writeFileSync(join(folder, 'x.cast'), 'mine');
    expect((await cast(SSH_SESSION)).exitCode).toBe(2);
    expect(readFileSync(join(folder, 'x.cast'), 'utf8')).toBe('mine');
  });
});
