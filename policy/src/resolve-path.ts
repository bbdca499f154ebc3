/**
 * The path that `path` means when read from the directory `from`, with `.` and `..` taken out by text alone: what symbolic links make of it only the
 * server knows. `from` is absolute, or begins with `~`. Undefined when it climbs above a start that is not known (`~/..`).
 */
export function resolvePath(from: string, path: string): string | undefined {
  const whole = path.startsWith('/') || path === '~' || path.startsWith('~/') ? path : `${from}/${path}`;
  const atHome = whole === '~' || whole.startsWith('~/');
  const names: string[] = [];
  for (const name of whole.slice(atHome ? 1 : 0).split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined && atHome) return undefined;
  }
  if (atHome) return ['~', ...names].join('/');
  return `/${names.join('/')}`;
}
