import { NO_MASKS } from '../fake-masks.ts';
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
  opening,
  parameters,
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
import type { Scenario } from '../scenario.ts';

const denied = {
  kind: 'Denied',
  rule: 'data/guardrails/no-ddl',
  reason: 'Schema changes go through migrations.',
  hint: 'Write a migration.',
} as const;
const refusesDrop = {
  judge: ({ text }: { readonly text: string }) => (text.startsWith('drop') ? denied : 'Forward'),
} as const;
const refusesSecondRun = { judge: (_: unknown, commandId: number) => (commandId === 3 ? denied : 'Forward') } as const;
const result = [rows({ name: 'a' }), row('1'), complete('SELECT 1')];

export const extendedScenarios: readonly Scenario[] = [
  {
    name: 'extended-parse-bind-describe-execute',
    happenings: [
      ...opening,
      agent(parse('', 'select $1', [25]), bind('', '', ['x']), describe('P', ''), execute(''), sync),
      target(parseComplete, bindComplete, ...result, ready()),
    ],
  },
  {
    name: 'extended-prepare-once-run-often',
    happenings: [
      ...opening,
      agent(parse('s', 'select $1'), describe('S', 's'), sync),
      target(parseComplete, parameters(23), rows({ name: 'a' }), ready()),
      agent(bind('', 's', [Uint8Array.of(0, 0, 0, 5)], { values: [1], results: [1] }), execute(''), sync),
      target(bindComplete, row(Uint8Array.of(0, 0, 0, 5)), complete('SELECT 1'), ready()),
      agent(bind('', 's', [null]), execute(''), sync),
      target(bindComplete, row(null), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-pipeline-of-many',
    happenings: [
      ...opening,
      agent(
        parse('', 'insert a'),
        bind('', ''),
        execute(''),
        parse('', 'insert b'),
        bind('', ''),
        execute(''),
        sync,
        parse('', 'select 1'),
        bind('', ''),
        describe('P', ''),
        execute(''),
        sync,
      ),
      target(
        parseComplete,
        bindComplete,
        complete('INSERT 0 1'),
        parseComplete,
        bindComplete,
        complete('INSERT 0 1'),
        ready(),
        parseComplete,
        bindComplete,
        ...result,
        ready(),
      ),
    ],
  },
  {
    name: 'extended-error-skips-to-sync',
    happenings: [
      ...opening,
      agent(
        parse('', 'insert a'),
        bind('', ''),
        execute(''),
        parse('', 'insert b'),
        bind('', ''),
        execute(''),
        sync,
        query('select 1'),
      ),
      target(parseComplete, bindComplete, error('23505', 'duplicate key'), ready(), ...result, ready()),
    ],
  },
  {
    name: 'extended-error-before-sync-was-sent',
    happenings: [
      ...opening,
      agent(parse('', 'insert a'), bind('', ''), execute(''), flush),
      target(parseComplete, bindComplete, error('23505', 'duplicate key')),
      agent(parse('', 'insert b'), bind('', ''), execute(''), query('select 9'), sync),
      target(ready()),
      agent(query('select 1')),
      target(...result, ready()),
    ],
  },
  {
    name: 'extended-refused-parse-skips-to-sync',
    options: refusesDrop,
    happenings: [
      ...opening,
      agent(parse('', 'drop table t'), bind('', ''), describe('P', ''), execute(''), sync),
      target(ready()),
      agent(query('select 1')),
      target(...result, ready()),
    ],
  },
  {
    name: 'extended-refused-in-the-middle-of-a-pipeline',
    options: refusesDrop,
    happenings: [
      ...opening,
      agent(
        parse('', 'insert a'),
        bind('', ''),
        execute(''),
        parse('', 'drop table t'),
        bind('', ''),
        execute(''),
        sync,
      ),
      target(parseComplete, bindComplete, complete('INSERT 0 1'), ready()),
      agent(query('select 1')),
      target(...result, ready()),
    ],
  },
  {
    name: 'extended-refused-at-bind',
    options: refusesSecondRun,
    happenings: [
      ...opening,
      agent(parse('s', 'select $1'), bind('', 's', ['1']), execute(''), sync),
      target(parseComplete, bindComplete, row('1'), complete('SELECT 1'), ready()),
      agent(bind('', 's', ['2']), execute(''), sync),
      target(ready()),
      agent(bind('', 's', ['3']), execute(''), sync),
      target(bindComplete, row('3'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-server-error-ahead-of-a-refusal',
    options: refusesDrop,
    happenings: [
      ...opening,
      agent(
        parse('', 'insert a'),
        bind('', ''),
        execute(''),
        parse('', 'drop table t'),
        bind('', ''),
        execute(''),
        sync,
      ),
      target(parseComplete, bindComplete, error('23505', 'duplicate key'), ready()),
    ],
  },
  {
    name: 'extended-held-then-forwarded-in-order',
    options: { judge: ({ text }) => (text === 'delete' ? 'Hold' : 'Forward') },
    happenings: [
      ...opening,
      agent(parse('', 'delete'), bind('', ''), execute(''), sync),
      { event: (session) => session.settle(1, { kind: 'Refuse', refusal: denied }) },
      target(ready()),
    ],
  },
  {
    name: 'extended-rows-in-portions',
    happenings: [
      ...opening,
      agent(query('begin')),
      target(complete('BEGIN'), ready('T')),
      agent(parse('', 'select many'), bind('p', ''), describe('P', 'p'), execute('p', 1), sync),
      target(parseComplete, bindComplete, rows({ name: 'a' }), row('1'), portalSuspended, ready('T')),
      agent(execute('p', 1), execute('p', 1), sync),
      target(row('2'), portalSuspended, complete('SELECT 0'), ready('T')),
      agent(close('P', 'p'), sync),
      target(closeComplete, ready('T')),
    ],
  },
  {
    name: 'extended-rules-change-between-bind-and-execute',
    happenings: [
      ...opening,
      agent(parse('', 'select many'), bind('p', ''), flush),
      target(parseComplete, bindComplete),
      { event: (session) => session.masksChanged(NO_MASKS, NO_MASKS) },
      agent(execute('p'), sync),
      target(row('1'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-portal-dies-with-its-transaction',
    happenings: [
      ...opening,
      agent(parse('', 'select many'), bind('p', ''), execute('p', 1), sync),
      target(parseComplete, bindComplete, row('1'), portalSuspended, ready()),
      agent(execute('p', 1), sync),
      target(error('34000', 'portal "p" does not exist'), ready()),
    ],
  },
  {
    name: 'extended-portals-of-the-next-cycle-live-on',
    happenings: [
      ...opening,
      agent(parse('s', 'select a'), sync),
      target(parseComplete, ready()),
      agent(bind('', 's'), execute(''), sync, bind('q', 's'), flush),
      target(bindComplete, row('1'), complete('SELECT 1'), ready(), bindComplete),
      agent(execute('q'), sync),
      target(row('2'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'extended-bound-and-never-executed',
    happenings: [
      ...opening,
      agent(parse('', 'select a'), bind('', ''), describe('P', ''), sync),
      target(parseComplete, bindComplete, rows({ name: 'a' }), ready()),
      agent(execute(''), sync),
      target(error('34000', 'portal "" does not exist'), ready()),
    ],
  },
  {
    name: 'extended-unknown-names-fail-here-as-there',
    happenings: [
      ...opening,
      agent(bind('', 'nobody'), execute(''), sync),
      target(error('26000', 'prepared statement "nobody" does not exist'), ready()),
      agent(execute('nothing'), sync),
      target(error('34000', 'portal "nothing" does not exist'), ready()),
      // A server that knows the name after all: the gate does not, and nothing runs.
      agent(bind('', 'nobody'), execute(''), sync),
      target(parameters(), rows({ name: 'a' }), ready()),
    ],
  },
  {
    name: 'extended-limit-of-statements',
    options: { limits: { preparedMax: 2 } },
    happenings: [
      ...opening,
      agent(parse('a', 'select a'), parse('b', 'select b'), sync),
      target(parseComplete, parseComplete, ready()),
      agent(parse('c', 'select c'), sync),
      target(ready()),
    ],
  },
  {
    name: 'extended-limit-of-pending-commands-paces',
    uncut: true,
    options: { limits: { pendingCommandsMax: 2 } },
    happenings: [
      ...opening,
      agent(parse('', 'a'), bind('', ''), execute(''), parse('', 'b'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, complete('A')),
      target(parseComplete, bindComplete, complete('B'), ready()),
    ],
  },
  {
    name: 'extended-portals-that-nobody-executes-hit-the-limit',
    uncut: true,
    options: { limits: { pendingCommandsMax: 2 } },
    happenings: [
      ...opening,
      agent(parse('', 'a'), bind('x', ''), bind('y', ''), bind('z', ''), sync),
      target(parseComplete, bindComplete),
      target(bindComplete),
      target(ready()),
    ],
  },
  {
    name: 'extended-commit-fails-at-sync',
    happenings: [
      ...opening,
      agent(parse('', 'insert a'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, complete('INSERT 0 1'), error('23503', 'deferred'), ready()),
    ],
  },
];
