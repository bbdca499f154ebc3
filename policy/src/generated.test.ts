import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const here = fileURLToPath(new URL('..', import.meta.url));

test('the generated code is what the proto files say', () => {
  const fresh = mkdtempSync(join(tmpdir(), 'sidegate-control-'));
  try {
    const { status, stderr } = spawnSync('npx', ['--no-install', 'buf', 'generate', '--output', fresh], {
      cwd: here,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(filesUnder(join(fresh, 'src/generated'))).toEqual(filesUnder(join(here, 'src/generated')));
  } finally {
    rmSync(fresh, { recursive: true });
  }
}, 120_000);

function filesUnder(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(?:js|ts)$/.test(file));
  return Object.fromEntries(files.toSorted().map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}
