/** True when only help was asked for, which is printed then. */
export function showsHelp(parameters: readonly string[], usage: string): boolean {
  const asked = parameters.includes('--help') || parameters.includes('-h');
  if (asked) process.stdout.write(usage);
  return asked;
}
