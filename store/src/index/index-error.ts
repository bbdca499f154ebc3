/** SQLite's result codes that speak of what was to be written: SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH. */
const OF_THE_ROW = [18, 19, 20];
const PRIMARY_CODE = 0xff;

/** Whether an error speaks of the index or its disk, and not of what was to be written: another chunk would fare no better. */
export function isOfTheIndex(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return false;
  return typeof error.errcode === 'number' && !OF_THE_ROW.includes(error.errcode & PRIMARY_CODE);
}
