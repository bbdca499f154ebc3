import type { MaskRules, SshCommand } from '@sidegate/policy';
import type { JudgedCommand } from '../protocol.ts';

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
    objects: [...objects, ...paths.map(({ path = '?', access }) => `${access.toLowerCase()} ${path}`)],
    claims: {},
    cacheKey: undefined,
  };
}
