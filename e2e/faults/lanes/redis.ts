import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { join } from 'node:path';
import { encode, LOGIN, REDIS_SERVER, type RedisServer, startRedis } from '../../redis/redis-server.ts';
import { openRedisStage, type RedisStage } from '../../redis/redis-stage.ts';
import { until } from '../account.ts';
import type { Lane, LaneAgent, LaneStage, Ran, StalledAnswer, Turn } from '../lane.ts';
import { receivedOf } from '../received.ts';
import { readTo } from './read-to.ts';
import { ReplyCutter } from './reply-cutter.ts';

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  rules:
    - {name: no-flush, match: {redis: {commands: [FLUSHALL]}}, action: Deny, reason: Keys stay.}
`;
/** Lengths of the values that are there to be read, one of them larger than what the gate sends on in one piece. */
const FILLERS = [10, 1_000, 70_000, 700_000];
const PIPELINE = 16;
/** The value that a long reply repeats. */
const WIDE_BYTES = 4 * 1024 * 1024;
const APPEND_ONLY = ['--appendonly', 'yes', '--appendfsync', 'no', '--auto-aof-rewrite-percentage', '0'];
const MARK = /\bagent-\d+-\d+/;
/** With this the gate itself says that it ends a connection: no answer to the command in whose place it stands, so not in one. */
const FAREWELL = '-ERR The connection is ended.';
const NOTHING = Buffer.alloc(0);

/** Commands by turns one by one, sixteen in a pipeline, in a transaction, inline and blocking. */
export const REDIS_LANE: Lane = {
  name: 'redis',
  needs: REDIS_SERVER === undefined ? 'redis-server' : undefined,
  open: async () => {
    const setup = FILLERS.map((bytes) => ['SET', `filler-${bytes}`, 'f'.repeat(bytes)]);
    const server = await startRedis({ settings: APPEND_ONLY });
    const stage = await openRedisStage({ policy: POLICY, start: () => Promise.resolve(server), setup });
    const monitor = new Monitor(server);
    await monitor.watch();
    return laneStageOf(stage, server, monitor);
  },
};

function laneStageOf(stage: RedisStage, server: RedisServer, monitor: Monitor): LaneStage {
  const stop = async (): Promise<void> => {
    monitor.close();
    await stage.stop();
  };
  return {
    state: stage.state,
    processIds: () => stage.processIds(),
    cli: (...parameters) => stage.cli(...parameters),
    restartServer: async () => {
      await stage.redis.restart();
      await monitor.watch();
    },
    connect: () => connect(stage),
    stall: (mebibytes) => stall(stage, mebibytes),
    ran: async () => {
      await serverIsQuiet(server);
      await monitor.isUpToDate();
      const texts = new Set([...monitor.texts, ...appendOnlyTexts(server)].filter((text) => MARK.test(text)));
      return [...texts].map((text): Ran => ({ text }));
    },
    answerOf: (parts) => [Buffer.concat(parts)],
    inputOf: (parts) => Buffer.concat(parts),
    [Symbol.asyncDispose]: stop,
  };
}

/** What the server says of every command before it runs it, on a connection that the gate knows nothing of. */
class Monitor {
  readonly #server: RedisServer;
  #socket: Socket | undefined;
  #text = '';

  constructor(server: RedisServer) {
    this.#server = server;
  }

  /** Watches from now on; what was seen before a crash stays. */
  async watch(): Promise<void> {
    this.#socket?.destroy();
    const socket = connectSocket(this.#server.port, '127.0.0.1');
    this.#socket = socket;
    const from = this.#text.length;
    socket.setEncoding('latin1').on('data', (chunk) => {
      this.#text += String(chunk);
    });
    socket.on('error', () => undefined);
    socket.write(Buffer.concat([encode('AUTH', LOGIN, this.#server.password), encode('MONITOR')]));
    await until('MONITOR does not begin', async () => this.#text.slice(from).startsWith('+OK\r\n+OK\r\n') || undefined);
  }

  /** It has told of everything that ran so far. */
  async isUpToDate(): Promise<void> {
    const mark = randomBytes(8).toString('hex');
    await this.#server.command(['ECHO', mark]);
    await until('MONITOR does not come to its end', async () => this.#text.includes(mark) || undefined);
  }

  /** Commands in plain words, as the record shows them. */
  get texts(): readonly string[] {
    const lines = [...this.#text.matchAll(/^\+\d+\.\d+ \[[^\]]*\] (.*)\r$/gm)];
    return lines.map(([, words = '']) => [...words.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word).join(' '));
  }

  close(): void {
    this.#socket?.destroy();
  }
}

/** Every write that ever changed anything: the server writes it down before it answers. */
function appendOnlyTexts(server: RedisServer): readonly string[] {
  const folder = join(server.folder, 'appendonlydir');
  const files = readdirSync(folder).filter((name) => name.endsWith('.aof') && name.includes('.incr.'));
  return files.flatMap((name) => commandsIn(readFileSync(join(folder, name))));
}

function commandsIn(bytes: Buffer): readonly string[] {
  const texts: string[] = [];
  let at = 0;
  const line = (): string => {
    const end = bytes.indexOf('\r\n', at);
    const text = bytes.toString('latin1', at, end < 0 ? bytes.length : end);
    at = end < 0 ? bytes.length : end + 2;
    return text;
  };
  while (at < bytes.length) {
    const header = line();
    const words: string[] = [];
    for (let left = Number(header.slice(1)); left > 0 && at < bytes.length; left -= 1) {
      const length = Number(line().slice(1));
      words.push(bytes.toString('latin1', at, at + length));
      at += length + 2;
    }
    texts.push(words.join(' '));
  }
  return texts;
}

/** Connections of agents have the gate's account, as those of this program have: it may be the only one that is left, beside the monitor. */
async function serverIsQuiet(server: RedisServer): Promise<void> {
  await until('the server still has connections of agents', async () => {
    const clients = await server.command(['CLIENT', 'LIST']);
    return [...clients.matchAll(/^id=|\nid=/g)].length <= 2 ? true : undefined;
  });
}

/** One reply in which the same value stands again and again. */
async function stall(stage: RedisStage, mebibytes: number): Promise<StalledAnswer> {
  const key = 'wide';
  const value = 'w'.repeat(WIDE_BYTES);
  await stage.redis.command(['SET', key, value]);
  const count = (mebibytes * 1024 * 1024) / WIDE_BYTES;
  const words = ['MGET', ...Array.from({ length: count }, () => key)];
  const socket = connectSocket(stage.port, stage.host);
  socket.on('error', () => undefined);
  socket.write(encode('AUTH', await stage.token()));
  const [welcome] = (await once(socket, 'data')) as [Buffer];
  if (welcome.toString('latin1') !== '+OK\r\n') throw new Error(`the gate answers ${welcome.toString('latin1')}`);
  socket.pause();
  socket.write(encode(...words));
  const whole = `*${count}\r\n`.length + count * encode(value).subarray('*1\r\n'.length).length;
  return {
    text: words.join(' '),
    read: (piece) => readTo(socket, piece, (bytes) => bytes >= whole),
    contentOf: (part) => part,
    close: () => socket.destroy(),
  };
}

async function connect(stage: RedisStage): Promise<LaneAgent> {
  const token = await stage.token();
  const socket = connectSocket(stage.port, stage.host);
  await once(socket, 'connect');
  const cutter = new ReplyCutter();
  const state = { isLost: false, wake: (): void => undefined };
  socket.on('data', (piece: Buffer) => {
    cutter.push(piece);
    state.wake();
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    state.isLost = true;
    state.wake();
  });
  /** Sends, and resolves with so many replies, the last of them cut short when the connection is lost. */
  const ask = async (bytes: Buffer, replies: number): Promise<readonly Buffer[]> => {
    socket.write(bytes);
    while (cutter.whole < replies && !state.isLost) {
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
    return cutter.take();
  };
  const [welcome] = await ask(encode('AUTH', token), 1);
  if (welcome?.toString('latin1') !== '+OK\r\n') {
    socket.destroy();
    throw new Error(`the gate answers ${welcome?.toString('latin1') ?? 'nothing'}`);
  }
  return {
    get isLost() {
      return state.isLost;
    },
    work: async (mark, count): Promise<Turn> => {
      const { texts, bytes } = turnOf(mark, count);
      const replies = (await ask(bytes, texts.length)).filter(
        (reply) => !reply.toString('latin1').startsWith(FAREWELL),
      );
      const received = texts.map((text, index) => receivedOf(text, [replies[index] ?? NOTHING]));
      const whole = state.isLost ? replies.slice(0, -1) : replies;
      const failed = whole.find((reply) => reply[0] === 0x2d)?.toString('latin1');
      return {
        received,
        done: whole.filter((reply) => reply[0] !== 0x2d).length,
        error: failed?.slice(1).split(' ')[0],
      };
    },
    close: async () => void socket.destroy(),
  };
}

interface RedisTurn {
  /** As the record shows them. */
  readonly texts: readonly string[];
  readonly bytes: Buffer;
}

function turnOf(mark: string, count: number): RedisTurn {
  const filler = `filler-${FILLERS[count % FILLERS.length]}`;
  const arrays = (...commands: readonly (readonly string[])[]): RedisTurn => ({
    texts: commands.map((words) => words.join(' ')),
    bytes: Buffer.concat(commands.map((words) => encode(...words))),
  });
  switch (count % 6) {
    case 0:
      return arrays(['SET', mark, 'v'.repeat(1 + (count % 3_000))]);
    case 1:
      return arrays(['MGET', mark, filler]);
    case 2:
      return arrays(
        ...Array.from({ length: PIPELINE }, (_, index) => {
          const name = `${mark}-${index}`;
          const small = `filler-${FILLERS[index % 2]}`;
          return index % 2 === 0 ? ['RPUSH', name, 'a', 'b'] : ['MGET', name, small];
        }),
      );
    case 3:
      return arrays(['MULTI'], ['INCR', mark], ['ECHO', `${mark}-echo`], ['EXEC']);
    case 4:
      return { texts: [`ECHO ${mark}`], bytes: Buffer.from(`ECHO ${mark}\r\n`) };
    default:
      return arrays(['BLPOP', mark, '0.01']);
  }
}
