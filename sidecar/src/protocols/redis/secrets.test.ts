import { expect, test } from '@jest/globals';
import { NO_MASKS, Talk } from './testing/talk.ts';

const HASH = 'f94565f0dbf37d6b4ad23327c49575a7d444b8250f8631b43bcb4ab1d58c6f77';
const bulks = (...words: readonly string[]): string => words.map((word) => `$${word.length}\r\n${word}\r\n`).join('');

test.each<[line: string, version: 2 | 3, answer: string, told: string]>([
  [
    'CONFIG GET *',
    2,
    `*6\r\n${bulks('port', '6379', 'requirepass', 'hunter2', 'masterauth', '')}`,
    '*6 $4 port $4 6379 $11 requirepass $8 [masked] $10 masterauth $0 ',
  ],
  [
    'config get *',
    3,
    `%2\r\n${bulks('tls-key-file-pass', 'hunter2', 'maxmemory', '0')}`,
    '%2 $17 tls-key-file-pass $8 [masked] $9 maxmemory $1 0',
  ],
  [
    'ACL GETUSER gate',
    2,
    `*4\r\n${bulks('flags')}*1\r\n${bulks('on')}${bulks('passwords')}*1\r\n${bulks(HASH)}`,
    '*4 $5 flags *1 $2 on $9 passwords *1 $8 [masked]',
  ],
  ['ACL LIST', 2, `*1\r\n${bulks(`user gate on #${HASH} ~* +@all`)}`, '*1 $31 user gate on #[masked] ~* +@all'],
])('%s shows no password, whatever the masks', (line, version, answer, told) => {
  const talk = new Talk({ version, answers: { masks: NO_MASKS, settle: () => 'Forward' } });
  talk.agent(line);
  talk.server(answer);
  expect(talk.told()).toBe(told.trimEnd());
  expect(Buffer.from(talk.playback.sent('Agent')).toString()).not.toMatch(/hunter2|f94565f0/);
});

test('nor does it in a transaction', () => {
  const talk = new Talk({ answers: { masks: NO_MASKS, settle: () => 'Forward' } });
  talk.agent('MULTI', 'GET a', 'CONFIG GET requirepass', 'EXEC');
  talk.server(`+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$-1\r\n*2\r\n${bulks('requirepass', 'hunter2')}`);
  expect(talk.told()).toMatch(/\*2 \$-1 \*2 \$11 requirepass \$8 \[masked\]$/);
});

test('a value that is called like a password elsewhere is none', () => {
  const talk = new Talk({ answers: { masks: NO_MASKS } });
  talk.agent('MGET a b');
  talk.server(`*2\r\n${bulks('requirepass', 'hunter2')}`);
  expect(talk.told()).toBe('*2 $11 requirepass $7 hunter2');
});
