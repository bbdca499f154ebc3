import { parseArgs } from 'node:util';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** How the gate of a pod is started. Folders and the port have their places in the injected container; tests give others. */
export interface PodOptions {
  /** `https://HOST:PORT` of the operator. */
  readonly control: string;
  /** `https://HOST:PORT` of the store. */
  readonly store: string;
  /** Addresses of name servers, each with a port where it is not 53. */
  readonly upstreamDns: readonly string[];
  /** PEM: the only root that operator and store may come from. */
  readonly root: string;
  readonly podUid: string;
  /** Started as soon as names resolve, with every Target closed, when neither operator nor kept rules are there. */
  readonly startClosed: boolean;
  readonly dnsPort: number;
  readonly stateFolder: string;
  readonly spoolFolder: string;
  readonly trustFolder: string;
  readonly tokenFile: string;
  readonly resolvConf: string;
}

const FLAGS = {
  control: { type: 'string' },
  store: { type: 'string' },
  'upstream-dns': { type: 'string' },
  'start-closed': { type: 'boolean', default: false },
  'dns-port': { type: 'string', default: '53' },
  state: { type: 'string', default: '/var/lib/sidegate' },
  spool: { type: 'string', default: '/var/spool/sidegate' },
  trust: { type: 'string', default: '/var/run/sidegate/trust' },
  'token-file': { type: 'string', default: '/var/run/secrets/sidegate/token' },
  'resolv-conf': { type: 'string', default: '/etc/resolv.conf' },
} as const;

/** Reads flags and environment; the fault says what is missing or wrong. */
export function readPodOptions(
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Result<PodOptions, Fault<'BadOptions'>> {
  let values;
  try {
    ({ values } = parseArgs({ args: [...parameters], options: FLAGS }));
  } catch (error) {
    return bad(String(error));
  }
  const { control = '', store = '' } = values;
  for (const [flag, url] of Object.entries({ control, store }))
    if (!isSecureUrl(url)) return bad(`--${flag} must be an https URL, not "${url}"`);
  const upstreamDns = (values['upstream-dns'] ?? '').split(',').filter((one) => one !== '');
  if (upstreamDns.length === 0) return bad('--upstream-dns names no name server');
  const { SIDEGATE_ROOT: root = '', SIDEGATE_POD_UID: podUid = '' } = environment;
  if (!root.includes('-----BEGIN CERTIFICATE-----')) return bad('SIDEGATE_ROOT holds no PEM certificate');
  if (podUid === '') return bad('SIDEGATE_POD_UID is not set');
  const dnsPort = Number(values['dns-port']);
  if (!Number.isInteger(dnsPort) || dnsPort < 0 || dnsPort > 65_535) return bad('--dns-port is no port');
  return ok({
    control,
    store,
    upstreamDns,
    root,
    podUid,
    startClosed: values['start-closed'],
    dnsPort,
    stateFolder: values.state,
    spoolFolder: values.spool,
    trustFolder: values.trust,
    tokenFile: values['token-file'],
    resolvConf: values['resolv-conf'],
  });
}

function bad(message: string): Result<PodOptions, Fault<'BadOptions'>> {
  return fail({ code: 'BadOptions', message: `The gate cannot start: ${message}.` });
}

function isSecureUrl(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}
