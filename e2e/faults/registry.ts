import { DISK_FULL } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { HALF_OPEN } from './half-open.ts';
import {
  GATE_KILLED,
  REDIS_KILLED,
  REDIS_RESTARTED,
  SERVER_RESTARTED,
  SSH_KILLED,
  SSH_RESTARTED,
  STORE_KILLED,
  STORE_STOPPED,
} from './killed.ts';
import { REDIS_HALF_OPEN } from './redis-half-open.ts';
import { SSH_HALF_OPEN } from './ssh-half-open.ts';
import { REDIS_STALLED_READER, SSH_STALLED_READER, STALLED_READER } from './stalled-reader.ts';
import { CLOCK_STEPPED } from './stepped-clock.ts';
import { STORE_AWAY, STORE_SLOW } from './store-away.ts';

/** Every fault, in the order in which they run. */
export const FAULTS: readonly Fault[] = [
  GATE_KILLED,
  REDIS_KILLED,
  SSH_KILLED,
  STORE_KILLED,
  STORE_STOPPED,
  STORE_AWAY,
  STORE_SLOW,
  SERVER_RESTARTED,
  REDIS_RESTARTED,
  SSH_RESTARTED,
  DISK_FULL,
  STALLED_READER,
  REDIS_STALLED_READER,
  SSH_STALLED_READER,
  HALF_OPEN,
  REDIS_HALF_OPEN,
  SSH_HALF_OPEN,
  CLOCK_STEPPED,
];
