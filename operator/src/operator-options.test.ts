import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { parseAddress } from './listen-address.ts';
import { readOptions } from './operator-options.ts';

const folder = mkdtempSync(join(tmpdir(), 'sg-options-'));
afterAll(() => rmSync(folder, { recursive: true }));

function configuration(text: string): string {
  const file = join(folder, 'configuration.yaml');
  writeFileSync(file, text);
  return file;
}

const GOOD =
  'apiVersion: sidegate.dev/v1alpha1\nkind: Configuration\nissuers: [{name: a, url: "https://a.test", audiences: [x]}]\n';
const NEEDED = ['--namespace=ops'];

test('reads what is needed and fills in the rest', async () => {
  const read = await readOptions([...NEEDED, `--configuration=${configuration(GOOD)}`], 'machine');
  expect(read).toMatchObject({
    ok: true,
    value: {
      namespace: 'ops',
      identity: 'machine',
      control: { host: '0.0.0.0', port: 8443 },
      probes: { host: '0.0.0.0', port: 8080 },
      admission: { host: '0.0.0.0', port: 9443 },
      certificates: { kind: 'SelfSigned', extraNames: [] },
      clusterDomain: 'cluster.local',
      staleAfterSeconds: 60,
      failClosedAfterSeconds: 3600,
      configuration: { issuers: [{ name: 'a', groupsClaim: 'groups' }] },
      pod: undefined,
    },
  });
});

test('a replica is called after its pod, or as it is told', async () => {
  const base = [...NEEDED, `--configuration=${configuration(GOOD)}`, '--pod=operator-x'];
  expect(await readOptions(base, 'machine')).toMatchObject({ ok: true, value: { identity: 'operator-x' } });
  expect(await readOptions([...base, '--identity=me'], 'machine')).toMatchObject({
    ok: true,
    value: { identity: 'me' },
  });
});

test.each([
  [['--tls-name=a.test', '--tls-name=b.test'], { kind: 'SelfSigned', extraNames: ['a.test', 'b.test'] }],
  [['--certificates=Existing'], { kind: 'Existing' }],
  [['--tls-certificate=c', '--tls-key=k'], { kind: 'Files', certificateFile: 'c', keyFile: 'k' }],
])('certificates by %j', async (extra, certificates) => {
  const read = await readOptions([...NEEDED, `--configuration=${configuration(GOOD)}`, ...extra], 'machine');
  expect(read).toMatchObject({ ok: true, value: { certificates } });
});

test.each([
  ['an unknown option', ['--nmespace=x'], GOOD, 'BadOption'],
  ['a word', ['run'], GOOD, 'BadOption'],
  ['an address without a port', ['--control=localhost'], GOOD, 'BadOption'],
  ['a webhook without a port', ['--admission=localhost'], GOOD, 'BadOption'],
  ['no number of seconds', ['--stale-after=soon'], GOOD, 'BadOption'],
  ['closing before staleness', ['--stale-after=60', '--fail-closed-after=59'], GOOD, 'BadOption'],
  ['a certificate without its key', ['--tls-certificate=c'], GOOD, 'BadOption'],
  [
    'certificates from two places',
    ['--certificates=SelfSigned', '--tls-certificate=c', '--tls-key=k'],
    GOOD,
    'BadOption',
  ],
  ['certificates from nowhere', ['--certificates=Mine'], GOOD, 'BadOption'],
  ['a name for a certificate of somebody else', ['--certificates=Existing', '--tls-name=a.test'], GOOD, 'BadOption'],
  ['a configuration that is none', [], 'kind: Target', 'BadConfiguration'],
  ['a configuration that is no YAML', [], '{', 'BadConfiguration'],
  ['a misspelt field', [], `${GOOD}isuers: []\n`, 'BadConfiguration'],
])('%s is refused', async (_, extra, text, code) => {
  const read = await readOptions([...NEEDED, `--configuration=${configuration(text)}`, ...extra], 'machine');
  expect(read).toMatchObject({ ok: false, fault: { code } });
});

test.each(NEEDED.map((_, index) => [index]))('needed option %d may not be missing', async (index) => {
  const parameters = NEEDED.filter((_, at) => at !== index);
  expect(await readOptions([...parameters, `--configuration=${configuration(GOOD)}`], 'machine')).toMatchObject({
    ok: false,
  });
});

test('a configuration that is not there is refused', async () => {
  expect(await readOptions([...NEEDED, `--configuration=${join(folder, 'none')}`], 'm')).toMatchObject({
    ok: false,
    fault: { code: 'BadConfiguration' },
  });
});

test.each([
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['0.0.0.0:65535', { host: '0.0.0.0', port: 65_535 }],
  ['[::1]:8443', { host: '::1', port: 8_443 }],
  ['0.0.0.0:65536', undefined],
  ['::1:8443', undefined],
  [':8443', undefined],
  ['host', undefined],
  ['host:', undefined],
  ['host:80x', undefined],
])('the address %s', (text, expected) => {
  expect(parseAddress(text)).toEqual(expected);
});
