import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { until } from '../faults/account.ts';
import { testGiven } from '../support/test-given.ts';
import { encode, REDIS_SERVER } from './redis-server.ts';
import { openRedisStage, type RedisStage } from './redis-stage.ts';

const TIMEOUT_MS = 300_000;
const real = testGiven(REDIS_SERVER, 'redis-server is not installed');

let stage: RedisStage;
beforeAll(async () => {
  if (REDIS_SERVER !== undefined) stage = await openRedisStage();
}, TIMEOUT_MS);
afterAll(async () => {
  await stage?.stop();
}, TIMEOUT_MS);

interface Agent {
  readonly socket: Socket;
  readonly told: () => string;
  readonly over: Promise<void>;
}

/** An agent's connection that stays open for what comes when its own direction has ended. */
function startAgent(): Agent {
  const socket = connect({ port: stage.port, host: stage.host, allowHalfOpen: true });
  let told = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    told += String(chunk);
  });
  socket.on('error', () => undefined);
  socket.once('end', () => socket.destroy());
  const over = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  return { socket, told: () => told, over };
}

async function loggedIn(): Promise<Agent> {
  const agent = startAgent();
  agent.socket.write(encode('AUTH', await stage.token()));
  await until('the agent is not let in', async () => agent.told().includes('+OK') || undefined);
  return agent;
}

const isBlocked = async (): Promise<boolean> => (await stage.redis.command(['CLIENT', 'LIST'])).includes('cmd=blpop');

real(
  'an agent that ends its direction before it is let in has asked for nothing: nothing runs',
  async () => {
    const { socket, told, over } = startAgent();
    socket.end(Buffer.concat([encode('AUTH', await stage.token()), encode('SET', 'early', '1')]));
    await over;
    expect(told()).toBe('');
    expect(await stage.redis.command(['EXISTS', 'early'])).toContain('0');
  },
  TIMEOUT_MS,
);

real(
  'one that ends it behind commands is gone: its session ends, and what ran of them is in the record',
  async () => {
    const { socket, over } = await loggedIn();
    socket.end(Buffer.concat(Array.from({ length: 50 }, () => encode('INCR', 'counted'))));
    await over;
    const [session] = await stage.ended(1);
    expect(session).toMatchObject({ closeCode: 'AgentLeft' });
    const shown = await stage.cli('show', String(session?.['sessionId']));
    const recorded = shown.filter(({ kind, text }) => kind === 'Command' && text === 'INCR counted');
    const ran = Number(/\d+/.exec(await stage.redis.command(['GET', 'counted']))?.[0] ?? 0);
    expect(recorded.length).toBeGreaterThanOrEqual(ran);
    expect(recorded.every(({ outcome }) => outcome === 'Done' || outcome === 'Lost')).toBe(true);
  },
  TIMEOUT_MS,
);

real(
  'one that ends it while it waits in BLPOP leaves no client behind at the server',
  async () => {
    const { socket, over } = await loggedIn();
    socket.write(encode('BLPOP', 'never', '0'));
    await until('the server does not wait', async () => (await isBlocked()) || undefined);
    socket.end();
    await over;
    await until('the server still waits', async () => !(await isBlocked()) || undefined);
    const sessions = await stage.ended(2);
    expect(sessions.map(({ closeCode }) => closeCode)).toEqual(['AgentLeft', 'AgentLeft']);
  },
  TIMEOUT_MS,
);
