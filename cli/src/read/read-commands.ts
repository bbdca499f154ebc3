import type { Command } from '../command.ts';
import { ALARMS } from './alarms.ts';
import { EXPORT } from './export.ts';
import { readingCommand } from './read-command.ts';
import { READINGS } from './readings.ts';
import { REPLAY } from './replay.ts';
import { SEARCH } from './search.ts';
import { SESSIONS } from './sessions.ts';
import { SHOW } from './show.ts';
import { VERIFY } from './verify.ts';
import { WATCH } from './watch.ts';

/** The commands that read a store. */
export const READ_COMMANDS: readonly Command[] = [
  readingCommand(SESSIONS),
  readingCommand(SHOW),
  readingCommand(SEARCH),
  readingCommand(WATCH),
  readingCommand(REPLAY),
  VERIFY,
  readingCommand(EXPORT),
  readingCommand(ALARMS),
  readingCommand(READINGS),
];
