import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FILES, FolderFixture, MASK_KEY } from '../files/folder-fixture.ts';
import { readFolder } from '../files/read-folder.ts';
import { namedFor } from './named-columns.ts';

let folder: FolderFixture;

beforeEach(async () => {
  folder = await FolderFixture.create();
});

afterEach(() => folder.remove());

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: rules, namespace: data}
spec:
  rules:
    - {name: secrets, action: Deny, match: {postgres: {tables: [{name: public.secrets}, {name: 'audit.*'}, {name: '*.keys'}]}}}
  masks:
    - {name: pii, columns: [public.customers.email, '*.customers.ssn', '*.*.iban', 'public.*.phone'], with: {type: Redact}}
`;
const TARGET = (FILES['target.yaml'] ?? '').replace(
  '  port: 5432\n',
  '  port: 5432\n  postgres: {databases: [shop]}\n',
);
const OTHER = TARGET.replace('name: orders', 'name: other').replace(/host: db.local/, 'host: db2.local');
const SECOND = `---\n${OTHER.replaceAll('name: login', 'name: login2').replace('hosts: db.local', 'hosts: db2.local')}`;

async function named(files: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  await folder.write({ ...FILES, 'policy.yaml': POLICY, 'target.yaml': TARGET, ...files });
  const read = await readFolder(folder.path, { maskKey: MASK_KEY });
  if (!read.ok) throw new Error(JSON.stringify(read.fault));
  const [target] = read.value.resources.targets;
  return target === undefined ? [] : namedFor(target, read.value).map(({ name }) => name);
}

const ALL = ['public.customers.email', '*.customers.ssn', 'public.secrets', '*.keys'];

test('what a Policy names whole must be there, but not what a pattern may find one day', async () => {
  expect(await named()).toEqual(ALL);
});

test('the fault names rule, database and Target', async () => {
  await named();
  const read = await readFolder(folder.path, { maskKey: MASK_KEY });
  const [target] = read.ok ? read.value.resources.targets : [];
  const found = read.ok && target !== undefined ? namedFor(target, read.value) : [];
  expect(found[0]?.fault).toEqual({
    code: 'NameMatchesNothing',
    message:
      'data/rules/pii names public.customers.email, which is not in the database shop of the Target data/orders: it masks nothing.',
    mend: 'Correct the name, unless it is for what is yet to come.',
  });
});

test.each<[what: string, files: Readonly<Record<string, string>>, names: readonly string[]]>([
  ['of a Policy of the operator', { 'policy.yaml': POLICY.replace('namespace: data', 'namespace: sidegate') }, ALL],
  ['of a Policy of the agents', { 'policy.yaml': POLICY.replace('namespace: data', 'namespace: agents') }, ALL],
  [
    'of a Policy that selects this Target of two',
    {
      'target.yaml': `${TARGET}${SECOND}`,
      'policy.yaml': POLICY.replace('spec:\n', 'spec:\n  selector: {targetRefs: [{name: orders}]}\n'),
    },
    ALL,
  ],
  ['not of a Policy that means another Target as well', { 'target.yaml': `${TARGET}${SECOND}` }, []],
  ['not where any database may be opened', { 'target.yaml': FILES['target.yaml'] ?? '' }, []],
  ['not where there are two', { 'target.yaml': TARGET.replace('[shop]', '[shop, till]') }, []],
])('names are looked for %s', async (_what, files, names) => {
  expect(await named(files)).toEqual(names);
});
