import { FORMER_KEY, SETTING_KEYS } from '../injection/injection-settings.ts';

/**
 * Key of the ConfigMap of the injection, optional, written by the operator: a JSON list of what stood under `root.crt` before. Gates that were
 * injected so go on working.
 */
export const FORMER_ROOTS_KEY = 'former-roots';

const FORMER_ROOTS_MAX = 8;
/** So many entries the list of former settings may have. */
const FORMER_MAX = 32;

type Texts = Readonly<Record<string, string>>;

/** The list when `root` takes the place of what is there; a list that cannot be read counts as empty, which closes the gates that it spoke for. */
export function formerRoots(data: Texts, root: string): readonly string[] {
  const before = data[SETTING_KEYS.root] ?? '';
  const all = [before, ...listed(data)].filter((one) => one !== '' && one !== root);
  return [...new Set(all)].slice(0, FORMER_ROOTS_MAX);
}

/**
 * The ConfigMap's data with each former root as former settings: with all as it is set now, and with each of the former settings that names no root.
 * Where there would be too many, the earliest are left out.
 */
export function withFormerRoots(data: Texts): Texts {
  const roots = listed(data);
  const former = parsed(data[FORMER_KEY] ?? '[]');
  if (roots.length === 0 || former === undefined) return data;
  const { [FORMER_ROOTS_KEY]: _roots, [FORMER_KEY]: _former, ...now } = data;
  const rootless = former.filter((one) => Object(one)[SETTING_KEYS.root] === undefined);
  const under = (root: string): readonly object[] =>
    rootless.map((one) => ({ ...Object(one), [SETTING_KEYS.root]: root }));
  const all = [...roots.map((root) => ({ ...now, [SETTING_KEYS.root]: root })), ...former, ...roots.flatMap(under)];
  return { ...data, [FORMER_KEY]: JSON.stringify(all.slice(0, FORMER_MAX)) };
}

function listed(data: Texts): readonly string[] {
  const list = parsed(data[FORMER_ROOTS_KEY] ?? '[]') ?? [];
  return list.filter((one) => typeof one === 'string');
}

function parsed(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}
