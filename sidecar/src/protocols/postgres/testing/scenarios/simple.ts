import { FRAME } from '../../codec.ts';
import { writeFrame } from '../../codec-writer.ts';
import {
  agent,
  close,
  closeComplete,
  complete,
  emptyQuery,
  error,
  functionCall,
  notice,
  notification,
  opening,
  parse,
  parseComplete,
  query,
  ready,
  row,
  rows,
  status,
  sync,
  target,
} from '../frames.ts';
import type { Scenario } from '../scenario.ts';

const denied = {
  kind: 'Denied',
  rule: 'data/guardrails/no-ddl',
  reason: 'Schema changes go through migrations.',
  hint: '',
} as const;
const one = target(rows({ name: 'a' }), row('1'), complete('SELECT 1'), ready());
const refusesDrop = {
  judge: ({ text }: { readonly text: string }) => (text.startsWith('drop') ? denied : 'Forward'),
} as const;

export const simpleScenarios: readonly Scenario[] = [
  { name: 'simple-select', happenings: [...opening, agent(query('select 1')), one] },
  {
    name: 'simple-many-statements-in-one-text',
    happenings: [
      ...opening,
      agent(query('select 1; select 2')),
      target(
        rows({ name: 'a' }),
        row('1'),
        complete('SELECT 1'),
        rows({ name: 'b' }),
        row('2'),
        row(null),
        complete('SELECT 2'),
        ready(),
      ),
    ],
  },
  { name: 'simple-empty', happenings: [...opening, agent(query('')), target(emptyQuery, ready())] },
  {
    name: 'simple-error-then-next',
    happenings: [
      ...opening,
      agent(query('select 1/0')),
      target(error('22012', 'division by zero'), ready()),
      agent(query('select 1')),
      one,
    ],
  },
  {
    name: 'simple-refused-then-next',
    options: refusesDrop,
    happenings: [...opening, agent(query('drop table t')), agent(query('select 1')), one],
  },
  {
    name: 'simple-refused-inside-a-transaction-keeps-it',
    options: {
      ...refusesDrop,
      readings: { begin: { statements: [{ verb: 'BEGIN', sessionEffect: { kind: 'Begin' } }] } },
    },
    happenings: [
      ...opening,
      agent(query('begin')),
      target(complete('BEGIN'), ready('T')),
      agent(query('drop table t')),
      agent(query('select 1')),
      target(rows({ name: 'a' }), row('1'), complete('SELECT 1'), ready('T')),
    ],
  },
  {
    name: 'simple-refused-behind-one-that-runs-is-told-in-its-turn',
    options: refusesDrop,
    happenings: [...opening, agent(query('select 1'), query('drop table t'), query('select 1')), one, one],
  },
  {
    name: 'simple-incomplete',
    options: {
      readings: { 'call odd()': { complete: false } },
      judge: ({ command }) =>
        command.complete ? 'Forward' : { kind: 'Incomplete', rule: 'incomplete', reason: 'not understood', hint: '' },
    },
    happenings: [...opening, agent(query('call odd()'))],
  },
  {
    name: 'simple-held-then-next-waits',
    options: { judge: ({ text }) => (text.startsWith('delete') ? 'Hold' : 'Forward') },
    happenings: [
      ...opening,
      agent(query('delete from t')),
      agent(query('select 1')),
      {
        event: (session) =>
          session.settle(1, {
            kind: 'Refuse',
            refusal: { kind: 'ApprovalRefused', rule: 'data/p/unbounded', reason: 'ann refused.', hint: '' },
          }),
      },
      one,
    ],
  },
  {
    name: 'simple-killed-while-held',
    options: { judge: () => 'Hold' },
    happenings: [
      ...opening,
      agent(query('delete from t')),
      {
        event: (session) =>
          session.terminate(
            { kind: 'Terminated', rule: 'suspended', reason: 'The access was suspended.', hint: '' },
            'Killed',
          ),
      },
    ],
  },
  {
    name: 'simple-expired-while-running',
    happenings: [
      ...opening,
      agent(query('select pg_sleep(100)')),
      {
        event: (session) =>
          session.terminate(
            { kind: 'Terminated', rule: 'expired', reason: 'The token has expired.', hint: 'Get a new token.' },
            'Expired',
          ),
      },
    ],
  },
  {
    name: 'simple-agent-leaves-while-running',
    happenings: [...opening, agent(query('select 1')), { event: (session) => session.agentLeft() }],
  },
  {
    name: 'simple-target-leaves-while-running',
    happenings: [...opening, agent(query('select 1')), { event: (session) => session.targetLeft('connection reset') }],
  },
  {
    name: 'simple-notices-settings-and-notifications-come-at-any-time',
    happenings: [
      ...opening,
      target(status('TimeZone', 'UTC'), notification('ch', 'hello')),
      agent(query('select 1')),
      target(
        notice('look out'),
        rows({ name: 'a' }),
        notification('ch', 'there'),
        row('1'),
        complete('SELECT 1'),
        status('TimeZone', 'CET'),
        ready(),
      ),
    ],
  },
  {
    name: 'simple-server-shuts-down',
    happenings: [
      ...opening,
      target(error('57P01', 'terminating connection due to administrator command', { S: 'FATAL', V: 'FATAL' })),
      { event: (session) => session.targetLeft('closed') },
    ],
  },
  {
    name: 'simple-function-call-is-never-understood-whole',
    options: {
      judge: ({ command }) =>
        command.complete ? 'Forward' : { kind: 'Incomplete', rule: 'incomplete', reason: 'not understood', hint: '' },
    },
    happenings: [...opening, agent(functionCall(1299))],
  },
  {
    name: 'simple-function-call-that-the-owner-allows',
    happenings: [
      ...opening,
      agent(functionCall(1299)),
      target(writeFrame(FRAME.functionResult, { int32: 1 }, Buffer.from('7')), ready()),
    ],
  },
  {
    name: 'simple-ddl-makes-the-catalog-be-read-again',
    options: { readings: { 'create table t()': { statements: [{ verb: 'CREATE', changesCatalog: true }] } } },
    happenings: [
      ...opening,
      agent(query('create table t()')),
      target(complete('CREATE TABLE'), ready()),
      agent(query('select 1')),
      one,
    ],
  },
  {
    name: 'simple-ddl-then-a-cycle-that-begins-with-close',
    options: { readings: { 'create table t()': { statements: [{ verb: 'CREATE', changesCatalog: true }] } } },
    happenings: [
      ...opening,
      agent(query('create table t()')),
      target(complete('CREATE TABLE'), ready()),
      agent(close('S', 'x'), parse('', 'select 1'), sync),
      target(closeComplete, parseComplete, ready()),
    ],
  },
  {
    name: 'simple-ddl-in-a-transaction-waits-for-its-end',
    options: {
      readings: {
        'create table t()': { statements: [{ verb: 'CREATE', changesCatalog: true }] },
        commit: { statements: [{ verb: 'COMMIT', sessionEffect: { kind: 'Commit' } }] },
      },
    },
    happenings: [
      ...opening,
      agent(query('create table t()')),
      target(complete('CREATE TABLE'), ready('T')),
      agent(query('select 1')),
      target(rows({ name: 'a' }), row('1'), complete('SELECT 1'), ready('T')),
      agent(query('commit')),
      target(complete('COMMIT'), ready('I')),
      agent(query('select 1')),
      one,
    ],
  },
  { name: 'simple-malformed-query', happenings: [...opening, agent(writeFrame(FRAME.query, Buffer.from('select 1')))] },
  {
    name: 'simple-zero-byte-in-query',
    happenings: [...opening, agent(writeFrame(FRAME.query, Buffer.from('select 1\0drop table t\0')))],
  },
  { name: 'simple-unknown-frame', happenings: [...opening, agent(writeFrame(0x7a, 'what'))] },
  { name: 'simple-password-frame-out-of-turn', happenings: [...opening, agent(writeFrame(FRAME.password, 'again'))] },
  { name: 'simple-target-row-without-command', happenings: [...opening, target(row('1'))] },
  {
    name: 'simple-target-starts-replication',
    happenings: [...opening, agent(query('select 1')), target(writeFrame(FRAME.copyBoth, { int8: 0 }, { int16: 0 }))],
  },
  {
    name: 'simple-frame-larger-than-the-limit',
    options: { limits: { frameBytesMax: 100 } },
    happenings: [
      ...opening,
      agent(query('x'.repeat(94))),
      target(complete('X'), ready()),
      agent(query('x'.repeat(95))),
    ],
  },
  {
    name: 'simple-text-that-is-no-utf8',
    happenings: [...opening, agent(writeFrame(FRAME.query, Buffer.from("select '\u00ff'\0", 'latin1'))), one],
  },
  {
    name: 'simple-encoding-that-is-not-followed',
    happenings: [
      ...opening,
      agent(query("set client_encoding to 'SJIS'")),
      target(status('client_encoding', 'SJIS'), complete('SET'), ready()),
      agent(query("select '\u8868'")),
      one,
      agent(query("select 'plain'")),
      one,
    ],
  },
  {
    name: 'simple-sqlcommenter',
    happenings: [...opening, agent(query("select 1 /*run='r%201',traceparent='00-ab-cd-01'*/")), one],
  },
];
