import { afterAll, beforeAll, expect } from '@jest/globals';
import { runClient } from './clients/client-run.ts';
import { openStage, type Stage } from './stage.ts';
import { findProgram } from './support/programs.ts';
import { testGiven } from './support/test-given.ts';

const TIMEOUT_MS = 300_000;
const psql = findProgram('psql') ?? '';
const withPsql = testGiven(psql !== '', 'psql is not installed');
/** No detector knows it. */
const SECRET = 'open sesame';
const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  masks:
    - {name: secrets, fields: ['$.secret'], with: {type: Redact}}
`;
const SETUP = `
CREATE TABLE documents (id integer, status text, note text, data jsonb, body json, body_text text);
INSERT INTO documents SELECT n, 'open', 'first', d, d::json, d::text FROM generate_series(1, 2) AS n, (VALUES ('{"a": 1, "b": {"c": "deep"}, "secret": "${SECRET}"}')) AS v, LATERAL (SELECT v.column1::jsonb) AS x(d);
CREATE DOMAIN document AS jsonb;
CREATE DOMAIN titled_document AS document CHECK (VALUE IS NOT NULL);
CREATE TYPE envelope AS (title text, body titled_document);
CREATE TABLE letters (id integer, held titled_document, sealed envelope, kept document[], written documents);
INSERT INTO letters SELECT id, data, ROW('first', data)::envelope, ARRAY[data]::document[], documents FROM documents;
CREATE VIEW document_words AS SELECT id, data ->> 'secret' AS word, data -> 'b' ->> 'c' AS deep, body ->> 'a' AS w, data AS document FROM documents;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ files: { 'policy.yaml': POLICY }, setup: SETUP });
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

async function run(sql: string): Promise<string> {
  const { stdout, stderr } = await runClient(stage, psql, ['-At', '-c', sql]);
  return stdout + stderr;
}

const HIDING: readonly string[] = [
  'SELECT data FROM documents',
  'SELECT data::text FROM documents',
  'SELECT data::json FROM documents',
  "SELECT data ->> 'secret' FROM documents",
  "SELECT data -> 'secret' FROM documents",
  "SELECT data #>> '{secret}' FROM documents",
  "SELECT data['secret'] FROM documents",
  'SELECT (jsonb_each_text(data)).value FROM documents',
  'SELECT value FROM documents, jsonb_each_text(data)',
  "SELECT jsonb_path_query(data, '$.secret') FROM documents",
  'SELECT jsonb_build_object(1, data) FROM documents',
  'SELECT to_jsonb(documents) FROM documents',
  'SELECT row_to_json(documents) FROM documents',
  'SELECT json_agg(data) FROM documents',
  'SELECT array_agg(data) FROM documents',
  'SELECT documents FROM documents',
  'SELECT ARRAY[data] FROM documents',
  'SELECT md5(data::text), reverse(data::text) FROM documents',
  'SELECT jsonb_pretty(data) FROM documents',
  'SELECT word FROM document_words',
  'SELECT document FROM document_words',
  'SELECT body FROM documents',
  'SELECT body_text FROM documents',
  'COPY (SELECT data FROM documents) TO STDOUT',
  'COPY (SELECT data FROM documents) TO STDOUT (FORMAT csv)',
  'COPY (SELECT data FROM documents) TO STDOUT (FORMAT binary)',
  "COPY (SELECT data ->> 'secret' FROM documents) TO STDOUT",
  'COPY (SELECT array_agg(data) FROM documents) TO STDOUT',
  'COPY documents TO STDOUT',
  'COPY documents TO STDOUT (FORMAT binary)',
  'COPY documents TO STDOUT (FORMAT csv)',
  "SELECT ('x' || data::text)::json FROM documents",
  "SELECT (data ->> 'secret')::int FROM documents",
  "WITH d AS (SELECT data ->> 'secret' AS word FROM documents) SELECT word FROM d",
  "SELECT data -> ('secret') FROM documents",
  "SELECT data -> /* a key */ 'secret' FROM documents",
  "SELECT data -> E'secret', data -> 'sec' || 'ret', data -> U&'secr\\0065t' FROM documents",
  "SELECT data ->> ('sec' || 'ret') FROM documents",
  "SELECT data #>> ARRAY['secret'] FROM documents",
  'SELECT data #> \'{"secret"}\' FROM documents',
  "SELECT data OPERATOR(pg_catalog.->>) 'secret' FROM documents",
  "SELECT x -> 'secret' FROM (SELECT data || '{}' AS x FROM documents) AS t",
  "SELECT jsonb_build_array(data) -> 0 ->> 'secret' FROM documents",
  'SELECT held FROM letters',
  "SELECT held ->> 'secret' FROM letters",
  'SELECT held::text FROM letters',
  'SELECT sealed FROM letters',
  'SELECT (sealed).body FROM letters',
  "SELECT (sealed).body ->> 'secret' FROM letters",
  "SELECT kept[1] ->> 'secret' FROM letters",
  'SELECT unnest(kept) FROM letters',
  "SELECT (written).data ->> 'secret' FROM letters",
  'SELECT written FROM letters',
  'COPY letters TO STDOUT',
  'COPY letters TO STDOUT (FORMAT binary)',
  "COPY (SELECT held ->> 'secret' FROM letters) TO STDOUT",
  "SELECT word FROM (SELECT data ->> 'secret' FROM documents) AS t(word)",
];

withPsql.each(HIDING)('hides: %s', async (sql) => {
  const seen = await run(sql);
  const reversed = Array.from(SECRET).toReversed().join('');
  for (const clear of [SECRET, 'sesame', reversed])
    expect([sql, seen, seen.includes(clear)]).toEqual([sql, seen, false]);
  expect(seen).not.toBe('');
});

withPsql.each([
  "SELECT id FROM documents WHERE data ->> 'secret' LIKE 'open%'",
  "SELECT id FROM documents ORDER BY data ->> 'secret'",
  "CREATE TABLE words AS SELECT data ->> 'secret' AS word FROM documents",
  "INSERT INTO documents (note) SELECT body_text FROM documents WHERE data ? 'secret'",
])('refuses: %s', async (sql) => {
  expect(await run(sql)).toMatch(
    /^ERROR: .*\nDETAIL: .*Fields of JSON in column public.documents.data are masked by data\/guard\/secrets/,
  );
});

withPsql.each([
  ["SELECT data ->> 'a' FROM documents WHERE id = 1", '1\n'],
  ["SELECT data -> 'b' -> 'c' FROM documents WHERE id = 1", '"deep"\n'],
  ["SELECT data #>> '{b,c}' FROM documents WHERE data ->> 'a' = '1' AND id = 1", 'deep\n'],
  ["SELECT id FROM documents WHERE data #> '{b,c}' = '\"deep\"' ORDER BY data ->> 'a', id", '1\n2\n'],
  ["SELECT (d.data ->> 'a')::int + 1, count(*) FROM documents d GROUP BY d.data ->> 'a'", '2|2\n'],
  ["SELECT deep, w FROM document_words WHERE id = 1 AND deep = 'deep'", 'deep|1\n'],
  ["SELECT held -> 'b' FROM letters WHERE held ->> 'a' = '1' AND id = 1", '{"c": "deep"}\n'],
  ["COPY (SELECT body ->> 'a' FROM documents ORDER BY id) TO STDOUT", '1\n1\n'],
  ["SELECT document ->> 'a' FROM document_words WHERE id = 1", '1\n'],
  ['SELECT id, status, note FROM documents ORDER BY id', '1|open|first\n2|open|first\n'],
  ['SELECT data FROM documents WHERE id = 1', '{"a": 1, "b": {"c": "deep"}, "secret": "[masked]"}\n'],
  ['SELECT count(*), array_agg(id ORDER BY id), max(status) FROM documents', '2|{1,2}|open\n'],
  ['COPY (SELECT id, note FROM documents ORDER BY id) TO STDOUT', '1\tfirst\n2\tfirst\n'],
])('leaves: %s', async (sql, shown) => {
  expect(await run(sql)).toBe(shown);
});
