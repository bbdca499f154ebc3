import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const DEADLINE_MS = 120_000;
const BIN = join(process.cwd(), 'node_modules/.bin');
let root = '';

/** Name of the file to plant, its text, and the rule that must find it. */
const LINT_BREACHES: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['floating.ts', `export function start(run: () => Promise<void>): void {\n  run();\n}\n`, 'no-floating-promises'],
  ['untyped.ts', `export function read(value: any): string {\n  return String(value);\n}\n`, 'no-explicit-any'],
  ['default.ts', `export default 1;\n`, 'no-default-export'],
  [
    'open.ts',
    `export function name(kind: 'a' | 'b'): string {\n  switch (kind) {\n    case 'a':\n      return 'A';\n  }\n  return '';\n}\n`,
    'switch-exhaustiveness-check',
  ],
];

const TYPE_BREACHES: readonly (readonly [file: string, text: string, code: string])[] = [
  ['enum.ts', `export enum Color {\n  Red,\n}\n`, 'TS1294'],
  ['unchecked.ts', `export function first(list: readonly string[]): string {\n  return list[0];\n}\n`, 'TS2322'],
  ['verbatim.ts', `import { StatOptions } from 'node:fs';\nexport type S = StatOptions;\n`, 'TS1484'],
];

const NEIGHBOUR = `export async function start(run: () => Promise<void>, list: readonly string[]): Promise<string> {
  await run();
  return list[0] ?? '';
}
`;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sidegate-lint-'));
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
  const tsconfig = { extends: join(process.cwd(), 'tsconfig.base.json'), include: ['*.ts'] };
  writeFileSync(join(root, 'tsconfig.json'), JSON.stringify(tsconfig));
  writeFileSync(join(root, 'package.json'), JSON.stringify({ type: 'module' }));
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

function run(program: string, ...parameters: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(join(BIN, program), parameters, { cwd: root, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

function lint(file: string): { readonly status: number | null; readonly output: string } {
  return run('oxlint', '--type-aware', '--deny-warnings', '-c', join(process.cwd(), '.oxlintrc.json'), file);
}

describe('lint', () => {
  test.each(LINT_BREACHES)(
    'finds %s',
    (file, text, rule) => {
      writeFileSync(join(root, file), text);
      const { status, output } = lint(file);
      expect(output).toContain(rule);
      expect(status).toBe(1);
    },
    DEADLINE_MS,
  );

  test(
    'passes a clean neighbour',
    () => {
      writeFileSync(join(root, 'clean.ts'), NEIGHBOUR);
      expect(lint('clean.ts')).toMatchObject({ status: 0 });
    },
    DEADLINE_MS,
  );
});

describe('types', () => {
  test(
    'each planted breach is found, and the clean neighbour is not',
    () => {
      for (const [file, text] of TYPE_BREACHES) writeFileSync(join(root, file), text);
      writeFileSync(join(root, 'clean.ts'), NEIGHBOUR);
      const { status, output } = run('tsc', '--noEmit', '-p', 'tsconfig.json');
      for (const [file, , code] of TYPE_BREACHES) expect(output).toMatch(new RegExp(`${file}.*${code}`));
      expect(output).not.toContain('clean.ts');
      expect(status).not.toBe(0);
    },
    DEADLINE_MS,
  );
});
