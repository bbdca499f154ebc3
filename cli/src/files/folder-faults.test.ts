import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Change, FILES, FolderFixture } from './folder-fixture.ts';
import type { ReadOptions } from './read-folder.ts';
import { snapshotFaults } from './snapshot-faults.ts';

let folder: FolderFixture;

beforeEach(async () => {
  folder = await FolderFixture.create();
});

afterEach(async () => {
  await folder.remove();
});

const SECOND_TARGET = `---
apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: other, namespace: data}
spec: {protocol: Redis, host: db.local, port: 5432}
`;

const CASES: readonly (readonly [what: string, change: Change, line: string])[] = [
  [
    'broken YAML',
    ['policy.yaml', '  rules:', '  rules: ['],
    'BadYaml policy.yaml:6: This is not valid YAML: Nested mappings are not allowed in compact mappings. Correct the text; indent with spaces.',
  ],
  [
    'a quotation that is not closed, where it opens',
    ['policy.yaml', 'action: Deny', 'reason: "Ask the DBA\n      action: Deny'],
    'BadYaml policy.yaml:7: The quotation mark that opens here is not closed. Close it.',
  ],
  [
    'a field that stands twice',
    ['policy.yaml', '      action: Deny\n', '      action: Deny\n      action: Allow\n'],
    'BadYaml policy.yaml:8: A field stands twice in one map. Remove one of the two.',
  ],
  [
    'an alias of nothing',
    ['policy.yaml', 'name: no-ddl', 'name: *nothing'],
    'BadYaml policy.yaml:1: This is not valid YAML: Unresolved alias (the anchor must be set before the alias): nothing. Correct the text; indent with spaces.',
  ],
  [
    'an unknown tag',
    ['policy.yaml', 'name: no-ddl', 'name: !vault no-ddl'],
    'BadYaml policy.yaml:6: This is not valid YAML: Unresolved tag: !vault. Correct the text; indent with spaces.',
  ],
  [
    'a document that is no object',
    ['policy.yaml', '', '---\n- a list\n'],
    'WrongType policy.yaml:12: This is no object. Write an object with apiVersion, kind and metadata.',
  ],
  [
    'an object without kind',
    ['policy.yaml', 'kind: Policy\n', ''],
    'MissingField policy.yaml:1 kind: The object has no kind. Known kinds: Target, AgentAccess, Policy, Configuration, Secret, ConfigMap, Namespace.',
  ],
  [
    'a misspelt kind',
    ['policy.yaml', 'kind: Policy', 'kind: Polisy'],
    'UnknownKind policy.yaml:2 kind: Unknown kind "Polisy". Did you mean "Policy"?',
  ],
  [
    'an unknown kind',
    ['policy.yaml', 'kind: Policy', 'kind: Deployment'],
    'UnknownKind policy.yaml:2 kind: Unknown kind "Deployment". Known kinds: Target, AgentAccess, Policy, Configuration, Secret, ConfigMap, Namespace.',
  ],
  [
    'an unknown version',
    ['policy.yaml', 'v1alpha1', 'v2'],
    'UnknownVersion policy.yaml:1 apiVersion: Unknown version "sidegate.dev/v2" of Policy. Write apiVersion: sidegate.dev/v1alpha1.',
  ],
  [
    'no version',
    ['policy.yaml', 'apiVersion: sidegate.dev/v1alpha1\n', ''],
    'UnknownVersion policy.yaml:1 apiVersion: There is no apiVersion. Write apiVersion: sidegate.dev/v1alpha1.',
  ],
  [
    'an unknown field',
    ['policy.yaml', '      action: Deny\n      when', '      actoin: Deny\n      action: Deny\n      when'],
    'UnknownField policy.yaml:9 spec.rules[1].actoin: Unknown field "actoin". Did you mean "action"?',
  ],
  [
    'a missing field',
    ['policy.yaml', '      action: Deny\n      when', '      when'],
    'MissingField policy.yaml:8 spec.rules[1].action: The field "action" is missing. Add it. What happens to a command that matches.',
  ],
  [
    'a wrong word',
    ['policy.yaml', '      action: Deny\n      when', '      action: deny\n      when'],
    'BadValue policy.yaml:9 spec.rules[1].action: "deny" is not one of Allow, Deny, RequireApproval. Did you mean "Deny"?',
  ],
  [
    'a wrong type',
    ['target.yaml', 'port: 5432', 'port: many'],
    'WrongType target.yaml:9 spec.port: This must be a whole number, and is "many". The TCP port that agents already use, 1 to 65535.',
  ],
  [
    'a bad quantity',
    ['policy.yaml', '', '  limits:\n    - {name: l, bytes: 50MB, perSeconds: 60, action: Deny}\n'],
    'BadQuantity policy.yaml:12 spec.limits[0].bytes: "50MB" is not a quantity of bytes. How much may be read: a whole number of bytes, or one with Ki, Mi, Gi, Ti, k, M, G or T.',
  ],
  [
    'two rules of one name',
    ['policy.yaml', 'name: writes', 'name: no-ddl'],
    'DuplicateEntry policy.yaml:8 spec.rules[1].name: The list has two entries with name "no-ddl". Rename or remove one of them.',
  ],
  [
    'a broken rule of the schema',
    ['access.yaml', ', issuers: [corporate]', ''],
    "RuleBroken access.yaml:6 spec.identity: Tokens are accepted from no issuer. Add issuers and name at least one of the configuration's.",
  ],
  [
    'a second object of one name',
    ['policy.yaml', '', `---\n${FILES['policy.yaml'] ?? ''}`],
    'DuplicateName policy.yaml:14 metadata.name: Policy data/rules stands twice; the first is at policy.yaml:2. Rename or remove one of the two.',
  ],
  [
    'a second Configuration',
    ['policy.yaml', '', `---\n${FILES['configuration.yaml'] ?? ''}`],
    'DuplicateName policy.yaml:12 metadata.name: Configuration stands twice; the first is at configuration.yaml:2. Rename or remove one of the two.',
  ],
  [
    'a Target that is not there',
    ['access.yaml', 'name: orders}', 'name: ordesr}'],
    'MissingTarget access.yaml:8 spec.targetRefs[0].name: There is no Target data/ordesr. Did you mean data/orders?',
  ],
  [
    'a Target of another namespace',
    ['access.yaml', '{namespace: data, name: orders}', '{name: orders}'],
    'MissingTarget access.yaml:8 spec.targetRefs[0].name: There is no Target agents/orders. Did you mean data/orders?',
  ],
  [
    'a Policy for a Target that is not there',
    ['policy.yaml', 'spec:\n', 'spec:\n  selector: {targetRefs: [{name: warehouse}]}\n'],
    'MissingTarget policy.yaml:5 spec.selector.targetRefs[0].name: There is no Target data/warehouse. Targets here: data/orders.',
  ],
  [
    'a Secret that is not there',
    ['target.yaml', 'secretRef: {name: login}', 'secretRef: {name: logn}'],
    'MissingSecret target.yaml:10 spec.credential.secretRef.name: There is no Secret data/logn. Did you mean "login"?',
  ],
  [
    'a Secret in another namespace',
    ['target.yaml', 'name: login, namespace: data', 'name: login, namespace: vault'],
    'MissingSecret target.yaml:10 spec.credential.secretRef.name: There is no Secret data/login. Add a Secret of that name and namespace, of type sidegate.dev/credential.',
  ],
  [
    'a Secret for another host',
    ['target.yaml', 'hosts: db.local', 'hosts: db2.local'],
    'HostNotNamed target.yaml:8 spec.host: The Secret data/login may not be sent to the host db.local. Its owner may name the host in its key hosts, at target.yaml:20.',
  ],
  [
    'a Secret that names no host',
    ['target.yaml', '  hosts: db.local\n', ''],
    'MissingKey target.yaml:17 stringData.hosts: The Secret names no host that it may be sent to. Add the key hosts: the names of the hosts, with spaces or commas between them.',
  ],
  [
    'a Secret of another type',
    ['target.yaml', 'type: sidegate.dev/credential', 'type: Opaque'],
    'WrongSecretType target.yaml:16 type: The Secret\'s type is "Opaque". Only Secrets of one type are read: write type: sidegate.dev/credential.',
  ],
  [
    'an unknown key of a Secret',
    ['target.yaml', '  password:', '  pasword:'],
    'UnknownKey target.yaml:19 stringData.pasword: Unknown key "pasword". Did you mean "password"?',
  ],
  [
    'a Secret without a password',
    ['target.yaml', '  password: pa55\n', ''],
    'MissingKey target.yaml:17 stringData.password: The Secret has no password. Add it. A password "" stands for none.',
  ],
  [
    'a password that is a number: it is not shown',
    ['target.yaml', 'password: pa55', 'password: 314159'],
    'WrongType target.yaml:19 stringData.password: This must be text. Text; a number or a truth value stands in quotes.',
  ],
  [
    'data that is not base64',
    ['target.yaml', 'stringData:\n', 'data: {password: pa$$}\nstringData:\n'],
    'BadBase64 target.yaml:17 data.password: This is not base64. Encode the value, or put it as it is under stringData.',
  ],
  [
    'a password file that is not there',
    [
      'target.yaml',
      '{name: login, namespace: data}',
      '{name: login, namespace: data, annotations: {sidegate.dev/password-file: ./pw}}',
    ],
    'Unreadable target.yaml:15 metadata.annotations["sidegate.dev/password-file"]: The password file ./pw cannot be read: it does not exist. Write the password there, or remove the annotation.',
  ],
  [
    'a password variable that is not set',
    [
      'target.yaml',
      '{name: login, namespace: data}',
      '{name: login, namespace: data, annotations: {sidegate.dev/password-env: ORDERS_PW}}',
    ],
    'Unreadable target.yaml:15 metadata.annotations["sidegate.dev/password-env"]: The environment variable ORDERS_PW is not set. Set it to the password, or remove the annotation.',
  ],
  [
    'a certificate that is not there',
    [
      'target.yaml',
      '  port: 5432\n',
      '  port: 5432\n  tls: {caCertificateRefs: [{kind: ConfigMap, name: ca, key: ca.crt}]}\n',
    ],
    'MissingObject target.yaml:10 spec.tls.caCertificateRefs[0]: There is no ConfigMap data/ca. Add it, with the key ca.crt.',
  ],
  [
    'a second Target of one host and port',
    ['target.yaml', '', SECOND_TARGET],
    'Conflicted target.yaml:25 spec.host: db.local:5432 already stands in Target data/orders, at target.yaml:8. One host and port may stand in one Target: remove one of the two.',
  ],
  [
    'an issuer that is not there',
    ['access.yaml', 'issuers: [corporate]', 'issuers: [corprate]'],
    'MissingIssuer access.yaml:6 spec.identity.issuers[0]: There is no issuer "corprate". Did you mean "corporate"?',
  ],
  [
    'an issuer of another name',
    ['access.yaml', 'issuers: [corporate]', 'issuers: [elsewhere]'],
    'MissingIssuer access.yaml:6 spec.identity.issuers[0]: There is no issuer "elsewhere". Add it to issuers of the Configuration at configuration.yaml:2.',
  ],
  [
    'a Policy in a namespace that is misspelt, where nobody hears it',
    ['policy.yaml', 'namespace: data', 'namespace: dta'],
    'PolicyBindsNobody policy.yaml:3 metadata.namespace: There is no Target and no AgentAccess in the namespace dta, so this Policy binds nobody. Did you mean "data"?',
  ],
  [
    'a Policy without a namespace',
    ['policy.yaml', '{name: rules, namespace: data}', '{name: rules}'],
    'PolicyBindsNobody policy.yaml:3 metadata.namespace: There is no Target and no AgentAccess in the namespace default, so this Policy binds nobody. Namespaces that are heard here: data, agents, sidegate.',
  ],
  [
    'a rule for a protocol that the Targets of the Policy do not speak',
    [
      'policy.yaml',
      `  rules:
    - name: no-ddl`,
      `  selector: {targetRefs: [{name: orders}]}
  rules:
    - name: no-ddl
      match: {redis: {commands: [DEL]}}`,
    ],
    "ForeignProtocol policy.yaml:8 spec.rules[0].match: The rule is for Redis, and the Policy's Targets speak Postgres: it binds nothing. Write it for what they speak, or select other Targets.",
  ],
  [
    'a mask of keys where the Targets of the Policy have columns',
    [
      'policy.yaml',
      '  rules:\n',
      `  selector: {targetRefs: [{name: orders}]}
  masks: [{name: m, keys: ['session:*'], with: {type: Redact}}]
  rules:
`,
    ],
    "ForeignProtocol policy.yaml:6 spec.masks[0]: The mask is for Redis, and the Policy's Targets speak Postgres: it binds nothing. Write it for what they speak, or select other Targets.",
  ],
  [
    'agents where the credential lies',
    ['access.yaml', 'namespace: agents', 'namespace: data'],
    "AgentsBesideTarget target.yaml:5 metadata.namespace: Agents run in the namespace data, where the Target's credential lies: AgentAccess data/bot, at access.yaml:2. Move the Target and its Secret to a namespace without agents.",
  ],
  [
    'a namespace that the Target does not admit',
    ['target.yaml', 'from: All', 'from: Same'],
    'NamespaceNotAllowed access.yaml:8 spec.targetRefs[0]: Target data/orders does not admit the namespace agents. Its owner may widen allowedNamespaces, at target.yaml:11.',
  ],
  [
    'a mask key file that is not there',
    ['configuration.yaml', '', 'maskKeyFile: mask.key\n'],
    'BadMaskKey configuration.yaml:5 maskKeyFile: The file mask.key cannot be read: it does not exist. Write 64 hexadecimal digits there, such as `openssl rand -hex 32` gives.',
  ],
  [
    'a mask key file that holds no key',
    ['configuration.yaml', '', 'maskKeyFile: policy.yaml\n'],
    'BadMaskKey configuration.yaml:5 maskKeyFile: The file policy.yaml holds no key. Write 64 hexadecimal digits there, such as `openssl rand -hex 32` gives.',
  ],
  [
    'a Workload identity without a token file',
    ['access.yaml', 'source: Token', 'source: Workload'],
    'MissingTokenFile access.yaml:6 spec.identity.source: The Workload identity has no token file on this machine. Add workloadTokenFile to the Configuration.',
  ],
  [
    'a door of nothing',
    [
      'configuration.yaml',
      '',
      'listen:\n  doors:\n    - {access: {namespace: agents, name: bto}, target: {namespace: data, name: orders}, port: 6432}\n',
    ],
    'MissingDoor configuration.yaml:7 listen.doors[0]: No AgentAccess agents/bto names a Target data/orders. Correct the names, or remove the door.',
  ],
];

describe('a folder is refused for', () => {
  test.each(CASES)('%s', async (_, change, line) => {
    await folder.writeChanged(change);
    expect(await folder.faults()).toEqual([line]);
  });

  test.each(['agents', 'sidegate'])('but not for a Policy of %s, who are heard', async (namespace) => {
    await folder.writeChanged(['policy.yaml', 'namespace: data', `namespace: ${namespace}`]);
    expect(await folder.faults()).toEqual([]);
  });

  test.each<[what: string, spec: string]>([
    [
      'for several protocols, one of which is spoken',
      'selector: {targetRefs: [{name: orders}]}, rules: [{name: r, action: Deny, match: {redis: {commands: [DEL]}, postgres: {statements: [DROP]}}}]',
    ],
    ['for every protocol', 'selector: {targetRefs: [{name: orders}]}, rules: [{name: r, action: Deny}]'],
    ['of a Policy that names no Target', 'rules: [{name: r, action: Deny, match: {redis: {commands: [DEL]}}}]'],
    [
      'that looks into what is read, too',
      "selector: {targetRefs: [{name: orders}]}, masks: [{name: m, keys: ['a*'], detect: [Email], with: {type: Redact}}]",
    ],
  ])('but not for a rule or mask %s', async (_what, spec) => {
    await folder.write({
      ...FILES,
      'policy.yaml': `apiVersion: sidegate.dev/v1alpha1\nkind: Policy\nmetadata: {name: rules, namespace: data}\nspec: {${spec}}\n`,
    });
    expect(await folder.faults()).toEqual([]);
  });

  test.each<[what: string, reference: string, line: string]>([
    [
      'of an object that is not there',
      '{kind: ConfigMap, name: cq, key: ca.crt}',
      'There is no ConfigMap data/cq. Did you mean "ca"?',
    ],
    [
      'of an object of another kind',
      '{kind: Secret, name: authorities, key: ca.crt}',
      'There is no Secret data/authorities. Add it, with the key ca.crt.',
    ],
    [
      'of a key that is not there',
      '{kind: ConfigMap, name: ca, key: ca.pem}',
      'The ConfigMap data/ca has no key ca.pem. Its keys: ca.crt.',
    ],
  ])('a certificate %s', async (_what, reference, line) => {
    const tls = `  port: 5432\n  tls: {caCertificateRefs: [${reference}]}\n`;
    await folder.writeChanged(['target.yaml', '  port: 5432\n', tls]);
    const ca = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: data}\ndata: {ca.crt: "no PEM"}\n';
    await folder.write({ 'ca.yaml': ca });
    expect(await folder.faults()).toEqual([`MissingObject target.yaml:10 spec.tls.caCertificateRefs[0]: ${line}`]);
  });

  test('two doors at one place, which --listen makes possible', async () => {
    await folder.writeChanged([
      'access.yaml',
      '',
      `---\n${(FILES['access.yaml'] ?? '').replace('name: bot', 'name: bot2')}`,
    ]);
    expect(await folder.faults()).toEqual([
      'DoorTaken access.yaml:17 spec.targetRefs[0]: 127.0.0.1:5432 is already the door of AgentAccess agents/bot, at access.yaml:8. Give one of them another port in listen.doors of the Configuration, or use --listen.',
    ]);
    expect(await folder.faults({ listen: '127.0.0.1' })).toEqual([]);
  });

  test('a certificate that is none', async () => {
    const tls = '  port: 5432\n  tls: {caCertificateRefs: [{kind: ConfigMap, name: ca, key: ca.crt}]}\n';
    await folder.writeChanged(['target.yaml', '  port: 5432\n', tls]);
    const ca = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: data}\ndata: {ca.crt: "no PEM"}\n';
    await folder.write({ 'ca.yaml': ca });
    expect(await folder.faults()).toEqual([
      'BadCertificate target.yaml:10 spec.tls.caCertificateRefs[0]: The key ca.crt of ConfigMap data/ca holds no certificate that can be read. Write certificates in PEM there.',
    ]);
  });

  test('everything that is wrong at once, and says nothing of what follows from it', async () => {
    await folder.writeChanged(['target.yaml', 'port: 5432', 'prot: 5432']);
    await folder.write({ 'policy.yaml': (FILES['policy.yaml'] ?? '').replace('action: Deny', 'action: Dany') });
    expect(await folder.faults()).toEqual([
      'BadValue policy.yaml:7 spec.rules[0].action: "Dany" is not one of Allow, Deny, RequireApproval. Did you mean "Deny"?',
      'MissingField target.yaml:6 spec.port: The field "port" is missing. Add it. The TCP port that agents already use, 1 to 65535.',
      'UnknownField target.yaml:9 spec.prot: Unknown field "prot". Did you mean "port"?',
    ]);
  });

  test('what the compiler finds, with its file and line', async () => {
    await folder.write(FILES);
    const at = { kind: 'Policy', namespace: 'data', name: 'rules', field: 'spec.rules[1].when' };
    const compile: ReadOptions['compile'] = () => [{ code: 'InvalidCondition', message: 'No.', mend: 'Do.', at }];
    expect(await folder.faults({ compile })).toEqual(['InvalidCondition policy.yaml:10 spec.rules[1].when: No. Do.']);
  });

  test('a statement that the compiler does not know', async () => {
    const match = "      match: {postgres: {statements: [SELECT, DELET]}}\n      when: 'true'";
    await folder.writeChanged(['policy.yaml', "      when: 'true'", match]);
    const [line = '', ...others] = await folder.faults({ compile: snapshotFaults });
    expect(others).toEqual([]);
    expect(line).toMatch(
      /^UnknownStatement policy\.yaml:10 spec\.rules\[1\]\.match\.postgres\.statements\[1\]: PostgreSQL has no statement "DELET"/,
    );
  });
});
