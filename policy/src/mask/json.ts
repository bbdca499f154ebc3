import { assertNever } from '@sidegate/crds';
import type { Mask } from '../masking.ts';
import { type JsonPath, type JsonStep, parseJsonPath } from './json-path.ts';
import { JsonReader } from './json-reader.ts';
import { MASKED, maskText, strongerMask } from './text.ts';

export { type JsonPath, type JsonPathFault, type JsonStep, parseJsonPath } from './json-path.ts';

/** How deep objects and arrays may be nested; a deeper text is masked whole. */
export const JSON_DEPTH_MAX = 512;
/** Content shorter than this holds nothing that a detector finds. */
const CONTENT_MIN = 6;

/** A place in a path that was reached: `index` steps are done. One object a place, so that places compare by identity. */
interface Place {
  readonly step: JsonStep;
  readonly mask: Mask;
  /** The place after this step, or undefined when the step is the last. */
  readonly next: Place | undefined;
}

/** What is in force at one value. */
interface Scope {
  readonly places: readonly Place[];
  /** The mask that a path puts on the value itself. */
  readonly mask: Mask | undefined;
}

const NOWHERE: Scope = { places: [], mask: undefined };

/**
 * A function that masks JSON in place: the values at `fields` by their masks, and `content` in every other string, number and member name. What is
 * not masked keeps its bytes: big numbers, order, white space, duplicate names (all are masked). A masked value is a JSON string, or null for
 * Null; null stays null; an object, an array or a truth value under Partial reads `[masked]`. A text that is not JSON (RFC 8259) is given to
 * `content` alone. Nested deeper than JSON_DEPTH_MAX it is replaced by `"[masked]"`.
 *
 * Throws when a path of `fields` cannot be read: they were checked with `parseJsonPath` before.
 */
export function buildJsonMask(
  fields: readonly { readonly path: string; readonly mask: Mask }[],
  content: (text: string) => string,
  key: Uint8Array,
): (text: string) => string {
  const paths = fields.map(({ path, mask }) => ({ path: readPath(path), mask }));
  const root: Scope = {
    places: paths.flatMap(({ path, mask }) => placesOf(path, mask) ?? []),
    mask: paths.filter(({ path }) => path.steps.length === 0).reduce(strongest, undefined),
  };
  return (text) => new JsonMasking(text, content, key).run(root);
}

function strongest(mask: Mask | undefined, other: { readonly mask: Mask }): Mask | undefined {
  return mask === undefined ? other.mask : strongerMask(mask, other.mask);
}

function readPath(text: string): JsonPath {
  const path = parseJsonPath(text);
  if (!path.ok) throw new Error(path.fault.message);
  return path.value;
}

function placesOf(path: JsonPath, mask: Mask): Place | undefined {
  return path.steps.reduceRight<Place | undefined>((next, step) => ({ step, mask, next }), undefined);
}

/** The scope of a member or an element of a value whose scope is `scope`. */
function enter(scope: Scope, child: string | number): Scope {
  if (scope.places.length === 0) return NOWHERE;
  const places: Place[] = [];
  let mask: Mask | undefined;
  for (const place of scope.places) {
    if (place.step.deep && !places.includes(place)) places.push(place);
    if (!isMet(place.step, child)) continue;
    if (place.next === undefined) mask = strongest(mask, place);
    else if (!places.includes(place.next)) places.push(place.next);
  }
  return places.length === 0 && mask === undefined ? NOWHERE : { places, mask };
}

function isMet(step: JsonStep, child: string | number): boolean {
  switch (step.kind) {
    case 'All':
      return true;
    case 'Name':
      return step.name === child;
    case 'Index':
      return step.index === child;
    default:
      return assertNever(step);
  }
}

/** One pass over one text. */
class JsonMasking {
  readonly #text: string;
  readonly #content: (text: string) => string;
  readonly #key: Uint8Array;
  readonly #reader: JsonReader;
  #out = '';
  /** Up to where the text is in `#out`. */
  #done = 0;
  #tooDeep = false;

  constructor(text: string, content: (text: string) => string, key: Uint8Array) {
    this.#text = text;
    this.#content = content;
    this.#key = key;
    this.#reader = new JsonReader(text);
  }

  run(root: Scope): string {
    this.#reader.skipSpace();
    const isJson = this.#value(root, undefined, 0) && this.#reader.isAtEnd();
    if (this.#tooDeep) return JSON.stringify(MASKED);
    if (!isJson) return this.#content(this.#text);
    return this.#done === 0 ? this.#text : this.#out + this.#text.slice(this.#done);
  }

  /** Reads a value and the white space after it; false when there is none. `name` is the member it belongs to. `scope` undefined: it is masked whole already. */
  #value(scope: Scope | undefined, name: string | undefined, depth: number): boolean {
    const start = this.#reader.place;
    const inner = scope === undefined || scope.mask !== undefined ? undefined : scope;
    const kind = this.#reader.kind();
    let isRead: boolean;
    if (kind === 'Object') isRead = this.#object(inner, depth + 1);
    else if (kind === 'Array') isRead = this.#array(inner, name, depth + 1);
    else isRead = this.#reader.readScalar(kind);
    if (!isRead) return false;
    const end = this.#reader.place;
    if (scope?.mask !== undefined) this.#maskValue(scope.mask, kind, start, end);
    else if (scope !== undefined && (kind === 'String' || kind === 'Number')) this.#maskContent(kind, name, start, end);
    this.#reader.skipSpace();
    return true;
  }

  #object(scope: Scope | undefined, depth: number): boolean {
    if (this.#isTooDeep(depth)) return false;
    const reader = this.#reader;
    reader.take('{');
    if (reader.takeLast('}')) return true;
    for (;;) {
      const start = reader.place;
      if (!reader.readScalar('String')) return false;
      const end = reader.place;
      const name = reader.decodeString(start, end);
      if (scope !== undefined) this.#maskName(name, start, end);
      reader.skipSpace();
      if (!reader.take(':')) return false;
      if (!this.#value(scope === undefined ? undefined : enter(scope, name), name, depth)) return false;
      if (reader.take(',')) continue;
      return reader.takeLast('}');
    }
  }

  #array(scope: Scope | undefined, name: string | undefined, depth: number): boolean {
    if (this.#isTooDeep(depth)) return false;
    const reader = this.#reader;
    reader.take('[');
    if (reader.takeLast(']')) return true;
    for (let index = 0; ; index += 1) {
      if (!this.#value(scope === undefined ? undefined : enter(scope, index), name, depth)) return false;
      if (reader.take(',')) continue;
      return reader.takeLast(']');
    }
  }

  #isTooDeep(depth: number): boolean {
    this.#tooDeep ||= depth > JSON_DEPTH_MAX;
    return this.#tooDeep;
  }

  #maskValue(mask: Mask, kind: string, start: number, end: number): void {
    const raw = this.#text.slice(start, end);
    if (raw === 'null') return;
    const hasCharacters = kind === 'String' || kind === 'Number';
    if (!hasCharacters && mask.with.type === 'Partial') return this.#replace(start, end, JSON.stringify(MASKED));
    const text = kind === 'String' ? this.#reader.decodeString(start, end) : raw;
    const masked = maskText(mask.with, text, this.#key);
    this.#replace(start, end, JSON.stringify(masked));
  }

  /** Masks content in a value, read with its name before it, for some content is only told by its name. */
  #maskContent(kind: 'String' | 'Number', name: string | undefined, start: number, end: number): void {
    if (end - start < CONTENT_MIN) return;
    const text = kind === 'String' ? this.#reader.decodeString(start, end) : this.#text.slice(start, end);
    const before = name === undefined ? '' : `${name}: `;
    const named = before + text;
    const maskedNamed = this.#content(named);
    if (maskedNamed === named) return;
    const masked = maskedNamed.startsWith(before) ? maskedNamed.slice(before.length) : this.#content(text);
    if (masked !== text) this.#replace(start, end, JSON.stringify(masked));
  }

  #maskName(name: string, start: number, end: number): void {
    if (name.length < CONTENT_MIN) return;
    const masked = this.#content(name);
    if (masked !== name) this.#replace(start, end, JSON.stringify(masked));
  }

  #replace(start: number, end: number, by: string): void {
    this.#out += this.#text.slice(this.#done, start) + by;
    this.#done = end;
  }
}
