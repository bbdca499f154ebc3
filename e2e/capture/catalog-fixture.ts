import { readFile, writeFile } from 'node:fs/promises';
import pg from 'pg';
import { CATALOG_QUERIES } from '../../sidecar/src/protocols/postgres/catalog-queries.ts';

/**
 * Writes the catalog of a fresh server with the demo schema (`fixture/demo.sql`), as the gate would read it, to
 * `sidecar/src/protocols/postgres/fixture/catalog.json`. Usage: `node e2e/capture/catalog-fixture.ts CONNECTION_STRING` (an empty database).
 */
const FOLDER = new URL('../../sidecar/src/protocols/postgres/', import.meta.url);

const [connectionString] = process.argv.slice(2);
if (connectionString === undefined) throw new Error('name the empty database to use: postgresql://...');
const client = new pg.Client({ connectionString, types: { getTypeParser: () => (value: string) => value } });
await client.connect();
await client.query(await readFile(new URL('fixture/demo.sql', FOLDER), 'utf8'));
const results: Record<string, unknown> = {};
for (const { name, sql } of CATALOG_QUERIES) {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
  results[name] = rows;
}
await client.end();
const lines = Object.entries(results).map(
  ([name, rows]) =>
    `${JSON.stringify(name)}:[\n${(Array.isArray(rows) ? rows : []).map((row) => JSON.stringify(row)).join(',\n')}]`,
);
await writeFile(new URL('fixture/catalog.json', FOLDER), `{${lines.join(',\n')}}\n`);
