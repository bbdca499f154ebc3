import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { clientError, failureOf } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';

const LIMIT_MS = 180_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, LIMIT_MS);

afterAll(() => stage.stop(), LIMIT_MS);

test(
  'a good token opens a session, and the record names who it proved',
  async () => {
    const client = await stage.connect({
      token: await stage.token({ subject: 'ida', groups: ['support-agents', 'eu'] }),
    });
    await client.query('SELECT 1 AS one');
    await client.end();
    const [session] = await stage.drained((all) => all.some(({ closedUs }) => Number(closedUs) > 0));
    expect(session).toMatchObject({
      target: 'data/orders-db',
      access: 'agents/support-bot',
      verified: { source: 'Token', issuer: 'corporate', subject: 'ida', groups: ['support-agents', 'eu'] },
    });
  },
  LIMIT_MS,
);

test.each<[string, () => Promise<string>, RegExp]>([
  ['that has expired', () => stage.token({ expiresIn: -10 }), /expired/],
  ['for another audience', () => stage.token({ audience: 'billing' }), /audience|not for/i],
  ['of another issuer', () => stage.token({ issuer: 'http://127.0.0.1:9/other' }), /issuer/i],
  ['that a stranger signed', () => stage.issuer.forgedToken({ subject: 'support-bot' }), /sign/i],
  ['that nobody signed', () => Promise.resolve(stage.issuer.unsignedToken({ subject: 'support-bot' })), /token/i],
  ['that is a password', () => Promise.resolve(stage.postgres.password), /token/i],
])(
  'a token %s opens nothing, and the reason is one sentence',
  async (_what, token, reason) => {
    const before = (await stage.postgres.statements()).length;
    const presented = await token();
    const refused = await failureOf(stage.connect({ token: presented }));
    expect(refused).toMatchObject({ code: '28P01', detail: expect.stringMatching(reason) });
    expect(refused?.detail).not.toContain('\n');
    expect(JSON.stringify(refused)).not.toContain(presented);
    // The gate may still read the catalog for the session before.
    const statements = await stage.postgres.statements(before);
    expect(statements.filter(({ applicationName }) => applicationName !== 'sidegate catalog')).toEqual([]);
  },
  LIMIT_MS,
);

/** A session whose token soon expires. On a machine so slow that the token has expired before it is looked at, with a longer one. */
async function connectBriefly(): Promise<pg.Client> {
  for (let expiresIn = 6; ; expiresIn *= 2) {
    try {
      return await stage.connect({ token: await stage.token({ expiresIn }) });
    } catch (error) {
      if (expiresIn > 60 || !clientError(error).detail.includes('expired')) throw error;
    }
  }
}

test(
  'a session ends when its token expires, also an idle one, and says why',
  async () => {
    const client = await connectBriefly();
    const reasons: string[] = [];
    client.on('error', (error) => reasons.push(clientError(error).detail));
    await new Promise((resolve) => client.once('end', resolve));
    expect(reasons.join()).toMatch(/expired/);
    const sessions = await stage.drained((all) => all.some(({ closeCode }) => closeCode === 'Expired'));
    expect(sessions.find(({ closeCode }) => closeCode === 'Expired')).toMatchObject({
      verified: { subject: 'support-bot' },
    });
  },
  LIMIT_MS,
);
