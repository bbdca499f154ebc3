import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { COMMANDS } from '../commands.ts';
import { type Change, FILES, FolderFixture } from '../files/folder-fixture.ts';
import { runProgram } from '../program.ts';
import { TestTerminal } from '../testing/test-terminal.ts';

let folder: FolderFixture;

beforeEach(async () => {
  folder = await FolderFixture.create();
  await folder.write(FILES);
});

afterEach(() => folder.remove());

async function validate(
  ...flags: readonly string[]
): Promise<{ readonly code: number; readonly terminal: TestTerminal }> {
  const terminal = new TestTerminal();
  return { code: await runProgram(COMMANDS, ['validate', '-f', folder.path, ...flags], terminal), terminal };
}

test('a good folder is valid', async () => {
  const { code, terminal } = await validate();
  expect(code).toBe(0);
  expect(terminal.written).toBe(`${folder.path} is valid: 1 Target, 1 AgentAccess, 1 Policy, 1 door.\n`);
  expect((await validate('--json')).terminal.objects).toEqual([
    { kind: 'Valid', targets: 1, accesses: 1, policies: 1, doors: 1 },
  ]);
});

test.each<[string, Change, RegExp]>([
  [
    'an unknown field',
    ['policy.yaml', '  rules:', '  rulez: []\n  rules:'],
    /^policy\.yaml:5 spec\.rulez: .*Did you mean/,
  ],
  [
    'a missing Secret',
    ['target.yaml', 'secretRef: {name: login}', 'secretRef: {name: logon}'],
    /^target\.yaml:10 .*: There is no Secret data\/logon\. Did you mean "login"\?$/,
  ],
  [
    'a condition that is no CEL',
    ['policy.yaml', `when: 'true'`, `when: 'command.'`],
    /^policy\.yaml:10 spec\.rules\[1\]\.when: /,
  ],
  [
    'text that is no YAML',
    ['policy.yaml', 'kind: Policy', 'kind: [Policy'],
    /^policy\.yaml:\d+: This is not valid YAML/,
  ],
])('%s is one sentence with its place, and exit code 1', async (_name, change, line) => {
  await folder.writeChanged(change);
  const { code, terminal } = await validate();
  expect(code).toBe(1);
  expect(terminal.written).toBe('');
  expect(terminal.errors.map((error) => error.replace(`${folder.path}/`, ''))).toEqual([expect.stringMatching(line)]);
  const json = await validate('--json');
  expect(json.code).toBe(1);
  expect(json.terminal.objects).toMatchObject([{ kind: 'Refused', faults: [{ file: expect.any(String) }] }]);
});

test('a folder that is not there is told, and no folder at all is a wrong call', async () => {
  const terminal = new TestTerminal();
  await expect(runProgram(COMMANDS, ['validate', '-f', '/no/such/folder'], terminal)).resolves.toBe(1);
  expect(terminal.errors).toEqual([
    expect.stringContaining('/no/such/folder: This cannot be read: it does not exist.'),
  ]);
  await expect(runProgram(COMMANDS, ['validate'], terminal)).resolves.toBe(2);
});
