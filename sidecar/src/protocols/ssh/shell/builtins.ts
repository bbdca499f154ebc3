import { isNumberText, type Numbers, readFormat, readReckoning, readTest } from './arithmetic.ts';
import type { ShellKind } from './shell-kind.ts';
import type { ShellWord } from './syntax.ts';
import { isInteger } from './variables.ts';

/** What a command that the shell itself carries out does to what comes after it. */
export interface BuiltinReading {
  readonly assigned?: readonly string[];
  readonly kinds?: readonly ShellKind[];
  /** Shell code among its words; undefined when only running would tell. */
  readonly code?: readonly (string | undefined)[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const CODE: BuiltinReading = { kinds: ['ShellCode'] };
/** Builtins that may run code or change what words mean, in ways that are not read. */
const NOT_READ = new Set(
  `. source alias unalias shopt enable hash bind complete compgen compopt mapfile readarray declare typeset let fc history autoload
  zmodload zle emulate zparseopts zstyle vared functions disable sched nameref integer float coproc caller fg bg suspend setopt unsetopt
  print whence limit rehash bindkey`.split(/\s+/),
);
/** Options of `set` that leave the meaning of later commands alone. */
const SET_OPTION = /^[-+](?:[euxvfCnmb]+|[eux]*o)$/;
const SET_NAME = /^(?:errexit|nounset|xtrace|pipefail|noglob|noclobber|verbose)$/;

/** Undefined for what is no builtin, or one that does no more than what its words say. */
export function readBuiltin(name: string, words: readonly ShellWord[], numbers: Numbers): BuiltinReading | undefined {
  const rest = words.slice(1);
  if (NOT_READ.has(name)) return CODE;
  switch (name) {
    case 'eval':
      return readEval(rest);
    case 'trap':
      return readTrap(rest);
    case 'set':
      return readSet(rest);
    case 'export':
    case 'unset':
      return readNames(rest, /^-[fnpv]$/);
    case 'readonly':
    case 'local':
      // -n would make it another name of what stands behind =, which may have code in it.
      return readNames(rest, /^-[fprv]$/);
    case 'read':
    case 'getopts':
      return readTargets(rest);
    case 'printf':
      return readPrintf(rest, numbers);
    case 'shift':
    case 'exit':
    case 'return':
    case 'break':
    case 'continue':
    case 'bye':
    case 'logout':
    case 'ulimit':
      return readReckoning(rest, numbers);
    case 'wait':
    case 'jobs':
      return rest.some(({ text, isOperand }) => (text === undefined ? !isOperand : /^-[vpx]/.test(text)))
        ? CODE
        : undefined;
    case 'test':
    case '[':
    case '[[':
      return readTest(name, rest);
    default:
      return undefined;
  }
}

function readEval(words: readonly ShellWord[]): BuiltinReading {
  const texts = words.map(({ text }) => text);
  if (texts.includes(undefined) || texts[0]?.startsWith('-') === true) return CODE;
  return texts.length === 0 ? {} : { code: [texts.join(' ')] };
}

function readTrap([first, ...signals]: readonly ShellWord[]): BuiltinReading {
  if (first === undefined) return {};
  const { text } = first;
  if (text === undefined) return CODE;
  // Alone it is a signal that is set back.
  if (text === '-' || text === '' || text === '-l' || text === '-p' || signals.length === 0) return {};
  return text.startsWith('-') ? CODE : { code: [text] };
}

function readSet(words: readonly ShellWord[]): BuiltinReading {
  let takesName = false;
  for (const { text } of words) {
    if (text === '--') return {};
    if (text === undefined || !(takesName ? SET_NAME : SET_OPTION).test(text)) return CODE;
    takesName = !takesName && text.endsWith('o');
  }
  return {};
}

/** Words that are names of variables, or names with values. */
function readNames(words: readonly ShellWord[], options: RegExp): BuiltinReading {
  const assigned: string[] = [];
  let isReckoned = false;
  for (const { text, raw, isOperand, isOne } of words) {
    if (text !== undefined && options.test(text)) continue;
    const [name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text ?? raw)?.slice(1) ?? [];
    if (!NAME.test(name) || (text === undefined && !(isOperand && isOne))) return CODE;
    assigned.push(name);
    if (isInteger(name) && !isNumberText(value ?? '')) isReckoned = true;
  }
  return { assigned, kinds: isReckoned ? ['ShellArithmetic'] : [] };
}

/** What is read into variables may be anything. */
function readTargets(words: readonly ShellWord[]): BuiltinReading {
  const targets = words.filter(
    ({ raw, text }) => text === undefined || NAME.test(text) || /^[A-Za-z_]/.test(raw) || raw.includes('['),
  );
  const reading = readNames(targets, /^$/);
  return reading.assigned?.some(isInteger) === true ? { ...reading, kinds: ['ShellArithmetic'] } : reading;
}

function readPrintf(words: readonly ShellWord[], numbers: Numbers): BuiltinReading | undefined {
  const [first] = words;
  if (first === undefined) return undefined;
  // -v writes to a variable, whose name may hold code.
  const mayBeOption = first.text === undefined && !first.isOperand && !(first.isOne && words.length === 1);
  if (mayBeOption || first.text?.startsWith('-v') === true) return CODE;
  return readFormat(first.text === '--' ? words.slice(1) : words, numbers);
}
