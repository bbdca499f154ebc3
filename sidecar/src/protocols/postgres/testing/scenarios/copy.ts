import { FRAME } from '../../codec.ts';
import { writeFrame } from '../../codec-writer.ts';
import type { CopyShape } from '../../sql-reading.ts';
import { fakeMasks } from '../fake-masks.ts';
import {
  agent,
  bind,
  bindComplete,
  complete,
  copyData,
  copyDone,
  copyFail,
  copyIn,
  copyOut,
  error,
  execute,
  opening,
  parse,
  parseComplete,
  query,
  ready,
  sync,
  target,
} from '../frames.ts';
import type { Scenario } from '../scenario.ts';

const ssn = { kind: 'Column', schema: 'public', table: 'people', column: 'ssn' } as const;
const name = { kind: 'Column', schema: 'public', table: 'people', column: 'name' } as const;
const shape: CopyShape = {
  direction: 'Out',
  columns: [name, ssn],
  typeOids: [25, 25],
  format: 'Text',
  delimiter: '\t',
  nullText: '\\N',
  quote: '"',
  escape: '"',
  header: false,
};
const copies = (change: Partial<CopyShape>) => ({
  readings: {
    copy: {
      policy: [{ tables: [{ schema: 'public', name: 'people', access: 'Read' as const }] }],
      statements: [{ verb: 'COPY', outputs: [], copy: { ...shape, ...change } }],
    },
  },
});
const masks = fakeMasks({ 'public.people.ssn': { type: 'Partial', keepLast: 4 } }, 'top-secret');
const binary = Buffer.concat([
  Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1'),
  Buffer.alloc(8),
  Buffer.from([0, 2, 0, 0, 0, 3]),
  Buffer.from('Ann'),
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('123-45-6789'),
]);
const nobody = { columns: undefined, typeOids: undefined } as const;

export const copyScenarios: readonly Scenario[] = [
  {
    name: 'copy-out',
    options: copies({}),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData('Ann\t1\n'), copyData('Bob\t\\N\n'), copyDone, complete('COPY 2'), ready()),
    ],
  },
  {
    name: 'copy-out-masked-text',
    options: { ...copies({}), masks },
    happenings: [
      ...opening,
      agent(query('copy')),
      target(
        copyOut(2),
        copyData('Ann\\ttop-secret\t123-45-6789\n'),
        copyData('Bob\t\\N\nCarl\t98'),
        copyData('7-65-4321\n'),
        copyDone,
        complete('COPY 3'),
        ready(),
      ),
    ],
  },
  {
    name: 'copy-out-masked-csv',
    options: { ...copies({ format: 'Csv', delimiter: ',', nullText: '', header: true }), masks },
    happenings: [
      ...opening,
      agent(query('copy')),
      target(
        copyOut(2),
        copyData('name,ssn\n'),
        copyData('"Ann ""A"", x\ny",123-45-6789\n'),
        copyData('Bob,\n'),
        copyData('Carl,"1,""2"\n'),
        copyDone,
        complete('COPY 3'),
        ready(),
      ),
    ],
  },
  {
    name: 'copy-out-masked-binary',
    options: { ...copies({ format: 'Binary' }), masks },
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData(binary), copyData(Buffer.from([0xff, 0xff])), copyDone, complete('COPY 1'), ready()),
    ],
  },
  {
    name: 'copy-out-masked-from-the-middle-on',
    options: copies({}),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData('Ann\t123-45-6789\n')),
      { event: (session) => session.masksChanged(masks, masks) },
      target(copyData('Bob\t987-65-4321\n'), copyDone, complete('COPY 2'), ready()),
    ],
  },
  {
    name: 'copy-out-masked-binary-from-the-middle-on',
    options: copies({ format: 'Binary' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData(binary)),
      { event: (session) => session.masksChanged(masks, masks) },
      target(copyData(binary.subarray(19)), copyData(Buffer.from([0xff, 0xff])), copyDone, complete('COPY 2'), ready()),
    ],
  },
  {
    name: 'copy-out-of-unknown-columns-of-a-masked-table',
    options: { ...copies(nobody), masks },
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData('Ann\t123-45-6789\n'), copyDone, complete('COPY 1'), ready()),
    ],
  },
  {
    name: 'copy-out-extended',
    options: copies({}),
    happenings: [
      ...opening,
      agent(parse('', 'copy'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, copyOut(2), copyData('Ann\t1\n'), copyDone, complete('COPY 1'), ready()),
    ],
  },
  {
    name: 'copy-out-error-in-the-middle',
    options: copies({}),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(2), copyData('Ann\t1\n'), error('57014', 'canceling statement due to user request'), ready()),
    ],
  },
  {
    name: 'copy-in',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(copyData('Ann\t1\n'), copyData('Bob\t2\n')),
      agent(copyData('Carl\t3\n'), copyDone),
      target(complete('COPY 3'), ready()),
    ],
  },
  {
    name: 'copy-in-is-recorded-masked',
    options: { ...copies({ direction: 'In' }), masks },
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(copyData('Ann\t123-45-6789\nBo'), copyData('b\t9'), copyDone),
      target(complete('COPY 2'), ready()),
    ],
  },
  {
    name: 'copy-in-given-up-by-the-client',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(copyData('Ann\t1\n'), copyFail('disk on fire')),
      target(error('57014', 'COPY from stdin failed: disk on fire'), ready()),
      agent(query('select 1')),
      target(complete('SELECT 0'), ready()),
    ],
  },
  {
    name: 'copy-in-with-more-in-its-fail-than-a-reason',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(writeFrame(FRAME.copyFail, 'why', 'drop table t')),
    ],
  },
  {
    name: 'copy-in-that-the-server-ends-early',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(copyData('Ann\tx\n')),
      target(error('22P02', 'invalid input syntax'), ready()),
      agent(copyData('Bob\t2\n'), copyDone, query('select 1')),
      target(complete('SELECT 0'), ready()),
    ],
  },
  {
    name: 'copy-in-extended-with-a-sync-too-early',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(parse('', 'copy'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, copyIn(2)),
      agent(copyData('Ann\t1\n'), copyDone, sync),
      target(complete('COPY 1'), ready()),
      agent(query('select 1')),
      target(complete('SELECT 0'), ready()),
    ],
  },
  {
    name: 'copy-in-rows-sent-before-they-are_asked-for',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy'), copyData('Ann\t1\n'), copyDone),
      target(copyIn(2)),
      target(complete('COPY 1'), ready()),
    ],
  },
  {
    name: 'copy-in-with-another-command-in-the-middle',
    options: copies({ direction: 'In' }),
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyIn(2)),
      agent(copyData('Ann\t1\n'), query('drop table t')),
    ],
  },
  {
    name: 'copy-in-refused',
    options: { ...copies({ direction: 'In' }), judge: () => ({ kind: 'Denied', rule: 'r', reason: 'no', hint: '' }) },
    happenings: [...opening, agent(query('copy')), agent(copyData('Ann\t1\n'), copyDone)],
  },
];
