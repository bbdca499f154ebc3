import type { Command } from '../command.ts';
import { APPROVALS } from './approvals.ts';
import { APPROVE, REFUSE } from './decide.ts';
import { KILL } from './kill.ts';
import { METRICS } from './metrics.ts';
import { owningCommand } from './owner-command.ts';

/** The commands that ask a running `sidegate run`. */
export const OWNER_COMMANDS: readonly Command[] = [APPROVALS, APPROVE, REFUSE, KILL, METRICS].map(owningCommand);
