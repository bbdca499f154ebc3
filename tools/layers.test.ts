import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { LAYER_RULES } from './layer-rules.ts';

const DEADLINE_MS = 120_000;
const roots: string[] = [];

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A small tree with the layout of this one, in which every package exports one constant. */
function plant(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'sidegate-layers-'));
  roots.push(root);
  const packages = ['crds', 'policy', 'session', 'sidecar', 'store', 'cli', 'operator', 'e2e'];
  mkdirSync(join(root, 'node_modules/@sidegate'), { recursive: true });
  for (const name of packages) {
    symlinkSync(join('../..', name), join(root, 'node_modules/@sidegate', name));
    const manifest = { name: `@sidegate/${name}`, type: 'module', exports: { '.': './src/index.ts' } };
    write(root, `${name}/package.json`, JSON.stringify(manifest));
    write(root, `${name}/src/index.ts`, `export const ${name} = 1;\n`);
  }
  for (const [path, text] of Object.entries(files)) write(root, path, text);
  return root;
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function layers(root: string): {
  readonly status: number | null;
  readonly breaches: readonly string[];
  readonly output: string;
} {
  const { status, stderr } = spawnSync(process.execPath, ['tools/layers.ts', root], { encoding: 'utf8' });
  const breaches = [...stderr.matchAll(/^layers: ([a-z0-9-]+: \S+ -> \S+)/gm)].map((match) => match[1] ?? '');
  return { status, breaches: breaches.toSorted(), output: stderr };
}

/** Path of the file to plant, its text, and the breaches that it makes. */
const BREACHES: readonly (readonly [path: string, text: string, ...breaches: string[]])[] = [
  ['crds/src/up.ts', `import '@sidegate/policy';`, 'crds-stands-alone: crds/src/up.ts -> policy/src/index.ts'],
  [
    'policy/src/sideways.ts',
    `import type { session } from '@sidegate/session';`,
    'policy-imports-crds-only: policy/src/sideways.ts -> session/src/index.ts',
  ],
  [
    'session/src/sideways.ts',
    `export { policy } from '@sidegate/policy';`,
    'session-imports-crds-only: session/src/sideways.ts -> policy/src/index.ts',
  ],
  [
    'sidecar/src/sideways.ts',
    `import '@sidegate/store';`,
    'parts-never-import-each-other: sidecar/src/sideways.ts -> store/src/index.ts',
  ],
  [
    'cli/src/sideways.ts',
    `import '../../sidecar/src/index.ts';`,
    'parts-never-import-each-other: cli/src/sideways.ts -> sidecar/src/index.ts',
  ],
  [
    'operator/src/late.ts',
    `export async function late(): Promise<void> {\n  await using cli = await import('@sidegate/cli');\n}`,
    'parts-never-import-each-other: operator/src/late.ts -> cli/src/index.ts',
  ],
  ['store/src/real.ts', `import '@sidegate/e2e';`, 'e2e-is-imported-by-nobody: store/src/real.ts -> e2e/src/index.ts'],
  [
    'policy/src/reads.ts',
    `import { readFile } from 'node:fs/promises';\nexport const read = readFile;`,
    'pure-packages-do-no-io: policy/src/reads.ts -> fs/promises',
  ],
  [
    'sidecar/src/protocols/redis/dials.ts',
    `import { connect } from 'node:net';\nexport const dial = connect;`,
    'protocols-are-sans-io: sidecar/src/protocols/redis/dials.ts -> net',
  ],
  [
    'sidecar/src/protocols/redis/spools.ts',
    `import '../../spool/spool.ts';`,
    'protocols-know-no-machinery: sidecar/src/protocols/redis/spools.ts -> sidecar/src/spool/spool.ts',
  ],
  ['store/src/one.ts', `import './other.ts';`, 'no-cycles: store/src/one.ts -> store/src/other.ts'],
  ['store/src/other.ts', `import './one.ts';`],
  ['store/src/gone.ts', `import './nowhere.ts';`, 'everything-resolves: store/src/gone.ts -> ./nowhere.ts'],
];

/** Near-identical files that must pass. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
  'policy/src/down.ts': `import '@sidegate/crds';`,
  'policy/src/hashes.ts': `import { createHash } from 'node:crypto';\nexport const hash = createHash;`,
  'policy/src/reads.test.ts': `import { readFile } from 'node:fs/promises';\nexport const read = readFile;`,
  'session/src/packs.ts': `import { gzipSync } from 'node:zlib';\nexport const pack = gzipSync;`,
  'sidecar/src/down.ts': `import '@sidegate/session';\nimport '@sidegate/policy';\nimport './protocols/redis/codec.ts';`,
  'sidecar/src/spool/spool.ts': `import { openSync } from 'node:fs';\nexport const open = openSync;`,
  'sidecar/src/protocols/redis/codec.ts': `import '../../permit.ts';`,
  'sidecar/src/permit.ts': `export const permit = 1;`,
  'e2e/all.ts': `import '@sidegate/sidecar';\nimport '@sidegate/store';\nimport '@sidegate/cli';`,
};

describe('layer rules', () => {
  test(
    'find each planted breach and nothing else',
    () => {
      const planted = Object.fromEntries(BREACHES.map(([path, text]) => [path, `${text}\n`]));
      const { status, breaches } = layers(plant({ ...NEIGHBOURS, ...planted }));
      const cycle = (breach: string) => breach.startsWith('no-cycles');
      expect(breaches.filter((breach) => !cycle(breach))).toEqual(
        BREACHES.flatMap(([, , ...expected]) => expected)
          .filter((breach) => !cycle(breach))
          .toSorted(),
      );
      expect(breaches.some(cycle)).toBe(true);
      expect(status).toBe(1);
      const unproved = LAYER_RULES.filter((rule) => !breaches.some((breach) => breach.startsWith(`${rule.name}: `)));
      expect(unproved.map((rule) => rule.name)).toEqual([]);
    },
    DEADLINE_MS,
  );

  test(
    'let the neighbours of the breaches pass',
    () => {
      const { status, breaches, output } = layers(plant(NEIGHBOURS));
      expect(breaches).toEqual([]);
      expect(output).toMatch(/^layers: \d{2} modules, \d{2} imports$/m);
      expect(status).toBe(0);
    },
    DEADLINE_MS,
  );

  test(
    'fail when no import was read',
    () => {
      const { status, output } = layers(plant({}));
      expect(output).toContain('nothing-was-checked');
      expect(status).toBe(1);
    },
    DEADLINE_MS,
  );
});
