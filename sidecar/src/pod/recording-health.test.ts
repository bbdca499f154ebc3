import { expect, test } from '@jest/globals';
import type { RecorderNotice } from '../recording.ts';
import { RecordingHealth } from './recording-health.ts';

const LOST: RecorderNotice = { kind: 'StoreLost', reason: 'gone' };
const FULL: RecorderNotice = { kind: 'StorePushesBack', reason: 'full' };
const BACK: RecorderNotice = { kind: 'StoreReached' };

test.each<[what: string, notices: readonly RecorderNotice[], expected: boolean]>([
  ['nothing', [], true],
  ['the store is gone', [BACK, LOST], false],
  ['the store is full', [BACK, FULL], false],
  ['it is back', [LOST, BACK], true],
  ['one session was refused', [{ kind: 'SessionRefused', sessionId: 's', reason: 'fork' }], true],
])('after %s', (_what, notices, expected) => {
  const health = new RecordingHealth();
  for (const notice of notices) health.notice(notice);
  expect(health.flowing).toBe(expected);
});
