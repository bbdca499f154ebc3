import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describeFault } from '@sidegate/crds';
import { FILES, FolderFixture, MASK_KEY } from './folder-fixture.ts';
import { readFolder } from './read-folder.ts';
import { snapshotFaults } from './snapshot-faults.ts';

/** Of an authority made for this test; its key was thrown away. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBejCCASGgAwIBAgIUaNxoCIAY9m0263Hf/SkqMIR7ZHgwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjgyMDUzMDNaGA8yMTI2MTEwNDIw
NTMwM1owEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABIDyaE3qupFe6YiGQQGISMvaXf7p0dGx/poe7Km11fl7dIm5aUb572XdmWBI
Wv0vp5HFig4MObBp1VgVPWlfQiOjUzBRMB0GA1UdDgQWBBR7DP9wMGaMn524jKOM
CaC7w+vMJjAfBgNVHSMEGDAWgBR7DP9wMGaMn524jKOMCaC7w+vMJjAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCICIFIu3QzxH6t1JclzA9ZffVIY8k
gHflkW/i08daZGlAAiA3altRLlQObVJ2CsnM56Uzt54HjAqaMvj0RhQiLiod8Q==
-----END CERTIFICATE-----`;

const EXAMPLE = join(import.meta.dirname, '../../../examples/postgres');

let folder: FolderFixture;

beforeEach(async () => {
  folder = await FolderFixture.create();
});

afterEach(async () => {
  await folder.remove();
});

describe('a path is refused', () => {
  test('when nothing is there', async () => {
    const result = await readFolder(join(folder.path, 'nowhere'), { maskKey: MASK_KEY });
    expect(result.ok || result.fault.map(describeFault)).toEqual([
      `${folder.path}/nowhere: This cannot be read: it does not exist. Check the path, and that you may read it.`,
    ]);
  });

  test('when it holds no resources; hidden files, subfolders and other files are not read', async () => {
    await folder.write({ '.hidden.yaml': 'x', 'README.md': 'x' });
    await mkdir(join(folder.path, 'below'));
    expect(await folder.faults()).toEqual([
      `NothingToRead ${folder.path}: The folder holds no resources. Put files ending in .yaml, .yml or .json there.`,
    ]);
  });

  test('when a file is too large, and not when it is as large as may be', async () => {
    const limit = 4 * 1024 * 1024;
    await folder.write({ ...FILES, 'large.yaml': '#'.repeat(limit) });
    expect(await folder.faults()).toEqual([]);
    await folder.write({ 'large.yaml': '#'.repeat(limit + 1) });
    expect(await folder.faults()).toEqual([
      'FileTooLarge large.yaml: The file has 4194305 bytes, and 4194304 may be read. Split it into several files.',
    ]);
  });

  test('when there are too many files, and not one file earlier', async () => {
    const empty = Object.fromEntries(Array.from({ length: 996 }, (_, index) => [`empty-${index}.yaml`, '']));
    await folder.write({ ...FILES, ...empty });
    expect(await folder.faults()).toEqual([]);
    await folder.write({ 'one-more.yaml': '' });
    expect(await folder.faults()).toEqual([
      `TooManyFiles ${folder.path}: The folder holds 1001 files, and 1000 may be read. Put several resources in one file, with --- between them.`,
    ]);
  });
});

describe('a good folder', () => {
  test('becomes one snapshot', async () => {
    await folder.write(FILES);
    const snapshot = await folder.snapshot();
    expect(snapshot.resources.policies[0]?.spec.mode).toBe('Enforce');
    expect(snapshot).toMatchObject({
      operatorNamespace: 'sidegate',
      maskKey: MASK_KEY,
      issuers: [{ name: 'corporate', groupsClaim: 'groups', subjectClaim: 'sub' }],
      secrets: [
        { target: { namespace: 'data', name: 'orders' }, username: 'agent', password: 'pa55', authorities: [] },
      ],
      doors: [
        {
          access: { namespace: 'agents', name: 'bot' },
          target: { namespace: 'data', name: 'orders' },
          listen: { host: '127.0.0.1', port: 5432 },
        },
      ],
    });
  });

  test('may be one file, JSON, or base64', async () => {
    const password = Buffer.from('pa55').toString('base64');
    const [target = '', secret = ''] = (FILES['target.yaml'] ?? '').split('---\n');
    const encoded = secret
      .replace('  password: pa55\n', '')
      .replace('stringData:', `data: {password: ${password}}\nstringData:`);
    const configuration = JSON.stringify({ apiVersion: 'sidegate.dev/v1alpha1', kind: 'Configuration' });
    await folder.write({ 'all.yaml': [target, encoded].join('---\n'), 'configuration.json': configuration });
    expect((await folder.snapshot()).secrets[0]?.password).toBe('pa55');
    const one = await readFolder(join(folder.path, 'all.yaml'), { maskKey: MASK_KEY });
    expect(one.ok && one.value.secrets[0]?.password).toBe('pa55');
  });

  test.each([
    ['file', './pw', {}],
    ['env', 'ORDERS_PW', { ORDERS_PW: 'other' }],
  ])('takes a password from elsewhere: %s', async (kind, value, environment) => {
    const metadata = `{name: login, namespace: data, annotations: {sidegate.dev/password-${kind}: ${value}}}`;
    await folder.writeChanged(['target.yaml', '{name: login, namespace: data}', metadata]);
    await folder.write({ pw: 'other\n' });
    expect((await folder.snapshot({ environment })).secrets[0]?.password).toBe('other');
  });

  test('reads the certificates of authorities', async () => {
    const tls = '  port: 5432\n  tls: {caCertificateRefs: [{kind: ConfigMap, name: ca, key: ca.crt}]}\n';
    await folder.writeChanged(['target.yaml', '  port: 5432\n', tls]);
    const lines = ['# The old one', CERTIFICATE, '# The new one', CERTIFICATE].join('\n').replaceAll('\n', '\n    ');
    const ca = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: data}\ndata:\n  ca.crt: |\n    ${lines}\n`;
    await folder.write({ 'ca.yaml': ca });
    expect((await folder.snapshot()).secrets[0]?.authorities).toEqual([CERTIFICATE, CERTIFICATE]);
  });

  test('admits a namespace by its labels', async () => {
    await folder.writeChanged(['target.yaml', 'from: All', 'from: Selector, selector: {matchLabels: {team: support}}']);
    expect(await folder.faults()).toHaveLength(1);
    await folder.write({
      'ns.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: {name: agents, labels: {team: support}}\n',
    });
    expect((await folder.snapshot()).namespaceLabels).toEqual({ agents: { team: 'support' } });
  });

  test('has the same version for the same content, and another for another password', async () => {
    await folder.write(FILES);
    const [first, again] = [await folder.snapshot(), await folder.snapshot()];
    expect(again.version).toBe(first.version);
    expect(again.nonce).not.toBe(first.nonce);
    await folder.writeChanged(['target.yaml', 'pa55', 'pa56']);
    expect((await folder.snapshot()).version).not.toBe(first.version);
  });

  test('reads the mask key from its file', async () => {
    await folder.writeChanged(['configuration.yaml', '', 'maskKeyFile: ./mask.key\n']);
    await folder.write({ 'mask.key': `${'AB'.repeat(32)}\n` });
    expect((await folder.snapshot()).maskKey).toBe('ab'.repeat(32));
  });
});

describe('doors', () => {
  const own = `listen:
  host: 127.0.0.2
  ports: Any
  doors:
    - {access: {namespace: agents, name: bot}, target: {namespace: data, name: orders}, port: 6432, unixDirectory: ./s}
`;
  test.each<[string, string, string | undefined, object]>([
    ['the Target port', '', undefined, { host: '127.0.0.1', port: 5432 }],
    ['any port', 'listen: {ports: Any}\n', undefined, { host: '127.0.0.1', port: 0 }],
    ['a host', 'listen: {host: 127.0.0.9}\n', undefined, { host: '127.0.0.9', port: 5432 }],
    ['--listen', 'listen: {host: 127.0.0.9}\n', '127.0.0.1', { host: '127.0.0.1', port: 0 }],
    ['a door of its own', own, undefined, { host: '127.0.0.2', port: 6432, unixDirectory: 's' }],
    ['--listen over a door of its own', own, '127.0.0.1', { host: '127.0.0.1', port: 0, unixDirectory: 's' }],
  ])('by %s', async (_, addition, listen, expected) => {
    await folder.writeChanged(['configuration.yaml', '', addition]);
    const { doors } = await folder.snapshot(listen === undefined ? {} : { listen });
    expect(JSON.parse(JSON.stringify(doors[0]?.listen).replaceAll(`${folder.path}/`, ''))).toEqual(expected);
  });

  test('have a token file for Workload alone', async () => {
    await folder.writeChanged(['configuration.yaml', '', 'workloadTokenFile: ./token\n']);
    expect((await folder.snapshot()).doors[0]).not.toHaveProperty('workloadTokenFile');
    await folder.write({
      'access.yaml': (FILES['access.yaml'] ?? '').replace('source: Token, issuers: [corporate]', 'source: Workload'),
    });
    expect((await folder.snapshot()).doors[0]?.workloadTokenFile).toBe(join(folder.path, 'token'));
  });
});

describe('the example', () => {
  test('has both variants, Token first', async () => {
    const result = await readFolder(EXAMPLE, { maskKey: MASK_KEY, compile: snapshotFaults });
    expect(
      result.ok ? result.value.doors.map(({ access, listen }) => [access.name, listen.port]) : result.fault,
    ).toEqual([
      ['token-agent', 6432],
      ['workload-agent', 6433],
    ]);
  });

  test('gives each variant a free port with --listen', async () => {
    const result = await readFolder(EXAMPLE, { maskKey: MASK_KEY, listen: '127.0.0.1' });
    expect(result.ok && result.value.doors.map(({ listen }) => listen)).toEqual([
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port: 0 },
    ]);
  });
});
