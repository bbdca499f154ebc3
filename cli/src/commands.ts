import { CHECK_COMMAND } from './cluster/check/check.ts';
import type { Command } from './command.ts';
import { EXPLAIN_COMMAND } from './explain/explain-command.ts';
import { OWNER_COMMANDS } from './owner/owner-commands.ts';
import { READ_COMMANDS } from './read/read-commands.ts';
import { RUN_COMMAND } from './run/run-command.ts';
import { VALIDATE_COMMAND } from './validate/validate-command.ts';

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  RUN_COMMAND,
  VALIDATE_COMMAND,
  EXPLAIN_COMMAND,
  ...OWNER_COMMANDS,
  CHECK_COMMAND,
  ...READ_COMMANDS,
];
