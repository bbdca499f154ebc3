import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Client, Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterEach, expect, test } from '@jest/globals';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { Control, type FollowRequestSchema, type FollowResponse } from '@sidegate/policy/control';
import { gatedPod } from '../fixture/gated-pod.ts';
import { type MemoryCluster, memoryCluster } from '../fixture/memory-cluster.ts';
import { accessObject, agentsNamespace, namespaceObject, secret, targetObject } from '../fixture/resources.ts';
import { GateBundles } from '../gate-bundle.ts';
import type { Pod } from '../kinds.ts';
import { until } from '../kube/fixture/fake-time.ts';
import { MACHINE_TIME } from '../kube/timing.ts';
import type { AttestationFault, Attested } from './attestation.ts';
import { ControlService } from './control-service.ts';
import { GateBoard } from './gate-board.ts';
import { serveControl } from './serve.ts';

type Request = MessageInitShape<typeof FollowRequestSchema>;

interface Bench {
  readonly service: ControlService;
  readonly board: GateBoard;
  readonly cluster: MemoryCluster;
  readonly client: Client<typeof Control>;
  readonly closed: { fault: Fault | undefined };
}

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Tokens are `token-of-POD`. */
async function start(pods: readonly Pod[] = [gatedPod()]): Promise<Bench> {
  const cluster = memoryCluster();
  cluster.put(agentsNamespace(), namespaceObject('data'), targetObject(), accessObject(), secret(), ...pods);
  const board = new GateBoard(() => {});
  const closed: Bench['closed'] = { fault: undefined };
  let nonces = 0;
  const attest = (token: string | undefined): Promise<Result<Attested, AttestationFault>> => {
    const pod = pods.find(({ metadata }) => token === `token-of-${metadata.name}`);
    return Promise.resolve(
      pod === undefined
        ? fail({ code: 'NotAuthenticated', message: 'It is not.' })
        : ok({ pod, uid: pod.metadata.uid, subject: 'system:serviceaccount:agents:bot', groups: [] }),
    );
  };
  const service = new ControlService({
    bundles: new GateBundles(cluster.state),
    board,
    timing: MACHINE_TIME,
    terms: { staleAfterSeconds: 60, failClosedAfterSeconds: 3600 },
    heard: () => {},
    left: () => {},
    nonce: () => {
      nonces += 1;
      return `n${nonces}`;
    },
    attest,
    findPod: ({ pod }) => cluster.state.indexes.podsIn('agents')?.get(`agents/${pod.metadata.name}`),
    closed: () => closed.fault,
  });
  const listener = await serveControl(service.follow, { host: '127.0.0.1', port: 0 });
  if (!listener.ok) throw new Error(listener.fault.message);
  ends.push(() => listener.value.close());
  const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${listener.value.port}` });
  return { service, board, cluster, client: createClient(Control, transport), closed };
}

/** A gate that says what a test tells it to. */
class Gate {
  readonly heard: FollowResponse['message'][] = [];
  error: ConnectError | undefined;
  ended = false;
  readonly #stop = new AbortController();
  readonly #waiting: Request[] = [];
  #wake = (): void => {};

  constructor({ client }: Bench, token: string) {
    void this.#run(client, token);
    ends.push(() => this.stop());
  }

  say(...messages: readonly NonNullable<Request['message']>[]): void {
    for (const message of messages) this.#waiting.push({ message });
    this.#wake();
  }

  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  get snapshots(): readonly { version: string; nonce: string; content: Uint8Array }[] {
    return this.heard.flatMap((one) => (one.case === 'snapshot' ? [one.value] : []));
  }

  async *#speech(): AsyncGenerator<Request> {
    while (!this.#stop.signal.aborted) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async #run(client: Client<typeof Control>, token: string): Promise<void> {
    const options = { headers: { authorization: `Bearer ${token}` }, signal: this.#stop.signal };
    try {
      for await (const { message } of client.follow(this.#speech(), options)) this.heard.push(message);
    } catch (error) {
      this.error = ConnectError.from(error);
    }
    this.ended = true;
  }
}

const HELLO = { case: 'hello', value: { program: '1', heldVersion: '' } } as const;

test('a gate is welcomed, gets its bundle, and its ack is seen', async () => {
  const bench = await start();
  const gate = new Gate(bench, 'token-of-bot-1');
  gate.say(HELLO);
  await until(() => gate.snapshots.length === 1, 'the snapshot');
  expect(gate.heard[0]).toMatchObject({ case: 'welcome', value: { namespace: 'agents', pod: 'bot-1' } });
  const [{ version, nonce, content } = { version: '', nonce: '', content: new Uint8Array() }] = gate.snapshots;
  expect(JSON.parse(Buffer.from(content).toString())).toMatchObject({ version, secrets: [{ password: 'hunter2' }] });
  gate.say({ case: 'ack', value: { version, nonce } });
  await until(() => bench.board.get('uid-of-agents-bot-1')?.version === version, 'the ack');
});

test('a change reaches the gates that it concerns, and no others', async () => {
  const other = gatedPod({ name: 'other-1', labels: { app: 'other' } });
  const bench = await start([gatedPod(), other]);
  const gates = ['bot-1', 'other-1'].map((name) => new Gate(bench, `token-of-${name}`));
  for (const gate of gates) gate.say(HELLO);
  await until(() => gates.every((gate) => gate.snapshots.length === 1), 'the snapshots');
  for (const gate of gates) {
    const [{ version, nonce } = { version: '', nonce: '' }] = gate.snapshots;
    gate.say({ case: 'ack', value: { version, nonce } });
  }
  await until(() => bench.board.get(other.metadata.uid)?.version !== undefined, 'the ack');
  bench.cluster.put(secret({ password: 'rotated' }));
  bench.service.refresh();
  await until(() => gates[0]?.snapshots.length === 2, 'the rotated secret');
  expect(Buffer.from(gates[0]?.snapshots[1]?.content ?? []).toString()).toContain('rotated');
  expect(gates[1]?.snapshots).toHaveLength(1);
  expect(Buffer.from(gates[1]?.snapshots[0]?.content ?? []).toString()).not.toContain('hunter2');
});

test.each([
  ['no token of a gate', 'wrong', Code.Unauthenticated],
  ['a token of nobody', 'token-of-bot-2', Code.Unauthenticated],
])('%s is refused, and nothing is sent', async (_, token, code) => {
  const gate = new Gate(await start(), token);
  gate.say(HELLO);
  await until(() => gate.ended, 'the end');
  expect(gate.error?.code).toBe(code);
  expect(gate.heard).toEqual([]);
});

test('a replica that does not lead sends gates on', async () => {
  const bench = await start();
  bench.closed.fault = { code: 'NotLeading', message: 'Another replica leads.' };
  const gate = new Gate(bench, 'token-of-bot-1');
  gate.say(HELLO);
  await until(() => gate.ended, 'the end');
  expect(gate.error?.code).toBe(Code.Unavailable);
});

test('a second stream of one pod ends the first, and speaks for the pod', async () => {
  const bench = await start();
  const first = new Gate(bench, 'token-of-bot-1');
  first.say(HELLO);
  await until(() => first.snapshots.length === 1, 'the first snapshot');
  const second = new Gate(bench, 'token-of-bot-1');
  second.say({ case: 'hello', value: { program: '1', heldVersion: 'v9' } });
  await until(() => first.ended, 'the end of the first');
  expect(first.heard.at(-1)).toMatchObject({ case: 'goAway' });
  await until(() => second.snapshots.length === 1, 'the second snapshot');
  expect(bench.board.get('uid-of-agents-bot-1')?.version).toBe('v9');
  expect(bench.service.size).toBe(1);
});

test('a gate that leaves is taken off the board', async () => {
  const bench = await start();
  const gate = new Gate(bench, 'token-of-bot-1');
  gate.say(HELLO);
  await until(() => bench.board.size === 1, 'the gate');
  gate.stop();
  await until(() => bench.board.size === 0, 'the end');
  expect(bench.service.size).toBe(0);
});

test('a gate whose pod ended, and all of them when the operator ends, are sent away', async () => {
  const bench = await start([gatedPod(), gatedPod({ name: 'bot-2' })]);
  const gates = ['bot-1', 'bot-2'].map((name) => new Gate(bench, `token-of-${name}`));
  for (const gate of gates) gate.say(HELLO);
  await until(() => bench.service.size === 2, 'both gates');
  bench.service.podGone('uid-of-agents-bot-1');
  await until(() => gates[0]?.ended === true, 'the end of one');
  expect(gates[1]?.ended).toBe(false);
  bench.service.sendAway('The operator ends.');
  await until(() => gates[1]?.ended === true, 'the end of the other');
});

test('a stream that does not begin with Hello ends', async () => {
  const gate = new Gate(await start(), 'token-of-bot-1');
  gate.say({ case: 'health', value: { recording: true } });
  await until(() => gate.ended, 'the end');
  expect(gate.error?.code).toBe(Code.InvalidArgument);
});

test('an answer to what was not sent ends the stream', async () => {
  const bench = await start();
  const gate = new Gate(bench, 'token-of-bot-1');
  gate.say(HELLO, { case: 'ack', value: { version: 'v', nonce: 'x' } });
  await until(() => gate.ended, 'the end');
  expect(bench.board.size).toBe(0);
});
