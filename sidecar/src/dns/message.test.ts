import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Answerer, IN_FLIGHT_MAX } from './answerer.ts';
import { question } from './fixture/question.ts';
import { answers, type Query, readQuery, withId } from './message.ts';

function queryOf(bytes: Buffer): Query {
  const reading = readQuery(bytes);
  if (reading.kind !== 'Query') throw new Error(reading.kind);
  return reading.query;
}

const NOBODY = (): Promise<undefined> => Promise.resolve(undefined);

function steered(names: Readonly<Record<string, string | undefined>> = {}): Answerer {
  const answerer = new Answerer();
  answerer.steer(new Map(Object.entries(names)));
  return answerer;
}

/** `RCODE count address`, as far as there is one. */
function said(answer: Buffer | undefined, edns = false): string {
  if (answer === undefined) return 'nothing';
  const tail = edns ? answer.subarray(0, -11) : answer;
  const count = answer.readUInt16BE(6);
  const address = count === 0 ? '' : ` ${[...tail.subarray(-4)].join('.')}`;
  return `${answer.readUInt16BE(2) & 15} ${count}${address}`;
}

test.each<[what: string, bytes: Buffer, expected: string]>([
  ['an address', question('db.data.svc'), '0 1 127.64.1.2'],
  ['whatever the case', question('DB.Data.SVC'), '0 1 127.64.1.2'],
  ['any record', question('db.data.svc', 255), '0 1 127.64.1.2'],
  ['an IPv6 address', question('db.data.svc', 28), '0 0'],
  ['a service binding', question('db.data.svc', 65), '0 0'],
  ['a name whose door is blocked', question('cache.data.svc'), '0 0'],
  ['another name', question('other.data.svc'), '2 0'],
  ['another class', question('db.data.svc', 1, 3), '2 0'],
  ['a name with a dot inside a label', question(['db.data', 'svc']), '2 0'],
])('asked for %s', async (_what, bytes, expected) => {
  const answerer = steered({ 'db.data.svc': '127.64.1.2', 'cache.data.svc': undefined });
  expect(said(await answerer.answer(bytes, NOBODY))).toBe(expected);
});

test('an answer repeats id and question, and speaks EDNS with whoever does', async () => {
  const asked = question('db.data.svc', 1, 1, { edns: true });
  const answer = await steered({ 'db.data.svc': '127.64.1.2' }).answer(asked, NOBODY);
  expect(said(answer, true)).toBe('0 1 127.64.1.2');
  expect(answer?.readUInt16BE(0)).toBe(asked.readUInt16BE(0));
  expect(answer?.readUInt16BE(10)).toBe(1);
  expect(answer?.subarray(12, 12 + 17)).toEqual(asked.subarray(12, 12 + 17));
});

test('names follow what is steered at once; before anything is, nobody is led anywhere', async () => {
  const answerer = new Answerer();
  const passed: string[] = [];
  const ask = async (): Promise<string> =>
    said(await answerer.answer(question('db.data.svc'), ({ name }) => (passed.push(name), Promise.resolve(undefined))));
  expect(await ask()).toBe('2 0');
  expect(passed).toEqual([]);
  answerer.steer(new Map([['db.data.svc', '127.64.1.2']]));
  expect(await ask()).toBe('0 1 127.64.1.2');
  answerer.steer(new Map());
  expect(await ask()).toBe('2 0');
  expect(passed).toEqual(['db.data.svc']);
});

test('questions that wait are bounded', async () => {
  const answerer = steered();
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const waiting = Array.from({ length: IN_FLIGHT_MAX }, () => answerer.answer(question('a.test'), () => promise));
  expect(answerer.inFlight).toBe(IN_FLIGHT_MAX);
  expect(said(await answerer.answer(question('a.test'), () => promise))).toBe('2 0');
  resolve(undefined);
  await Promise.all(waiting);
  expect(answerer.inFlight).toBe(0);
});

const ASKED = question('db.example.com');
const REPLY = Buffer.from(ASKED);
REPLY.writeUInt16BE(0x81_80, 2);
const ID = ASKED.readUInt16BE(0);

test.each<[what: string, reply: Buffer, expected: boolean]>([
  ['the reply', REPLY, true],
  ['another case of the name', Buffer.from(REPLY.toString('latin1').replace('example', 'EXAMPLE'), 'latin1'), true],
  ['another id', withId(REPLY, ID ^ 1), false],
  ['a question, not a reply', ASKED, false],
  ['the reply to another name', Buffer.from(REPLY.toString('latin1').replace('example', 'exampla'), 'latin1'), false],
  ['a reply cut short', REPLY.subarray(0, -1), false],
  ['nothing', Buffer.alloc(0), false],
])('%s is taken for the answer or not', (_what, reply, expected) => {
  expect(answers(reply, queryOf(ASKED), ID)).toBe(expected);
});

/** Each once broke a server of its kind: pointers that run in circles, counts that lie, names that do not end. */
const SEEDS = [
  '',
  '00',
  '123401000001000000000000',
  '123481800001000000000000026462000001000100',
  '12340100000100000000000003c00c00010001',
  '123401000001000000000000c00c00010001',
  '1234010000ff000000000000026462000001000100',
  '123401000001000000000000ff646200000100',
  '12340100000100000000000002646200000100',
  '12340100000000000000000100002904d000000000000000',
  '123428000001000000000000026462000001000100',
  `123401000001000000000000${'3f'.padEnd(128, '61').repeat(4)}0000010001`,
];

const KINDS = ['Query', 'Refused', 'Nothing'];

test.each(SEEDS)('malformed message %.40s is answered or dropped', async (hex) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(KINDS).toContain(readQuery(bytes).kind);
  await steered({ db: '127.64.0.1' }).answer(bytes, NOBODY);
});

test('no bytes make it throw, and what it answers is an answer to what came', async () => {
  const answerer = steered({ db: '127.64.0.1' });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    // Close to a real question: one byte changed, and an end cut off.
    fc.tuple(fc.nat(), fc.nat(255), fc.nat(40)).map(([at, value, cut]) => {
      const made = Buffer.from(question('db', 1, 1, { edns: true }));
      made[at % made.length] = value;
      return made.subarray(0, made.length - (cut % made.length));
    }),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (made) => {
      const answer = await answerer.answer(Buffer.from(made), NOBODY);
      if (answer === undefined) return;
      expect(answer.readUInt16BE(0)).toBe(Buffer.from(made).readUInt16BE(0));
      expect(answer.readUInt16BE(2) & 0x80_00).toBe(0x80_00);
    }),
    { numRuns: 2_000 },
  );
});
