import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** One step of a path. `deep`: at any depth below (`..`). `All` is every member or element (`*`). */
export type JsonStep = { readonly deep: boolean } & (
  | { readonly kind: 'Name'; readonly name: string }
  | { readonly kind: 'Index'; readonly index: number }
  | { readonly kind: 'All' }
);

/** A path as RFC 9535 writes it, without filters, slices, unions and negative indexes. No steps: the whole value. */
export interface JsonPath {
  readonly text: string;
  readonly steps: readonly JsonStep[];
}

export type JsonPathFault = Fault<'JsonPathInvalid'>;

const TEXT_MAX = 1024;
const STEPS_MAX = 64;
const NAME = /[\w\u0080-\uffff-]+/y;
const INDEX = /(?:0|[1-9]\d{0,8})\]/y;
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '/': '/' };

/** Reads a path: `$.email`, `$.a.b`, `$.items[*].ssn`, `$.items[0]`, `$..ssn`, `$['x y']`, `$.*`, `$`. */
export function parseJsonPath(text: string): Result<JsonPath, JsonPathFault> {
  if (text.length > TEXT_MAX) return invalid(text.slice(0, 40), `is longer than ${TEXT_MAX} characters`);
  if (!text.startsWith('$')) return invalid(text, 'does not begin with `$`');
  const steps: JsonStep[] = [];
  let place = 1;
  while (place < text.length) {
    const step = readStep(text, place);
    if (step === undefined) return invalid(text, `cannot be read at character ${place + 1}`);
    steps.push(step.step);
    place = step.end;
    if (steps.length > STEPS_MAX) return invalid(text, `has more than ${STEPS_MAX} steps`);
  }
  return ok({ text, steps });
}

function invalid(text: string, what: string): Result<never, JsonPathFault> {
  return fail({
    code: 'JsonPathInvalid',
    message: `The JSON path ${JSON.stringify(text)} ${what}.`,
    mend: "Write it like `$.email`, `$.items[*].ssn`, `$..ssn` or `$['full name']`.",
  });
}

interface ReadStep {
  readonly step: JsonStep;
  readonly end: number;
}

function readStep(text: string, place: number): ReadStep | undefined {
  const deep = text.startsWith('..', place);
  if (text[place] === '[') return readBracket(text, place + 1, false);
  if (text[place] !== '.') return undefined;
  const start = place + (deep ? 2 : 1);
  if (text[start] === '[') return deep ? readBracket(text, start + 1, true) : undefined;
  if (text[start] === '*') return { step: { kind: 'All', deep }, end: start + 1 };
  NAME.lastIndex = start;
  const name = NAME.exec(text)?.[0];
  if (name === undefined || /^[\d-]/.test(name)) return undefined;
  return { step: { kind: 'Name', name, deep }, end: start + name.length };
}

function readBracket(text: string, start: number, deep: boolean): ReadStep | undefined {
  const first = text[start];
  if (first === '*') return text[start + 1] === ']' ? { step: { kind: 'All', deep }, end: start + 2 } : undefined;
  if (first === "'" || first === '"') return readQuoted(text, start + 1, first, deep);
  INDEX.lastIndex = start;
  const index = INDEX.exec(text)?.[0];
  if (index === undefined) return undefined;
  return { step: { kind: 'Index', index: Number.parseInt(index, 10), deep }, end: start + index.length };
}

function readQuoted(text: string, start: number, quote: string, deep: boolean): ReadStep | undefined {
  let name = '';
  let place = start;
  for (;;) {
    const character = text[place];
    if (character === undefined) return undefined;
    if (character === quote) {
      return text[place + 1] === ']' ? { step: { kind: 'Name', name, deep }, end: place + 2 } : undefined;
    }
    if (character !== '\\') {
      name += character;
      place += 1;
      continue;
    }
    const escape = text[place + 1] ?? '';
    const unicode = escape === 'u' ? /^[\da-fA-F]{4}$/.exec(text.slice(place + 2, place + 6))?.[0] : undefined;
    if (unicode !== undefined) {
      name += String.fromCharCode(Number.parseInt(unicode, 16));
      place += 6;
      continue;
    }
    const meant = escape === quote || escape === '\\' ? escape : ESCAPES[escape];
    if (meant === undefined) return undefined;
    name += meant;
    place += 2;
  }
}
