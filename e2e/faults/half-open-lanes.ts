import { connect, type Socket } from 'node:net';
import { encode, startRedis } from '../redis/redis-server.ts';
import { openRedisStage } from '../redis/redis-stage.ts';
import type { RunStage } from '../run-stage.ts';
import { until } from './account.ts';
import { canDropPackets, dropPackets } from './dropped-packets.ts';
import { type Fault, type FaultResult, leftOut } from './fault.ts';
import { REDIS_LANE } from './lanes/redis.ts';

/** Twice what keep-alive needs: 30 s of silence, then ten questions a second apart. */
const SECONDS_MAX = 80;

/** A session in which a command waits. */
interface WaitingAgent {
  readonly socket: Socket;
  /** The gate's own port on its connection to the server. */
  readonly gatePort: number;
}

interface Waiters extends AsyncDisposable {
  readonly stage: RunStage;
  readonly serverPort: number;
  start(): Promise<WaitingAgent>;
}

const PROMISE = 'an agent or a server that vanished without a word is found out: its session ends and says so';

export const REDIS_HALF_OPEN: Fault = {
  name: 'redis-half-open',
  promise: PROMISE,
  run: () => runHalfOpen('redis-half-open', REDIS_LANE.needs, waitingInRedis),
};

async function runHalfOpen(
  name: string,
  needs: string | undefined,
  open: () => Promise<Waiters>,
): Promise<FaultResult> {
  if (needs !== undefined) return leftOut(name, needs);
  if (!(await canDropPackets())) return leftOut(name, 'iptables and the right to use it');
  await using waiters = await open();
  const { stage, serverPort } = waiters;
  const [one, other] = [await waiters.start(), await waiters.start()];
  const from = Date.now();
  await using _agent = await dropPackets(one.socket.localPort ?? 0, stage.port);
  await using _server = await dropPackets(other.gatePort, serverPort);
  const sessions = await until('the sessions do not end', async () => {
    const closed = (await stage.cli('sessions')).filter(({ closedUs }) => Number(closedUs) > 0);
    return closed.length >= 2 ? closed : undefined;
  });
  const seconds = Math.round((Date.now() - from) / 1000);
  const ends = sessions.map(({ closeCode }) => String(closeCode)).toSorted();
  for (const { socket } of [one, other]) socket.destroy();
  const complaints = [
    ...(ends.join() === 'AgentLeft,TargetLeft' ? [] : [`the sessions ended as ${ends.join(', ')}`]),
    ...(seconds <= SECONDS_MAX ? [] : [`it took ${seconds} s`]),
  ];
  return {
    name,
    done: 'all packets dropped between one agent and the gate, and between the gate and the server for another, a command waiting in both',
    figures: { ends: ends.join(', '), foundAfterSeconds: seconds },
    ok: complaints.length === 0,
    complaints,
  };
}

async function waitingInRedis(): Promise<Waiters> {
  const stage = await openRedisStage({ start: startRedis });
  const blocked = async (): Promise<readonly number[]> =>
    [...(await stage.redis.command(['CLIENT', 'LIST'])).matchAll(/ addr=[^ ]*:(\d+) [^\n]*cmd=blpop/g)].map(
      ([, port]) => Number(port),
    );
  return {
    stage,
    serverPort: stage.redis.port,
    start: async () => {
      const before = await blocked();
      const socket = connect(stage.port, stage.host);
      socket.on('error', () => undefined);
      socket.write(Buffer.concat([encode('AUTH', await stage.token()), encode('BLPOP', 'never', '0')]));
      const gatePort = await until('the server does not wait', async () =>
        (await blocked()).find((port) => !before.includes(port)),
      );
      return { socket, gatePort };
    },
    [Symbol.asyncDispose]: () => stage.stop(),
  };
}
