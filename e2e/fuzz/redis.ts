import * as fc from 'fast-check';
import { cuts, damaged, differenceOf, EACH, noises, WHOLE, wrongWhenCut } from './conversation.ts';
import { defineFuzzer, type Fuzzer } from './fuzzer.ts';
import { NODES } from './redis-cluster.ts';
import { CARD, RedisModel, SECRET } from './redis-model.ts';
import { RedisTalk, redisChunks } from './redis-talk.ts';
import { latin1 } from './redis-wire.ts';

function talk(
  chunks: readonly Uint8Array[],
  isGuarded: boolean,
  cut: readonly number[],
  cutServer: readonly number[] = WHOLE,
): RedisTalk {
  const conversation = new RedisTalk(isGuarded, cut, cutServer);
  for (const chunk of chunks) conversation.agent(chunk);
  return conversation;
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** What the gate answers in the server's place; what comes behind may differ. */
const OF_THE_GATE = /-NOPERM|-NOPROTO|-ERR Protocol error|-ERR syntax error/;

const damagedChunks = damaged(redisChunks);

const serverChunks = fc.array(
  fc.oneof(
    fc
      .constantFrom('+OK\r\n', '$-1\r\n', '*-1\r\n', '_\r\n', ':1\r\n', '-ERR x\r\n', '$1\r\nx\r\n', '*2\r\n', '%1\r\n')
      .map(latin1),
    fc
      .constantFrom('>3\r\n', '|1\r\n', '$18\r\n', '+QUEUED\r\n', '~1\r\n', '=5\r\ntxt:x\r\n', '$99999\r\n')
      .map(latin1),
    fc.uint8Array({ maxLength: 12 }),
  ),
  { maxLength: 8 },
);

/** The fuzzers of Redis sessions. */
export const REDIS_FUZZERS: readonly Fuzzer[] = [
  defineFuzzer({
    name: 'redis-transparent',
    promise:
      'Where nothing is refused and nothing masked, an agent gets, byte for byte, what the server gives without a gate.',
    cases: fc.tuple(redisChunks, cuts),
    check([chunks, cut]) {
      const { playback } = talk(chunks, false, cut, cut);
      // A SUBSCRIBE in a transaction is refused whatever policy says, perhaps unheard.
      if (playback.trace.some(({ kind, details }) => kind === 'Finished' && details.includes('"Refused"')))
        return undefined;
      const given = textOf(playback.sent('Agent'));
      const server = new RedisModel();
      const expected = chunks.map((chunk) => textOf(server.receive(chunk))).join('');
      if (given === expected || OF_THE_GATE.test(given + expected)) return playback.violations[0];
      return `gave ${JSON.stringify(given)}, the server gives ${JSON.stringify(expected)}`;
    },
  }),
  defineFuzzer({
    name: 'redis-split',
    promise: 'However the bytes of an agent are cut, damaged too, the same is sent, judged and finished.',
    cases: fc.tuple(fc.oneof(redisChunks, damagedChunks), cuts, fc.boolean()),
    check([chunks, cut, isGuarded]) {
      const whole = talk(chunks, isGuarded, WHOLE).playback;
      const difference = (way: readonly number[]): string | undefined =>
        differenceOf(way, talk(chunks, isGuarded, way).playback, whole);
      return difference(cut) ?? difference(EACH);
    },
  }),
  defineFuzzer({
    name: 'redis-guarded',
    promise:
      'Whatever an agent sends, damaged too: what is denied never runs at the server, what is masked and where nodes are never reaches the agent.',
    cases: fc.tuple(fc.oneof(redisChunks, damagedChunks), cuts),
    check([chunks, cut]) {
      const { playback, server } = talk(chunks, true, cut);
      const told = textOf(playback.sent('Agent'));
      if (told.includes(SECRET) || told.includes(CARD))
        return `a masked value reached the agent: ${JSON.stringify(told)}`;
      const node = NODES.find((name) => told.includes(name));
      if (node !== undefined) return `the node ${node} reached the agent: ${JSON.stringify(told)}`;
      const denied = server.ran.find((name) => name === 'FLUSHALL' || name === 'EVAL');
      if (denied !== undefined) return `${denied} ran`;
      if ([...server.touched].some((key) => key.startsWith('forbidden'))) return 'a forbidden key was touched';
      return playback.violations[0];
    },
  }),
  defineFuzzer({
    name: 'redis-server',
    promise: 'Whatever a server says, whenever: no throw, and no rule of sessions is broken, however it is cut.',
    cases: fc.tuple(redisChunks, serverChunks, cuts),
    check([chunks, said, cut]) {
      const run = (way: readonly number[]): RedisTalk => {
        const conversation = new RedisTalk(true, WHOLE, way);
        for (const chunk of chunks) conversation.playback.agent(chunk);
        conversation.target(latin1('+OK\r\n'));
        for (const chunk of said) conversation.target(chunk);
        return conversation;
      };
      return wrongWhenCut(cut, run);
    },
  }),
  defineFuzzer({
    name: 'redis-noise',
    promise: 'Random bytes from either side at any moment: no throw, and no rule of sessions is broken.',
    cases: noises,
    check: (noise) => new RedisTalk(true, WHOLE, WHOLE).afterNoise(noise),
  }),
];
