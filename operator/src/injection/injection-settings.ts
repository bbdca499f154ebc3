import { isIP } from 'node:net';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { LockSettings } from './egress-lock.ts';
import { readLock } from './lock-settings.ts';

/** The ConfigMap in the operator's namespace that says what is injected where the cluster differs from others. */
export const INJECTION_CONFIG_MAP = 'sidegate-injection';

/** What of an injected gate differs from cluster to cluster. */
export interface InjectionSettings {
  readonly image: string;
  /** https URL of the operator's control stream. */
  readonly control: string;
  /** https URL of the central store. */
  readonly store: string;
  /** Addresses of the name servers that the gate asks, joined with commas. */
  readonly upstreamDns: string;
  readonly clusterDomain: string;
  /** PEM: what operator and store are verified with. */
  readonly root: string;
  /** The gate's flag that lets a pod start with every Target closed while there is no operator; without it the pod waits. */
  readonly startClosed?: string;
  /** What closes the pod's network to all but the gate; without it egress is open. */
  readonly lock?: LockSettings;
}

type TextSetting = Exclude<keyof InjectionSettings, 'startClosed' | 'lock'>;

/** Keys of the ConfigMap that all must be there. */
export const SETTING_KEYS = {
  image: 'image',
  control: 'control',
  store: 'store',
  upstreamDns: 'upstream-dns',
  clusterDomain: 'cluster-domain',
  root: 'root.crt',
} as const satisfies Readonly<Record<TextSetting, string>>;

/**
 * Key, optional: a JSON list of what was set before, one object with the same keys for each; a key that it leaves out is as it is now. Gates that
 * were injected so go on working.
 */
export const FORMER_KEY = 'former';

/** Key, optional: `true` lets pods start with every Target closed while there is no operator. In `former` it is as said there, and else not so. */
export const START_CLOSED_KEY = 'start-closed';
export const START_CLOSED_FLAG = '--start-closed';

/** Key, optional: `true` lets a namespace keep its service-account tokens by annotation. */
export const KEEP_TOKEN_KEY = 'allow-service-account-tokens';

/** Key, optional: folders and files of the node that pods may mount, joined with commas. */
export const HOST_PATHS_KEY = 'allowed-host-paths';

/** What is set now, and what was set for gates that still run. */
export interface InjectionHistory {
  readonly current: InjectionSettings;
  readonly former: readonly InjectionSettings[];
  /** Whether a namespace may keep its service-account tokens, by annotation. */
  readonly allowsTokens: boolean;
  /** Folders and files of the node that pods may mount. */
  readonly hostPaths: readonly string[];
}

/** `NoSettings`: the ConfigMap does not say what to inject, so no gate can be trusted. */
export type SettingsFault = Fault<'NoSettings'>;

const FORMER_MAX = 32;
const DOMAIN = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** What is wrong with a value: a phrase after the key's name. Undefined when nothing is. */
const WRONG: { readonly [Key in TextSetting]: (value: string) => string | undefined } = {
  image: (value) => (/^\S+$/.test(value) ? undefined : 'is no image'),
  control: httpsFault,
  store: httpsFault,
  upstreamDns: (value) => (value.split(',').every((one) => isIP(one) !== 0) ? undefined : 'is no list of IP addresses'),
  clusterDomain: (value) => (DOMAIN.test(value) ? undefined : 'is no domain'),
  root: (value) => (value.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'is no certificate (PEM)'),
};

/** Reads the data of the ConfigMap. */
export function readInjectionSettings(data: Readonly<Record<string, string>>): Result<InjectionHistory, SettingsFault> {
  const current = readOne(data, {});
  if (!current.ok) return current;
  const listed = readFormer(data[FORMER_KEY] ?? '[]');
  if (listed === undefined)
    return noSettings(`The key ${FORMER_KEY} is no JSON list of at most ${FORMER_MAX} objects that hold texts.`);
  const former: InjectionSettings[] = [];
  for (const one of listed) {
    const read = readOne(one, data);
    if (!read.ok) return noSettings(`In ${FORMER_KEY}: ${read.fault.message}`);
    former.push(read.value);
  }
  const hostPaths = (data[HOST_PATHS_KEY] ?? '').split(',').filter((path) => path !== '');
  return ok({ current: current.value, former, allowsTokens: data[KEEP_TOKEN_KEY] === 'true', hostPaths });
}

function readOne(
  data: Readonly<Record<string, string>>,
  otherwise: Readonly<Record<string, string>>,
): Result<InjectionSettings, SettingsFault> {
  const value = (key: TextSetting): string => data[SETTING_KEYS[key]] ?? otherwise[SETTING_KEYS[key]] ?? '';
  for (const [key, wrong] of Object.entries(WRONG)) {
    const name = SETTING_KEYS[key as TextSetting];
    const text = value(key as TextSetting);
    const why = text === '' ? 'is missing' : wrong(text);
    if (why !== undefined) return noSettings(`The key ${name} ${why}.`);
  }
  const lock = readLock(data, otherwise);
  if (!lock.ok) return noSettings(lock.fault.message);
  return ok({
    image: value('image'),
    control: value('control'),
    store: value('store'),
    upstreamDns: value('upstreamDns'),
    clusterDomain: value('clusterDomain'),
    root: value('root'),
    ...(data[START_CLOSED_KEY] === 'true' ? { startClosed: START_CLOSED_FLAG } : {}),
    ...(lock.value === undefined ? {} : { lock: lock.value }),
  });
}

function readFormer(text: string): readonly Readonly<Record<string, string>>[] | undefined {
  try {
    const listed: unknown = JSON.parse(text);
    if (!Array.isArray(listed) || listed.length > FORMER_MAX) return undefined;
    return listed.every(isTexts) ? listed : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === 'string')
  );
}

function httpsFault(value: string): string | undefined {
  return URL.canParse(value) && new URL(value).protocol === 'https:' ? undefined : 'is no https URL';
}

function noSettings(message: string): Result<never, SettingsFault> {
  const where = `ConfigMap ${INJECTION_CONFIG_MAP}`;
  return fail({
    code: 'NoSettings',
    message,
    where,
    mend: 'Install the chart again with the value set; the operator adds root.crt by itself.',
  });
}
