import type pg from 'pg';

/** Which answer a piece of work should get. */
export type Expected = 'Rows' | 'Masked' | 'Denied';

/** One thing that the agent tries. */
export interface Work {
  readonly title: string;
  readonly sql: string;
  readonly expected: Expected;
  /** Values of the data that nobody but the server may see. */
  readonly secrets: readonly string[];
  /** The rule that must answer; undefined: none. */
  readonly rule?: string;
}

/** What the agent's own client told it. */
export type Answer =
  | { readonly kind: 'Rows'; readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly tag: string }
  | { readonly kind: 'Error'; readonly code: string; readonly message: string; readonly detail: string };

export const WORK: readonly Work[] = [
  {
    title: 'reads orders',
    sql: 'SELECT id, item, amount FROM orders WHERE customer_id = 2 ORDER BY id LIMIT 2',
    expected: 'Rows',
    secrets: [],
  },
  {
    title: 'updates one order',
    sql: "UPDATE orders SET status = 'refunded' WHERE id = 4",
    expected: 'Rows',
    secrets: [],
  },
  {
    title: 'reads customers',
    sql: 'SELECT name, email, ssn, card FROM customers WHERE id = 1',
    expected: 'Masked',
    secrets: ['ada@example.com', '536-90-4399', '4111 1111 1111 1111'],
  },
  {
    title: 'reads the email under another name, through a view',
    sql: 'SELECT upper(contact) AS greeting FROM contacts WHERE id = 2',
    expected: 'Masked',
    secrets: ['GRACE@EXAMPLE.COM', 'grace@example.com'],
  },
  {
    title: 'deletes all orders',
    sql: 'DELETE FROM orders',
    expected: 'Denied',
    secrets: [],
    rule: 'data/production-guardrails/unbounded-write',
  },
  {
    title: 'drops a table, hidden behind a harmless statement',
    sql: 'SELECT 1; DROP TABLE orders',
    expected: 'Denied',
    secrets: [],
    rule: 'data/production-guardrails/no-ddl',
  },
  {
    title: 'goes on after the refusals',
    sql: 'SELECT count(*)::int AS orders FROM orders',
    expected: 'Rows',
    secrets: [],
  },
];

/** Tries one statement. Errors of the server or gate are an answer; anything else is thrown. */
export async function ask(client: pg.Client, sql: string): Promise<Answer> {
  try {
    const result = await client.query(sql);
    return { kind: 'Rows', rows: result.rows ?? [], tag: `${result.command} ${result.rowCount ?? ''}`.trim() };
  } catch (error) {
    const { code, message, detail } = Object(error) as Readonly<Record<string, unknown>>;
    if (typeof code !== 'string') throw error;
    return { kind: 'Error', code, message: String(message), detail: typeof detail === 'string' ? detail : '' };
  }
}

/** An answer as one line. */
export function describeAnswer(answer: Answer): string {
  if (answer.kind === 'Error') return `ERROR ${answer.code}: ${answer.message} (${answer.detail})`;
  return answer.rows.length === 0 ? answer.tag : answer.rows.map((row) => JSON.stringify(row)).join('\n');
}
