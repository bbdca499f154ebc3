import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterEach, expect, test } from '@jest/globals';
import { type FollowRequest, FollowRequestSchema } from '@sidegate/policy/control';
import { until } from '../kube/fixture/fake-time.ts';
import { FOLLOW_PATH, type FollowCall } from './follow-call.ts';
import { serveControl } from './serve.ts';

// A client of frames and bytes: what a gate's library never sends is sent here (gRPC over HTTP/2, "PROTOCOL-HTTP2").

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

interface Bench {
  readonly session: ClientHttp2Session;
  readonly calls: readonly FollowCall[];
}

async function start(follow: (call: FollowCall) => void = () => {}): Promise<Bench> {
  const calls: FollowCall[] = [];
  const listener = await serveControl(
    (call) => {
      calls.push(call);
      follow(call);
    },
    { host: '127.0.0.1', port: 0 },
  );
  if (!listener.ok) throw new Error(listener.fault.message);
  ends.push(() => listener.value.close());
  const session = connect(`http://127.0.0.1:${listener.value.port}`);
  ends.push(() => session.destroy());
  return { session, calls };
}

const HEADERS = { ':method': 'POST', ':path': FOLLOW_PATH, 'content-type': 'application/grpc' };

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What comes back until the stream is over. */
async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let [headers, trailers]: IncomingHttpHeaders[] = [{}, {}];
  const body: Buffer[] = [];
  stream.on('response', (given) => {
    headers = given;
  });
  stream.on('trailers', (given) => {
    trailers = given;
  });
  stream.on('data', (data: Buffer) => body.push(data));
  await once(stream, 'close');
  return { headers: headers ?? {}, trailers: trailers ?? {}, body: Buffer.concat(body) };
}

function open({ session }: Bench, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
  return session.request({ ...HEADERS, ...headers });
}

function messageBytes(message: MessageInitShape<typeof FollowRequestSchema>): Buffer {
  const bytes = toBinary(FollowRequestSchema, create(FollowRequestSchema, message));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

const hello = (heldVersion: string): Buffer =>
  messageBytes({ message: { case: 'hello', value: { program: '1', heldVersion } } });

function heldVersions(messages: readonly (FollowRequest | undefined)[]): readonly (string | undefined)[] {
  return messages.map((one) => (one?.message.case === 'hello' ? one.message.value.heldVersion : undefined));
}

test.each([
  ['another method', { ':method': 'PUT' }],
  ['another path', { ':path': '/sidegate.control.v1.Control/Lead' }],
  ['another content', { 'content-type': 'application/json' }],
  ['gRPC for browsers', { 'content-type': 'application/grpc-web' }],
  ['other messages than protobuf', { 'content-type': 'application/grpc+json' }],
  ['compressed messages', { 'grpc-encoding': 'gzip' }],
])('%s is not served', async (_, headers) => {
  const bench = await start();
  const answer = await answerOf(open(bench, headers).end());
  expect(answer.headers).toMatchObject({ ':status': 200, 'grpc-status': '12' });
  expect(bench.calls).toEqual([]);
});

test.each([['application/grpc'], ['application/grpc+proto'], ['application/grpc;charset=utf-8']])(
  '%s is',
  async (type) => {
    const bench = await start((call) => call.end());
    const { headers } = await answerOf(open(bench, { 'content-type': type, 'grpc-encoding': 'identity' }).end());
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc+proto', 'grpc-status': '0' });
  },
);

test('messages are read however their bytes are cut, and the end of them is undefined', async () => {
  const bench = await start();
  const bytes = Buffer.concat([hello('a'), hello('b'.repeat(300)), messageBytes({})]);
  // At every byte, and one byte at a time.
  const cuts = [...bytes.keys()].map((at) => [bytes.subarray(0, at), bytes.subarray(at)]);
  for (const pieces of [...cuts, [...bytes].map((byte) => Buffer.of(byte))]) {
    const stream = open(bench);
    const number = bench.calls.length;
    await until(() => bench.calls.length > number, 'the call');
    const call = bench.calls[number];
    const reading = (async (): Promise<readonly (FollowRequest | undefined)[]> => [
      await call?.next(),
      await call?.next(),
      await call?.next(),
      await call?.next(),
    ])();
    for (const piece of pieces) await new Promise<void>((resolve) => stream.write(piece, () => resolve()));
    stream.end();
    const [first, second, third, end] = await reading;
    expect(heldVersions([first, second])).toEqual(['a', 'b'.repeat(300)]);
    expect(third?.message.case).toBeUndefined();
    expect(end).toBeUndefined();
    expect(call?.broken).toBeUndefined();
    call?.end();
    await answerOf(stream);
  }
});

test.each([
  ['a compressed message', Buffer.of(1, 0, 0, 0, 0), 'Unimplemented'],
  ['a message longer than any', Buffer.of(0, 0, 4, 0, 1), 'ResourceExhausted'],
  ['a length beyond 2 GiB', Buffer.of(0, 0xff, 0xff, 0xff, 0xff), 'ResourceExhausted'],
  ['bytes that are no protobuf', Buffer.of(0, 0, 0, 0, 2, 0x0a, 0x7f), 'InvalidArgument'],
])('after %s nothing is read, and what came before it is', async (_, bytes, code) => {
  const bench = await start();
  const stream = open(bench);
  stream.write(Buffer.concat([hello('before'), bytes, hello('after')]));
  await until(() => bench.calls.length === 1, 'the call');
  const call = bench.calls[0];
  expect(heldVersions([await call?.next()])).toEqual(['before']);
  expect(await call?.next()).toBeUndefined();
  expect(call?.broken?.code).toBe(code);
  stream.write(hello('later'));
  expect(await call?.next()).toBeUndefined();
  call?.end(call.broken);
  expect((await answerOf(stream)).headers['grpc-status']).toMatch(/^(3|8|12)$/);
});

test('a message that the gate does not finish is none', async () => {
  const bench = await start();
  const stream = open(bench);
  stream.end(hello('cut').subarray(0, -1));
  await until(() => bench.calls.length === 1, 'the call');
  expect(await bench.calls[0]?.next()).toBeUndefined();
});

test('nothing is read ahead without end from a gate whose messages nobody takes', async () => {
  const bench = await start();
  const stream = open(bench);
  await until(() => bench.calls.length === 1, 'the call');
  const call = bench.calls[0];
  const large = hello('x'.repeat(60_000));
  const COUNT = 400;
  for (let number = 0; number < COUNT; number++) stream.write(large);
  expect((await call?.next())?.message.case).toBe('hello');
  // What was on its way has arrived when the third PING is answered: 24 MB are not among it.
  for (let number = 0; number < 3; number++) await new Promise<void>((resolve) => bench.session.ping(() => resolve()));
  expect(bench.session.socket?.bytesWritten).toBeLessThan(20 * large.length);
  for (let number = 1; number < COUNT; number++) expect((await call?.next())?.message.case).toBe('hello');
  expect(call?.broken).toBeUndefined();
});

test('what is said comes as one message, and the end in trailers', async () => {
  const bench = await start();
  const answering = answerOf(open(bench));
  await until(() => bench.calls.length === 1, 'the call');
  const call = bench.calls[0];
  await call?.say([Buffer.from('one '), Buffer.from('message')]);
  await call?.say([]);
  call?.end({ code: 'Unavailable', message: 'Away: 100 % – später' });
  const { headers, trailers, body } = await answering;
  expect(headers[':status']).toBe(200);
  expect(headers['grpc-status']).toBeUndefined();
  expect(body).toEqual(Buffer.concat([Buffer.of(0, 0, 0, 0, 11), Buffer.from('one message'), Buffer.alloc(5)]));
  expect(trailers['grpc-status']).toBe('14');
  expect(decodeURIComponent(String(trailers['grpc-message']))).toBe('Away: 100 % – später');
});

test('who waits to say more to a gate that reads nothing is let go when the gate is gone', async () => {
  const bench = await start();
  const stream = open(bench);
  stream.pause();
  await until(() => bench.calls.length === 1, 'the call');
  const call = bench.calls[0];
  let said = 0;
  const saying = (async (): Promise<void> => {
    for (; call?.signal.aborted === false; said += 1) await call.say([Buffer.alloc(1 << 20)]);
  })();
  await until(() => said > 0 || stream.readableLength > 0, 'the first bytes');
  stream.close(constants.NGHTTP2_CANCEL);
  await saying;
  expect(call?.signal.aborted).toBe(true);
  expect(await call?.next()).toBeUndefined();
  // Too late, and no error.
  await call?.say([Buffer.from('late')]);
  call?.end();
});

test('a call that both sides end leaves the connection to the next', async () => {
  const bench = await start((call) => call.end());
  for (let number = 0; number < 20; number++) {
    const { headers } = await answerOf(open(bench).end());
    expect(headers['grpc-status']).toBe('0');
  }
  expect(bench.session.destroyed).toBe(false);
});
