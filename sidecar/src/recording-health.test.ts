import { expect, test } from '@jest/globals';
import type { RecorderNotice } from './recording.ts';
import { RecordingHealth } from './recording-health.ts';

const LOST: RecorderNotice = { kind: 'StoreLost', reason: 'gone' };
const FULL: RecorderNotice = { kind: 'StorePushesBack', reason: 'full' };
const BACK: RecorderNotice = { kind: 'StoreReached' };
const BAD: RecorderNotice = { kind: 'SegmentUnreadable', segment: 7, reason: 'EIO' };
const GOOD: RecorderNotice = { kind: 'SegmentReadable', segment: 7 };

test.each<[what: string, notices: readonly RecorderNotice[], expected: boolean]>([
  ['nothing', [], true],
  ['the store is gone', [BACK, LOST], false],
  ['the store is full', [BACK, FULL], false],
  ['it is back', [LOST, BACK], true],
  ['a segment cannot be read', [BACK, BAD], false],
  ['a segment cannot be read, and the store comes and goes', [BACK, BAD, LOST, BACK], false],
  ['one of two segments can be read again', [BAD, { ...BAD, segment: 8 }, GOOD], false],
  ['a segment can be read again', [BAD, GOOD], true],
  [
    'a segment cannot be read, and another thread has not found it',
    [BAD, { kind: 'UplinkRestarted', reason: '' }],
    true,
  ],
  ['one session was refused', [{ kind: 'SessionRefused', sessionId: 's', reason: 'fork' }], true],
])('after %s', (_what, notices, expected) => {
  const health = new RecordingHealth();
  for (const notice of notices) health.notice(notice);
  expect(health.flowing).toBe(expected);
});

test('counts segments, not how often they are told of', () => {
  const health = new RecordingHealth();
  for (const notice of [BAD, BAD, { ...BAD, segment: 8 }]) health.notice(notice);
  expect(health.segmentsUnreadable).toBe(2);
});
