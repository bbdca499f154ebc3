import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type Configuration, describeFault, type Fault, fail, ok, type Result } from '@sidegate/crds';
import { validateConfiguration } from '@sidegate/crds/schema';
import { parse } from 'yaml';
import { type Address, parseAddress } from './listen-address.ts';

/** What the program was started with. */
export interface StartOptions {
  readonly configuration: Configuration;
  /** The namespace that the operator runs in: its Lease and its key are there. */
  readonly namespace: string;
  /** The name of this replica. */
  readonly identity: string;
  readonly control: Address;
  readonly probes: Address;
  /** Where admission webhooks are served. */
  readonly admission: Address;
  readonly certificates: CertificateChoice;
  /** The domain of the cluster's Services. */
  readonly clusterDomain: string;
  readonly staleAfterSeconds: number;
  readonly failClosedAfterSeconds: number;
  readonly kubeconfig: string | undefined;
  /** The pod that this replica is: it is labelled while it leads, so that gates find it. Undefined outside of a cluster. */
  readonly pod: string | undefined;
}

/**
 * Where certificates come from. `SelfSigned`: the leader makes a root and all serving certificates, and `extraNames` are names of the control
 * stream beside its Service's. `Existing`: somebody else writes the same Secrets. `Files`: the operator's own comes from files, and it cares for no other.
 */
export type CertificateChoice =
  | { readonly kind: 'SelfSigned'; readonly extraNames: readonly string[] }
  | { readonly kind: 'Existing' }
  | { readonly kind: 'Files'; readonly certificateFile: string; readonly keyFile: string };

export type OptionsFault = Fault<'BadOption' | 'BadConfiguration'>;

export const USAGE = `sidegate-operator --configuration FILE --namespace NAME
  [--certificates SelfSigned|Existing] [--tls-name NAME]... [--tls-certificate FILE --tls-key FILE] [--cluster-domain DOMAIN]
  [--identity NAME] [--control HOST:PORT] [--probes HOST:PORT] [--admission HOST:PORT]
  [--stale-after SECONDS]
  [--fail-closed-after SECONDS] [--kubeconfig FILE] [--pod NAME]
`;

const OPTIONS = {
  configuration: { type: 'string' },
  namespace: { type: 'string' },
  identity: { type: 'string' },
  control: { type: 'string', default: '0.0.0.0:8443' },
  probes: { type: 'string', default: '0.0.0.0:8080' },
  admission: { type: 'string', default: '0.0.0.0:9443' },
  certificates: { type: 'string' },
  'tls-name': { type: 'string', multiple: true },
  'cluster-domain': { type: 'string', default: 'cluster.local' },
  'tls-certificate': { type: 'string' },
  'tls-key': { type: 'string' },
  'stale-after': { type: 'string', default: '60' },
  'fail-closed-after': { type: 'string', default: '3600' },
  kubeconfig: { type: 'string' },
  pod: { type: 'string' },
} as const;

/** Reads the command line and the configuration that it names. `host` is this machine's name. */
export async function readOptions(
  parameters: readonly string[],
  host: string,
): Promise<Result<StartOptions, OptionsFault>> {
  let values: ReturnType<typeof parseOptions>;
  try {
    values = parseOptions(parameters);
  } catch (error) {
    return bad(error instanceof Error ? error.message : 'The options cannot be read.');
  }
  const { namespace, configuration } = values;
  if (namespace === undefined || configuration === undefined) return bad('--namespace and --configuration are needed.');
  const certificates = readCertificates(values);
  if (!certificates.ok) return certificates;
  const [control, probes, admission] = [values.control, values.probes, values.admission].map(parseAddress);
  if (control === undefined || probes === undefined || admission === undefined)
    return bad('--control, --probes and --admission are HOST:PORT.');
  const staleAfterSeconds = readSeconds(values['stale-after']);
  const failClosedAfterSeconds = readSeconds(values['fail-closed-after']);
  if (
    staleAfterSeconds === undefined ||
    failClosedAfterSeconds === undefined ||
    failClosedAfterSeconds < staleAfterSeconds
  )
    return bad('--stale-after and --fail-closed-after are whole seconds, the second no fewer than the first.');
  const read = await readConfiguration(configuration);
  if (!read.ok) return read;
  return ok({
    configuration: read.value,
    namespace,
    identity: values.identity ?? values.pod ?? host,
    control,
    probes,
    admission,
    certificates: certificates.value,
    clusterDomain: values['cluster-domain'],
    staleAfterSeconds,
    failClosedAfterSeconds,
    kubeconfig: values.kubeconfig,
    pod: values.pod,
  });
}

function parseOptions(parameters: readonly string[]) {
  return parseArgs({ args: [...parameters], options: OPTIONS }).values;
}

function readCertificates({
  certificates: kind,
  'tls-name': extraNames = [],
  'tls-certificate': certificateFile,
  'tls-key': keyFile,
}: ReturnType<typeof parseOptions>): Result<CertificateChoice, OptionsFault> {
  if (certificateFile !== undefined || keyFile !== undefined) {
    if (certificateFile === undefined || keyFile === undefined)
      return bad('--tls-certificate and --tls-key go together.');
    if (kind !== undefined || extraNames.length > 0)
      return bad('--certificates and --tls-name are of no use with files.');
    return ok({ kind: 'Files', certificateFile, keyFile });
  }
  if (kind === undefined || kind === 'SelfSigned') return ok({ kind: 'SelfSigned', extraNames });
  if (kind !== 'Existing') return bad('--certificates is SelfSigned or Existing.');
  if (extraNames.length > 0) return bad('--tls-name is for certificates that the operator makes.');
  return ok({ kind });
}

function bad(message: string): Result<never, OptionsFault> {
  return fail({ code: 'BadOption', message, mend: USAGE });
}

function readSeconds(text: string): number | undefined {
  return /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}

async function readConfiguration(file: string): Promise<Result<Configuration, OptionsFault>> {
  try {
    const checked = validateConfiguration(parse(await readFile(file, 'utf8')));
    if (checked.ok) return checked;
    const message = checked.fault.map(describeFault).join(' ');
    return fail({ code: 'BadConfiguration', message, where: file });
  } catch (error) {
    const message = `It cannot be read: ${error instanceof Error ? error.message : 'unknown reason'}.`;
    return fail({ code: 'BadConfiguration', message, where: file });
  }
}
