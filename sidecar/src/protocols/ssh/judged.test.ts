import { expect, test } from '@jest/globals';
import { exec, openPlayback } from './testing/ssh-playback.ts';

test.each([
  ['cat /home/ada@example.com/notes', 'read /home'],
  ['cat notes > /tmp/ada@example.com', 'write /tmp'],
])('the paths that the record lists of %s are masked like its text', (text, listed) => {
  const playback = openPlayback();
  playback.agent(exec(text));
  const [judged] = playback.trace.filter(({ kind }) => kind === 'Judge');
  const { objects, masked }: { objects: readonly string[]; masked: string } = JSON.parse(judged?.details ?? '{}');
  expect(masked).not.toContain('ada@example.com');
  expect(objects.join()).toContain(listed);
  expect(objects.join()).not.toContain('ada@example.com');
});

test('the programs that the record lists are masked, too', () => {
  const playback = openPlayback();
  playback.agent(exec('/home/ada@example.com/bin/run'));
  const [judged] = playback.trace.filter(({ kind }) => kind === 'Judge');
  const { verbs }: { verbs: readonly string[] } = JSON.parse(judged?.details ?? '{}');
  expect(verbs[0]).toBe('exec');
  expect(verbs[1]).toContain('/bin/run');
  expect(verbs.join()).not.toContain('ada@example.com');
});
