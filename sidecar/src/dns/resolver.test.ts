import { createSocket, type Socket } from 'node:dgram';
import { Resolver as Client } from 'node:dns/promises';
import { createServer, type LookupFunction, type Server } from 'node:net';
import { afterEach, expect, jest, test } from '@jest/globals';
import { readQuery, withId, writeAnswer } from './message.ts';
import { type NameServer, readNameServer } from './name-server.ts';
import { Resolver } from './resolver.ts';
import { readScope } from './target-names.ts';
import { framed, MessageReader } from './tcp-message.ts';
import { upstreamLookup } from './upstream-lookup.ts';

jest.setTimeout(120_000);

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function start(
  upstream: readonly NameServer[],
  names: Readonly<Record<string, string>> = {},
  timeoutMs = 60_000,
): Promise<Resolver> {
  const resolver = new Resolver({ host: '127.0.0.1', port: 0, upstream, timeoutMs });
  closing.push(() => resolver.close());
  const bound = await resolver.listen();
  if (!bound.ok) throw new Error(bound.fault.message);
  resolver.steer(new Map(Object.entries(names)));
  return resolver;
}

function serverOf(resolver: Resolver): NameServer {
  return { host: '127.0.0.1', port: resolver.port ?? 0 };
}

function client({ host, port }: NameServer): Client {
  const made = new Client({ timeout: 60_000, tries: 1 });
  made.setServers([`${host}:${port}`]);
  return made;
}

/** A name server that answers as it is told, on UDP alone. */
async function scripted(act: (bytes: Buffer, reply: (bytes: Buffer) => void) => void): Promise<NameServer> {
  const socket: Socket = createSocket('udp4');
  closing.push(() => socket.close());
  socket.on('message', (bytes, { port, address }) => act(bytes, (reply) => socket.send(reply, port, address)));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: socket.address().port };
}

function answerOf(bytes: Buffer, address: string): Buffer {
  const reading = readQuery(bytes);
  if (reading.kind !== 'Query') throw new Error(reading.kind);
  return writeAnswer(reading.query, address);
}

test('Targets lead to the gate, everything else to who knows it', async () => {
  const upstream = await start([], { 'db.data.svc': '10.1.1.1', 'other.data.svc': '10.2.2.2' });
  const resolver = await start([serverOf(upstream)], { 'db.data.svc': '127.64.1.2' });
  const asking = client(serverOf(resolver));
  expect(await asking.resolve4('db.data.svc')).toEqual(['127.64.1.2']);
  expect(await asking.resolve4('other.data.svc')).toEqual(['10.2.2.2']);
  await expect(asking.resolve6('db.data.svc')).rejects.toMatchObject({ code: 'ENODATA' });
  resolver.steer(new Map());
  expect(await asking.resolve4('db.data.svc')).toEqual(['10.1.1.1']);
});

test('a server that is not there is followed by the next', async () => {
  const gone = await start([]);
  const nobody = serverOf(gone);
  gone.close();
  const upstream = await start([], { 'other.test': '10.2.2.2' });
  const resolver = await start([nobody, serverOf(upstream)]);
  expect(await client(serverOf(resolver)).resolve4('other.test')).toEqual(['10.2.2.2']);
});

test('servers that say nothing are asked twice each, then the client hears that nobody knows', async () => {
  const asked: string[] = [];
  const first = await scripted(() => asked.push('first'));
  const second = await scripted(() => asked.push('second'));
  const resolver = await start([first, second], {}, 50);
  await expect(client(serverOf(resolver)).resolve4('other.test')).rejects.toMatchObject({ code: 'ESERVFAIL' });
  expect(asked.slice(0, 2)).toEqual(['first', 'second']);
});

test('a reply to another id or another name is not believed, the true one after it is', async () => {
  const liar = await scripted((bytes, reply) => {
    const forged = answerOf(bytes, '6.6.6.6');
    reply(withId(forged, forged.readUInt16BE(0) ^ 1));
    reply(Buffer.from(forged.toString('latin1').replace('other', 'oTHEx'), 'latin1'));
    reply(Buffer.alloc(5));
    reply(answerOf(bytes, '10.2.2.2'));
  });
  const resolver = await start([liar]);
  expect(await client(serverOf(resolver)).resolve4('other.test')).toEqual(['10.2.2.2']);
});

test('an answer that is cut short by UDP is passed on, and asked for again by TCP', async () => {
  const cutting = await scripted((bytes, reply) => {
    const cut = answerOf(bytes, '10.2.2.2').subarray(0, bytes.length);
    cut.writeUInt16BE(0x83_80, 2);
    cut.writeUInt16BE(0, 6);
    reply(cut);
  });
  const whole: Server = createServer((socket) => {
    const reader = new MessageReader();
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      for (const message of reader.receive(bytes)) socket.write(framed(answerOf(message, '10.3.3.3')));
    });
  });
  closing.push(() => whole.close());
  await new Promise<void>((resolve) => whole.listen(cutting.port, '127.0.0.1', resolve));
  const resolver = await start([cutting]);
  expect(await client(serverOf(resolver)).resolve4('other.test')).toEqual(['10.3.3.3']);
});

test('a port that somebody else has is refused, TCP and UDP alike', async () => {
  const first = await start([]);
  const second = new Resolver({ host: '127.0.0.1', port: first.port ?? 0, upstream: [] });
  expect(await second.listen()).toMatchObject({ ok: false, fault: { code: 'CannotListen' } });
  expect(second.port).toBeUndefined();
  const half = await scripted(() => {});
  const third = new Resolver({ host: '127.0.0.1', port: half.port, upstream: [] });
  expect(await third.listen()).toMatchObject({ ok: false, fault: { code: 'CannotListen' } });
  // The TCP port was given back.
  const taken = createServer();
  closing.push(() => taken.close());
  await new Promise<void>((resolve, reject) => {
    taken.once('error', reject);
    taken.listen(half.port, '127.0.0.1', resolve);
  });
});

function lookUp(lookup: LookupFunction, host: string, family = 0): Promise<unknown> {
  return new Promise((resolve) => {
    lookup(host, { all: true, family }, (error, found) => resolve(error === null ? found : error.code));
  });
}

test('the gate finds a Target’s address upstream, a service by its whole name', async () => {
  const upstream = serverOf(await start([], { 'db.data.svc.cluster.test': '10.1.1.1', 'db.example.com': '10.4.4.4' }));
  const scope = readScope('search svc.cluster.test');
  const lookup = upstreamLookup({ servers: [`127.0.0.1:${upstream.port}`], scope }, 60_000);
  expect(await lookUp(lookup, 'db.data.svc')).toEqual([{ address: '10.1.1.1', family: 4 }]);
  expect(await lookUp(lookup, 'db.example.com')).toEqual([{ address: '10.4.4.4', family: 4 }]);
  expect(await lookUp(lookup, 'db.example.com', 6)).toBe('ENOTFOUND');
  expect(await lookUp(lookup, 'nothing.example.com')).toBe('ENOTFOUND');
});

test.each([
  ['10.96.0.10', { host: '10.96.0.10', port: 53 }],
  ['10.96.0.10:5353', { host: '10.96.0.10', port: 5353 }],
  ['fd00::a', { host: 'fd00::a', port: 53 }],
  ['[fd00::a]:5353', { host: 'fd00::a', port: 5353 }],
  ['dns.example.com', undefined],
  ['10.96.0.10:', undefined],
  ['', undefined],
])('the name server %s', (text, expected) => {
  expect(readNameServer(text)).toEqual(expected);
});
