import { expect, test } from '@jest/globals';
import { EACH, outcomeOf, WHOLE } from './conversation.ts';
import { type Act, SshTalk } from './ssh-talk.ts';

const open = (window: number): Act => ({ kind: 'Open', type: 'session', window, packetMax: 1 });
const exec = (channel: number, text: string): Act => ({
  kind: 'Request',
  channel,
  type: 'exec',
  wantsReply: false,
  parts: [text],
});

/** How a conversation comes out whose server is read whole, and one whose server is read byte by byte. */
function bothWays(acts: readonly (readonly Act[])[]): readonly string[] {
  return [WHOLE, EACH].map((way) => {
    const conversation = new SshTalk('Holding', WHOLE, way);
    for (const each of acts) conversation.act(each);
    expect(conversation.playback.violations).toEqual([]);
    return outcomeOf(conversation.playback);
  });
}

test('a command that waits until less runs comes in the same place, however what makes room for it is cut', () => {
  const [whole, inPieces] = bothWays([
    [exec(0, 'cat')],
    [open(0)],
    [open(0), open(100_000)],
    [open(0), exec(2, 'cat customers')],
    [
      exec(1, 'cat customers'),
      { kind: 'Data', channel: 3, text: 'z'.repeat(40) },
      { kind: 'Request', channel: 0, type: 'shell', wantsReply: false, parts: [] },
    ],
    [{ kind: 'Eof', channel: 0 }],
  ]);
  expect(inPieces).toBe(whole);
});
