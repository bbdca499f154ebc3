/** Why the text of an exec is not understood whole, by kind, each as a sentence for a person. */
export const SHELL_KINDS = {
  ShellText: 'A shell would make more of it than can be read, or shells differ on it.',
  ShellProgram: 'Which program runs only running would tell.',
  ShellCode: 'It runs shell code that does not stand in it, or changes what later commands mean.',
  ShellInput: 'It runs what comes in its input.',
  ShellVariable: 'It sets a variable that programs may obey.',
  LoaderVariable: 'It sets a variable that says which program or library runs.',
  ShellArithmetic: 'Some shells run commands that stand in a variable when they reckon with it.',
  ForeignCode: 'It runs code in another language.',
  InnerCommand: 'It runs another command that is not read.',
} as const;

export type ShellKind = keyof typeof SHELL_KINDS;

/** Kinds with which something runs that nobody has named. */
export const UNNAMED: ReadonlySet<ShellKind> = new Set([
  'ShellText',
  'ShellCode',
  'ShellInput',
  'LoaderVariable',
  'ShellArithmetic',
  'ForeignCode',
  'InnerCommand',
]);
