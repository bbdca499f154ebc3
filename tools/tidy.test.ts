import { describe, expect, test } from '@jest/globals';
import { trackedFiles, undecided, untidy } from './tidy.ts';

const lines = (count: number) => 'x;\n'.repeat(count);

describe('a planted breach is found, and its neighbour is not', () => {
  test.each([
    ['a file that is too long', 'policy/src/a.ts', lines(401), 'policy/src/b.ts', lines(400)],
    ['a name that says nothing', 'policy/src/string-utils.ts', '', 'policy/src/utility-meter.ts', ''],
    ['a folder that says nothing', 'policy/src/helpers/a.ts', '', 'policy/src/help/a.ts', ''],
    ['camel case', 'policy/src/maskPlan.ts', '', 'policy/src/mask-plan.ts', ''],
    ['a path of one machine', 'README.md', 'see /home/ann/x', 'README.md', 'see ./home/ann/x'],
    ['a path of one machine, no example of a home', 'README.md', 'see /root/x', 'README.md', 'see /home/alice/x'],
    ['a work folder', 'README.md', 'see /tmp/wt/x', 'README.md', 'see /tmp/x'],
    ['a registry host', '.npmrc', 'registry=https://registry.npmjs.org/', '.npmrc', 'fund=false'],
    [
      'an issue number',
      'a.md',
      'fixes issue 12',
      'a.md',
      'issues 12-digit numbers'.replace('issues 12', 'issues of 12'),
    ],
    ['a foreign issue', 'a.md', 'see proxy#4711', 'a.md', 'see PKCS#11'],
    ['another product', 'a.ts', '// like Teleport', 'a.ts', '// like a telephone'],
    ['a note for later', 'a.ts', '// TODO later', 'a.ts', '// what is to do later'],
    ['marketing', 'a.md', 'a seamless gate', 'a.md', 'a gate'],
    ['a merge mark', 'a.md', '<<<<<<< main', 'a.md', 'a <<<<<<< b'],
  ])('%s', (_what, path, text, neighbourPath, neighbourText) => {
    expect(untidy([{ path, text }])).toHaveLength(1);
    expect(untidy([{ path: neighbourPath, text: neighbourText }])).toEqual([]);
  });
});

describe('runtime dependencies', () => {
  const decisions = { path: 'DECISIONS.md', text: '| name | why |\n|---|---|\n| `jose` | tokens |\n' };
  const manifest = (dependencies: object) => ({ path: 'sidecar/package.json', text: JSON.stringify({ dependencies }) });

  test('one with a line passes, as do our own packages', () => {
    expect(undecided([decisions, manifest({ jose: '6.0.0', '@sidegate/crds': '0.1.0' })])).toEqual([]);
  });

  test('one without a line is named', () => {
    expect(undecided([decisions, manifest({ jose: '6.0.0', chalk: '5.0.0' })])).toEqual([
      'sidecar/package.json: chalk has no line in DECISIONS.md',
    ]);
  });

  test('a line without a dependency is named', () => {
    expect(undecided([decisions, manifest({})])).toEqual(['DECISIONS.md: jose is no runtime dependency']);
  });
});

describe('this tree', () => {
  const files = trackedFiles(process.cwd());

  test('was read', () => {
    expect(files.length).toBeGreaterThan(30);
  });

  test('has no breach', () => {
    expect(untidy(files)).toEqual([]);
  });

  test('has decided on each of its runtime dependencies', () => {
    expect(undecided(files)).toEqual([]);
  });
});
