import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { tokenDigest } from './ingest/bearer.ts';
import type { ApiServerAddress } from './kubernetes/api-server.ts';
import type { RetentionLimits } from './retention/retention.ts';
import type { PairFiles } from './serving-pair.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface StoreConfig {
  readonly directory: string;
  readonly listen: Address;
  readonly ingest: IngestMode;
  readonly ownerSocket: string;
  readonly metrics: Address | undefined;
  readonly limits: RetentionLimits;
  readonly segmentBytesMax: number;
  readonly diskReserveBytes: number;
  readonly tidyEveryMs: number;
  readonly json: boolean;
}

/** How gates show who they are: with one token, in clear on loopback; or each with its pod's, over TLS. */
export type IngestMode =
  | { readonly kind: 'Token'; readonly sha256: Uint8Array }
  | { readonly kind: 'Kubernetes'; readonly server: ApiServerAddress; readonly pair: PairFiles };

export type ConfigFault = Fault<'BadFlag' | 'BadToken'>;

export const USAGE = `sidegate-store: keeps the records of sessions

  --data DIR                 where everything is kept (needed)
  --ingest-token-file FILE   holds the token that gates must bear; then without TLS, on loopback only
  --token-review               instead: gates of pods bear their own tokens, and the API server says whose they are
  --tls-certificate FILE     with --token-review: what is served with; read again when it changes
  --tls-key FILE
  --api-server URL           with --token-review                         (that of the pod's cluster)
  --service-account DIR      with --token-review: token and ca.crt       (/var/run/secrets/kubernetes.io/serviceaccount)
  --listen HOST:PORT         where gates send records                  (127.0.0.1:0; with --token-review 0.0.0.0:8443)
  --owner-socket PATH        where the owner reads                     (DIR/owner/reader.sock)
  --metrics HOST:PORT        serves /metrics there                     (off)
  --max-bytes SIZE           segment files together, such as 20Gi      (no limit)
  --max-age-days DAYS        closed sessions that are older go         (no limit)
  --silence-seconds SECONDS  a gate that is gone for longer is given up (300)
  --segment-bytes SIZE       size of one segment file                  (64Mi)
  --disk-reserve-bytes SIZE  free space that is left on the disk       (256Mi)
  --tidy-seconds SECONDS     how often limits are looked after         (60)
  --json                     one JSON object a line on standard output
  --help
`;

const FLAGS = {
  data: { type: 'string' },
  'ingest-token-file': { type: 'string' },
  'token-review': { type: 'boolean', default: false },
  'tls-certificate': { type: 'string' },
  'tls-key': { type: 'string' },
  'api-server': { type: 'string' },
  'service-account': { type: 'string', default: '/var/run/secrets/kubernetes.io/serviceaccount' },
  listen: { type: 'string' },
  'owner-socket': { type: 'string' },
  metrics: { type: 'string' },
  'max-bytes': { type: 'string', default: '0' },
  'max-age-days': { type: 'string', default: '0' },
  'silence-seconds': { type: 'string', default: '300' },
  'segment-bytes': { type: 'string', default: '64Mi' },
  'disk-reserve-bytes': { type: 'string', default: '256Mi' },
  'tidy-seconds': { type: 'string', default: '60' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const LOOPBACK: Address = { host: '127.0.0.1', port: 0 };
const CLUSTER_ADDRESS: Address = { host: '0.0.0.0', port: 8443 };

/** A token is at least this long, so that it cannot be guessed. */
const TOKEN_CHARACTERS_MIN = 16;

/** A Unix socket's path may have this many bytes on every system that Node runs on. */
const SOCKET_PATH_BYTES_MAX = 103;

/** Reads the command line and the token file. Undefined: help was asked for. `environment` says where the cluster of this pod is. */
export function readConfig(
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Result<StoreConfig | undefined, ConfigFault> {
  const flags = parseFlags(parameters);
  if (!flags.ok) return flags;
  const { value: given } = flags;
  if (given.help) return ok(undefined);
  const reader = new FlagReader(given);
  const directory = reader.needed('data');
  const ownerSocket = given['owner-socket'] ?? join(directory, 'owner', 'reader.sock');
  const config = {
    directory,
    ownerSocket,
    listen: reader.address('listen') ?? (given['token-review'] ? CLUSTER_ADDRESS : LOOPBACK),
    metrics: reader.address('metrics'),
    limits: {
      ageMaxMs: reader.number('max-age-days') * 86_400_000,
      bytesMax: reader.bytes('max-bytes'),
      silenceMs: reader.number('silence-seconds') * 1000,
    },
    segmentBytesMax: reader.bytes('segment-bytes'),
    diskReserveBytes: reader.bytes('disk-reserve-bytes'),
    tidyEveryMs: reader.number('tidy-seconds') * 1000,
    json: given.json,
  };
  if (reader.fault !== undefined) return fail(reader.fault);
  if (!given['token-review'] && !isLoopback(config.listen.host)) {
    return fail({
      code: 'BadFlag',
      message: `Records are taken without TLS, so only on loopback, not on ${config.listen.host}.`,
      where: '--listen',
      mend: 'Use 127.0.0.1 or [::1], or --token-review.',
    });
  }
  if (Buffer.byteLength(ownerSocket) > SOCKET_PATH_BYTES_MAX) {
    return fail({
      code: 'BadFlag',
      message: `A socket's path may have ${SOCKET_PATH_BYTES_MAX} bytes; ${ownerSocket} has more.`,
      where: '--owner-socket',
      mend: 'Name a shorter path.',
    });
  }
  const ingest = given['token-review'] ? readKubernetes(given, environment) : readTokenMode(given);
  return ingest.ok ? ok({ ...config, ingest: ingest.value }) : ingest;
}

function readTokenMode(given: Flags): Result<IngestMode, ConfigFault> {
  const { 'ingest-token-file': file, 'tls-certificate': certificate, 'tls-key': key, 'api-server': server } = given;
  if (certificate !== undefined || key !== undefined || server !== undefined)
    return bad('--token-review', 'TLS and the API server are for --token-review.', 'Add it, or take the others away.');
  if (file === undefined) return bad('--ingest-token-file', 'It is needed without --token-review.', 'See --help.');
  const token = readToken(file);
  return token.ok ? ok({ kind: 'Token', sha256: token.value }) : token;
}

function readKubernetes(
  given: Flags,
  environment: Readonly<Record<string, string | undefined>>,
): Result<IngestMode, ConfigFault> {
  const { 'tls-certificate': certificateFile, 'tls-key': keyFile, 'service-account': folder } = given;
  if (given['ingest-token-file'] !== undefined)
    return bad('--ingest-token-file', 'With --token-review no token is shared.', 'Take it away.');
  if (certificateFile === undefined || keyFile === undefined)
    return bad('--tls-certificate', 'With --token-review certificate and key are needed.', 'See --help.');
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  const url = given['api-server'] ?? (host === '' ? '' : `https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  if (!URL.canParse(url) || !url.startsWith('https://'))
    return bad('--api-server', 'It is not known where the API server is.', 'Give its https URL, or run in a pod.');
  const server = { url, tokenFile: join(folder, 'token'), caFile: join(folder, 'ca.crt') };
  return ok({ kind: 'Kubernetes', server, pair: { certificateFile, keyFile } });
}

function bad(where: string, message: string, mend: string): Result<never, ConfigFault> {
  return fail({ code: 'BadFlag', message, where, mend });
}

type Flags = ReturnType<typeof parseArgs<{ readonly options: typeof FLAGS }>>['values'];

function parseFlags(parameters: readonly string[]): Result<Flags, ConfigFault> {
  try {
    return ok(parseArgs({ args: [...parameters], options: FLAGS, strict: true }).values);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return fail({ code: 'BadFlag', message, mend: 'See --help.' });
  }
}

function readToken(file: string): Result<Uint8Array, ConfigFault> {
  try {
    const token = readFileSync(file, 'utf8').trim();
    if (token.length >= TOKEN_CHARACTERS_MIN && !/\s/u.test(token)) return ok(tokenDigest(token));
    return fail({
      code: 'BadToken',
      message: `The ingest token must be one word of at least ${TOKEN_CHARACTERS_MIN} characters.`,
      where: file,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail({ code: 'BadToken', message: `The ingest token cannot be read: ${reason}.`, where: file });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Reads flags one by one and keeps the first fault. */
class FlagReader {
  readonly #flags: Flags;
  fault: ConfigFault | undefined;

  constructor(flags: Flags) {
    this.#flags = flags;
  }

  needed(name: 'data'): string {
    const value = this.#flags[name];
    if (value === undefined || value === '') this.#blame(name, 'It is needed.', 'See --help.');
    return value ?? '';
  }

  number(name: 'max-age-days' | 'silence-seconds' | 'tidy-seconds'): number {
    const value = this.#flags[name];
    if (/^\d{1,9}(\.\d{1,6})?$/u.test(value)) return Number(value);
    this.#blame(name, `${value} is no number.`, 'Give a number such as 30.');
    return 0;
  }

  bytes(name: 'max-bytes' | 'segment-bytes' | 'disk-reserve-bytes'): number {
    const value = this.#flags[name];
    const [, digits, unit = ''] = /^(\d{1,12})(Ki|Mi|Gi|Ti)?$/u.exec(value) ?? [];
    if (digits === undefined) {
      this.#blame(name, `${value} is no size.`, 'Give bytes, or a number with Ki, Mi, Gi or Ti.');
      return 0;
    }
    return Number(digits) * 1024 ** ['', 'Ki', 'Mi', 'Gi', 'Ti'].indexOf(unit);
  }

  address(name: 'listen' | 'metrics'): Address | undefined {
    const value = this.#flags[name];
    if (value === undefined) return undefined;
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/u.exec(value) ?? [];
    const host = bracketed ?? plain;
    if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
    this.#blame(name, `${value} is no HOST:PORT.`, 'Give, for example, 127.0.0.1:0.');
    return undefined;
  }

  #blame(name: string, message: string, mend: string): void {
    this.fault ??= { code: 'BadFlag', message, where: `--${name}`, mend };
  }
}
