import { FORMER_KEY, SETTING_KEYS, START_CLOSED_KEY } from './injection-settings.ts';
import { ALLOWED_CIDRS_KEY, EGRESS_KEY, LOCK_IMAGE_KEY } from './lock-settings.ts';

/**
 * Key of the ConfigMap of the injection, optional, written by the operator: a JSON list of what it saw set, newest first. `former` is written by
 * whoever installs, who may not know what was there: `helm rollback` and `kubectl apply` write what a file says.
 */
export const SEEN_KEY = 'seen';

const SEEN_MAX = 16;
/** So many entries the list of former settings may have. */
const FORMER_MAX = 32;

type Texts = Readonly<Record<string, string>>;

const { root: _root, ...WITHOUT_ROOT } = SETTING_KEYS;
const NEEDED: readonly string[] = Object.values(WITHOUT_ROOT);
/** What holds where nothing is said. */
const OPTIONAL: Texts = {
  [START_CLOSED_KEY]: 'false',
  [EGRESS_KEY]: 'Open',
  [LOCK_IMAGE_KEY]: '',
  [ALLOWED_CIDRS_KEY]: '',
};

/** The list with what is set now at its front. Settings that lack something inject nothing, so they are not kept. */
export function settingsSeen(data: Texts): readonly Texts[] {
  const before = listed(data[SEEN_KEY]) ?? [];
  if (NEEDED.some((key) => (data[key] ?? '') === '')) return before;
  const now = whole(data, {});
  return [now, ...before.filter((one) => !isSame(one, now))].slice(0, SEEN_MAX);
}

/** The ConfigMap's data with what was seen before as former settings. */
export function withSeenSettings({ [SEEN_KEY]: seen, ...data }: Texts): Texts {
  const former = listed(data[FORMER_KEY] ?? '[]');
  if (former === undefined) return data;
  const known = [data, ...former.filter((one) => one[SETTING_KEYS.root] === undefined)].map((one) => whole(one, data));
  const more = (listed(seen) ?? []).filter((one) => !known.some((other) => isSame(one, other)));
  if (more.length === 0) return data;
  return { ...data, [FORMER_KEY]: JSON.stringify([...former, ...more].slice(0, FORMER_MAX)) };
}

/** Every key, in one order. What a former setting that is needed leaves out is as it is now. */
function whole(settings: Texts, now: Texts): Texts {
  const needed = NEEDED.map((key): [string, string] => [key, settings[key] ?? now[key] ?? '']);
  const optional = Object.entries(OPTIONAL).map(([key, otherwise]): [string, string] => [
    key,
    settings[key] ?? otherwise,
  ]);
  return Object.fromEntries([...needed, ...optional]);
}

function isSame(one: Texts, other: Texts): boolean {
  return JSON.stringify(whole(one, {})) === JSON.stringify(whole(other, {}));
}

/** Undefined for what is no list of objects that hold texts. */
function listed(text = '[]'): readonly Texts[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every(isTexts) ? list : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is Texts {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === 'string')
  );
}
