import {
  agent,
  bind,
  bindComplete,
  close,
  closeComplete,
  complete,
  describe,
  error,
  execute,
  flush,
  noData,
  opening,
  parameters,
  parse,
  parseComplete,
  query,
  ready,
  row,
  sync,
  target,
} from '../frames.ts';
import type { Scenario } from '../scenario.ts';

/** What the server holds by name: statements and portals. */
export const nameScenarios: readonly Scenario[] = [
  {
    name: 'extended-statement-name-in-use-stays-what-it-was',
    happenings: [
      ...opening,
      agent(parse('s', 'select a'), sync),
      target(parseComplete, ready()),
      agent(parse('s', 'select b'), sync),
      target(error('42P05', 'prepared statement "s" already exists'), ready()),
      agent(bind('', 's'), execute(''), sync),
      target(bindComplete, row('a'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-close-that-was-skipped-did-not-close',
    happenings: [
      ...opening,
      agent(parse('s', 'select a'), sync),
      target(parseComplete, ready()),
      agent(parse('', 'select broken'), close('S', 's'), sync),
      target(error('42601', 'syntax error'), ready()),
      agent(bind('', 's'), execute(''), sync),
      target(bindComplete, row('a'), complete('SELECT 1'), ready()),
      agent(close('S', 's'), sync),
      target(closeComplete, ready()),
      agent(bind('', 's'), execute(''), sync),
      target(error('26000', 'prepared statement "s" does not exist'), ready()),
    ],
  },
  {
    name: 'extended-discard-all-and-deallocate-forget-statements',
    options: {
      readings: {
        'discard all': { statements: [{ verb: 'DISCARD', outputs: [], sessionEffect: { kind: 'DiscardAll' } }] },
        'deallocate s': {
          statements: [{ verb: 'DEALLOCATE', outputs: [], sessionEffect: { kind: 'Deallocate', name: 's' } }],
        },
      },
    },
    happenings: [
      ...opening,
      agent(parse('s', 'select a'), parse('t', 'select b'), sync),
      target(parseComplete, parseComplete, ready()),
      agent(query('deallocate s')),
      target(complete('DEALLOCATE'), ready()),
      agent(bind('', 's'), execute(''), sync),
      target(error('26000', 'prepared statement "s" does not exist'), ready()),
      agent(bind('', 't'), execute(''), sync),
      target(bindComplete, row('b'), complete('SELECT 1'), ready()),
      agent(query('discard all')),
      target(complete('DISCARD ALL'), ready()),
      agent(bind('', 't'), execute(''), sync),
      target(error('26000', 'prepared statement "t" does not exist'), ready()),
    ],
  },
  {
    name: 'extended-a-setting-is-waited-for-before-the-next-is-read',
    options: {
      readings: {
        'set search_path to a': {
          statements: [
            { verb: 'SET', outputs: [], sessionEffect: { kind: 'Set', name: 'search_path', value: 'a', local: false } },
          ],
        },
      },
    },
    happenings: [
      ...opening,
      agent(
        parse('', 'set search_path to a'),
        bind('', ''),
        execute(''),
        parse('', 'select a'),
        bind('', ''),
        execute(''),
        sync,
      ),
      target(parseComplete, bindComplete, complete('SET')),
      target(parseComplete, bindComplete, row('1'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-statement-made-by-sql-is-bound',
    options: {
      readings: {
        'prepare s as select a': {
          statements: [
            {
              verb: 'PREPARE',
              outputs: [],
              sessionEffect: {
                kind: 'Prepare',
                name: 's',
                reading: {
                  command: { protocol: 'Postgres', complete: true, incomplete: [], statements: [] },
                  statements: [],
                  parameters: [],
                  verbs: ['SELECT'],
                  objects: [],
                  ofThisMoment: false,
                  masksText: () => 'select a',
                },
              },
            },
          ],
        },
      },
    },
    happenings: [
      ...opening,
      agent(query('prepare s as select a')),
      target(complete('PREPARE'), ready()),
      agent(bind('', 's'), execute(''), sync),
      target(bindComplete, row('a'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-flush-without-sync',
    happenings: [
      ...opening,
      agent(parse('s', 'select a'), describe('S', 's'), flush),
      target(parseComplete, parameters(), noData),
      agent(bind('', 's'), execute(''), flush),
      target(bindComplete, complete('DO')),
      agent(sync),
      target(ready()),
    ],
  },
];
