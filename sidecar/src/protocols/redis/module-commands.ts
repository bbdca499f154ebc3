/**
 * Commands of modules that touch the keys which they name and no others, as their documentation has it. Any other may name an index, a script or a filter
 * in the place of a key, and give values of keys that nothing in it tells.
 */
const NAMES_ITS_KEYS =
  /^(?:(?:JSON|BF|CF|CMS|TOPK|TDIGEST|TS)\..*|V(?:ADD|CARD|DIM|EMB|GETATTR|INFO|ISMEMBER|LINKS|RANDMEMBER|RANGE|REM|SETATTR|SIM))$/;

/** Which keys a command may touch besides those that it names. */
export type Reach = 'None' | 'ReadsAny' | 'UsesAny';

/** The reach of a command by its upper-case name and the flags that the server gives it. */
export function reachOf(name: string, flags: readonly string[], hasKeys: boolean): Reach {
  const isOfModule = flags.includes('module') || name.includes('.');
  if (!isOfModule || (hasKeys && NAMES_ITS_KEYS.test(name))) return 'None';
  return flags.includes('readonly') ? 'ReadsAny' : 'UsesAny';
}
