import type { Node } from 'libpg-query';

/** The kind of a node and what it holds. */
export function kindOf(node: Node): string {
  for (const key in node) return key;
  return '';
}

/** The strings of a list of String nodes: names with dots. Anything else in it (`*`) is left out. */
export function stringsOf(nodes: readonly Node[] | undefined): string[] {
  const strings: string[] = [];
  for (const node of nodes ?? []) if ('String' in node) strings.push(node.String.sval ?? '');
  return strings;
}

/** Schema and name of a list like `public.f` or `db.public.f`. */
export function qualifiedName(nodes: readonly Node[] | undefined): {
  readonly schema: string | undefined;
  readonly name: string;
} {
  const strings = stringsOf(nodes);
  return { schema: strings.at(-2), name: strings.at(-1) ?? '' };
}

/** The nodes directly inside a body of any kind, also inside its parts that are no nodes themselves, in order. */
export function childNodes(body: unknown): Node[] {
  const found: Node[] = [];
  collect(body, found);
  return found;
}

function collect(value: unknown, found: Node[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) collectItem(item, found);
    return;
  }
  for (const key in value) collectItem(Reflect.get(value, key), found);
}

function collectItem(value: unknown, found: Node[]): void {
  if (isNode(value)) found.push(value);
  else collect(value, found);
}

/** A node is an object with one key, which names its kind and begins with a capital. */
export function isNode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  const first = keys[0]?.charCodeAt(0) ?? 0;
  return keys.length === 1 && first >= 65 && first <= 90;
}

/** The text of a constant, or undefined when the node is none (NULL counts as none). */
export function constantText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('TypeCast' in node) return constantText(node.TypeCast.arg);
  if (!('A_Const' in node)) return undefined;
  const { ival, fval, boolval, sval, bsval, isnull } = node.A_Const;
  if (isnull === true) return undefined;
  if (sval !== undefined) return sval.sval ?? '';
  if (ival !== undefined) return String(ival.ival ?? 0);
  if (fval !== undefined) return fval.fval ?? '';
  if (boolval !== undefined) return boolval.boolval === true ? 'true' : 'false';
  return bsval?.bsval;
}

/** Equal up to what their literals say; whether they are wholly equal is for `sameNode` to tell. */
export function sameShape(left: Node | undefined, right: Node | undefined): boolean {
  if (left === undefined || right === undefined || kindOf(left) !== kindOf(right)) return false;
  return written(left, true) === written(right, true);
}

export function sameNode(left: Node | undefined, right: Node | undefined): boolean {
  return sameShape(left, right) && written(left, false) === written(right, false);
}

function written(node: unknown, blank: boolean): string {
  return JSON.stringify(node, (key, value: unknown) => {
    if (key === 'location') return undefined;
    return blank && key === 'A_Const' ? '' : value;
  });
}

/** True when a node of one of these kinds stands anywhere in it. */
export function holds(node: unknown, kinds: readonly string[]): boolean {
  if (typeof node !== 'object' || node === null) return false;
  for (const [key, value] of Object.entries(node)) {
    if (kinds.includes(key) || holds(value, kinds)) return true;
  }
  return false;
}
