import { expect, test } from '@jest/globals';
import type { Request } from './codec.ts';
import { STATUS } from './messages.ts';
import { bytesOf, Conversation, NO_MASKS, on, opening, pair } from './testing/conversation.ts';
import { writeRequest } from './testing/packets.ts';

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

/** Two links, one over the other, and a third that leads to what is denied; what is moved is moved when the server is sent it. */
function openLinked(): Conversation {
  const links = new Map([
    ['/me/over', '/me/under'],
    ['/me/under', '/me/open'],
    ['/me/shut', '/secret'],
  ]);
  const realOf = (path: string): string => {
    const [start = ''] = /^\/me\/[a-z]+/.exec(path) ?? [];
    const target = links.get(start);
    return target === undefined ? path : realOf(target + path.slice(start.length));
  };
  const refusal = { kind: 'Denied', rule: 'closed', reason: 'It is secret.', hint: '' } as const;
  return Conversation.open({
    masks: NO_MASKS,
    realOf,
    decide: ({ command }) =>
      command.protocol === 'SSH' && command.paths.some(({ path }) => path?.startsWith('/secret')) ? refusal : 'Forward',
    sent: (request) => {
      if (request.kind !== 'Pair') return;
      const [from = '', to = ''] = request.paths.map((path) => Buffer.from(path).toString());
      links.set(to, links.get(from) ?? from);
    },
  });
}

const opened = (conversation: Conversation): number => conversation.seen.filter(({ kind }) => kind === 'Open').length;

/** The second makes the third wait until the first is about to be sent. */
const moving = (to: string): Uint8Array => {
  const path = '/me/over/x';
  const attributes = { permissions: 0o600, extended: [] };
  const chmod: Request = { kind: 'Set', operation: 'setstat', path: bytesOf(path), attributes };
  const requests = [pair('posix-rename', '/me/shut', to), chmod, opening(path)];
  return Buffer.concat(requests.map((request, at) => writeRequest(at, request)));
};

test('a link that is moved while the server is asked where a path leads over it does not lead past a rule', () => {
  const conversation = openLinked();
  conversation.agent(moving('/me/under'));
  expect(conversation.judgements.map(({ judged }) => judged.text)).toEqual([
    'setstat /me/over/x mode=0600',
    'rename /me/shut /me/under',
    'open /me/over/x read',
  ]);
  expect(opened(conversation)).toBe(0);
  expect(conversation.told).toMatchObject([{ id: 2, answer: { code: STATUS.permissionDenied, text: KEPT } }]);
});

test('one that is moved and leads no path elsewhere stops nothing', () => {
  const conversation = openLinked();
  conversation.agent(moving('/me/aside'));
  expect(opened(conversation)).toBe(1);
});
