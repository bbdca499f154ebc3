import { connect, type Socket } from 'node:net';
import { encode, startRedis } from '../redis/redis-server.ts';
import { openRedisStage, type RedisStage } from '../redis/redis-stage.ts';
import { until } from './account.ts';
import { canDropPackets, dropPackets } from './dropped-packets.ts';
import { type Fault, type FaultResult, leftOut } from './fault.ts';
import { REDIS_LANE } from './lanes/redis.ts';

/** Twice what keep-alive needs: 30 s of silence, then ten questions a second apart. */
const SECONDS_MAX = 80;

const NAME = 'redis-half-open';

/** A session in which a command waits. */
interface WaitingAgent {
  readonly socket: Socket;
  /** The gate's own port on its connection to the server. */
  readonly gatePort: number;
}

export const REDIS_HALF_OPEN: Fault = {
  name: NAME,
  promise: 'an agent or a server that vanished without a word is found out: its session ends and says so',
  run,
};

async function run(): Promise<FaultResult> {
  if (REDIS_LANE.needs !== undefined) return leftOut(NAME, REDIS_LANE.needs);
  if (!(await canDropPackets())) return leftOut(NAME, 'iptables and the right to use it');
  await using stage = await openRedisStage({ start: startRedis });
  const [one, other] = [await startWaiting(stage), await startWaiting(stage)];
  const from = Date.now();
  await using _agent = await dropPackets(one.socket.localPort ?? 0, stage.port);
  await using _server = await dropPackets(other.gatePort, stage.redis.port);
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
    name: NAME,
    done: 'all packets dropped between one agent and the gate, and between the gate and the server for another, a command waiting in both',
    figures: { ends: ends.join(', '), foundAfterSeconds: seconds },
    ok: complaints.length === 0,
    complaints,
  };
}

async function startWaiting(stage: RedisStage): Promise<WaitingAgent> {
  const blocked = async (): Promise<readonly number[]> =>
    [...(await stage.redis.command(['CLIENT', 'LIST'])).matchAll(/ addr=[^ ]*:(\d+) [^\n]*cmd=blpop/g)].map(
      ([, port]) => Number(port),
    );
  const before = await blocked();
  const socket = connect(stage.port, stage.host);
  socket.on('error', () => undefined);
  socket.write(Buffer.concat([encode('AUTH', await stage.token()), encode('BLPOP', 'never', '0')]));
  const gatePort = await until('the server does not wait', async () =>
    (await blocked()).find((port) => !before.includes(port)),
  );
  return { socket, gatePort };
}
