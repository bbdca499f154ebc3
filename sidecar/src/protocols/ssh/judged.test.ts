import { expect, test } from '@jest/globals';
import { exec, openPlayback } from './testing/ssh-playback.ts';

test.each([
  ['cat /home/notes', ['exec', 'cat'], ['read /home/notes']],
  ['cat notes > /tmp/copy', ['exec', 'cat'], ['read ~/notes', 'write /tmp/copy']],
  ['/opt/bin/run', ['exec', '/opt/bin/run'], []],
])('of %s the record lists programs and paths', (text, verbs, objects) => {
  const playback = openPlayback();
  playback.agent(exec(text));
  const [judged] = playback.trace.filter(({ kind }) => kind === 'Judge');
  expect(JSON.parse(judged?.details ?? '{}')).toMatchObject({ verbs, objects });
});
