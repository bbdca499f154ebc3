import type { OutputOrigin, RelationCatalog } from '../../sql-reading.ts';
import { fakeMasks, NO_MASKS } from '../fake-masks.ts';
import {
  agent,
  bind,
  bindComplete,
  complete,
  describe,
  error,
  execute,
  noData,
  notice,
  notification,
  opening,
  parameters,
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

const people = { schema: 'public', table: 'people' } as const;
const columns = ['id', 'name', 'ssn', 'age', 'doc'];
const types = [23, 25, 25, 23, 3802];
const catalog: RelationCatalog = {
  version: '1',
  relation: (oid) =>
    oid !== 100
      ? undefined
      : {
          schema: 'public',
          name: 'people',
          columns: new Map(
            columns.map((name, at) => [
              at + 1,
              { name, typeOid: types[at] ?? 25, bases: [{ ...people, column: name }] },
            ]),
          ),
        },
};
const masks = fakeMasks(
  {
    'public.people.ssn': { type: 'Partial', keepLast: 4 },
    'public.people.age': { type: 'Redact' },
    'public.people.doc': { type: 'Redact' },
  },
  'top-secret',
);
const masked = { masks, catalog } as const;
const reads = [{ tables: [{ schema: 'public', name: 'people', access: 'Read' as const }] }];
const outputs = (...origins: readonly OutputOrigin[]) => ({
  policy: reads,
  statements: [{ verb: 'SELECT', outputs: origins }],
});
const column = (name: string): OutputOrigin => ({ kind: 'Column', ...people, column: name });
const computed = (name: string): OutputOrigin => ({ kind: 'Computed', columns: [{ ...people, column: name }] });
const base = (name: string, binary = false) => ({
  name,
  table: 100,
  attribute: columns.indexOf(name) + 1,
  type: types[columns.indexOf(name)] ?? 25,
  binary,
});
const q = query('q');

export const maskedScenarios: readonly Scenario[] = [
  {
    name: 'masked-base-columns-in-text',
    options: {
      ...masked,
      readings: { q: outputs(column('id'), column('name'), column('ssn'), column('age'), column('doc')) },
    },
    happenings: [
      ...opening,
      agent(q),
      target(
        rows(base('id'), base('name'), base('ssn'), base('age'), base('doc')),
        row('1', 'Ann', '123-45-6789', '41', '{"a": 1}'),
        row('2', 'top-secret', null, null, null),
        complete('SELECT 2'),
        ready(),
      ),
    ],
  },
  {
    name: 'masked-base-columns-in-binary',
    options: { ...masked, readings: { q: outputs(column('ssn'), column('age'), column('doc')) } },
    happenings: [
      ...opening,
      agent(parse('', 'q'), bind('', '', [], { results: [1] }), describe('P', ''), execute(''), sync),
      target(
        parseComplete,
        bindComplete,
        rows(base('ssn', true), base('age', true), base('doc', true)),
        row('123-45-6789', Uint8Array.of(0, 0, 0, 41), '\u0001{"a":1}'),
        complete('SELECT 1'),
        ready(),
      ),
    ],
  },
  {
    name: 'masked-without-describe-the-session-asks-for-itself',
    options: { ...masked, readings: { q: outputs(column('ssn')) } },
    happenings: [
      ...opening,
      agent(parse('s', 'q'), sync),
      target(parseComplete, ready()),
      agent(bind('', 's'), execute(''), sync),
      target(bindComplete, rows(base('ssn')), row('123-45-6789'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-describe-of-the-statement-is-remembered',
    options: { ...masked, readings: { q: outputs(column('ssn')) } },
    happenings: [
      ...opening,
      agent(parse('s', 'q'), describe('S', 's'), sync),
      target(parseComplete, parameters(), rows(base('ssn')), ready()),
      agent(bind('', 's', [], { results: [1] }), execute(''), sync),
      target(bindComplete, row('123-45-6789'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-remembered-shape-ends-with-ddl',
    options: {
      ...masked,
      readings: {
        q: outputs(column('ssn')),
        ddl: { statements: [{ verb: 'ALTER', outputs: [], changesCatalog: true }] },
      },
    },
    happenings: [
      ...opening,
      agent(parse('s', 'q'), describe('S', 's'), sync),
      target(parseComplete, parameters(), rows(base('ssn')), ready()),
      agent(query('ddl')),
      target(complete('ALTER TABLE'), ready()),
      agent(bind('', 's'), execute(''), sync),
      target(bindComplete, rows(base('ssn')), row('123-45-6789'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-alias-and-expression',
    options: { ...masked, readings: { q: outputs(computed('ssn'), { kind: 'Literal' }, { kind: 'Unknown' }) } },
    happenings: [
      ...opening,
      agent(q),
      target(
        rows({ name: 'x' }, { name: 'y' }, { name: 'z', type: 20 }),
        row('6789', 'plain', '77'),
        complete('SELECT 1'),
        ready(),
      ),
    ],
  },
  {
    name: 'masked-lineage-and-server-disagree',
    options: { ...masked, readings: { q: outputs(column('name'), column('ssn')) } },
    happenings: [
      ...opening,
      agent(q),
      target(rows(base('ssn'), base('name')), row('123-45-6789', 'Ann'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-unknown-lineage-over-a-masked-table',
    options: { ...masked, readings: { q: { policy: reads } } },
    happenings: [
      ...opening,
      agent(q),
      target(rows({ name: 'x' }, base('name')), row('123-45-6789', 'Ann'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-unknown-lineage-over-another-table-passes',
    options: masked,
    happenings: [...opening, agent(q), target(rows({ name: 'x' }), row('123-45-6789'), complete('SELECT 1'), ready())],
  },
  {
    name: 'masked-system-columns-pass',
    options: { ...masked, readings: { q: outputs({ kind: 'Literal' }) } },
    happenings: [
      ...opening,
      agent(q),
      target(rows({ name: 'ctid', table: 100, attribute: -1, type: 27 }), row('(0,1)'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-table-that-the-catalog-does-not-know',
    options: { ...masked, readings: { q: outputs({ kind: 'Unknown' }) } },
    happenings: [
      ...opening,
      agent(q),
      target(rows({ name: 'x', table: 777, attribute: 1 }), row('123-45-6789'), complete('SELECT 1'), ready()),
      agent(q),
      target(rows({ name: 'x', table: 777, attribute: 1 }), row('123-45-6789'), complete('SELECT 1'), ready()),
      agent(q),
    ],
  },
  {
    name: 'masked-errors-and-notices-of-a-command-on-a-masked-table',
    options: { ...masked, readings: { q: { policy: reads } } },
    happenings: [
      ...opening,
      agent(q),
      target(
        notice('ssn is 123-45-6789'),
        error('22P02', 'invalid input syntax for type integer: "123-45-6789"', { D: 'row 123-45-6789', W: 'PL/pgSQL' }),
        ready(),
      ),
      agent(q),
      target(
        error('23505', 'duplicate key value violates unique constraint "people_ssn"', {
          D: 'Key (ssn)=(123-45-6789) already exists.',
          n: 'people_ssn',
        }),
        ready(),
      ),
      agent(q),
      target(error('42703', 'column "x" does not exist', { P: '8' }), ready()),
      agent(q),
      target(error('42703', 'raised: 123-45-6789', { F: 'pl_exec.c' }), ready()),
    ],
  },
  {
    name: 'masked-contents-of-errors-on-other-tables',
    options: masked,
    happenings: [...opening, agent(q), target(error('22P02', 'bad value "top-secret"', { D: 'fine' }), ready())],
  },
  {
    name: 'masked-names-in-errors-that-a-function-raises',
    options: { ...masked, readings: { q: { policy: reads } } },
    happenings: [
      ...opening,
      agent(q),
      target(error('23505', 'raised: 123-45-6789', { F: 'pl_exec.c', n: '123-45-6789' }), ready()),
      agent(q),
      target(error('55000', 'remote: 123-45-6789', { F: 'dblink.c' }), ready()),
    ],
  },
  {
    name: 'masked-settings-that-take-any-text',
    options: {
      ...masked,
      readings: {
        q: { policy: reads },
        'set application_name': {
          statements: [
            {
              outputs: [],
              sessionEffect: { kind: 'Set', name: 'application_name', value: 'a top-secret', local: false },
            },
          ],
        },
      },
    },
    happenings: [
      ...opening,
      agent(q),
      target(status('application_name', '123-45-6789'), status('TimeZone', 'CET'), complete('SELECT 1'), ready()),
      agent(query('set application_name')),
      target(complete('SET'), status('application_name', 'a top-secret'), ready()),
      agent(parse('', 'set application_name'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, complete('SET'), status('application_name', 'a top-secret'), ready()),
      agent(parse('', 'select odd()'), bind('', ''), execute(''), sync),
      target(
        parseComplete,
        bindComplete,
        noData,
        complete('SELECT 1'),
        status('application_name', '123-45-6789'),
        ready(),
      ),
    ],
  },
  {
    name: 'masked-notification-payloads',
    options: masked,
    happenings: [...opening, target(notification('ch', '123-45-6789'), notification('ch', ''))],
  },
  {
    name: 'masked-bind-values-in-the-record',
    options: {
      ...masked,
      readings: {
        q: {
          ...outputs(column('id')),
          parameters: [[{ ...people, column: 'ssn' }], [{ ...people, column: 'name' }], undefined],
        },
      },
    },
    happenings: [
      ...opening,
      agent(parse('', 'q'), bind('', '', ['123-45-6789', 'top-secret', 'who knows', null]), execute(''), sync),
      target(parseComplete, bindComplete, rows(base('id')), row('1'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-from-the-middle-of-an-answer-on',
    options: { catalog, readings: { q: outputs(column('ssn')) } },
    happenings: [
      ...opening,
      agent(q),
      target(rows(base('ssn')), row('123-45-6789')),
      { event: (session) => session.masksChanged(masks, masks) },
      target(row('123-45-6789'), complete('SELECT 2'), ready()),
    ],
  },
  {
    name: 'masked-from-the-middle-of-an-answer-that-nobody-described',
    options: { catalog, readings: { q: outputs(column('name')) } },
    happenings: [
      ...opening,
      agent(parse('', 'q'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, row('Ann')),
      { event: (session) => session.masksChanged(masks, masks) },
      target(row('Bob'), complete('SELECT 2'), ready()),
    ],
  },
  {
    name: 'masked-only-in-the-record-of-observe-mode',
    options: { masks: NO_MASKS, recordMasks: masks, catalog, readings: { q: outputs(column('ssn')) } },
    happenings: [...opening, agent(q), target(rows(base('ssn')), row('123-45-6789'), complete('SELECT 1'), ready())],
  },
  {
    name: 'masked-row-with-more-columns-than-described',
    options: { ...masked, readings: { q: outputs(column('name')) } },
    happenings: [
      ...opening,
      agent(q),
      target(rows(base('name')), row('Ann', '123-45-6789'), complete('SELECT 1'), ready()),
    ],
  },
  {
    name: 'masked-insert-without-rows-asks-nothing',
    options: { ...masked, readings: { q: { policy: reads, statements: [{ verb: 'INSERT', outputs: [] }] } } },
    happenings: [
      ...opening,
      agent(parse('', 'q'), bind('', ''), execute(''), sync),
      target(parseComplete, bindComplete, complete('INSERT 0 1'), ready()),
    ],
  },
];
