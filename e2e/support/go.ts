import { spawnSync } from 'node:child_process';

/** The Go that is new enough for the modules, or undefined. */
export function findGo(): { readonly program: string; readonly version: string } | undefined {
  for (const program of ['go', '/usr/local/go/bin/go']) {
    const { status, stdout } = spawnSync(program, ['env', 'GOVERSION'], {
      encoding: 'utf8',
      env: { ...process.env, GOTOOLCHAIN: 'local' },
    });
    const version = stdout?.trim() ?? '';
    const minor = Number(/^go1\.(\d+)/.exec(version)?.[1] ?? '0');
    if (status === 0 && minor >= 26) return { program, version };
  }
  return undefined;
}
