import { assertNever } from '@sidegate/crds';
import type { RecorderNotice } from './recording.ts';

/** Whether records reach the store, as far as the recorder has noticed: true until it noticed that they do not. */
export class RecordingHealth {
  #taken = true;
  readonly #unreadable = new Set<number>();

  /** All that is recorded reaches the store. */
  get flowing(): boolean {
    return this.#taken && this.#unreadable.size === 0;
  }

  /** Segments of the spool that the disk does not give. */
  get segmentsUnreadable(): number {
    return this.#unreadable.size;
  }

  notice(notice: RecorderNotice): void {
    switch (notice.kind) {
      case 'StoreReached':
        this.#taken = true;
        return;
      case 'StoreLost':
      case 'StorePushesBack':
        this.#taken = false;
        return;
      case 'SegmentUnreadable':
        this.#unreadable.add(notice.segment);
        return;
      case 'SegmentReadable':
        this.#unreadable.delete(notice.segment);
        return;
      case 'UplinkRestarted':
        // It reads all segments, and tells again.
        this.#unreadable.clear();
        return;
      case 'SessionRefused':
      case 'SegmentDamaged':
        return;
      default:
        assertNever(notice);
    }
  }
}
