import { describe, expect, test } from '@jest/globals';
import { runProcess, startProcess } from './processes.ts';

const DEADLINE_MS = 120_000;
const node = (code: string) => startProcess(process.execPath, ['-e', code]);

describe('a running process', () => {
  test(
    'is waited for by a line, also one that came before',
    async () => {
      const child = node(`console.log('ready on 4711'); console.error('warned'); setInterval(() => {}, 1000)`);
      expect((await child.line(/ready on (\d+)/))[1]).toBe('4711');
      expect((await child.line(/ready on (\d+)/))[1]).toBe('4711');
      await child.line(/^warned$/);
      expect(child.stdout()).toBe('ready on 4711\n');
      expect(await child.stop()).toMatchObject({ signal: 'SIGTERM', stderr: 'warned\n' });
    },
    DEADLINE_MS,
  );

  test(
    'is waited for by a JSON line, and lines that are none do no harm',
    async () => {
      const child = node(`console.log('{ no'); console.log('{"kind":"a"}'); console.log('{"kind":"b","port":1}')`);
      expect(await child.jsonLine((line) => line['kind'] === 'b')).toEqual({ kind: 'b', port: 1 });
      expect(await child.ended).toMatchObject({ code: 0 });
    },
    DEADLINE_MS,
  );

  test(
    'that ends before the line says so, with its output',
    async () => {
      const child = node(`console.log('something else'); process.exitCode = 3`);
      await expect(child.line(/never/)).rejects.toThrow(/ended \(3\)[^]*something else/);
    },
    DEADLINE_MS,
  );

  test(
    'that prints nothing reaches its deadline',
    async () => {
      await using child = node(`setInterval(() => {}, 1000)`);
      await expect(child.line(/never/, 10)).rejects.toThrow('did not print');
    },
    DEADLINE_MS,
  );

  test(
    'that ignores SIGTERM is killed',
    async () => {
      const child = node(`process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)`);
      await child.line(/^up$/);
      expect(await child.stop()).toMatchObject({ signal: 'SIGKILL' });
    },
    DEADLINE_MS,
  );

  test('that cannot be started ends with the reason', async () => {
    const child = startProcess('/does/not/exist', []);
    expect((await child.ended).stderr).toContain('ENOENT');
    await expect(child.line(/never/)).rejects.toThrow('ENOENT');
  });
});

test(
  'runProcess gives input, code and both outputs',
  async () => {
    const code = `process.stdin.pipe(process.stdout); console.error(process.env.WHO); process.exitCode = 7`;
    const ended = await runProcess(process.execPath, ['-e', code], { input: 'héllo', env: { WHO: 'me' } });
    expect(ended).toEqual({ code: 7, signal: null, stdout: 'héllo', stderr: 'me\n' });
    expect((await runProcess('/does/not/exist', [])).stderr).toContain('ENOENT');
  },
  DEADLINE_MS,
);
