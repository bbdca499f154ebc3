import * as fc from 'fast-check';
import { commandPart } from './command-part.ts';
import { cuts, damaged, differenceOf, EACH, noises, WHOLE, wrongWhenCut } from './conversation.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { ModelServer, SECRET } from './model-server.ts';
import { AGENT, cutFrames, frame } from './postgres-frames.ts';
import { agentChunks, PostgresTalk } from './postgres-talk.ts';

/** Ends a conversation so that everything is answered: out of a COPY, then Sync. */
const CLOSING = Buffer.concat([AGENT.copyFail('over'), AGENT.sync(), AGENT.sync()]);

/** False when damaged frames have swallowed the closing: then nobody asks for the last answers, and they come when they come. */
function isClosed(chunks: readonly Uint8Array[]): boolean {
  const { frames, rest } = cutFrames(Buffer.concat([...chunks, CLOSING]));
  return rest.length === 0 && frames.at(-1)?.letter === 'S';
}

/** The same agent without a gate. */
function talkDirectly(chunks: readonly Uint8Array[]): Uint8Array {
  const server = new ModelServer();
  server.receive(AGENT.startup());
  return Buffer.concat(chunks.map((chunk) => server.receive(chunk)));
}

function talk(
  chunks: readonly Uint8Array[],
  isGuarded: boolean,
  cut: readonly number[],
  cutServer: readonly number[] = WHOLE,
): PostgresTalk {
  const conversation = new PostgresTalk({ isGuarded, cut, cutServer }).open();
  for (const chunk of chunks) conversation.agent(chunk);
  return conversation;
}

function show(bytes: Uint8Array): string {
  const { frames, rest } = cutFrames(bytes);
  const shown = frames.map(({ letter, body }) => `${letter}(${Buffer.from(body).toString('latin1')})`).join(' ');
  return JSON.stringify(`${shown}${rest.length > 0 ? ` and ${rest.length} bytes` : ''}`);
}

/** The frames as text, of an error only its code: the gate gives some errors in the server's place. */
function withoutWords(bytes: Uint8Array): readonly string[] {
  const { frames, rest } = cutFrames(bytes);
  const shown = frames.map(({ letter, body }) => {
    const text = Buffer.from(body).toString('latin1');
    return letter === 'E' ? `E ${text.split('\0').find((field) => field.startsWith('C'))}` : `${letter} ${text}`;
  });
  return [...shown, `and ${rest.length} bytes`];
}

function areAlike(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}

/** As `withoutWords`, and without what comes when it comes: notices, settings, notifications. */
function inTurn(bytes: Uint8Array): readonly string[] {
  return withoutWords(bytes).filter((text) => !/^[NSA] /.test(text));
}

/** A server that says anything: whole frames, damaged frames, noise. */
const serverChunks = fc.array(
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...'123ACDEGHIKNRSTVZcdnstvW'.split('')), fc.uint8Array({ maxLength: 12 }))
      .map(([letter, body]) => frame(letter, body)),
    fc.constantFrom(
      frame('Z', Buffer.from('I')),
      frame('C', 'SELECT 1'),
      frame('1'),
      frame('2'),
      frame('n'),
      frame('I'),
      frame('c'),
    ),
    fc.uint8Array({ maxLength: 20 }),
  ),
  { maxLength: 8 },
);

const damagedChunks = damaged(agentChunks);

/** The fuzzers of PostgreSQL sessions. */
export const FRAME_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'frames-transparent',
    promise:
      'Where nothing is refused and nothing masked, an agent gets the frames that the server gives without a gate, errors in other words perhaps.',
    cases: fc.tuple(agentChunks, cuts),
    check([chunks, cut]) {
      const all = [...chunks, CLOSING];
      const conversation = talk(all, false, cut, cut);
      if (conversation.playback.closed) {
        const why = conversation.playback.trace.at(-1)?.details ?? '';
        // The server would give an error and drop the rest of the COPY; the gate ends the session.
        return why.includes('in the middle of a COPY') ? undefined : `closed: ${why}`;
      }
      const given = conversation.answers();
      // An error that the gate gives in the server's place leaves the server's transaction as it is.
      if (Buffer.from(given).includes('sidegate: ') && Buffer.concat(all).includes('begin')) return undefined;
      const expected = talkDirectly(all);
      if (
        !areAlike(inTurn(given), inTurn(expected)) ||
        !areAlike(withoutWords(given).toSorted(), withoutWords(expected).toSorted())
      )
        return `gave ${show(given)}, the server gives ${show(expected)}`;
      return conversation.playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'frames-split',
    promise:
      'However the bytes of an agent are cut, the same is sent, judged and finished; however those of the server are, the agent gets the same.',
    cases: fc.tuple(fc.oneof(agentChunks, damagedChunks), cuts, fc.boolean()),
    check([chunks, cut, isGuarded]) {
      const whole = talk(chunks, isGuarded, WHOLE).playback;
      // Answers that nobody asked to be flushed may come early; with the closing all have come.
      const all = talk([...chunks, CLOSING], isGuarded, WHOLE).playback;
      for (const way of [cut, EACH]) {
        const inPieces = talk(chunks, isGuarded, way).playback;
        const difference = differenceOf(way, inPieces, whole);
        if (difference !== undefined) return difference;
        if (!isClosed(chunks)) continue;
        // A server that is read in pieces may be asked more before its error is seen; the agent is told the same.
        const slow = talk([...chunks, CLOSING], isGuarded, WHOLE, way).playback;
        const answers = slow.sent('Agent');
        // What is skipped behind an error is not looked at; whether it is skipped depends on when the error comes.
        if (slow.closed || all.closed) continue;
        if (!areAlike(inTurn(answers), inTurn(all.sent('Agent')))) {
          return `the server cut ${JSON.stringify(way)} gave ${show(answers)}, whole ${show(all.sent('Agent'))}`;
        }
      }
      return undefined;
    },
  }),
  defineFuzzer({
    name: 'frames-guarded',
    promise:
      'Whatever frames an agent sends, damaged too: what is denied never reaches the server, what is masked never reaches the agent.',
    cases: fc.tuple(fc.oneof(agentChunks, damagedChunks), cuts),
    check([chunks, cut]) {
      const { playback } = talk([...chunks, CLOSING], true, cut);
      if (Buffer.from(playback.sent('Agent')).includes(SECRET)) return 'the secret reached the agent';
      if (commandPart(playback.sent('Target')).includes('denied row')) return 'what is denied reached the server';
      return playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'frames-server',
    promise: 'Whatever a server says, whenever: no throw, and no rule of sessions is broken, however it is cut.',
    cases: fc.tuple(agentChunks, serverChunks, cuts, fc.boolean()),
    check([chunks, said, cut, isEarly]) {
      const run = (way: readonly number[]): PostgresTalk => {
        const conversation = new PostgresTalk({ isGuarded: true, cut: WHOLE, cutServer: way });
        if (isEarly) conversation.playback.agent(AGENT.startup());
        else conversation.open();
        for (const chunk of chunks) conversation.playback.agent(chunk);
        for (const chunk of said) conversation.target(chunk);
        return conversation;
      };
      return wrongWhenCut(cut, run);
    },
  }),
  defineFuzzer({
    name: 'frames-noise',
    promise: 'Random bytes from either side at any moment: no throw, and no rule of sessions is broken.',
    cases: fc.tuple(fc.boolean(), noises),
    check([isOpen, chunks]) {
      const conversation = new PostgresTalk({ isGuarded: true, cut: WHOLE });
      if (isOpen) conversation.open();
      for (const [isAgent, bytes] of chunks) {
        if (isAgent) conversation.playback.agent(bytes);
        else conversation.target(bytes);
      }
      return conversation.playback.violations[0];
    },
  }),
];
