import { type Command, JSON_OPTION } from '../command.ts';
import { FOLDER_OPTION } from './folder-option.ts';

/** `sidegate validate`: reads the files as `run` would and says what is wrong with them. */
export const VALIDATE_COMMAND: Command = {
  name: 'validate',
  summary: 'Reads the files as run would and says what is wrong with them.',
  options: { folder: FOLDER_OPTION, json: JSON_OPTION },
  details: `
Every fault is told at once, one a line: file:line field: what is wrong, and what to do about it. Exit code 1 when there is one.
With --json one object: {"kind":"Valid",...} or {"kind":"Refused","faults":[{"code","message","mend","file","line","field","where"}]}.`,
  run: async (given, terminal) => (await import('./validate.ts')).validate(given, terminal),
};
