import type { PayloadMemory } from '@sidegate/session';
import type { ProgressJournal } from '../spool/progress.ts';
import type { SpoolEnd } from '../spool/segment-writer.ts';
import type { SpoolFiles } from '../spool/spool-files.ts';
import type { FromUplink, UplinkLimits } from './messages.ts';
import type { OpenUpload } from './store-link.ts';

/** What an uplink works with. */
export interface UplinkParts {
  readonly folder: string;
  readonly journal: ProgressJournal;
  readonly limits: UplinkLimits;
  readonly open: OpenUpload;
  /** Where the written part of the spool ends now. */
  readonly end: () => SpoolEnd;
  /** All before the end was read; false when more was written meanwhile. After true, `wake` comes with the next commit. */
  readonly sleep: (seen: SpoolEnd) => boolean;
  /** Where events are while they wait. */
  readonly memory: PayloadMemory;
  /** Told of all bytes of events that were read. */
  readonly passed: (bytes: number) => void;
  readonly tell: (message: FromUplink) => void;
  /** Milliseconds that only go forward. */
  readonly nowMs: () => number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Default: the machine's. */
  readonly files?: SpoolFiles;
}
