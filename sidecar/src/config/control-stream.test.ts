import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { afterEach, expect, test } from '@jest/globals';
import type { FromGate, Snapshot } from '@sidegate/crds';
import { Control, type FollowRequest, type FollowResponseSchema } from '@sidegate/policy/control';
import type { ControlPhase } from './control-state.ts';
import { type ControlClock, followControl } from './control-stream.ts';
import { LastKnownGood } from './last-known-good.ts';
import { Outgoing } from './outgoing.ts';

type Response = MessageInitShape<typeof FollowResponseSchema>;

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

async function until(holds: () => boolean, what: string): Promise<void> {
  const givenUpMs = Date.now() + 60_000;
  while (!holds()) {
    if (Date.now() > givenUpMs) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One stream that a gate opened. */
interface Stream {
  readonly authorization: string | null;
  readonly heard: FollowRequest['message'][];
  readonly outgoing: Outgoing<Response>;
  readonly end: AbortController;
}

interface FakeOperator {
  readonly url: string;
  readonly streams: Stream[];
  refuse: boolean;
}

async function startOperator(): Promise<FakeOperator> {
  const streams: Stream[] = [];
  const operator: { url: string; streams: Stream[]; refuse: boolean } = { url: '', streams, refuse: false };
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(Control, {
        async *follow(requests, context) {
          if (operator.refuse) throw new ConnectError('It is not.', Code.Unauthenticated);
          const end = new AbortController();
          const outgoing = new Outgoing<Response>(AbortSignal.any([context.signal, end.signal]));
          const stream: Stream = {
            authorization: context.requestHeader.get('authorization'),
            heard: [],
            outgoing,
            end,
          };
          streams.push(stream);
          void (async () => {
            try {
              for await (const { message } of requests) stream.heard.push(message);
            } catch {
              end.abort();
            }
          })();
          yield* outgoing.speech();
        },
      }),
  });
  const server: Http2Server = createServer(handler);
  const sessions = new Set<ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    for (const stream of streams) stream.end.abort();
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  operator.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return operator;
}

/** Pauses end at once but for ticks and long ones, which end when the test says so. */
class TestClock implements ControlClock {
  atMs = 0;
  readonly wallMs = Date.UTC(2026, 0, 1);
  readonly #pauses = new Set<{ readonly atMs: number; readonly resolve: () => void }>();

  nowMs(): number {
    return this.wallMs + this.atMs;
  }

  monotonicMs(): number {
    return this.atMs;
  }

  random(): number {
    return 0.1;
  }

  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const pause = {
        atMs: this.atMs + ms,
        resolve: (): void => {
          this.#pauses.delete(pause);
          resolve();
        },
      };
      this.#pauses.add(pause);
      signal.addEventListener('abort', pause.resolve);
    });
  }

  get waiting(): readonly number[] {
    return [...this.#pauses].map(({ atMs }) => atMs - this.atMs);
  }

  pass(ms: number): void {
    this.atMs += ms;
    for (const pause of this.#pauses) if (pause.atMs <= this.atMs) pause.resolve();
  }
}

interface Bench {
  readonly operator: FakeOperator;
  readonly clock: TestClock;
  readonly applied: Snapshot[];
  readonly phases: ControlPhase[];
  readonly folder: string;
  readonly gate: { faults: boolean; recording: boolean; token: string };
  readonly stop: () => Promise<void>;
}

async function start(folder = mkdtempSync(join(tmpdir(), 'sg-control-')), operator?: FakeOperator): Promise<Bench> {
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const served = operator ?? (await startOperator());
  const clock = new TestClock();
  const applied: Snapshot[] = [];
  const phases: ControlPhase[] = [];
  const gate = { faults: false, recording: true, token: 'first' };
  const over = new AbortController();
  const following = followControl(
    {
      address: { url: served.url, authority: undefined, readToken: () => Promise.resolve(`${gate.token}\n`) },
      program: '1.0',
      clock,
      kept: new LastKnownGood(folder),
      apply: (offered): Promise<FromGate> => {
        const { version, nonce } = offered;
        if (gate.faults)
          return Promise.resolve({ kind: 'Nack', version, nonce, faults: [{ code: 'X', message: 'No.' }] });
        applied.push(offered);
        return Promise.resolve({ kind: 'Ack', version, nonce, listeners: [] });
      },
      recording: () => gate.recording,
      phaseChanged: (phase) => phases.push(phase),
      log: () => {},
    },
    over.signal,
  );
  const stop = async (): Promise<void> => {
    over.abort();
    await following;
  };
  ends.push(stop);
  return { operator: served, clock, applied, phases, folder, gate, stop };
}

const WELCOME: Response = {
  message: {
    case: 'welcome',
    value: {
      namespace: 'agents',
      pod: 'bot-1',
      podUid: 'u',
      subject: 'system:serviceaccount:agents:bot',
      groups: ['g'],
      staleAfterSeconds: 60,
      failClosedAfterSeconds: 600,
    },
  },
};

function snapshot(version: string, content?: string): Response {
  const whole = {
    version,
    resources: { targets: [], accesses: [], policies: [] },
    operatorNamespace: 'sidegate',
    maskKey: '',
    issuers: [],
    secrets: [],
    doors: [],
  };
  const bytes = Buffer.from(content ?? JSON.stringify(whole));
  return { message: { case: 'snapshot', value: { version, nonce: `n-${version}`, content: bytes } } };
}

async function streamAt({ operator }: Bench, index: number): Promise<Stream> {
  await until(() => operator.streams[index] !== undefined, `stream ${index}`);
  const stream = operator.streams[index];
  if (stream === undefined) throw new Error('no stream');
  await until(() => stream.heard.length > 0, 'Hello');
  return stream;
}

test('says hello with its token, applies what is offered, and acks it', async () => {
  const bench = await start();
  const stream = await streamAt(bench, 0);
  expect(stream.authorization).toBe('Bearer first');
  expect(stream.heard[0]).toMatchObject({ case: 'hello', value: { program: '1.0', heldVersion: '' } });
  stream.outgoing.say(WELCOME);
  stream.outgoing.say(snapshot('v1'));
  await until(() => stream.heard.some(({ case: kind }) => kind === 'ack'), 'the ack');
  expect(bench.applied[0]).toMatchObject({
    version: 'v1',
    nonce: 'n-v1',
    workload: {
      issuer: 'kubernetes',
      subject: 'system:serviceaccount:agents:bot',
      groups: ['g'],
      pod: { namespace: 'agents', name: 'bot-1', uid: 'u' },
    },
  });
  expect(stream.heard.find(({ case: kind }) => kind === 'health')).toMatchObject({ value: { recording: true } });
  await until(() => bench.phases.length > 0, 'the phase');
  expect(bench.phases).toEqual(['Current']);
});

test('what is kept is for the gate alone, and a gate started again runs on it at once', async () => {
  const first = await start();
  const stream = await streamAt(first, 0);
  stream.outgoing.say(WELCOME);
  stream.outgoing.say(snapshot('v1'));
  await until(() => first.phases.length > 0, 'the phase');
  await first.stop();
  const file = join(first.folder, 'last-known-good.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  first.operator.refuse = true;
  const second = await start(first.folder, first.operator);
  await until(() => second.phases.length > 0, 'the phase');
  expect(second.applied[0]).toMatchObject({ version: 'v1', workload: { pod: { uid: 'u' } } });
  expect(second.phases).toEqual(['Current']);
});

test.each([['nothing'], ['{"kept":{}}'], ['{"kept":{"content":{"version":"v"}},"heardMs":1}']])(
  'a kept file of %s is as none',
  async (text) => {
    const folder = mkdtempSync(join(tmpdir(), 'sg-control-'));
    writeFileSync(join(folder, 'last-known-good.json'), text);
    const bench = await start(folder);
    const stream = await streamAt(bench, 0);
    expect(stream.heard[0]).toMatchObject({ value: { heldVersion: '' } });
    expect(bench.applied).toEqual([]);
  },
);

test('a refused snapshot is nacked with its reason; what is kept stays', async () => {
  const bench = await start();
  const stream = await streamAt(bench, 0);
  stream.outgoing.say(WELCOME);
  stream.outgoing.say(snapshot('v1'));
  await until(() => bench.phases.length > 0, 'the phase');
  bench.gate.faults = true;
  stream.outgoing.say(snapshot('v2'));
  await until(() => stream.heard.some(({ case: kind }) => kind === 'nack'), 'the nack');
  expect(stream.heard.at(-1)).toMatchObject({
    case: 'nack',
    value: { version: 'v2', nonce: 'n-v2', faults: [{ code: 'X', message: 'No.' }] },
  });
  expect(JSON.parse(readFileSync(join(bench.folder, 'last-known-good.json'), 'utf8')).kept.content.version).toBe('v1');
});

test.each([
  ['no JSON', 'what?'],
  ['no snapshot', '{}'],
  [
    'another version',
    JSON.stringify({
      version: 'v9',
      resources: { targets: [], accesses: [], policies: [] },
      operatorNamespace: '',
      maskKey: '',
      issuers: [],
      secrets: [],
      doors: [],
    }),
  ],
])('a snapshot that is %s is nacked', async (_, text) => {
  const bench = await start();
  const stream = await streamAt(bench, 0);
  stream.outgoing.say(WELCOME);
  stream.outgoing.say(snapshot('v1', text));
  await until(() => stream.heard.some(({ case: kind }) => kind === 'nack'), 'the nack');
  expect(bench.applied).toEqual([]);
});

test('connects again with a fresh token when the stream ends, and says what it holds', async () => {
  const bench = await start();
  const first = await streamAt(bench, 0);
  first.outgoing.say(WELCOME);
  first.outgoing.say(snapshot('v1'));
  await until(() => bench.phases.length > 0, 'the phase');
  bench.gate.token = 'second';
  first.outgoing.say({ message: { case: 'goAway', value: { reason: 'It is time.', afterMilliseconds: 0 } } });
  await until(() => bench.clock.waiting.includes(95), 'the pause');
  bench.clock.pass(95);
  const second = await streamAt(bench, 1);
  expect(second.authorization).toBe('Bearer second');
  expect(second.heard[0]).toMatchObject({ value: { heldVersion: 'v1' } });
});

test('an operator that refuses is asked again after waits that grow', async () => {
  const operator = await startOperator();
  operator.refuse = true;
  const bench = await start(undefined, operator);
  for (const waitMs of [475, 950, 1_900]) {
    await until(() => bench.clock.waiting.includes(waitMs), `the pause of ${waitMs}`);
    bench.clock.pass(waitMs);
  }
  await until(() => bench.clock.waiting.includes(3_800), 'the pause');
  operator.refuse = false;
  bench.clock.pass(3_800);
  await streamAt(bench, 0);
});

test('a silent operator is left, and in the end the gate closes', async () => {
  const bench = await start();
  const first = await streamAt(bench, 0);
  first.outgoing.say(WELCOME);
  first.outgoing.say(snapshot('v1'));
  await until(() => bench.phases.length > 0, 'the phase');
  bench.operator.refuse = true;
  await until(() => bench.clock.waiting.includes(30_000), 'the watch');
  bench.clock.pass(30_000);
  await until(() => bench.clock.waiting.includes(475), 'the pause');
  const passUntil = (phase: ControlPhase): Promise<void> =>
    until(() => {
      bench.clock.pass(1_000);
      return bench.phases.includes(phase);
    }, phase);
  await passUntil('Stale');
  await passUntil('Closed');
  expect(bench.applied.at(-1)).toMatchObject({ version: 'v1-closed', secrets: [] });
});

test('a change of health is told', async () => {
  const bench = await start();
  const stream = await streamAt(bench, 0);
  stream.outgoing.say(WELCOME);
  await until(() => stream.heard.some(({ case: kind }) => kind === 'health'), 'the first word');
  bench.gate.recording = false;
  await until(() => bench.clock.waiting.includes(1_000), 'a tick');
  bench.clock.pass(1_000);
  await until(() => stream.heard.filter(({ case: kind }) => kind === 'health').length === 2, 'the second word');
  expect(stream.heard.at(-1)).toMatchObject({ value: { recording: false } });
});
