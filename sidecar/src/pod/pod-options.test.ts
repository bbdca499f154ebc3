import { expect, test } from '@jest/globals';
import { readPodOptions } from './pod-options.ts';

const ENVIRONMENT = { SIDEGATE_ROOT: '-----BEGIN CERTIFICATE-----\n', SIDEGATE_POD_UID: 'u1' };
const FLAGS = ['--control', 'https://operator:8443', '--store', 'https://store:8443', '--upstream-dns', '10.0.0.1'];

test('what injection gives is enough; everything else has its place', () => {
  expect(readPodOptions(FLAGS, ENVIRONMENT)).toEqual({
    ok: true,
    value: {
      control: 'https://operator:8443',
      store: 'https://store:8443',
      upstreamDns: ['10.0.0.1'],
      root: ENVIRONMENT.SIDEGATE_ROOT,
      podUid: 'u1',
      startClosed: false,
      dnsPort: 53,
      stateFolder: '/var/lib/sidegate',
      spoolFolder: '/var/spool/sidegate',
      trustFolder: '/var/run/sidegate/trust',
      tokenFile: '/var/run/secrets/sidegate/token',
      resolvConf: '/etc/resolv.conf',
    },
  });
});

test.each<[what: string, flags: readonly string[], environment: Record<string, string>, expected: RegExp]>([
  ['no operator', FLAGS.slice(2), ENVIRONMENT, /--control/],
  ['an operator without TLS', [...FLAGS, '--control', 'http://operator:80'], ENVIRONMENT, /--control must be an https/],
  ['a store without TLS', [...FLAGS, '--store', 'store:8443'], ENVIRONMENT, /--store must be an https URL/],
  ['no name server', FLAGS.slice(0, 4), ENVIRONMENT, /--upstream-dns/],
  ['no root', FLAGS, { ...ENVIRONMENT, SIDEGATE_ROOT: '' }, /SIDEGATE_ROOT/],
  ['no pod', FLAGS, { SIDEGATE_ROOT: ENVIRONMENT.SIDEGATE_ROOT }, /SIDEGATE_POD_UID/],
  ['a port that is none', [...FLAGS, '--dns-port', '65536'], ENVIRONMENT, /--dns-port/],
  ['an unknown flag', [...FLAGS, '--open'], ENVIRONMENT, /--open/],
])('%s is refused', (_what, flags, environment, expected) => {
  const read = readPodOptions(flags, environment);
  expect(read.ok ? '' : read.fault.message).toMatch(expected);
});
