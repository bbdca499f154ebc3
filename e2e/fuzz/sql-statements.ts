import * as fc from 'fast-check';

/** A piece of SQL whose spelling may change without changing what it means. */
export type SqlToken =
  /** A keyword: any case. */
  | { readonly kind: 'Word'; readonly text: string }
  /** A name in lower case: any case, or quoted. */
  | { readonly kind: 'Name'; readonly text: string }
  | { readonly kind: 'Text'; readonly value: string }
  | { readonly kind: 'Number'; readonly text: string }
  | { readonly kind: 'Mark'; readonly text: string };

/** Tables that statements name, with their columns. */
export const TABLES: Readonly<Record<string, readonly string[]>> = {
  customers: ['id', 'name', 'email', 'ssn', 'city'],
  orders: ['id', 'customer_id', 'total', 'status', 'note'],
  customer_contacts: ['id', 'contact', 'loud_ssn'],
  archive: ['id', 'label', 'email'],
};
/** Functions that statements call, besides operators. */
export const FUNCTIONS: readonly string[] = ['lower', 'length', 'now', 'max', 'count', 'pg_sleep', 'left'];

type Tokens = readonly SqlToken[];
type Sql = fc.Arbitrary<Tokens>;

/** Keywords and marks as they are, and what stands in between. */
function sql(strings: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  return fc.tuple(...parts).map((made) => strings.flatMap((text, index) => [...fixed(text), ...(made[index] ?? [])]));
}

function fixed(text: string): Tokens {
  return (text.match(/[A-Z_]+|[a-z_][a-z_0-9]*|\d+|::|\|\||[^\sA-Za-z0-9]/g) ?? []).map((piece) => {
    if (/^[A-Z]/.test(piece)) return { kind: 'Word', text: piece };
    if (/^[a-z_]/.test(piece)) return { kind: 'Name', text: piece };
    return /^\d/.test(piece) ? { kind: 'Number', text: piece } : { kind: 'Mark', text: piece };
  });
}

const name = (text: string): Tokens => [{ kind: 'Name', text }];
const tables = fc.constantFrom(...Object.keys(TABLES));
const columns = fc.constantFrom(...Object.values(TABLES).flat());
const table: Sql = fc.oneof(
  tables.map(name),
  tables.map((text) => [...name('public'), { kind: 'Mark', text: '.' } as const, ...name(text)]),
);
const text: Sql = fc
  .oneof(
    fc.constantFrom('', 'x', "it''s".replace("''", "'"), 'a--b', '/*', ';', '$1', '$$', 'O\\', 'ünï'),
    fc.string({ maxLength: 6 }),
  )
  .filter((value) => !value.includes('\0'))
  .map((value) => [{ kind: 'Text', value }]);
const number: Sql = fc
  .constantFrom('0', '1', '42', '3.14', '1e10', '.5', '9223372036854775808', '007')
  .map((value) => [{ kind: 'Number', text: value }]);

const { expression, select } = fc.letrec<{ expression: Tokens; select: Tokens }>((tie) => {
  const inner = tie('expression');
  const leaf: Sql = fc.oneof(columns.map(name), text, number, sql`NULL`, sql`TRUE`, sql`CURRENT_USER`);
  return {
    expression: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      leaf,
      fc
        .tuple(fc.constantFrom(...FUNCTIONS), inner)
        .map(([called, argument]) => [
          ...name(called),
          { kind: 'Mark', text: '(' } as const,
          ...(called === 'now' ? [] : argument),
          { kind: 'Mark', text: ')' } as const,
        ]),
      sql`(${inner} = ${inner})`,
      sql`(${inner} || ${inner})`,
      sql`(${inner} AND NOT ${inner})`,
      sql`CASE WHEN ${inner} THEN ${inner} ELSE ${inner} END`,
      sql`(${inner}) ::text`,
      sql`CAST (${inner} AS VARCHAR)`,
      sql`COALESCE (${inner}, ${inner})`,
      sql`(${inner} IN (${inner}, ${inner}))`,
      sql`(${inner} LIKE ${text})`,
      sql`(${inner} IS NOT NULL)`,
      sql`EXISTS (${tie('select')})`,
      sql`(${tie('select')})`,
      sql`ARRAY [${inner}, ${inner}]`,
      sql`ROW (${inner}, ${inner})`,
    ),
    select: fc.oneof(
      { maxDepth: 2, depthSize: 'small' },
      sql`SELECT ${inner}`,
      sql`SELECT * FROM ${table}`,
      sql`SELECT ${inner}, ${inner} AS alias FROM ${table} WHERE ${inner}`,
      sql`SELECT DISTINCT t . id, ${inner} FROM ${table} AS t`,
      sql`SELECT ${inner} FROM ${table} a JOIN ${table} b ON (${inner}) ORDER BY 1 LIMIT 5`,
      sql`SELECT COUNT (*) FROM ${table} GROUP BY ${inner} HAVING ${inner}`,
      sql`SELECT d . * FROM (${tie('select')}) d`,
      sql`WITH c AS (${tie('select')}) SELECT * FROM c`,
      sql`(${tie('select')}) UNION ALL (${tie('select')})`,
      sql`VALUES (${inner}, ${inner})`,
    ),
  };
});

const statement: Sql = fc.oneof(
  { weight: 12, arbitrary: select },
  sql`INSERT INTO ${table} (id) VALUES (${expression})`,
  sql`INSERT INTO ${table} ${select} ON CONFLICT DO NOTHING`,
  sql`UPDATE ${table} SET id = ${expression} WHERE ${expression} RETURNING *`,
  sql`UPDATE ${table} SET id = ${expression}`,
  sql`DELETE FROM ${table} WHERE ${expression}`,
  sql`DELETE FROM ${table}`,
  sql`WITH gone AS (DELETE FROM ${table} RETURNING *) SELECT * FROM gone`,
  sql`COPY ${table} TO STDOUT`,
  sql`COPY (${select}) TO STDOUT`,
  sql`TRUNCATE ${table}`,
  sql`CREATE TABLE made AS ${select}`,
  sql`CREATE VIEW made AS ${select}`,
  sql`DROP TABLE ${table}`,
  sql`ALTER TABLE ${table} ADD COLUMN more text`,
  sql`EXPLAIN ${select}`,
  sql`EXPLAIN ANALYZE DELETE FROM ${table}`,
  sql`PREPARE p AS ${select}`,
  sql`EXECUTE p (${expression})`,
  sql`DECLARE c CURSOR FOR ${select}`,
  sql`FETCH ALL FROM c`,
  sql`SET search_path TO public`,
  sql`SET ROLE someone`,
  sql`DO ${text}`,
  sql`CALL made (${expression})`,
  sql`GRANT SELECT ON ${table} TO someone`,
  sql`BEGIN`,
  sql`COMMIT`,
  sql`LOCK TABLE ${table}`,
  sql`NOTIFY channel, ${text}`,
  sql`VACUUM ${table}`,
);

/** Statements in which a literal of `literal` meets the column customers.ssn. */
export function sqlOnSsn(literal: string): fc.Arbitrary<readonly Tokens[]> {
  const secret: Sql = fc.constant([{ kind: 'Text', value: literal }]);
  const met: Sql = fc.oneof(
    sql`ssn = ${secret}`,
    sql`${secret} = ssn`,
    sql`ssn LIKE ${secret}`,
    sql`ssn IN (${text}, ${secret})`,
    sql`ssn BETWEEN ${secret} AND ${text}`,
    sql`lower (ssn) = ${secret}`,
    sql`ssn IS DISTINCT FROM ${secret}`,
    sql`NOT (id = 1 OR ssn < ${secret})`,
    sql`ssn = ANY (ARRAY [${text}, ${secret}])`,
    sql`CASE WHEN ssn = ${secret} THEN TRUE ELSE FALSE END`,
    sql`(id, ssn) = (1, ${secret})`,
    sql`COALESCE (ssn, ${secret}) = ${text}`,
    sql`ssn = (${secret}) ::text`,
  );
  const statements: Sql = fc.oneof(
    sql`SELECT * FROM customers WHERE ${met}`,
    sql`SELECT count (*) FROM customers c WHERE ${met}`,
    sql`SELECT ${met} FROM customers`,
    sql`DELETE FROM customers WHERE ${met}`,
    sql`UPDATE customers SET ssn = ${secret}`,
    sql`UPDATE customers SET city = ${text} WHERE ${met}`,
    sql`UPDATE customers SET (city, ssn) = (${text}, ${secret})`,
    sql`INSERT INTO customers (id, ssn) VALUES (1, ${secret})`,
    sql`INSERT INTO customers VALUES (1, ${text}, ${text}, ${secret})`,
    sql`INSERT INTO customers (id, ssn) SELECT 1, ${secret}`,
    sql`WITH c AS (SELECT ssn FROM customers) SELECT * FROM c WHERE ${met}`,
    sql`SELECT * FROM orders o JOIN customers c ON (${met})`,
    sql`SELECT * FROM (SELECT ssn AS hidden FROM customers) d WHERE hidden = ${secret}`,
    sql`EXPLAIN SELECT * FROM customers WHERE ${met}`,
    sql`PREPARE p AS SELECT * FROM customers WHERE ${met}`,
  );
  return fc.tuple(fc.array(statement, { maxLength: 1 }), statements).map(([others, own]) => [...others, own]);
}

/** The same statements with other literals, used in turn. */
export function withLiterals(
  statements: readonly Tokens[],
  texts: readonly string[],
  numbers: readonly string[],
): readonly Tokens[] {
  let turn = 0;
  return statements.map((tokens) =>
    tokens.map((token): SqlToken => {
      if (token.kind === 'Text') return { ...token, value: texts[turn++ % texts.length] ?? '' };
      return token.kind === 'Number' ? { ...token, text: numbers[turn++ % numbers.length] ?? '1' } : token;
    }),
  );
}

/** One to three statements, as tokens. */
export const sqlTexts: fc.Arbitrary<readonly Tokens[]> = fc.array(statement, { minLength: 1, maxLength: 3 });

/** How freely a text is written: numbers that choose, used in turn. */
export const spellings: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 });

/** The plain spelling: one space everywhere. */
export const PLAIN: readonly number[] = [0];

const GAPS = [' ', '\n', '\t', '\r\n', '  ', '/**/', '/* ; DROP TABLE x */', "/* /* nested */ ' */", "-- it's\n", '\f'];

/** The text of statements in one of its spellings. */
export function spell(statements: readonly Tokens[], spelling: readonly number[]): string {
  let turn = 0;
  const choose = (count: number): number => (spelling[turn++ % spelling.length] ?? 0) % count;
  return statements
    .map((tokens) => tokens.map((token) => spellToken(token, choose) + (GAPS[choose(GAPS.length)] ?? ' ')).join(''))
    .join(';');
}

function spellToken(token: SqlToken, choose: (count: number) => number): string {
  switch (token.kind) {
    case 'Word':
      return [token.text, token.text.toLowerCase(), mixCase(token.text)][choose(3)] ?? token.text;
    case 'Name':
      return [token.text, token.text.toUpperCase(), mixCase(token.text), `"${token.text}"`][choose(4)] ?? token.text;
    case 'Text':
      return spellText(token.value, choose(5));
    default:
      return token.text;
  }
}

function mixCase(word: string): string {
  return Array.from(word, (letter, index) => (index % 2 === 0 ? letter.toUpperCase() : letter.toLowerCase())).join('');
}

function spellText(value: string, choice: number): string {
  const plain = `'${value.replaceAll("'", "''")}'`;
  if (choice === 1) return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  if (choice === 2 && !/\$|[^\x20-\x7e]/.test(value)) return `$$${value}$$`;
  if (choice === 3 && !/\$/.test(value)) return `$tag$${value}$tag$`;
  if (choice === 4) return `U&'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  return plain;
}
