import {
  agent,
  bind,
  bindComplete,
  close,
  complete,
  copyData,
  copyDone,
  copyOut,
  error,
  execute,
  notice,
  opening,
  parse,
  parseComplete,
  portalSuspended,
  query,
  ready,
  row,
  rows,
  sync,
  target,
} from '../frames.ts';
import type { Happening, PlaybookOptions } from '../playbook.ts';
import type { Scenario } from '../scenario.ts';

const delivered: Happening = { event: (session) => session.cancelDelivered?.() ?? [] };
const cancelled = error('57014', 'canceling statement due to user request');
const shape = rows({ name: 'a' });
const twoRows: PlaybookOptions = { rowsMax: 2 };
const writes: PlaybookOptions = {
  rowsMax: 2,
  readings: {
    'insert returning': { policy: [{ verb: 'INSERT', tables: [{ schema: 'public', name: 't', access: 'Write' }] }] },
    'select volatile': { policy: [{ functions: [{ schema: 'public', name: 'f', volatility: 'Volatile' }] }] },
    'select; commit': { statements: [{}, { verb: 'COMMIT', sessionEffect: { kind: 'Commit' } }] },
  },
};
const pipeline = agent(parse('', 'select 1'), bind('', ''), execute(''));

export const cutScenarios: readonly Scenario[] = [
  {
    name: 'cut-exactly-enough',
    happenings: [
      ...opening,
      agent(query('select 1')),
      target(shape, row('1'), row('2'), complete('SELECT 2'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-simple',
    happenings: [
      ...opening,
      agent(query('select 1')),
      target(shape, row('1'), row('2'), row('3')),
      target(row('4'), notice('on the way'), cancelled, ready('T')),
      delivered,
      agent(query('show x')),
      target(complete('SHOW'), ready('E')),
    ],
    options: twoRows,
  },
  {
    name: 'cut-simple-and-the-cancel-comes-too-late',
    happenings: [
      ...opening,
      agent(query('select 1')),
      target(shape, row('1'), row('2'), row('3'), row('4'), complete('SELECT 4'), ready()),
      // It waits until the cancel can no longer meet it.
      agent(query('select 5')),
      delivered,
      target(complete('SELECT 0'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-simple-of-many-statements',
    happenings: [
      ...opening,
      agent(query('select 1; select 2')),
      target(shape, row('1'), row('2'), row('3'), complete('SELECT 3')),
      target(shape, row('1'), complete('SELECT 1'), ready()),
      delivered,
    ],
    options: twoRows,
  },
  {
    name: 'cut-simple-with-another-behind-it',
    happenings: [
      ...opening,
      agent(query('select 1'), query('show x')),
      target(shape, row('1'), row('2'), row('3'), complete('SELECT 3'), ready()),
      target(shape, complete('SHOW'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended',
    happenings: [
      ...opening,
      pipeline,
      agent(sync),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3'), cancelled, ready()),
      delivered,
      agent(query('show x')),
      target(complete('SHOW'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended-before-its-sync',
    happenings: [
      ...opening,
      pipeline,
      target(parseComplete, bindComplete, row('1'), row('2'), row('3'), row('4')),
      // The rest of the cycle is dropped, and its Sync waits for the cancel.
      agent(parse('', 'select 2'), bind('', ''), execute(''), sync),
      target(complete('SELECT 4')),
      delivered,
      target(ready()),
      agent(query('show x')),
      target(complete('SHOW'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended-of-some-rows',
    happenings: [
      ...opening,
      agent(parse('', 'select 1'), bind('', ''), execute('', 5), sync),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3'), row('4'), row('5'), portalSuspended, ready()),
      delivered,
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended-with-the-next-cycle-behind-it',
    happenings: [
      ...opening,
      pipeline,
      agent(sync, parse('', 'show x'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3'), complete('SELECT 3'), ready()),
      target(parseComplete, bindComplete, complete('SHOW'), ready()),
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended-with-more-of-its-cycle-behind-it',
    happenings: [
      ...opening,
      pipeline,
      agent(close('S', 'kept'), parse('kept', 'select 2'), sync),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3')),
    ],
    options: twoRows,
  },
  {
    name: 'cut-extended-behind-a-write-of-its-cycle',
    happenings: [
      ...opening,
      agent(parse('', 'insert returning'), bind('', ''), execute('')),
      pipeline,
      agent(sync),
      target(parseComplete, bindComplete, complete('INSERT 0 1')),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3')),
    ],
    options: writes,
  },
  {
    name: 'cut-extended-after-a-write-of-an-earlier-cycle',
    happenings: [
      ...opening,
      agent(parse('', 'insert returning'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, complete('INSERT 0 1'), ready()),
      pipeline,
      agent(sync),
      target(parseComplete, bindComplete, row('1'), row('2'), row('3'), cancelled, ready()),
      delivered,
    ],
    options: writes,
  },
  ...['insert returning', 'select volatile', 'select; commit'].map((text) => ({
    name: `cut-simple-${text.replaceAll(/\W+/gu, '-')}`,
    happenings: [...opening, agent(query(text)), target(shape, row('1'), row('2'), row('3'))],
    options: writes,
  })),
  {
    name: 'cut-copy-out',
    happenings: [
      ...opening,
      agent(query('copy')),
      target(copyOut(1), copyData('1\n'), copyData('2\n'), copyData('3\n'), copyDone, complete('COPY 3'), ready()),
      delivered,
    ],
    options: twoRows,
  },
];
