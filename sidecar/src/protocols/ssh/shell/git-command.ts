import type { ShellWord } from './syntax.ts';

/** Options of git before its own command. */
const SETTING = /^(?:-c|--config-env|--exec-path=)/;
const VALUED = /^(?:-C|--git-dir|--work-tree|--namespace|--super-prefix|--attr-source)$/;
/** Commands of git that run others, in their words or in what they read. */
const COMMANDS =
  /^(?:bisect|submodule|filter-branch|remote-ext|remote-fd|send-email|daemon|instaweb|web--browse|shell|mergetool--lib|for-each-repo)$/;
/** Long options of any command with which it runs another, as far as they must be written. */
const LONG = /^--(?:up?(?:=|$)|upl|rece|ex?(?:=|$)|exe|ext|op|templ)/;
/** Short ones, by command. */
const SHORT: ReadonlyMap<string, RegExp> = new Map([
  ['clone', /^(?:-\w*[uc]|--conf)/],
  ['grep', /^-\w*O/],
  ['rebase', /^-\w*x/],
  ['difftool', /^-\w*x/],
]);
/** An address that is a command. */
const ADDRESS = /^(?:ext|fd)::/;
const MESSAGE = /^(?:-[a-z]*m|--message)$/;

/** True when git, with these words behind its name, may run a command that is not read. */
export function gitRuns(words: readonly ShellWord[]): boolean {
  let at = 0;
  for (; at < words.length; at += 1) {
    const text = words[at]?.text;
    if (text === undefined) return true;
    if (!text.startsWith('-')) break;
    if (SETTING.test(text)) return true;
    if (VALUED.test(text)) at += 1;
  }
  const command = words[at]?.text ?? '';
  if (COMMANDS.test(command)) return true;
  const short = SHORT.get(command);
  const rest = words.slice(at + 1);
  return rest.some(({ text, isOperand, isOne }, index) => {
    if (text !== undefined) return LONG.test(text) || ADDRESS.test(text) || short?.test(text) === true;
    // The one word behind -m is no option, whatever it holds.
    return !isOperand && !(isOne && MESSAGE.test(rest[index - 1]?.text ?? ''));
  });
}
