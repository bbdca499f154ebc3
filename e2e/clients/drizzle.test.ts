import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { openStage, type Stage } from '../stage.ts';

const TIMEOUT_MS = 300_000;
const customers = pgTable('customers', { id: integer().primaryKey(), name: text(), email: text(), ssn: text() });
const orders = pgTable('orders', { id: integer().primaryKey(), status: text() });

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

test(
  'Drizzle selects, prepares, writes in a transaction and is refused, masked as every other client',
  async () => {
    const client = await stage.connect();
    const db = drizzle(client);
    expect(await db.select().from(customers).where(eq(customers.id, 1))).toEqual([
      { id: 1, name: 'Ada Lovelace', email: '***********.com', ssn: '*******4399' },
    ]);
    const prepared = db.select({ mail: customers.email }).from(customers).orderBy(asc(customers.id)).prepare('mails');
    for (const _run of [1, 2, 3]) expect((await prepared.execute())[0]).toEqual({ mail: '***********.com' });
    await db.transaction(async (transaction) => {
      await transaction.update(orders).set({ status: 'drizzle' }).where(eq(orders.id, 1));
    });
    expect(await db.select().from(orders).where(eq(orders.status, 'drizzle'))).toEqual([{ id: 1, status: 'drizzle' }]);
    const refused = await db.delete(orders).then(
      () => undefined,
      (error: Error) => error.cause,
    );
    expect(refused).toMatchObject({ code: '42501' });
    await client.end();
  },
  TIMEOUT_MS,
);
