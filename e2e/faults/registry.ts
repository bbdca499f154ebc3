import { DISK_FULL } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { GATE_KILLED, SERVER_RESTARTED, STORE_KILLED, STORE_STOPPED } from './killed.ts';
import { STALLED_READER } from './stalled-reader.ts';

/** Every fault, in the order in which they run. */
export const FAULTS: readonly Fault[] = [
  GATE_KILLED,
  STORE_KILLED,
  STORE_STOPPED,
  SERVER_RESTARTED,
  DISK_FULL,
  STALLED_READER,
];
