import type { ShellKind } from './shell-kind.ts';
import type { ShellWord } from './syntax.ts';

const ARITHMETIC: { readonly kinds: readonly ShellKind[] } = { kinds: ['ShellArithmetic'] };
type Arithmetic = typeof ARITHMETIC;

const NUMBER = /^[-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?)$/;
/** What can be nothing but a number: a status, a count, a length, what was reckoned. */
const COUNT = /^("?)\$(?:[?#$!]|\{#\w+\}|\(\([^$`]*\)\))\1$/;
const VARIABLE = /^("?)\$(?:(\w+)|\{(\w+)\})\1$/;

/** Names of variables that hold numbers wherever they are used. */
export type Numbers = ReadonlySet<string>;

export const NO_NUMBERS: Numbers = new Set();

/** True when shells have nothing to reckon with in a word, as it was written. */
export function isNumberText(raw: string): boolean {
  return raw === '' || COUNT.test(raw) || NUMBER.test(raw.replace(/^(["'])(.*)\1$/, '$2'));
}

function isNumber({ text, raw }: ShellWord, numbers: Numbers): boolean {
  if (text !== undefined) return NUMBER.test(text);
  const [, , name, braced] = VARIABLE.exec(raw) ?? [];
  return COUNT.test(raw) || numbers.has(name ?? braced ?? '');
}

/** Builtins whose words some shells reckon with, and run what stands in these. */
export function readReckoning(words: readonly ShellWord[], numbers: Numbers): Arithmetic | undefined {
  const isPlain = ({ text }: ShellWord): boolean => /^(?:-[A-Za-z]+|unlimited|hard|soft)$/.test(text ?? '');
  return words.every((word) => isPlain(word) || isNumber(word, numbers)) ? undefined : ARITHMETIC;
}

const CONVERSION = /%([^%A-Za-z]*)[hlqjztL]*([A-Za-z])/g;

/** What printf shows as a number zsh reckons with. */
export function readFormat([format, ...rest]: readonly ShellWord[], numbers: Numbers): Arithmetic | undefined {
  const isSafe = (word: ShellWord | undefined): boolean =>
    word === undefined || isNumber(word, numbers) || /^['"].$/su.test(word.text ?? '');
  if (format === undefined || rest.every(isSafe)) return undefined;
  if (format.text === undefined) return ARITHMETIC;
  const conversions = [...format.text.replaceAll('%%', '').matchAll(CONVERSION)];
  const isReckoned = conversions.map(([, flags = '', letter = '']) => /[*$]/.test(flags) || /[^sbqcT]/.test(letter));
  if (!isReckoned.includes(true)) return undefined;
  // Which word is shown how is not known where one may be several.
  const isFixed = rest.every(({ isOne }) => isOne) && conversions.every(([, flags = '']) => !/[*$]/.test(flags));
  const isPlain = rest.every((word, at) => isReckoned[at % isReckoned.length] !== true || isSafe(word));
  return isFixed && isPlain ? undefined : ARITHMETIC;
}

const RECKONS = /^-(?:eq|ne|lt|le|gt|ge)$/;
const BINARY = /^(?:=|==|=~|!=|<|>|\)|-(?:ef|nt|ot|a|o|eq|ne|lt|le|gt|ge))$/;
const BEFORE_OPERAND = /^(?:=|==|=~|!=|<|>|!|\(|-[A-Za-z]+)$/;

/** Some shells reckon with what stands beside -eq and its like, or behind -t and -v, and run what it holds. */
export function readTest(
  name: string,
  words: readonly ShellWord[],
): { readonly kinds: readonly ShellKind[] } | undefined {
  for (const [index, word] of words.entries()) {
    const { text } = word;
    const [before, after] = [words[index - 1], words[index + 1]];
    if (text === '-v' || text === '-R') return { kinds: ['ShellCode'] };
    if (text === undefined) {
      if (name !== '[[' && mayBeOperator(word, before, after)) return ARITHMETIC;
    } else if (RECKONS.test(text)) {
      if (![before, after].every((side) => side !== undefined && isNumber(side, NO_NUMBERS))) return ARITHMETIC;
    } else if (text === '-t' && after !== undefined && after.text !== ']' && !isNumber(after, NO_NUMBERS)) {
      return ARITHMETIC;
    }
  }
  return undefined;
}

/** True for a word that may turn into -v or -eq, or into several words with one of them, where it would be taken for such. */
function mayBeOperator(
  { raw, isOne, isOperand }: ShellWord,
  before: ShellWord | undefined,
  after: ShellWord | undefined,
): boolean {
  if (isOperand || COUNT.test(raw)) return false;
  const isBehindOperator = before === undefined || BEFORE_OPERAND.test(before.text ?? before.raw);
  const isBeforeOperator = after === undefined || after.text === ']' || BINARY.test(after.text ?? after.raw);
  return !isOne || !isBehindOperator || !isBeforeOperator;
}
