import { describe, expect, test } from '@jest/globals';
import { writeCommand } from './codec.ts';
import { EXHIBIT_MASKS } from './testing/exhibit.ts';
import { NO_MASKS, Talk } from './testing/talk.ts';

describe('who it is', () => {
  test('before identity only AUTH, HELLO and QUIT are heard', () => {
    const talk = new Talk({ unopened: true, identitySource: 'Token' });
    talk.agent('PING', 'GET a', 'HELLO 3');
    expect(talk.told()).toMatch(/^(-NOAUTH [^-]+){3}$/);
    expect(talk.sent()).toBe('');
    talk.agent('HELLO 3 AUTH me a-token SETNAME x');
    expect(talk.sent()).toBe('HELLO 3 AUTH gate hunter2 SETNAME x');
    const asked = talk.playback.trace.find(({ kind }) => kind === 'Identify')?.details ?? '';
    expect(asked).toContain('"token":"a-token"');
  });

  test('AUTH and HELLO are consumed: no token reaches the server, no credential the agent', () => {
    const talk = new Talk({ unopened: true, identitySource: 'Token' });
    talk.agent('AUTH a-token', 'GET a');
    expect(talk.sent()).toBe('AUTH gate hunter2');
    talk.server('+OK\r\n');
    expect(talk.told()).toBe('+OK');
    expect(talk.sent()).toBe('GET a');
    talk.server('$1\r\n1\r\n');
    talk.agent('AUTH a-token', 'AUTH other', 'HELLO 2 AUTH x other');
    expect(talk.told()).toMatch(/^\$1 1 \+OK -NOPERM identity: .* -NOPERM identity: /);
    expect(talk.sent()).toBe('');
  });

  test('a server that does not take the credential says nothing to the agent but that', () => {
    const talk = new Talk({ unopened: true });
    talk.agent('GET a');
    talk.server('-WRONGPASS hunter2 is wrong\r\n');
    expect(talk.told()).toMatch(/^-ERR target: The target does not take the gate's credential \(WRONGPASS\)/);
    expect(talk.playback.closed).toBe(true);
  });

  test('what is too long for a token is refused before it is kept', () => {
    const talk = new Talk({ unopened: true, identitySource: 'Token' });
    talk.playback.agent(Buffer.from('*2\r\n$4\r\nAUTH\r\n$900000\r\n'));
    expect(talk.told()).toBe('-ERR Protocol error: too large before AUTH');
  });

  test('a first byte of TLS starts TLS', () => {
    const talk = new Talk({ unopened: true });
    talk.playback.agent(Uint8Array.of(0x16, 3, 1));
    expect(talk.playback.trace.map(({ kind }) => kind)).toEqual(['StartAgentTls']);
  });

  test('RESET is followed by the login of the gate, and nothing runs between', () => {
    const talk = new Talk();
    talk.agent('RESET', 'GET a');
    expect(talk.sent()).toBe('RESET; AUTH gate hunter2');
    talk.server('+RESET\r\n');
    expect([talk.told(), talk.sent()]).toEqual(['+RESET', '']);
    talk.server('+OK\r\n');
    expect([talk.told(), talk.sent()]).toEqual(['', 'GET a']);
  });

  test('a login that fails after RESET ends the session', () => {
    const talk = new Talk();
    talk.agent('RESET');
    talk.server('+RESET\r\n-WRONGPASS no\r\n');
    expect([talk.playback.closed, talk.told().includes('WRONGPASS')]).toEqual([true, false]);
  });
});

describe('pipelines', () => {
  test('a denied command gets its error in its own place, the others go on in order', () => {
    const talk = new Talk();
    talk.agent('GET a', 'FLUSHALL', 'GET b');
    expect(talk.sent()).toBe('GET a; GET b');
    expect(talk.told()).toBe('');
    talk.server('$1\r\n1\r\n');
    expect(talk.told()).toBe('$1 1 -NOPERM data/guard/no: No.');
    talk.server('$1\r\n2\r\n');
    expect(talk.told()).toBe('$1 2');
    expect(talk.finished()).toEqual(['Done', 'Refused', 'Done']);
  });

  test('QUIT is answered after all that is owed', () => {
    const talk = new Talk();
    talk.agent('GET a', 'QUIT', 'GET b');
    expect(talk.told()).toBe('');
    talk.server('$1\r\n1\r\n');
    expect([talk.told(), talk.playback.closed, talk.sent()]).toEqual(['$1 1 +OK', true, 'GET a']);
  });

  test('CLIENT REPLY is kept by the gate: no answer is mistaken for another', () => {
    const talk = new Talk();
    talk.agent(
      'CLIENT REPLY OFF',
      'GET a',
      'FLUSHALL',
      'CLIENT REPLY ON',
      'CLIENT REPLY SKIP',
      'GET b',
      'GET session:1',
    );
    expect(talk.sent()).toBe('GET a; GET b; GET session:1');
    talk.server('$1\r\n1\r\n$1\r\n2\r\n$6\r\nsecret\r\n');
    expect(talk.told()).toBe('+OK $8 [masked]');
  });

  test.each<[story: string, commands: readonly string[], server: string, told: string]>([
    [
      'CLIENT REPLY OFF does not keep back what confirms a subscription',
      ['CLIENT REPLY OFF', 'SUBSCRIBE a'],
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n',
      '*3 $9 subscribe $1 a :1',
    ],
    ['CLIENT REPLY OFF keeps back an error of SUBSCRIBE', ['CLIENT REPLY OFF', 'SUBSCRIBE'], '-ERR wrong\r\n', ''],
    ['RESET ends CLIENT REPLY OFF before it is answered', ['CLIENT REPLY OFF', 'RESET'], '+RESET\r\n', '+RESET'],
    ['RESET with arguments, which is refused, does not end it', ['CLIENT REPLY OFF', 'RESET x'], '-ERR wrong\r\n', ''],
    ['RESET after CLIENT REPLY SKIP is not answered', ['CLIENT REPLY SKIP', 'RESET'], '+RESET\r\n', ''],
    ['QUIT is not answered after CLIENT REPLY OFF', ['CLIENT REPLY OFF', 'QUIT'], '', ''],
    [
      'a second CLIENT REPLY SKIP holds for the command behind it',
      ['CLIENT REPLY SKIP', 'CLIENT REPLY SKIP', 'GET a', 'GET b'],
      '$1\r\n1\r\n$1\r\n2\r\n',
      '$1 2',
    ],
  ])('%s', (_, commands, server, told) => {
    const talk = new Talk();
    talk.agent(...commands);
    talk.server(server);
    expect(talk.told()).toBe(told);
  });

  test('SELECT of a database that the target does not name is refused, and what follows is judged where it runs', () => {
    const talk = new Talk({ target: { databases: ['0', '1'] } });
    talk.agent('SELECT 2', 'SELECT 1', 'GET a');
    expect([talk.told(), talk.sent()]).toEqual([expect.stringMatching(/^-NOPERM/), 'SELECT 1']);
    talk.server('-ERR DB index is out of range\r\n');
    expect(talk.sent()).toBe('GET a');
  });
});

describe('transactions', () => {
  test('a refusal in MULTI discards the transaction as Redis does', () => {
    const talk = new Talk();
    talk.agent('MULTI', 'SET a 1', 'FLUSHALL', 'SET b 1', 'EXEC', 'GET a');
    expect(talk.sent()).toBe('MULTI; SET a 1; SET b 1; DISCARD; GET a');
    talk.server('+OK\r\n+QUEUED\r\n+QUEUED\r\n+OK\r\n$-1\r\n');
    expect(talk.told()).toBe(
      '+OK +QUEUED -NOPERM data/guard/no: No. +QUEUED -EXECABORT Transaction discarded because of previous errors. $-1',
    );
  });

  test('each element of EXEC is masked by its own command, whatever stood between', () => {
    const talk = new Talk();
    talk.agent('MULTI', 'GET greeting', 'GET session:1', 'HGETALL customer:1', 'EXEC');
    talk.server(
      '+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n$2\r\nhi\r\n$6\r\nsecret\r\n*4\r\n$4\r\nname\r\n$3\r\nAda\r\n$3\r\nssn\r\n$3\r\n123\r\n',
    );
    expect(talk.told()).toBe('+OK +QUEUED +QUEUED +QUEUED *3 $2 hi $8 [masked] *4 $4 name $3 Ada $3 ssn $8 [masked]');
  });

  test('a command that the server did not put off leaves the others their masks', () => {
    const talk = new Talk();
    talk.agent('MULTI', 'LPUSH', 'GET session:1', 'EXEC');
    talk.server('+OK\r\n-ERR wrong number of arguments\r\n+QUEUED\r\n-EXECABORT Transaction discarded\r\n');
    talk.told();
    talk.agent('MULTI', 'GET greeting', 'EXEC');
    talk.server('+OK\r\n+QUEUED\r\n*1\r\n$2\r\nhi\r\n');
    expect(talk.told()).toBe('+OK +QUEUED *1 $2 hi');
  });

  test('a change of the rules spoils a transaction that was judged by older ones', () => {
    const talk = new Talk({ answers: { masks: NO_MASKS } });
    talk.agent('MULTI', 'GET session:1');
    talk.server('+OK\r\n+QUEUED\r\n');
    talk.playback.masksChanged(EXHIBIT_MASKS);
    talk.sent();
    talk.agent('EXEC');
    expect(talk.sent()).toBe('DISCARD');
  });

  test('an answer to EXEC with other elements than were put off ends the session', () => {
    const talk = new Talk();
    talk.agent('MULTI', 'GET session:1', 'EXEC');
    talk.server('+OK\r\n+QUEUED\r\n*2\r\n$6\r\nsecret\r\n$6\r\nsecret\r\n');
    expect([talk.playback.closed, talk.told().includes('secret')]).toEqual([true, false]);
  });

  test('what would change later answers does not run in one, whoever allows it', () => {
    const talk = new Talk({ answers: { settle: () => 'Forward' } });
    talk.agent('MULTI', 'SUBSCRIBE news');
    expect(talk.sent()).toBe('MULTI');
    talk.server('+OK\r\n');
    expect(talk.told()).toMatch(/^\+OK -NOPERM SUBSCRIBE: In a transaction/);
  });

  test('EXEC that WATCH failed is null', () => {
    const talk = new Talk();
    talk.agent('WATCH a', 'MULTI', 'GET a', 'EXEC', 'GET session:1');
    talk.server('+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n$6\r\nsecret\r\n');
    expect(talk.told()).toBe('+OK +OK +QUEUED *-1 $8 [masked]');
  });
});

describe('what comes unasked', () => {
  test('messages in RESP2 belong to no command, and are masked by their channel', () => {
    const talk = new Talk();
    talk.agent('SUBSCRIBE secrets news', 'PING');
    talk.server(
      '*3\r\n$9\r\nsubscribe\r\n$7\r\nsecrets\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$7\r\nsecrets\r\n$5\r\nhello\r\n',
    );
    expect(talk.told()).toBe('*3 $9 subscribe $7 secrets :1 *3 $7 message $7 secrets $8 [masked]');
    expect(talk.finished()).toEqual([]);
    talk.server(
      '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:2\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n*4\r\n$8\r\npmessage\r\n$1\r\ns\r\n$7\r\nsecrets\r\n$2\r\nhi\r\n',
    );
    expect(talk.told()).toContain('*2 $4 pong $0  *4 $8 pmessage $1 s $7 secrets $8 [masked]');
    expect(talk.finished()).toEqual(['Done', 'Done']);
  });

  test('an answer that looks like a message is an answer where nothing is subscribed', () => {
    const talk = new Talk();
    talk.agent('LRANGE queue 0 -1', 'GET a');
    talk.server('*3\r\n$7\r\nmessage\r\n$7\r\nsecrets\r\n$2\r\nhi\r\n$1\r\n1\r\n');
    expect(talk.told()).toBe('*3 $7 message $7 secrets $2 hi $1 1');
    expect(talk.finished()).toEqual(['Done', 'Done']);
  });

  test('UNSUBSCRIBE without names is answered once for each channel', () => {
    const talk = new Talk();
    talk.agent('SUBSCRIBE a b', 'UNSUBSCRIBE', 'GET a');
    const confirm = (kind: string, channel: string, count: number): string =>
      `*3\r\n$${kind.length}\r\n${kind}\r\n$1\r\n${channel}\r\n:${count}\r\n`;
    talk.server(confirm('subscribe', 'a', 1) + confirm('subscribe', 'b', 2) + confirm('unsubscribe', 'a', 1));
    expect(talk.finished()).toEqual(['Done']);
    talk.server(`${confirm('unsubscribe', 'b', 0)}$1\r\n1\r\n`);
    expect(talk.finished()).toEqual(['Done', 'Done', 'Done']);
  });

  test('pushes of RESP3 come between answers, also those of client tracking', () => {
    const talk = new Talk({ version: 3 });
    talk.agent('CLIENT TRACKING ON', 'GET session:1');
    talk.server(
      '+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n$6\r\nsecret\r\n>3\r\n$7\r\nmessage\r\n$7\r\nsecrets\r\n$2\r\nhi\r\n',
    );
    expect(talk.told()).toBe('+OK >2 $10 invalidate *1 $1 a $8 [masked] >3 $7 message $7 secrets $8 [masked]');
    expect(talk.finished()).toEqual(['Done', 'Done']);
  });

  test('an answer to nothing ends the session', () => {
    const talk = new Talk();
    talk.server('$6\r\nsecret\r\n');
    expect([talk.playback.closed, talk.told().includes('secret')]).toEqual([true, false]);
  });
});

describe('replies', () => {
  test.each<[string, string, string]>([
    ['a map', '%2\r\n$4\r\nname\r\n$3\r\nAda\r\n$3\r\nssn\r\n$3\r\n123\r\n', '%2 $4 name $3 Ada $3 ssn $8 [masked]'],
    ['a verbatim string', '%1\r\n$3\r\nssn\r\n=7\r\ntxt:123\r\n', '%1 $3 ssn =12 txt:[masked]'],
    ['a null', '%1\r\n$3\r\nssn\r\n_\r\n', '%1 $3 ssn _'],
    ['an error', '-ERR card 4111111111111111\r\n', '-ERR card ************1111'],
    ['a bulk error', '!25\r\nERR card 4111111111111111\r\n', '!25 ERR card ************1111'],
    ['a number', ':4111111111111111\r\n', '$16 ************1111'],
    ['a double', '*2\r\n,4111111111111111\r\n,4111111111111112\r\n', '*2 $16 ************1111 ,4111111111111112'],
    ['a big number', '(4111111111111111\r\n', '$16 ************1111'],
  ])('%s is masked in its own shape, or as a string where none can be', (_, answer, expected) => {
    const talk = new Talk({ version: 3 });
    talk.agent('HGETALL customer:1');
    talk.server(answer);
    expect(talk.told()).toBe(expected);
  });

  test('bytes that are no UTF-8 hide nothing beside them, neither in the answer nor in the record', () => {
    const talk = new Talk();
    const card = '4111\u00a01111\u00a01111\u00a01111';
    const value = Buffer.concat([Buffer.of(0xff), Buffer.from(` ${card} `), Buffer.of(0xe2)]);
    talk.playback.agent(writeCommand(['SET', 'a', value]));
    const judged = talk.playback.trace.findLast(({ kind }) => kind === 'Judge')?.details ?? '';
    expect(JSON.parse(judged).masked).toBe('SET a "\\\\xff ***************1111 \\\\xe2"');
    talk.server('+OK\r\n');
    talk.agent('GET a');
    talk.told();
    talk.playback.target(Buffer.concat([Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n')]));
    expect(talk.told()).toBe('$23 \u00ff ***************1111 \u00e2');
  });

  test('a set is masked in its own shape', () => {
    const talk = new Talk({ version: 3 });
    talk.agent('SMEMBERS session:set');
    talk.server('~2\r\n$1\r\na\r\n$1\r\nb\r\n');
    expect(talk.told()).toBe('~2 $8 [masked] $8 [masked]');
  });

  test('a big bulk string that nothing masks goes on as it comes, one that is masked does not', () => {
    const talk = new Talk({ answers: { masks: NO_MASKS } });
    talk.agent('GET a');
    talk.server(`$200000\r\n${'x'.repeat(1000)}`);
    expect(talk.told().length).toBeGreaterThan(1000);
    talk.server(`${'x'.repeat(199_000)}\r\n`);
    expect(talk.finished()).toEqual(['Done']);
    const masked = new Talk();
    masked.agent('GET session:1');
    masked.server(`$200000\r\n${'x'.repeat(1000)}`);
    expect(masked.told()).toBe('');
    masked.server(`${'x'.repeat(199_000)}\r\n`);
    expect(masked.told()).toBe('$8 [masked]');
  });

  test('attributes end a session in which anything is masked', () => {
    const attribute = '|1\r\n+popularity\r\n:1\r\n$1\r\n1\r\n';
    const masked = new Talk({ version: 3 });
    masked.agent('GET a');
    masked.server(attribute);
    expect(masked.playback.closed).toBe(true);
    const open = new Talk({ version: 3, answers: { masks: NO_MASKS } });
    open.agent('GET a');
    open.server(attribute);
    expect([open.told(), open.finished()]).toEqual(['|1 +popularity :1 $1 1', ['Done']]);
  });

  test('MOVED and ASK point at the gate, or are refused', () => {
    const redirect = (host: string, port: number) =>
      host === 'node-2' && port === 6379 ? { host: '127.64.0.9', port: 7000 } : undefined;
    const talk = new Talk({ target: { redirect } });
    talk.agent('GET a', 'GET b', 'GET c');
    talk.server('-MOVED 3999 node-2:6379\r\n-ASK 3999 node-2:6379\r\n-MOVED 3999 10.0.0.3:6379\r\n');
    expect(talk.told()).toBe(
      '-MOVED 3999 127.64.0.9:7000 -ASK 3999 127.64.0.9:7000 -NOPERM redirect: slot 3999 is at 10.0.0.3:6379, which is no Target of this agent.',
    );
  });

  test('so does what Valkey says to a client that takes redirects', () => {
    const redirect = (host: string, port: number) =>
      host === 'primary' && port === 6379 ? { host: '127.64.0.9', port: 7000 } : undefined;
    const talk = new Talk({ target: { redirect } });
    talk.agent('SET a 1', 'SET a 2', 'SET a 3');
    talk.server('-REDIRECT primary:6379\r\n-REDIRECT 10.0.0.3:6379\r\n-REDIRECTED\r\n');
    expect(talk.told()).toBe(
      '-REDIRECT 127.64.0.9:7000 -NOPERM redirect: the primary is at 10.0.0.3:6379, which is no Target of this agent. -REDIRECTED',
    );
  });

  test('names of fields alone are not taken for values', () => {
    const talk = new Talk();
    talk.agent('HSCAN customer:1 0 NOVALUES', 'HSCAN customer:1 0');
    const scanned = '*2\r\n$1\r\n0\r\n*2\r\n$3\r\nssn\r\n$4\r\nname\r\n';
    talk.server(scanned.repeat(2));
    expect(talk.told()).toBe('*2 $1 0 *2 $3 ssn $4 name *2 $1 0 *2 $3 ssn $8 [masked]');
  });
});

test('a browser that is made to speak to it is cut off', () => {
  const talk = new Talk();
  talk.playback.agent(Buffer.from('POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n'));
  expect([talk.playback.closed, talk.sent()]).toEqual([true, '']);
});
