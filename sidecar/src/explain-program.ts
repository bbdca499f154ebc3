import { randomBytes } from 'node:crypto';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { PostgresCommand, PostgresStatement } from '@sidegate/policy';
import { answerRedis, type RedisAnswer } from './explain-redis.ts';
import { answerSsh, type SshAnswer } from './explain-ssh.ts';
import { type Catalog, openCatalog } from './protocols/postgres/catalog.ts';
import { CATALOG_QUERIES } from './protocols/postgres/catalog-queries.ts';
import { buildCatalog, type CatalogResults } from './protocols/postgres/catalog-rows.ts';
import { loadParser } from './protocols/postgres/classify/parser.ts';
import { readSql } from './protocols/postgres/classify/reading.ts';
import { openSqlState } from './protocols/postgres/classify/state.ts';
import { Dependencies } from './protocols/postgres/dependencies.ts';
import { missingNames } from './protocols/postgres/missing-names.ts';
import { openPostgres } from './protocols/postgres/protocol.ts';
import { readCatalog } from './relay/catalog-reader.ts';
import type { TargetAddress } from './relay/target-address.ts';

// Reads one question as JSON from standard input, and answers on standard output how the gate would read the text, or
// whether the target takes its login: for `sidegate explain` and `sidegate run`.

/** Where the server's catalog is asked for, as the gate itself asks. */
interface Live {
  readonly address: TargetAddress;
  readonly credential: { readonly username: string; readonly password: string };
  readonly database: string;
}

interface Question {
  readonly protocol: string;
  /** Absent: it is only asked whether the server takes the gate's login and tells its catalog. */
  readonly text?: string;
  /** The text is the host and port of a forward. */
  readonly forward?: boolean;
  /** Tables and columns that the server should have; only where there is no text. */
  readonly names?: readonly string[];
  readonly catalog?: CatalogResults;
  readonly live?: Live;
}

type Answer =
  /** `missing`: what the server does not have of `names`. */
  | { readonly kind: 'Reached'; readonly missing: readonly string[] }
  | {
      readonly kind: 'Reading';
      readonly command: PostgresCommand;
      /** The tables and functions that were taken on trust, for want of a catalog. */
      readonly assumed: readonly string[];
      /** What the server answered, when it was asked. */
      readonly catalog?: CatalogResults;
    }
  | ({ readonly kind: 'Fault' } & Fault);

/** What nobody can tell without the server's catalog. */
const CATALOG_ONLY: ReadonlySet<string> = new Set(['UnknownTable', 'UnknownColumn', 'UnknownFunction']);

async function answer(question: Question): Promise<Answer | RedisAnswer | SshAnswer> {
  if (question.forward === true && question.protocol !== 'SSH') {
    return {
      kind: 'Fault',
      code: 'BadCommand',
      message: `Only SSH has forwards, and the Target speaks ${question.protocol}.`,
    };
  }
  if (question.protocol === 'Redis') return answerRedis(question.text, question.live);
  if (question.protocol === 'SSH') return answerSsh(question.text, question.forward);
  if (question.protocol !== 'Postgres') {
    const message = `Commands of ${question.protocol} are not read yet.`;
    return { kind: 'Fault', code: 'UnsupportedProtocol', message };
  }
  await loadParser();
  const results = question.live === undefined ? ok(question.catalog) : await ask(question.live);
  if (!results.ok) return { kind: 'Fault', ...results.fault };
  const { text, names = [] } = question;
  if (text === undefined)
    return { kind: 'Reached', missing: results.value === undefined ? [] : missingNames(names, results.value) };
  if (results.value === undefined) return readByName(text);
  const catalog = build(results.value);
  if (!catalog.ok) return { kind: 'Fault', ...catalog.fault };
  const { command } = readSql(text, catalog.value, openSqlState(catalog.value));
  return { kind: 'Reading', command, assumed: [], ...(question.live === undefined ? {} : { catalog: results.value }) };
}

function ask({ address, credential, database }: Live): Promise<Result<CatalogResults, Fault>> {
  // The answers themselves are wanted, to be kept in a file.
  const { protocol, shared } = openPostgres({ readSql: neverRead, questions: CATALOG_QUERIES, buildCatalog: ok });
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  const conversation = protocol.readCatalog?.({
    credential,
    database,
    tls: address.tlsMode !== 'Disable',
    random,
    shared,
  });
  if (conversation === undefined) throw new Error('PostgreSQL has a catalog');
  return readCatalog(address, conversation) as Promise<Result<CatalogResults, Fault>>;
}

function neverRead(): never {
  throw new Error('no session is opened here');
}

function build(results: CatalogResults): Result<Catalog, Fault> {
  try {
    const catalog = buildCatalog(results);
    return catalog.ok ? catalog : fail({ ...catalog.fault, code: 'BadCatalog' });
  } catch {
    return fail({ code: 'BadCatalog', message: 'The file holds no catalog.', mend: 'Write one with --save-catalog.' });
  }
}

/** With no catalog every name is unknown: that alone makes nothing incomplete here, and the names that were taken on trust are told. */
function readByName(text: string): Answer {
  const defaults = {
    user: 'agent',
    database: '',
    searchPath: '"$user", public',
    standardConformingStrings: true,
    serverVersion: 0,
  };
  const empty = {
    version: 'none',
    lasting: 'none',
    defaults,
    schemas: ['public'],
    relations: [],
    functions: [],
    documentTypes: new Set<number>(),
    operators: [],
    casts: [],
    types: new Set<string>(),
    plainTypes: new Set<number>(),
    dependencies: new Dependencies([]),
    objects: [],
  };
  const catalog = openCatalog(empty, () => undefined);
  const { command } = readSql(text, catalog, openSqlState(catalog));
  const left = command.incomplete.filter(({ kind }) => !CATALOG_ONLY.has(kind));
  return {
    kind: 'Reading',
    command: { ...command, incomplete: left, complete: left.length === 0 },
    assumed: [...new Set(command.statements.flatMap(namesIn))],
  };
}

function namesIn({ tables, functions }: PostgresStatement): readonly string[] {
  const name = (one: { readonly schema: string; readonly name: string }): string =>
    one.schema === '' ? one.name : `${one.schema}.${one.name}`;
  return [...tables.map((table) => `table ${name(table)}`), ...functions.map((one) => `function ${name(one)}`)];
}

async function readInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

process.stdout.write(JSON.stringify(await answer(JSON.parse(await readInput()))));
