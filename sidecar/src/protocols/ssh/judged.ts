import type { MaskRules, SshCommand } from '@sidegate/policy';
import type { JudgedCommand } from '../protocol.ts';

/** What ends a value in the text of a command, so that one with any of it inside may be a command itself. */
const MARKS = /([^\w@.:+/=%,-]+)/;

type JudgedParts = Pick<JudgedCommand, 'text' | 'wire' | 'verbs'> & {
  readonly command: SshCommand;
  /** False: what it says stands in no list; its text says so. */
  readonly isShown?: boolean;
  /** What it uses besides paths. */
  readonly objects?: readonly string[];
};

/** What an agent asks for over SSH, as it is judged and recorded. `session`: whose masks are in force when it is shown. */
export function judgedCommand(
  { isShown = true, objects = [], ...parts }: JudgedParts,
  session: { readonly recordMasks: MaskRules },
): JudgedCommand {
  const paths = isShown ? parts.command.paths : [];
  return {
    ...parts,
    maskedText: () => session.recordMasks.maskContent(parts.text),
    maskedBinds: () => [],
    hidesWords: () => !isShown || hidesMarks(parts.text, session.recordMasks),
    objects: [...objects, ...paths.map(({ path = '?', access }) => `${access.toLowerCase()} ${path}`)],
    claims: {},
    cacheKey: undefined,
  };
}

/** True when masks reach over what separates words: an agent writes what reads as a key, with commands in it. */
function hidesMarks(text: string, masks: MaskRules): boolean {
  const shown = masks.maskContent(text);
  if (shown === text) return false;
  const byValues = text.split(MARKS).map((part, at) => (at % 2 === 1 ? part : masks.maskContent(part)));
  return byValues.join('') !== shown;
}
