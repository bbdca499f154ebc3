import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { watchFolder } from './folder-watch.ts';

let folder = '';
let stopping: AbortController;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidegate-watch-'));
  stopping = new AbortController();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function content(): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join();
}

/** Watches until the content is `wanted`; gives every content that was told. */
async function watchUntil(wanted: string, act: () => void): Promise<readonly string[]> {
  const told: string[] = [];
  const from = content();
  act();
  await watchFolder({
    path: folder,
    from,
    look: () => Promise.resolve(content()),
    changed: () => {
      told.push(content());
      if (content() === wanted) stopping.abort();
      return Promise.resolve();
    },
    signal: stopping.signal,
  });
  return told;
}

test.each<[string, () => void]>([
  ['written in place', () => writeFileSync(join(folder, 'a.yaml'), 'two')],
  [
    'replaced by a rename, as editors do',
    () => {
      writeFileSync(join(folder, '.a.swp'), 'two');
      renameSync(join(folder, '.a.swp'), join(folder, 'a.yaml'));
    },
  ],
  [
    'removed and written again',
    () => {
      rmSync(join(folder, 'a.yaml'));
      writeFileSync(join(folder, 'b.yaml'), 'two');
    },
  ],
])(
  'a file that is %s is told',
  async (_name, act) => {
    writeFileSync(join(folder, 'a.yaml'), 'one');
    expect((await watchUntil('two', act)).at(-1)).toBe('two');
  },
  120_000,
);

test('a file that is written with the same content is not told', async () => {
  writeFileSync(join(folder, 'a.yaml'), 'one');
  const told = await watchUntil('one,end', () => {
    writeFileSync(join(folder, 'a.yaml'), 'one');
    setImmediate(() => writeFileSync(join(folder, 'b.yaml'), 'end'));
  });
  expect(told).toEqual(['one,end']);
}, 120_000);

test('a watch of what is gone goes on', async () => {
  writeFileSync(join(folder, 'a.yaml'), 'one');
  const told: string[] = [];
  await watchFolder({
    path: join(folder, 'not-there'),
    from: 'there',
    look: () => Promise.resolve('gone'),
    changed: () => {
      told.push('gone');
      stopping.abort();
      return Promise.resolve();
    },
    signal: stopping.signal,
  });
  expect(told).toEqual(['gone']);
}, 120_000);
