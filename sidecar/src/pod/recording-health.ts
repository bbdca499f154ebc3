import { assertNever } from '@sidegate/crds';
import type { RecorderNotice } from '../recording.ts';

/** Whether records reach the store, as far as the recorder has noticed: true until it noticed that they do not. */
export class RecordingHealth {
  #flowing = true;

  get flowing(): boolean {
    return this.#flowing;
  }

  notice({ kind }: RecorderNotice): void {
    switch (kind) {
      case 'StoreReached':
        this.#flowing = true;
        return;
      case 'StoreLost':
      case 'StorePushesBack':
        this.#flowing = false;
        return;
      case 'SessionRefused':
      case 'SegmentDamaged':
      case 'UplinkRestarted':
        return;
      default:
        assertNever(kind);
    }
  }
}
