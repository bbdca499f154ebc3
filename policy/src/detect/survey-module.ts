/**
 * Writes the WebAssembly module of the survey: one function that looks at 16 bytes at a time. The instructions stand below as they run; this
 * file is the module's only source, and it is made anew in each process.
 */

/** Instructions, or anything else that stands in a module. */
type Code = readonly number[];

const I32 = 0x7f;
const V128 = 0x7b;

/** An unsigned LEB128 number. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** A signed LEB128 number. */
function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (; rest < -0x40 || rest > 0x3f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}

function vectorOf(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

const named = (name: string): Code => [...unsigned(name.length), ...Buffer.from(name)];
const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const constant = (value: number): Code => [0x41, ...signed(value)];
const simd = (opcode: number, ...rest: Code): Code => [0xfd, ...unsigned(opcode), ...rest];
const add: Code = [0x6a];
const minus: Code = [0x6b];
const shiftRight: Code = [0x76];
const isBelow: Code = [0x49];
const above: Code = [0x4b];
const when = (condition: Code, then: Code): Code => [...condition, 0x04, 0x40, ...then, 0x0b];
const or32: Code = [0x72];
const shiftLeft: Code = [0x74];
const popcount: Code = [0x69];
const splat = simd(0x0f);
const equal = simd(0x23);
const below = simd(0x26);
const and = simd(0x4e);
const or = simd(0x50);
const any = simd(0x53);
const bitmask = simd(0x64);
const subtract = simd(0x71);
/** The 16 bytes at an address, `offset` further on. Aligned or not. */
const load = (offset: number): Code => simd(0x00, 0, ...unsigned(offset));

/** The locals by number: two parameters, then two counts, then vectors. */
const AT = 0;
/** Where the last block begins. */
const LAST = 1;
const DIGITS = 2;
/** How many bytes of the block at `AT` were looked at before; all of them: it is over. */
const SEEN = 3;
const FIRST_VECTOR = 4;

class Locals {
  readonly #names = new Map<string, number>();

  /** The vector of that name. */
  of(name: string): number {
    const known = this.#names.get(name) ?? FIRST_VECTOR + this.#names.size;
    this.#names.set(name, known);
    return known;
  }

  get count(): number {
    return this.#names.size;
  }
}

/** Bits of what the function returns, below the count of digits. The first four are those of a survey. */
export const SCANNED = { at: 1, hyphens: 2, token: 4, key: 8, foreign: 16 } as const;
export const SCANNED_DIGITS_SHIFT = 5;
/** How far before the first byte the function reads, and behind the last one. */
export const SCANNED_BEFORE = 2;
export const BLOCK_BYTES = 16;
/** Of the module's memory, 64 KiB each. */
export const MEMORY_PAGES = 2;

function body(): Code {
  const locals = new Locals();
  const constants = new Map<string, number>();
  /** A vector of one character, made before the loop. */
  const all = (character: string): Code => {
    const local = locals.of(`all ${character}`);
    constants.set(character, local);
    return get(local);
  };
  /** The byte itself or a neighbour: `-2` is the one two before. */
  const byte = (distance: number): Code => get(locals.of(`byte ${distance}`));
  const is = (distance: number, character: string): Code => [...byte(distance), ...all(character), ...equal];
  const isOneOf = (distance: number, characters: string): Code =>
    Array.from(characters).flatMap((character, index) => [...is(distance, character), ...(index === 0 ? [] : or)]);
  const both = (left: Code, right: Code): Code => [...left, ...right, ...and];
  /** As in ASCII, small and capital letters the same. */
  const small = (distance: number, letter: string): Code => [
    ...byte(distance),
    ...all(' '),
    ...or,
    ...all(letter),
    ...equal,
  ];
  const gather = (name: string, found: Code): Code => [
    ...get(locals.of(name)),
    ...found,
    ...or,
    ...set(locals.of(name)),
  ];
  const key = [
    both(is(0, 'A'), isOneOf(2, 'Iz')),
    both(is(0, '_'), isOneOf(-2, 'hav')),
    both(is(0, 'x'), isOneOf(1, 'oa')),
    both(is(0, 'K'), is(1, 'e')),
    both(small(0, 'c'), small(1, 'r')),
  ].flatMap((found, index) => [...found, ...(index === 0 ? [] : or)]);
  const loop: Code = [
    ...[-2, -1, 0, 1, 2].flatMap((distance) => [
      ...get(AT),
      ...load(distance + SCANNED_BEFORE),
      ...set(locals.of(`byte ${distance}`)),
    ]),
    ...gather('foreign', byte(0)),
    ...gather('at', is(0, '@')),
    ...gather('hyphens', both(is(0, '-'), both(is(1, '-'), is(2, '-')))),
    ...gather('token', both(isOneOf(0, 'yw'), is(-1, 'e'))),
    ...gather('key', key),
    ...get(DIGITS),
    ...byte(0),
    ...all('0'),
    ...subtract,
    ...all('\n'),
    ...below,
    ...bitmask,
    // What the block before has seen is not counted again.
    ...get(SEEN),
    ...shiftRight,
    ...popcount,
    ...add,
    ...set(DIGITS),
    ...get(AT),
    ...constant(BLOCK_BYTES),
    ...add,
    ...set(AT),
    // The last block ends where the bytes do: it begins among those of the one before.
    ...when(
      [...get(AT), ...get(LAST), ...above],
      [...get(AT), ...get(LAST), ...minus, ...set(SEEN), ...get(LAST), ...set(AT)],
    ),
    ...get(SEEN),
    ...constant(BLOCK_BYTES),
    ...isBelow,
  ];
  const bit = (name: 'at' | 'hyphens' | 'token' | 'key'): Code => [
    ...get(locals.of(name)),
    ...any,
    ...constant(Math.log2(SCANNED[name])),
    ...shiftLeft,
    ...or32,
  ];
  const result: Code = [
    ...get(DIGITS),
    ...constant(SCANNED_DIGITS_SHIFT),
    ...shiftLeft,
    ...(['at', 'hyphens', 'token', 'key'] as const).flatMap(bit),
    // A byte is no ASCII when its highest bit is set.
    ...get(locals.of('foreign')),
    ...bitmask,
    ...constant(0),
    0x47,
    ...constant(Math.log2(SCANNED.foreign)),
    ...shiftLeft,
    ...or32,
  ];
  const before = [...constants].flatMap(([character, local]) => [
    ...constant(character.charCodeAt(0)),
    ...splat,
    ...set(local),
  ]);
  const declared = vectorOf([
    [2, I32],
    [...unsigned(locals.count), V128],
  ]);
  const code = [...declared, ...before, 0x03, 0x40, ...loop, 0x0d, 0, 0x0b, ...result, 0x0b];
  return [...unsigned(code.length), ...code];
}

/**
 * The whole module. It exports `memory`, and `survey(start, last)`, which looks at the bytes from `start + SCANNED_BEFORE` up to the end of the block
 * that begins at `last + SCANNED_BEFORE`; `last` is not before `start`. It reads `SCANNED_BEFORE` bytes more on both sides.
 */
export function writeSurveyModule(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0,
    ...section(1, vectorOf([[0x60, ...vectorOf([[I32], [I32]]), ...vectorOf([[I32]])]])),
    ...section(3, vectorOf([[0]])),
    ...section(5, vectorOf([[1, MEMORY_PAGES, MEMORY_PAGES]])),
    ...section(
      7,
      vectorOf([
        [...named('memory'), 2, 0],
        [...named('survey'), 0, 0],
      ]),
    ),
    ...section(10, vectorOf([body()])),
  ]);
}
