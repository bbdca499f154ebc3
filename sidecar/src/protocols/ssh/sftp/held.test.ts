import { expect, test } from '@jest/globals';
import { STATUS } from './messages.ts';
import { Conversation, NO_MASKS, on, opening, pair } from './testing/conversation.ts';

const KEPT = 'sidegate: denied: sftp: While it waited, its paths came to lead elsewhere. Ask for it again.';

/** A conversation in which everything waits for somebody, and what is a link of the server's at any time. */
function openHeld(links: Record<string, string>): Conversation {
  return Conversation.open({ masks: NO_MASKS, decide: () => 'Hold', realOf: (path) => links[path] ?? path });
}

test.each([
  ['a file', opening('/data/f')],
  ['a directory', on('opendir', '/data/f')],
  ['what is moved', pair('rename', '/data/d/a', '/data/b')],
])('an operation that was approved runs where its paths led when people were asked: %s', (_, request) => {
  const links: Record<string, string> = {};
  const conversation = openHeld(links);
  conversation.ask(1, request);
  expect([conversation.judgements.length, conversation.asked.length]).toEqual([1, 0]);
  links['/data/f'] = '/secret/f';
  links['/data/d'] = '/secret';
  conversation.approve(2);
  expect(conversation.asked).toEqual([]);
  expect(conversation.told).toMatchObject([{ id: 1, answer: { code: STATUS.permissionDenied, text: KEPT } }]);
  expect(conversation.endings).toMatchObject([{ commandId: 2, outcome: 'Refused' }]);
});

test('one whose paths lead where they led goes on, and so does what waited for it', () => {
  const conversation = openHeld({ '/data/f': '/kept/f' });
  conversation.ask(1, opening('/data/f'));
  conversation.ask(2, on('remove', '/data/f'));
  conversation.isSlow = true;
  conversation.approve(2);
  expect([conversation.asked.length, conversation.judgements.length]).toEqual([0, 1]);
  conversation.answerQuestions();
  expect(conversation.asked.map(({ request }) => request.kind)).toEqual(['Open']);
  expect(conversation.judgements.map(({ judged }) => judged.text)).toEqual(['open /data/f read', 'remove /data/f']);
});

test('one that is asked about again when its channel ends is lost', () => {
  const conversation = openHeld({});
  conversation.ask(1, opening('/data/f'));
  conversation.isSlow = true;
  conversation.approve(2);
  conversation.session.abandon('The agent closed the channel.');
  expect(conversation.endings).toMatchObject([{ commandId: 2, outcome: 'Lost' }]);
  conversation.answerQuestions();
  expect(conversation.asked).toEqual([]);
});
