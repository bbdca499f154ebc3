import { describe, expect, test } from '@jest/globals';
import { commandPart } from './command-part.ts';
import { WHOLE } from './conversation.ts';
import { ModelServer } from './model-server.ts';
import { AGENT, cutFrames } from './postgres-frames.ts';
import { PostgresTalk } from './postgres-talk.ts';

/** The letters of the frames that an agent gets; of an error its code too. */
function letters(bytes: Uint8Array): string {
  return cutFrames(bytes)
    .frames.map(({ letter, body }) => {
      const code = letter === 'E' ? /\0C([^\0]*)/.exec(Buffer.from(body).toString())?.[1] : undefined;
      return code === undefined ? letter : `${letter}:${code}`;
    })
    .join(' ');
}

/** What fuzzing once found, each as the shortest conversation that shows it, beside what a server without a gate gives. */
describe('conversations that went wrong', () => {
  test.each<[story: string, chunks: readonly (readonly Uint8Array[])[], expected: string]>([
    [
      'a Sync between a simple COPY and its rows is answered by nobody, so the next answers stay in their places',
      [
        [AGENT.query('copy in;select one'), AGENT.sync(), AGENT.copyData('x\n')],
        [AGENT.copyFail('no more'), AGENT.bind('', '', [])],
        [AGENT.sync()],
      ],
      'G E:57014 Z E:26000 Z',
    ],
    [
      'an unnamed statement that is prepared again behind an error was skipped, so the first still stands',
      [
        [AGENT.parse('', 'select one'), AGENT.parse('a', 'syntax'), AGENT.parse('', 'select one')],
        [AGENT.sync(), AGENT.bind('', '', [])],
        [AGENT.sync()],
      ],
      '1 E:42601 Z 2 Z',
    ],
    [
      'an unnamed statement that fails to be prepared is gone',
      [
        [AGENT.parse('', 'select one'), AGENT.parse('', 'syntax'), AGENT.sync()],
        [AGENT.bind('', '', []), AGENT.sync()],
      ],
      '1 E:42601 Z E:26000 Z',
    ],
    [
      'a portal that died with its cycle is described in vain',
      [[AGENT.parse('', 'select one'), AGENT.bind('b', '', []), AGENT.sync(), AGENT.describe('P', 'b'), AGENT.sync()]],
      '1 2 Z E:34000 Z',
    ],
    [
      'a portal that outlived the cycle in which it was bound is described for no command',
      [
        [AGENT.parse('a', 'select one'), AGENT.query('begin'), AGENT.bind('a', 'a', []), AGENT.sync()],
        [AGENT.describe('P', 'a'), AGENT.sync()],
      ],
      '1 C Z 2 Z T Z',
    ],
    [
      'a frame between the end of a COPY and its Sync does not wait for an answer that the server keeps back',
      [
        [AGENT.parse('', 'copy in'), AGENT.bind('', '', []), AGENT.execute('', 0)],
        [AGENT.copyData('x\n'), AGENT.copyDone(), AGENT.parse('', 'select one'), AGENT.sync()],
      ],
      '1 2 G C 1 Z',
    ],
  ])('%s', (_story, chunks, expected) => {
    const whole = chunks.map((frames) => Buffer.concat(frames));
    const server = new ModelServer();
    server.receive(AGENT.startup());
    expect(letters(Buffer.concat(whole.map((chunk) => server.receive(chunk))))).toBe(expected);
    const talk = new PostgresTalk({ isGuarded: false, cut: WHOLE }).open();
    for (const chunk of whole) talk.agent(chunk);
    expect(letters(talk.answers())).toBe(expected);
    expect(talk.playback.violations).toEqual([]);
  });
});

test.each<[string, string, boolean]>([
  ['one string', 'no more\0', true],
  ['a string and a hidden command', 'no more\0Q\0\0\0\x1adenied row', false],
  ['a string without its end', 'no more', false],
])('a COPY that is ended by %s', (_name, body, passes) => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  const talk = new PostgresTalk({ isGuarded: true, cut: WHOLE }).open();
  talk.agent(AGENT.query('copy in'));
  talk.agent(Buffer.concat([Buffer.from('f'), length, Buffer.from(body)]));
  expect(Buffer.from(talk.playback.sent('Target')).includes('no more')).toBe(passes);
  expect(Buffer.from(talk.playback.sent('Target')).includes('denied row')).toBe(false);
});

test.each<[string, Uint8Array, boolean]>([
  ['a query', AGENT.query('denied row'), true],
  ['a statement', AGENT.parse('', 'denied row'), true],
  ['a row of a COPY', AGENT.copyData('denied row'), false],
  ['a value', AGENT.bind('', '', ['denied row']), false],
  ['the name of a statement that is bound', AGENT.bind('', 'denied row', []), false],
  ['the name of a statement', AGENT.parse('denied row', 'x'), false],
  ['why a COPY failed', AGENT.copyFail('denied row'), false],
  ['what follows why a COPY failed', withBody(AGENT.copyFail('x'), 'denied row'), true],
  ['what follows a name', withBody(AGENT.close('S', 'x'), 'denied row'), true],
  ['what follows a statement', withBody(AGENT.parse('', 'x'), 'denied row'), true],
  ['what follows values', withBody(AGENT.bind('', '', ['x']), 'denied row'), true],
])('%s is taken for a command or for data', (_name, bytes, isCommand) => {
  expect(commandPart(Buffer.concat([AGENT.startup(), bytes])).includes('denied row')).toBe(isCommand);
});

/** The frame with more in it than belongs there. */
function withBody(frame: Uint8Array, more: string): Uint8Array {
  const longer = Buffer.concat([frame, Buffer.from(more)]);
  longer.writeInt32BE(longer.length - 1, 1);
  return longer;
}
