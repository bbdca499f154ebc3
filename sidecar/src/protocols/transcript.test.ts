import { expect, test } from '@jest/globals';
import { readTranscript, writeTranscript } from './transcript.ts';

test('a conversation is read as it was written, also with odd bytes and long chunks', () => {
  const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const chunks = [
    { from: 'Agent', bytes: every },
    { from: 'Target', bytes: new Uint8Array(0) },
    { from: 'Target', bytes: Buffer.from('+ agent # \\x00') },
  ] as const;
  const text = writeTranscript('a story\nof two lines', chunks);
  expect(text).toMatch(/^# a story\n# of two lines\nagent /);
  expect(readTranscript(text).map(({ from, bytes }) => [from, [...bytes]])).toEqual(
    chunks.map(({ from, bytes }) => [from, [...bytes]]),
  );
});

test.each(['+ first', 'server x', 'agent \\y', 'agent \\x0', 'agent'])('refuses %s', (text) => {
  expect(() => readTranscript(text)).toThrow();
});
