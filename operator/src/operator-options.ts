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
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly staleAfterSeconds: number;
  readonly failClosedAfterSeconds: number;
  readonly kubeconfig: string | undefined;
  /** The pod that this replica is: it is labelled while it leads, so that gates find it. Undefined outside of a cluster. */
  readonly pod: string | undefined;
}

export type OptionsFault = Fault<'BadOption' | 'BadConfiguration'>;

export const USAGE = `sidegate-operator --configuration FILE --namespace NAME --tls-certificate FILE --tls-key FILE
  [--identity NAME] [--control HOST:PORT] [--probes HOST:PORT] [--stale-after SECONDS]
  [--fail-closed-after SECONDS] [--kubeconfig FILE] [--pod NAME]
`;

const OPTIONS = {
  configuration: { type: 'string' },
  namespace: { type: 'string' },
  identity: { type: 'string' },
  control: { type: 'string', default: '0.0.0.0:8443' },
  probes: { type: 'string', default: '0.0.0.0:8080' },
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
  const { namespace, configuration, 'tls-certificate': certificateFile, 'tls-key': keyFile } = values;
  if (namespace === undefined || configuration === undefined) return bad('--namespace and --configuration are needed.');
  if (certificateFile === undefined || keyFile === undefined) return bad('--tls-certificate and --tls-key are needed.');
  const [control, probes] = [parseAddress(values.control), parseAddress(values.probes)];
  if (control === undefined || probes === undefined) return bad('--control and --probes are HOST:PORT.');
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
    certificateFile,
    keyFile,
    staleAfterSeconds,
    failClosedAfterSeconds,
    kubeconfig: values.kubeconfig,
    pod: values.pod,
  });
}

function parseOptions(parameters: readonly string[]) {
  return parseArgs({ args: [...parameters], options: OPTIONS }).values;
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
