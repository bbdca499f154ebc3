import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REDIS_SERVER, startRedis } from '../redis/redis-server.ts';
import { openRedisStage } from '../redis/redis-stage.ts';
import { waiting } from '../run/owner.ts';
import type { Outcomes } from './outcomes.ts';

const POLICY = readFileSync(join(import.meta.dirname, '../../examples/redis/policy.yaml'), 'utf8');
const SETUP: readonly (readonly string[])[] = [
  ['SET', 'session:42', 'token-of-a-session'],
  ['HSET', 'customer:1', 'name', 'Ada', 'ssn', '078-05-1120'],
  ['SET', 'greeting', 'hello'],
];

interface Step {
  readonly title: string;
  readonly command: readonly string[];
  /** What the agent must be told. */
  readonly told: RegExp;
}

/** In one pipeline: what is refused stands between what is not. */
const PIPELINE: readonly Step[] = [
  { title: 'reads a key', command: ['GET', 'greeting'], told: /^\$5 hello$/ },
  { title: 'reads a masked key', command: ['GET', 'session:42'], told: /^\$8 \[masked\]$/ },
  { title: 'reads a hash with a masked field', command: ['HGETALL', 'customer:1'], told: /^\*4 .*Ada .*\*{7}1120$/ },
  {
    title: 'reads a piece of a masked value',
    command: ['GETRANGE', 'session:42', '0', '3'],
    told: /^-NOPERM masked-condition/,
  },
  { title: 'empties the database', command: ['FLUSHALL'], told: /^-NOPERM data\/cache-guardrails\/no-mass-removal: / },
  { title: 'runs a script', command: ['EVAL', 'return 1', '0'], told: /^-NOPERM incomplete: .*\(Script\)/ },
  { title: 'reads on after all that', command: ['GET', 'greeting'], told: /^\$5 hello$/ },
];

/** The same in Redis, with the example's policy; false where no server is installed. */
export async function workWithRedis(
  outcomes: Outcomes,
  show: (side: string, text: string) => void,
  progress: (step: string) => void,
): Promise<boolean> {
  if (REDIS_SERVER === undefined) return false;
  progress('starting Redis and a gate before it');
  await using stage = await openRedisStage({
    start: startRedis,
    policy: POLICY,
    setup: SETUP,
    owner: 'operator',
    ownerGroups: ['operators'],
  });
  const answers = repliesOf(await stage.converse(...PIPELINE.map(({ command }) => command)));
  for (const [at, { title, command, told }] of PIPELINE.entries()) {
    const answer = answers[at] ?? '';
    show('agent', `${command.join(' ')}\n${answer}`);
    outcomes.expect(`Redis: an agent ${title}, and is told so`, told.test(answer), answer);
  }
  const keys = await stage.redis.command(['DBSIZE']);
  outcomes.expect('Redis: nothing that was refused reached the server', keys === ':3\r\n', keys);
  const removal = stage.converse(['DEL', 'customer:1']);
  const held = await waiting(stage);
  const before = await stage.redis.command(['EXISTS', 'customer:1']);
  await stage.cli('approve', held.id);
  const after = await removal;
  show('agent', `DEL customer:1\nwaited for ${held.id}, then ${after.trim()}`);
  outcomes.expect(
    'Redis: a removal waits for a human, and runs after that',
    before === ':1\r\n' && after === ':1\r\n',
    after,
  );
  return true;
}

/** Each reply as one line. */
function repliesOf(text: string): readonly string[] {
  const lines = text.split('\r\n');
  const replies: string[] = [];
  let at = 0;
  const read = (): string => {
    const head = lines[at++] ?? '';
    if (head.startsWith('$')) return `${head} ${lines[at++] ?? ''}`;
    if (!head.startsWith('*')) return head;
    return [head, ...Array.from({ length: Number(head.slice(1)) }, read)].join(' ');
  };
  while (at < lines.length - 1) replies.push(read());
  return replies;
}
