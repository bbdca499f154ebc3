import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Claims } from '@sidegate/policy';
import { BodyReader } from './codec.ts';
import {
  CANCEL_REQUEST_CODE,
  GSSENC_REQUEST_CODE,
  PROTOCOL_3_0,
  PROTOCOL_3_2,
  SSL_REQUEST_CODE,
} from './codec-writer.ts';

/** The server's own limit for a start-up packet, in bytes. */
export const STARTUP_BYTES_MAX = 10_000;
const CANCEL_KEY_BYTES_MAX = 256;

/** What the first packets of a connection ask for. */
export type FirstPacket =
  | { readonly kind: 'Tls' }
  | { readonly kind: 'GssEncryption' }
  | { readonly kind: 'Cancel'; readonly key: string }
  | { readonly kind: 'Startup'; readonly startup: Startup };

export interface Startup {
  /** The version that both sides speak from here on. */
  readonly version: number;
  /** True when the agent asked for more than that, or for protocol options that nobody knows: it must be told. */
  readonly negotiate: boolean;
  readonly unknownOptions: readonly string[];
  readonly user: string;
  readonly database: string;
  /** Settings for the server; they were checked against the list of those that change no meaning that is not tracked. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly oauth: boolean;
  readonly claims: Claims;
}

export type StartupFault = Fault<'Malformed' | 'UnknownProtocol' | 'Replication' | 'UnknownSetting'>;

/** A key under which a session can be found for cancels. */
export function cancelKeyName(processId: number, key: Uint8Array): string {
  return `${processId >>> 0}/${Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex')}`;
}

/** Reads a packet without type byte, length included. */
export function readFirstPacket(packet: Uint8Array): Result<FirstPacket, StartupFault> {
  const body = new BodyReader(packet, 4);
  const code = body.int32();
  if (body.failed) return malformed();
  switch (code) {
    case SSL_REQUEST_CODE:
      return body.complete ? ok({ kind: 'Tls' }) : malformed();
    case GSSENC_REQUEST_CODE:
      return body.complete ? ok({ kind: 'GssEncryption' }) : malformed();
    case CANCEL_REQUEST_CODE: {
      const processId = body.int32();
      const key = body.bytes(body.remaining);
      if (body.failed || key.length < 4 || key.length > CANCEL_KEY_BYTES_MAX) return malformed();
      return ok({ kind: 'Cancel', key: cancelKeyName(processId, key) });
    }
    default:
      return readStartup(code, body);
  }
}

function readStartup(code: number, body: BodyReader): Result<FirstPacket, StartupFault> {
  if (code >>> 16 !== 3)
    return fail({
      code: 'UnknownProtocol',
      message: `Protocol ${code >>> 16}.${code & 0xffff} is not spoken here.`,
      mend: 'Use protocol 3.0 or 3.2.',
    });
  const asked = new Map<string, string>();
  for (;;) {
    const name = body.string();
    if (body.failed) return malformed();
    if (name === '') break;
    asked.set(name, body.string());
  }
  if (!body.complete) return malformed();

  const version = (code & 0xffff) >= 2 ? PROTOCOL_3_2 : PROTOCOL_3_0;
  const unknownOptions = [...asked.keys()].filter((name) => name.startsWith('_pq_.'));
  const user = asked.get('user') ?? '';
  if (user === '') return fail({ code: 'Malformed', message: 'The start-up packet names no user.' });
  const settings = readSettings(asked);
  if (!settings.ok) return settings;
  const { parameters, own } = settings.value;
  return ok({
    kind: 'Startup',
    startup: {
      version,
      negotiate: code !== version || unknownOptions.length > 0,
      unknownOptions,
      user,
      database: asked.get('database') || user,
      parameters,
      oauth: own.get('auth') === 'oauthbearer',
      claims: claimsOf(own, parameters.get('application_name')),
    },
  });
}

interface Settings {
  readonly parameters: Map<string, string>;
  /** `-c sidegate.NAME=value`: meant for the gate, never passed on. */
  readonly own: Map<string, string>;
}

const REPLICATION_OFF = new Set(['', 'false', 'off', 'no', '0', 'f', 'n']);

/**
 * Settings that may be given at start-up: a SET would be judged, these would not, so only those pass that change no rights and no
 * meaning (or whose meaning is tracked).
 */
const PASSED = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'enable_seqscan',
  'extra_float_digits',
  'geqo',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'lock_timeout',
  'plan_cache_mode',
  'search_path',
  'standard_conforming_strings',
  'statement_timeout',
  'tcp_keepalives_idle',
  'tcp_user_timeout',
  'timezone',
  'transaction_timeout',
  'work_mem',
]);

function readSettings(asked: ReadonlyMap<string, string>): Result<Settings, StartupFault> {
  const parameters = new Map<string, string>();
  const own = new Map<string, string>();
  const take = (name: string, value: string): StartupFault | undefined => {
    const key = name.toLowerCase().replaceAll('-', '_');
    if (key.startsWith('sidegate.')) own.set(key.slice('sidegate.'.length), value);
    else if (PASSED.has(key)) parameters.set(name, value);
    else
      return {
        code: 'UnknownSetting',
        message: `The setting ${JSON.stringify(name)} may not be given at start-up.`,
        mend: 'Leave it out and use SET, which policy judges.',
      };
    return undefined;
  };
  for (const [name, value] of asked) {
    if (name === 'user' || name === 'database' || name.startsWith('_pq_.')) continue;
    if (name === 'replication') {
      if (REPLICATION_OFF.has(value.toLowerCase())) continue;
      return fail({ code: 'Replication', message: 'Replication connections do not pass.' });
    }
    if (name === 'options') {
      const options = readOptions(value);
      if (!options.ok) return options;
      for (const [option, setting] of options.value) {
        const fault = take(option, setting);
        if (fault !== undefined) return fail(fault);
      }
      continue;
    }
    const fault = take(name, value);
    if (fault !== undefined) return fail(fault);
  }
  return ok({ parameters, own });
}

/** `options` as the server's command line: words split at spaces, a backslash takes the next character as it is; `-c n=v`, `-cn=v`, `--n=v`. */
function readOptions(text: string): Result<readonly (readonly [string, string])[], StartupFault> {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') word = (word ?? '') + text.charAt(++at);
    else if (!/\s/u.test(character)) word = (word ?? '') + character;
    else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);

  const found: (readonly [string, string])[] = [];
  for (let at = 0; at < words.length; at++) {
    const option = words[at] ?? '';
    let assignment: string | undefined;
    if (option === '-c') assignment = words[++at];
    else if (option.startsWith('-c') || option.startsWith('--')) assignment = option.slice(2);
    const equals = assignment?.indexOf('=') ?? -1;
    if (assignment === undefined || equals < 1)
      return fail({
        code: 'UnknownSetting',
        message: `The start-up option ${JSON.stringify(option)} is not understood.`,
        mend: 'Write options as -c name=value.',
      });
    found.push([assignment.slice(0, equals), assignment.slice(equals + 1)]);
  }
  return ok(found);
}

const CLAIM_BYTES_MAX = 512;

function claimsOf(own: ReadonlyMap<string, string>, applicationName: string | undefined): Claims {
  const pick = (name: string): string | undefined => own.get(name)?.slice(0, CLAIM_BYTES_MAX);
  const agent = pick('agent');
  const run = pick('run');
  const task = pick('task');
  const onBehalfOf = pick('on_behalf_of');
  const traceparent = pick('traceparent');
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(run === undefined ? {} : { run }),
    ...(task === undefined ? {} : { task }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    ...(applicationName === undefined ? {} : { applicationName: applicationName.slice(0, CLAIM_BYTES_MAX) }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

function malformed(): Result<never, StartupFault> {
  return fail({ code: 'Malformed', message: 'The first packet is malformed.' });
}
