import { expect, test } from '@jest/globals';
import { Talk } from './testing/talk.ts';

const SUBSCRIBED = '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n';
const NOT_HERE =
  "-ERR Can't execute 'client|reply': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context";

test('CLIENT REPLY is refused in RESP2 while the connection is subscribed, and what follows is answered', () => {
  const talk = new Talk();
  talk.agent('SUBSCRIBE a', 'CLIENT REPLY OFF', 'PING', 'UNSUBSCRIBE a', 'CLIENT REPLY SKIP', 'GET b');
  // Whether it may be obeyed is known once the subscription is.
  expect([talk.told(), talk.sent()]).toEqual(['', 'SUBSCRIBE a']);
  talk.server(SUBSCRIBED);
  expect([talk.told(), talk.sent()]).toEqual([`*3 $9 subscribe $1 a :1 ${NOT_HERE}`, 'PING; UNSUBSCRIBE a']);
  talk.server('*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n');
  expect([talk.told(), talk.sent()]).toEqual(['*2 $4 pong $0  *3 $11 unsubscribe $1 a :0', 'GET b']);
  talk.server('$1\r\n1\r\n');
  expect([talk.told(), talk.playback.closed]).toEqual(['', false]);
});

test.each(['CLIENT REPLY', 'CLIENT REPLY OFF now'])('%s is refused as the server does, and changes nothing', (line) => {
  const talk = new Talk();
  talk.agent(line, 'GET b');
  expect(talk.told()).toBe("-ERR wrong number of arguments for 'client|reply' command");
  talk.server('$1\r\n1\r\n');
  expect(talk.told()).toBe('$1 1');
});

test('CLIENT REPLY is obeyed where the subscription failed, and in RESP3', () => {
  const refused = new Talk();
  refused.agent('SUBSCRIBE a', 'CLIENT REPLY OFF', 'GET b');
  refused.server('-NOPERM no\r\n');
  expect([refused.told(), refused.sent()]).toEqual(['-NOPERM no', 'SUBSCRIBE a; GET b']);
  refused.server('$1\r\n1\r\n');
  expect(refused.told()).toBe('');
  const newer = new Talk();
  newer.agent('HELLO 3');
  newer.server('%0\r\n');
  newer.agent('SUBSCRIBE a', 'CLIENT REPLY OFF', 'GET b');
  expect(newer.sent()).toBe('HELLO 3; SUBSCRIBE a; GET b');
});

test('a session that ends while CLIENT REPLY waits leaves no command without an outcome', () => {
  const talk = new Talk();
  talk.agent('SUBSCRIBE a', 'CLIENT REPLY OFF');
  talk.playback.agentLeft();
  const finished = talk.playback.trace.filter(({ kind }) => kind === 'Finished');
  expect(finished.map(({ details }) => /"outcome":"(\w+)"/.exec(details)?.[1])).toEqual(['Lost', 'Lost']);
});
