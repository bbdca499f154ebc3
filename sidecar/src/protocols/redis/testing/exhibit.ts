import { ok } from '@sidegate/crds';
import { buildContentMask, buildJsonMask, type KeyMasks, type Mask, type MaskRules, maskText } from '@sidegate/policy';
import Parser from 'redis-parser';
import { type ClientView, exhibitOptions, type ProtocolExhibit } from '../../exhibit.ts';
import type { JudgedCommand, Refusal } from '../../protocol.ts';
import type { TranscriptChunk } from '../../transcript.ts';
import { writeCommand } from '../codec.ts';
import { committedCatalog } from '../command-catalog.ts';

/** An answer that says so comes out only when what stands before it is whole. */
const END_MARK = 'the end';
const KEY = Buffer.from('a key for recordings');
const HIDDEN: Mask = { rule: 'hidden', with: { type: 'Redact' } };
const SHORTENED: Mask = { rule: 'shortened', with: { type: 'Partial', keepLast: 4 } };
const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no-flush', reason: 'Keys stay as they are.', hint: '' };

const maskContent = buildContentMask([{ detector: 'CreditCard', mask: SHORTENED }], KEY);

/** Hides sessions, the field ssn of customers, and what the channel secrets says. */
const keys: KeyMasks = {
  mask: (key, field) => {
    if (key.startsWith('session:') || key === 'secrets') return HIDDEN;
    return key.startsWith('customer:') && field === 'ssn' ? HIDDEN : undefined;
  },
  any: (key) => (/^(session:|customer:|secrets$)/.test(key) ? HIDDEN : undefined),
};

/** The masks of the exhibit: those of keys, and card numbers are shortened. */
export const EXHIBIT_MASKS: MaskRules = {
  empty: false,
  columns: false,
  columnMask: () => undefined,
  masksTable: () => false,
  keys,
  fields: [],
  detect: [{ detector: 'CreditCard', mask: SHORTENED }],
  unknownOrigin: HIDDEN,
  maskValue: (mask, text) => maskText(mask.with, text, KEY),
  maskContent,
  maskJson: buildJsonMask([], maskContent, KEY),
};

function settle({ command }: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  if (command.protocol !== 'Redis') return 'Forward';
  if (command.name === 'FLUSHALL' || !command.complete) return REFUSAL;
  return command.name === 'DEL' ? 'Hold' : 'Forward';
}

const opening: readonly TranscriptChunk[] = [
  { from: 'Agent', bytes: writeCommand(['HELLO', '2']) },
  { from: 'Target', bytes: Buffer.from('*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:2\r\n') },
];

/** Overhead of ECHO with a text of three digits of length. */
const echo = (bytes: number): Uint8Array => {
  for (let length = Math.max(0, bytes - 30); length < bytes; length += 1) {
    const command = writeCommand(['ECHO', 'x'.repeat(length)]);
    if (command.length === bytes) return command;
  }
  throw new Error(`no ECHO has ${bytes} bytes`);
};

const bulk = (bytes: number): Uint8Array => {
  for (let length = Math.max(0, bytes - 16); length < bytes; length += 1) {
    const answer = Buffer.from(`$${length}\r\n${'x'.repeat(length)}\r\n`);
    if (answer.length === bytes) return answer;
  }
  throw new Error(`no bulk string has ${bytes} bytes`);
};

/** Redis for the suite that runs over all protocols. */
export const redisExhibit: ProtocolExhibit = {
  answers: {
    credential: { username: 'gate', password: 'hunter2' },
    subject: 'agent',
    masks: EXHIBIT_MASKS,
    catalog: ok(committedCatalog()),
    settle,
  },
  hidden: ['078-05-1120', '219-09-9999', 'token-of-a-session', '4111111111111111'],
  recordings: new URL('../recordings/', import.meta.url),
  sessionOptions: exhibitOptions('cache.example', 6379),
  opening,
  commandOf: echo,
  refusedCommand: writeCommand(['FLUSHALL']),
  refusal: REFUSAL,
  answerOf: bulk,
  plainAnswer: Buffer.from('$1\r\n1\r\n'),
  refusalCode: 'NOPERM',
  frameBytesMin: 512,
  endMark: Buffer.from(`+${END_MARK}\r\n`),
  readAsClient,
};

/** The error that ends a conversation is no answer: nothing can be asked after it. */
const FAREWELL = /^ERR The connection is ended/;

async function readAsClient(stream: NodeJS.ReadableStream): Promise<ClientView> {
  const errors: string[] = [];
  const complaints: string[] = [];
  const answers: (string | undefined)[] = [];
  const parser = new Parser({
    returnReply: (reply: unknown) => void answers.push(reply === END_MARK ? END_MARK : undefined),
    returnError: (error: Error) => void answers.push(error.message),
    returnFatalError: (error: Error) => void complaints.push(error.message),
  });
  for await (const chunk of stream) parser.execute(Buffer.from(chunk));
  if (answers.pop() !== END_MARK) complaints.push('the last answer is not whole');
  for (const text of answers) if (text !== undefined) errors.push(text.split(' ')[0] ?? '');
  const last = answers.at(-1);
  const isOver = last !== undefined && FAREWELL.test(last);
  return { errors, turns: answers.length - (isOver ? 1 : 0), complaints };
}
