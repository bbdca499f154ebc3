import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '..');
const WIRE = 'sidecar/src/protocols/postgres/hazards.test.ts';
const REAL = 'e2e/hazards-postgres.test.ts';
/** Run by bypass.test.ts, beside it against the reader and here against a real server. */
const CORPUS = 'sidecar/src/protocols/postgres/postgres.bypass.yaml';
const TRANSPORT = 'e2e/transport.test.ts';
const DRIVERS = 'e2e/clients/drivers.test.ts';
const PROGRAMS = 'e2e/clients/programs.test.ts';

/** A known trap of PostgreSQL, and the tests that would see it: file and the words that name the case there. */
type Hazard = readonly [trap: string, ...tests: (readonly [file: string, name: string])[]];

const corpus = (...ids: readonly string[]): (readonly [string, string])[] => ids.map((id) => [CORPUS, `- id: ${id}\n`]);

const HAZARDS: readonly Hazard[] = [
  ['GSSENCRequest is answered with N', [WIRE, 'GSSENCRequest is answered with N'], [REAL, 'GSSENCRequest is answered']],
  [
    'plaintext before the TLS upgrade is discarded and refused',
    [WIRE, 'plaintext buffered before the TLS upgrade'],
    [WIRE, 'plaintext behind the TLS answer of the server'],
    [REAL, 'plaintext sent behind the TLS request'],
  ],
  [
    'a server that refuses TLS is an error, never a downgrade',
    [WIRE, 'never a downgrade'],
    [TRANSPORT, 'nothing falls back to plain text'],
  ],
  ['SCRAM-PLUS is stripped', [WIRE, 'SCRAM-PLUS is not spoken']],
  ['OAUTHBEARER is offered', [WIRE, 'OAUTHBEARER is offered']],
  [
    'cancel keys are our own',
    [WIRE, 'CancelRequest comes on a new connection'],
    [DRIVERS, 'a query that is cancelled'],
  ],
  [
    'Execute without RowDescription is masked',
    [WIRE, 'Bind and Execute without RowDescription'],
    [WIRE, 'Describe that the driver cached'],
    [REAL, 'Execute without Describe is masked'],
  ],
  [
    'statement names are reused and end',
    [WIRE, 'statement names are reused'],
    [WIRE, 'statements end with DISCARD ALL and DEALLOCATE'],
    [REAL, 'statement names: reused after Close'],
  ],
  ['portals die at transaction end', [WIRE, 'portals die at transaction end']],
  ['Flush without Sync', [WIRE, 'Flush without Sync'], [REAL, 'Flush without Sync']],
  ['errors skip to Sync', [WIRE, 'errors skip to Sync'], [REAL, 'an error skips to Sync']],
  ['pipelines interleave', [WIRE, 'pipelines interleave'], [DRIVERS, 'pipelines, prepared statements']],
  [
    'a refusal is an ERROR, and session and transaction live on',
    [WIRE, 'a refusal is an ERROR'],
    [WIRE, 'a refusal in the extended protocol skips to Sync'],
    [REAL, 'a refusal inside a transaction leaves it open'],
  ],
  ['multi-statement strings', ...corpus('multi-1', 'multi-6')],
  ['CTE writes', ...corpus('cte-1')],
  ['DO, EXECUTE, PREPARE', ...corpus('dynamic-1', 'dynamic-3', 'dynamic-4', 'unbounded-12')],
  ['COPY PROGRAM and files', ...corpus('copy-5', 'copy-6', 'copy-7')],
  ['FDW and extensions', ...corpus('ddl-9')],
  ['volatile functions, also by operator', ...corpus('function-1', 'function-4', 'function-19')],
  ['SELECT INTO', ...corpus('launder-7')],
  ['rules and triggers', ...corpus('rule-1', 'rule-2')],
  ['EXPLAIN ANALYZE of a write', ...corpus('unbounded-10')],
  ['SET ROLE and SET search_path', ...corpus('session-1', 'session-5')],
  ['standard_conforming_strings', ...corpus('session-3')],
  ['client_encoding', [WIRE, 'client_encoding changes what bytes mean']],
  ['nested comments, dollar quotes, Unicode escapes', ...corpus('comment-1', 'comment-5', 'comment-9', 'alias-5')],
  ['9 MiB comments and 65 MiB messages', [REAL, 'a comment of 9 MiB'], [REAL, 'a literal of 65 MiB']],
  ['session state is tracked at Bind', [WIRE, 'settings are tracked at Bind']],
  ['alias, view, CTE, derived table', ...corpus('alias-1', 'view-1', 'cte-1', 'subquery-3')],
  ['UNION, LATERAL, UNNEST', ...corpus('union-1', 'subquery-4', 'subquery-6')],
  ['aggregation into arrays, rows and json', ...corpus('aggregate-1', 'aggregate-3', 'row-4')],
  ['whole-row references', ...corpus('row-1', 'row-2')],
  ['cast and substring', ...corpus('expression-8', 'expression-3')],
  ['COPY text, csv, binary', ...corpus('copy-1', 'copy-2', 'copy-4'), [WIRE, 'is masked: binary']],
  ['cursors and FETCH', ...corpus('dynamic-6'), [PROGRAMS, 'FETCH 2 FROM c;']],
  ['RETURNING', ...corpus('returning-1')],
  [
    'NOTIFY payloads',
    [WIRE, 'NOTIFY payloads do not tell'],
    [DRIVERS, 'LISTEN and NOTIFY work'],
    ...corpus('launder-9'),
  ],
  ['ERROR and NOTICE (ssn::int)', [WIRE, 'ERROR and NOTICE do not tell'], ...corpus('blind-13')],
  ['EXPLAIN and pg_stats', ...corpus('metadata-1', 'metadata-4', 'metadata-7'), [REAL, 'pg_stats does not tell']],
  ['unknown lineage is redacted', [WIRE, 'unknown lineage is redacted']],
  ['blind reads', ...corpus('blind-1', 'blind-3', 'blind-6', 'blind-10', 'blind-12')],
  [
    'a masked int4 in binary is four bytes or NULL',
    [WIRE, 'a masked int4 in binary'],
    [REAL, 'a masked int4 in binary keeps its width'],
  ],
  [
    'over-blocking is a bug too',
    [PROGRAMS, 'pg_dump writes a whole dump'],
    ...corpus('keyword-1', 'introspection-1', 'report-1', 'blind-6-neighbour'),
  ],
  ['literals are normalised, and the normaliser is fuzzed', ['e2e/fuzz/sql-statements.test.ts', 'test']],
];

describe('every known trap of PostgreSQL has a test that names it', () => {
  test.each(HAZARDS)('%s', (...[, ...tests]) => {
    expect(tests.length).toBeGreaterThan(0);
    const missing = tests.filter(([file, name]) => !readFileSync(join(ROOT, file), 'utf8').includes(name));
    expect(missing).toEqual([]);
  });
});
