/** True when only help was asked for, which is printed then. */
export function showsHelp(parameters: readonly string[], usage: string): boolean {
  const asked = parameters.includes('--help') || parameters.includes('-h');
  if (asked) process.stdout.write(usage);
  return asked;
}

/**
 * What a command line asks for, as `read` has it: a text of its says what is wrong. A number is the exit code of a program that has nothing to do: help was
 * asked for, or the line cannot be read, and either was said.
 */
export function readUsage<Wish extends object>(
  parameters: readonly string[],
  usage: string,
  read: (parameters: readonly string[]) => Wish | string,
): Wish | number {
  if (showsHelp(parameters, usage)) return 0;
  const wish = read(parameters);
  if (typeof wish !== 'string') return wish;
  process.stderr.write(`${wish}\n${usage}`);
  return 2;
}
