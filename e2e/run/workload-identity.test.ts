import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { failureOf } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';
import { WORKLOAD_TOKEN_FILE } from '../stage-files.ts';

const LIMIT_MS = 120_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage({ identity: 'Workload' });
}, LIMIT_MS);

afterAll(() => stage.stop(), LIMIT_MS);

/** Opens and ends a session. */
async function visit(): Promise<void> {
  const client = await stage.connect();
  await client.query('SELECT 1 AS one');
  await client.end();
}

test(
  'the client presents nothing, and the token file is read afresh for each connection',
  async () => {
    for (const subject of ['first', 'second']) {
      await stage.writeWorkloadToken({ subject });
      await visit();
    }
    const sessions = await stage.drained();
    expect(sessions.map(({ verified }) => verified).toReversed()).toMatchObject([
      { source: 'Workload', issuer: 'corporate', subject: 'first' },
      { source: 'Workload', issuer: 'corporate', subject: 'second' },
    ]);
  },
  LIMIT_MS,
);

test.each<[string, () => Promise<void>, RegExp]>([
  ['an expired token', () => stage.writeWorkloadToken({ expiresIn: -10 }), /expired/],
  ['a token for another audience', () => stage.writeWorkloadToken({ audience: 'billing' }), /audience|not for/i],
  [
    'no token at all',
    () => {
      rmSync(join(stage.folder, WORKLOAD_TOKEN_FILE));
      return Promise.resolve();
    },
    /token/,
  ],
])(
  '%s in the file opens nothing, and a good one does again',
  async (_what, write, reason) => {
    await write();
    expect(await failureOf(stage.connect())).toMatchObject({ code: '28P01', detail: expect.stringMatching(reason) });
    await stage.writeWorkloadToken();
    await visit();
  },
  LIMIT_MS,
);
