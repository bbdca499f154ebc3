import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { clientError, failureOf } from '../client-error.ts';
import { openStage, type Stage } from '../stage.ts';

const TIMEOUT_MS = 300_000;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, TIMEOUT_MS);
afterAll(() => stage?.stop(), TIMEOUT_MS);

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The claims of a good token, under another header and another signature. */
async function resigned(
  header: Readonly<Record<string, unknown>>,
  signature: (signed: string) => string,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const [, body = ''] = (await stage.token()).split('.');
  const said: Record<string, unknown> = JSON.parse(Buffer.from(body, 'base64url').toString());
  const signed = `${encode(header)}.${encode({ ...said, ...claims })}`;
  return `${signed}.${signature(signed)}`;
}

interface PublishedKey {
  readonly kid: string;
  readonly n: string;
  readonly e: string;
  readonly kty: string;
}

async function publishedKey(): Promise<PublishedKey> {
  const { keys }: { readonly keys: readonly PublishedKey[] } = JSON.parse(
    await (await fetch(stage.issuer.jwksUrl)).text(),
  );
  const [key] = keys;
  if (key === undefined) throw new Error('the issuer publishes no key');
  return key;
}

/** A key of the attacker's own, and a token that brings it along. */
async function withOwnKey(header: (jwk: unknown) => Readonly<Record<string, unknown>>): Promise<string> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const named = { alg: 'RS256', ...header(publicKey.export({ format: 'jwk' })) };
  return resigned(named, (signed) => sign('sha256', Buffer.from(signed), privateKey).toString('base64url'));
}

describe('a token', () => {
  test.each<[string, () => Promise<string>]>([
    [
      'signed with the published key as if it were a shared secret',
      async () => {
        const key = await publishedKey();
        const pem = createPublicKey({ key: { ...key }, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
        return resigned({ alg: 'HS256', kid: key.kid }, (signed) =>
          createHmac('sha256', pem).update(signed).digest('base64url'),
        );
      },
    ],
    ['that brings its own key', () => withOwnKey((jwk) => ({ jwk }))],
    [
      'that brings its own key under the name of the published one',
      async () => {
        const { kid } = await publishedKey();
        return withOwnKey((jwk) => ({ jwk, kid }));
      },
    ],
    ['that says where its key is', () => withOwnKey(() => ({ jku: 'http://127.0.0.1:9/keys', kid: 'mine' }))],
    ['with "alg": "None"', () => resigned({ alg: 'None' }, () => '')],
    [
      'whose claims were changed under the old signature',
      async () => {
        const [head = '', , signature = ''] = (await stage.token()).split('.');
        const header: Record<string, unknown> = JSON.parse(Buffer.from(head, 'base64url').toString());
        return resigned(header, () => signature, { sub: 'somebody-else' });
      },
    ],
    ['that never expires', () => stage.token({ expiresIn: 'never' })],
    ['that is not good yet', () => stage.token({ notBefore: 3600 })],
    ['that expired', () => stage.token({ expiresIn: -3600 })],
    ['for another audience beside ours in a text', () => stage.token({ audience: 'other sidegate' })],
    ['in one piece too few', async () => (await stage.token()).split('.').slice(0, 2).join('.')],
  ])(
    '%s opens nothing',
    async (_name, token) => {
      const presented = await token();
      const refused = await failureOf(stage.connect({ token: presented }));
      expect(refused).toMatchObject({ code: '28P01', detail: expect.stringMatching(/./) });
      expect(JSON.stringify(refused)).not.toContain(presented);
    },
    TIMEOUT_MS,
  );

  test(
    'that is good opens as many sessions as its agent likes, each recorded under it',
    async () => {
      const token = await stage.token({ subject: 'twice' });
      for (const _time of [1, 2]) {
        const client = await stage.connect({ token });
        await client.query('SELECT 1');
        await client.end();
      }
      const sessions = await stage.drained();
      const own = sessions.filter((session) => JSON.stringify(session['verified']).includes('"twice"'));
      expect(own).toHaveLength(2);
    },
    TIMEOUT_MS,
  );
});

/** Sends a CancelRequest and waits until the gate has closed that connection. */
async function cancel(processId: number, secret: number): Promise<void> {
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processId, 8);
  request.writeInt32BE(secret | 0, 12);
  const socket = connect(stage.port, stage.host);
  socket.on('error', () => undefined);
  socket.resume();
  socket.end(request);
  await once(socket, 'close');
}

interface Keyed {
  readonly processID: number;
  readonly secretKey: number;
}

function keyOf(client: object): Keyed {
  const processID: unknown = Reflect.get(client, 'processID');
  const secretKey: unknown = Reflect.get(client, 'secretKey');
  if (typeof processID !== 'number' || typeof secretKey !== 'number') throw new Error('the client was given no key');
  return { processID, secretKey };
}

const SLOW = 'SELECT pg_sleep(3000)';

/** The server's processes that run the slow statement. */
async function sleepers(): Promise<readonly number[]> {
  const text = `SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query = '${SLOW}'`;
  return (await stage.postgres.query(text)).map(({ pid }) => Number(pid));
}

test(
  "a command is cancelled by its own session's key and by no other",
  async () => {
    const victim = await stage.connect();
    const other = await stage.connect();
    const ended = victim.query(SLOW).then(() => undefined, clientError);
    while ((await sleepers()).length === 0) await sleep(50);
    const [serverProcess = 0] = await sleepers();
    const own = keyOf(victim);
    const foreign = keyOf(other);
    const attempts: readonly (readonly [number, number])[] = [
      [foreign.processID, foreign.secretKey],
      [own.processID, foreign.secretKey],
      [foreign.processID, own.secretKey],
      [own.processID, own.secretKey ^ 1],
      [serverProcess, own.secretKey],
      [own.processID, 0],
      [0, 0],
    ];
    for (const [processId, secret] of attempts) {
      await cancel(processId, secret);
      expect(await sleepers()).toEqual([serverProcess]);
    }
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await cancel(own.processID, own.secretKey);
    expect(await ended).toMatchObject({ code: '57014' });
    await victim.end();
    await other.end();
  },
  TIMEOUT_MS,
);

describe('records that were changed by hand', () => {
  const segment = (): string => {
    const folder = join(stage.state, 'store/segments');
    return join(folder, readdirSync(folder).toSorted().at(-1) ?? '');
  };

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['one bit is turned', (bytes) => changed(bytes, bytes.length >> 1, (byte) => byte ^ 1)],
    ['the last byte is another', (bytes) => changed(bytes, bytes.length - 1, (byte) => byte + 1)],
    ['the end is cut off', (bytes) => bytes.subarray(0, bytes.length - 40)],
    [
      'the halves change places',
      (bytes) => Buffer.concat([bytes.subarray(bytes.length >> 1), bytes.subarray(0, bytes.length >> 1)]),
    ],
    [
      'the beginning stands there again in place of the end',
      (bytes) =>
        Buffer.concat([bytes.subarray(0, bytes.length >> 1), bytes.subarray(0, bytes.length - (bytes.length >> 1))]),
    ],
    ['everything is gone', () => Buffer.alloc(0)],
  ])(
    'are found: %s',
    async (_name, change) => {
      const client = await stage.connect();
      await client.query('SELECT name FROM customers');
      await client.end();
      await stage.drained();
      const whole = readFileSync(segment());
      expect((await stage.cli('verify', '--all')).code).toBe(0);
      writeFileSync(segment(), change(Buffer.from(whole)));
      const found = await stage.cli('verify', '--all');
      writeFileSync(segment(), whole);
      expect(found.code).toBe(1);
      expect(found.objects.filter(({ consistent }) => consistent === false).length).toBeGreaterThan(0);
      expect((await stage.cli('verify', '--all')).code).toBe(0);
    },
    TIMEOUT_MS,
  );
});

function changed(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  bytes[at] = change(bytes[at] ?? 0) & 0xff;
  return bytes;
}
