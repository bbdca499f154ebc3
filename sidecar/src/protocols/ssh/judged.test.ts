import { expect, test } from '@jest/globals';
import { buildContentMask, type MaskRules } from '@sidegate/policy';
import { classify } from './classify.ts';
import { judgedCommand } from './judged.ts';
import { exec, openPlayback } from './testing/ssh-playback.ts';

const REDACT = { rule: 'a', with: { type: 'Redact' } } as const;

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

test.each([
  ["a; echo '---BEGIN PRIVATE KEY---'; rm x; echo '---END PRIVATE KEY---'", true],
  ["a; echo '---BEGIN PRIVATE KEY---'; rm x", true],
  ["a; echo 'PRIVATE KEY'; rm x", false],
  ['mail ada@example.com;rm x', false],
  ['card 4111 1111 1111 1111', true],
  ['card 4111-1111-1111-1111', false],
])('of %s an approver would miss more than values: %s', (text, isHidden) => {
  const detect = (['PrivateKey', 'Email', 'CreditCard'] as const).map((detector) => ({ detector, mask: REDACT }));
  const recordMasks = { maskContent: buildContentMask(detect, new Uint8Array(32)) } as MaskRules;
  const command = classify({ kind: 'Exec', text, isText: true });
  const judged = judgedCommand({ command, text, wire: new Uint8Array(0), verbs: [] }, { recordMasks });
  expect(judged.hidesWords?.()).toBe(isHidden);
});

test('of what no terminal showed an approver would miss all', () => {
  const recordMasks = { maskContent: (text: string) => text } as MaskRules;
  const parts = { command: classify({ kind: 'Shell' }), text: '', wire: new Uint8Array(0), verbs: [] };
  expect(judgedCommand({ ...parts, isShown: false }, { recordMasks }).hidesWords?.()).toBe(true);
  expect(judgedCommand(parts, { recordMasks }).hidesWords?.()).toBe(false);
});
