import type { Command } from './command.ts';
import { READ_COMMANDS } from './read/read-commands.ts';

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [...READ_COMMANDS];
