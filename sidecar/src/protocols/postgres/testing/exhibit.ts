import { ok } from '@sidegate/crds';
import { buildContentMask, buildJsonMask, type Mask, type MaskRules, maskText } from '@sidegate/policy';
import { parse } from 'pg-protocol';
import { type ClientView, exhibitOptions, type ProtocolExhibit } from '../../exhibit.ts';
import type { JudgedCommand, Refusal } from '../../protocol.ts';
import type { TranscriptChunk } from '../../transcript.ts';
import { demoCatalog } from '../fixture/demo-catalog.ts';
import { authentication, backendKey, complete, notice, query, ready, row, rows, startup, status } from './frames.ts';

/** A frame that says so comes out only when what stands before it is whole. */
const END_MARK = 'the end';
const KEY = Buffer.from('a key for recordings');
const HIDDEN: Mask = { rule: 'hidden', with: { type: 'Redact' } };
const SHORTENED: Mask = { rule: 'shortened', with: { type: 'Partial', keepLast: 4 } };
const REFUSAL: Refusal = { kind: 'Denied', rule: 'data/guard/no-ddl', reason: 'Schemas stay as they are.', hint: '' };

const maskContent = buildContentMask([{ detector: 'CreditCard', mask: SHORTENED }], KEY);

/** Hides customers.ssn, shortens customers.email and card numbers. */
const masks: MaskRules = {
  empty: false,
  columns: true,
  columnMask(_schema, table, column) {
    if (table !== 'customers') return undefined;
    if (column === 'ssn') return HIDDEN;
    return column === 'email' ? SHORTENED : undefined;
  },
  masksTable: (_schema, table) => table === 'customers',
  fields: [],
  detect: [{ detector: 'CreditCard', mask: SHORTENED }],
  unknownOrigin: HIDDEN,
  maskValue: (mask, text) => maskText(mask.with, text, KEY),
  maskContent,
  maskJson: buildJsonMask([], maskContent, KEY),
};

function settle({ command }: JudgedCommand): 'Forward' | 'Hold' | Refusal {
  const verbs = command.protocol === 'Postgres' ? command.statements.map(({ verb }) => verb) : [];
  if (verbs.includes('DROP')) return REFUSAL;
  return verbs.includes('DELETE') ? 'Hold' : 'Forward';
}

const opening: readonly TranscriptChunk[] = [
  { from: 'Agent', bytes: startup() },
  {
    from: 'Target',
    bytes: Buffer.concat([
      authentication(0),
      status('client_encoding', 'UTF8'),
      status('search_path', '"$user", public'),
      status('standard_conforming_strings', 'on'),
      backendKey(7),
      ready(),
    ]),
  },
];

/** Frame overhead of a query: its letter, its length, its zero byte. */
const QUERY_OVERHEAD = 6;
const EMPTY_QUERY = 'SELECT 1 -- ';

const answerWith = (frame: Uint8Array): Uint8Array =>
  Buffer.concat([rows({ name: 'n' }), frame, complete('SELECT 1'), ready()]);

/** PostgreSQL for the suite that runs over all protocols; `catalog` is the text of `fixture/catalog.json`. */
export function postgresExhibit(catalog: string): ProtocolExhibit {
  return { ...EXHIBIT, answers: { ...ANSWERS, catalog: ok(demoCatalog(catalog)) } };
}

const ANSWERS = { credential: { username: 'gate', password: 'hunter2' }, subject: 'agent', masks, settle };

const EXHIBIT: Omit<ProtocolExhibit, 'answers'> = {
  hidden: ['078-05-1120', '219-09-9999', '@example.com', '4111111111111111'],
  recordings: new URL('../recordings/', import.meta.url),
  sessionOptions: exhibitOptions('db.example', 5432),
  opening,
  commandOf: (bytes) => query(EMPTY_QUERY.padEnd(bytes - QUERY_OVERHEAD, 'x')),
  refusedCommand: query('DROP TABLE orders'),
  refusal: REFUSAL,
  answerOf: (bytes) => answerWith(row('x'.repeat(bytes - row('').length))),
  plainAnswer: answerWith(row('1')),
  refusalCode: '42501',
  frameBytesMin: 512,
  endMark: notice(END_MARK),
  readAsClient,
};

async function readAsClient(stream: NodeJS.ReadableStream): Promise<ClientView> {
  const errors: string[] = [];
  const complaints: string[] = [];
  let turns = 0;
  let isMarked = false;
  await parse(stream, (message) => {
    if (message.name === 'readyForQuery') turns += 1;
    if (message.name === 'notice' && Reflect.get(message, 'message') === END_MARK) isMarked = true;
    if (message.name !== 'error') return;
    const code: unknown = Reflect.get(message, 'code');
    if (typeof code === 'string' && /^[\dA-Z]{5}$/.test(code)) errors.push(code);
    else complaints.push(`an error without a code: ${JSON.stringify(message)}`);
  });
  if (!isMarked) complaints.push('the last frame is not whole');
  return { errors, turns, complaints };
}
