import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = 'sidecar/src/protocols/redis';
const WIRE = `${FOLDER}/hazards.test.ts`;
const CODEC = `${FOLDER}/codec.test.ts`;
const TOPOLOGY = `${FOLDER}/topology.test.ts`;
const CLUSTER = 'e2e/redis/cluster.test.ts';
const READING = `${FOLDER}/classify.test.ts`;
/** Run by bypass.test.ts against a real server. */
const CORPUS = `${FOLDER}/redis.bypass.yaml`;
const CLIENTS = 'e2e/redis/clients.test.ts';
const LANE = 'e2e/redis/lane.test.ts';

type Hazard = readonly [trap: string, ...tests: (readonly [file: string, name: string])[]];

const corpus = (...ids: readonly string[]): (readonly [string, string])[] => ids.map((id) => [CORPUS, `- {id: ${id},`]);

/** The known traps of Redis, and the tests that would see each: file and the words that name the case there. */
const HAZARDS: readonly Hazard[] = [
  [
    'RESP2 and RESP3',
    [CODEC, "describe('replies'"],
    [WIRE, 'is masked in its own shape'],
    [CLIENTS, 'node-redis in RESP%d'],
  ],
  [
    'bytes that are cut anywhere',
    [CODEC, 'however they are cut'],
    ['sidecar/src/protocols/conformance.test.ts', 'Redis: redisExhibit'],
  ],
  [
    'HELLO and AUTH',
    [WIRE, 'AUTH and HELLO are consumed'],
    [WIRE, 'before identity only AUTH'],
    ...corpus('auth-other', 'hello-other'),
  ],
  ['pipelines', [WIRE, 'gets its error in its own place'], [CLIENTS, 'A whole pipeline'], ...corpus('pipeline-denied')],
  [
    'inline commands',
    [CODEC, 'an inline command goes on as an array'],
    [CODEC, 'as Redis splits them'],
    ...corpus('name-quoted-inline'),
  ],
  [
    'MULTI and EXEC',
    [WIRE, 'discards the transaction as Redis does'],
    [WIRE, 'each element of EXEC'],
    ...corpus('multi-denied', 'multi-masked'),
  ],
  ['WATCH', [WIRE, 'EXEC that WATCH failed'], ...corpus('multi-watch')],
  [
    'blocking commands',
    [READING, 'BLPOP a b 0'],
    [LANE, 'behind a command that waits'],
    ...corpus('key-blpop', 'mask-blpop', 'pipeline-after-blocking'),
  ],
  [
    'publish and subscribe, and push',
    [WIRE, 'messages in RESP2 belong to no command'],
    [WIRE, 'pushes of RESP3'],
    ...corpus('key-subscribe'),
  ],
  ['client tracking', [WIRE, 'also those of client tracking'], [LANE, 'client tracking']],
  [
    'scripts with declared keys, and undeclared',
    [READING, 'EVALSHA x 0'],
    ...corpus('script-eval', 'script-eval-declared', 'script-fcall'),
  ],
  ['MONITOR', ...corpus('admin-monitor'), [CLIENTS, 'MONITOR refused']],
  [
    'SUBSCRIBE modes',
    [WIRE, 'UNSUBSCRIBE without names'],
    [WIRE, 'an answer that looks like a message'],
    ...corpus('key-psubscribe', 'multi-subscribe'),
  ],
  [
    'cluster redirects point at the gate',
    [WIRE, 'MOVED and ASK point at the gate'],
    [TOPOLOGY, 'CLUSTER SLOTS: doors in place of nodes'],
    [CLUSTER, 'no answer about the nodes shows one of them'],
    ...corpus('admin-cluster', 'admin-cluster-nodes'),
  ],
  ['DEBUG', ...corpus('admin-debug')],
  ['CONFIG', ...corpus('admin-config-get', 'admin-config-set')],
  ['MODULE', ...corpus('admin-module')],
  ['RESTORE and DUMP', ...corpus('admin-restore', 'admin-dump')],
  [
    'big bulk strings',
    [WIRE, 'a big bulk string'],
    [CODEC, 'a long string comes in pieces'],
    [LANE, 'a value of many megabytes'],
  ],
  ['RESET ends the login', [WIRE, 'RESET is followed by the login'], ...corpus('reset-account', 'reset-mask')],
  [
    'CLIENT REPLY puts answers out of step',
    [WIRE, 'CLIENT REPLY is kept by the gate'],
    ...corpus('reply-off', 'reply-skip'),
  ],
  [
    'keys that stand where options say',
    [READING, 'XREADGROUP COUNT 1 GROUP g'],
    ...corpus('key-xread-consumer', 'key-sort-store', 'key-georadius-store'),
  ],
  ['numbers that Redis forgives', ...corpus('frame-sign', 'frame-zero', 'frame-feed', 'frame-end')],
  ['a browser that speaks to it', [WIRE, 'a browser'], ...corpus('frame-http')],
  ['databases', [READING, 'when only database 1 is allowed'], [WIRE, 'SELECT of a database']],
];

test.each(HAZARDS)('%s', (_trap, ...tests) => {
  expect(tests.length).toBeGreaterThan(0);
  for (const [file, name] of tests)
    expect([file, readFileSync(join(ROOT, file), 'utf8').includes(name), name]).toEqual([file, true, name]);
});
