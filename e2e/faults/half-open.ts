import type pg from 'pg';
import { OPEN_POLICY } from '../clients/open-policy.ts';
import { openStage } from '../stage.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { WireAgent } from '../wire-agent.ts';
import { until } from './account.ts';
import { canDropPackets, dropPackets } from './dropped-packets.ts';
import { type Fault, type FaultResult, leftOut } from './fault.ts';

const NAME = 'half-open';
/** Twice what keep-alive needs: 30 s of silence, then ten questions a second apart. */
const SECONDS_MAX = 80;
const RUNNING = 'SELECT pg_sleep(600)';

export const HALF_OPEN: Fault = {
  name: NAME,
  promise: 'a peer that vanished without a word is found out: its session ends and says so, others are not touched',
  run: async ({ progress }): Promise<FaultResult> => {
    if (!(await canDropPackets())) return leftOut(NAME, 'iptables and the right to use it');
    await using stage = await openStage({ start: startPostgres, files: { 'policy.yaml': OPEN_POLICY } });
    // Three sessions: one whose agent vanishes, two whose server does, one of them in the middle of a command.
    using vanishing = await WireAgent.open(stage);
    const waiting = await stage.connect();
    const waitingPort = await serverPort(waiting);
    const running = await stage.connect();
    const runningPort = await serverPort(running);
    const ended = Promise.all([endOf(waiting), endOf(running)]);
    const interrupted = running.query(RUNNING).then(
      () => undefined,
      (error: unknown) => error,
    );
    await until('the long command does not run', async () => {
      const rows = await stage.postgres.query('SELECT 1 FROM pg_stat_activity WHERE query = $1', [RUNNING]);
      return rows.length > 0 ? true : undefined;
    });
    const from = Date.now();
    const agentPort = vanishing.socket.localPort ?? 0;
    await using _agent = await dropPackets(agentPort, stage.port);
    await using _waiting = await dropPackets(waitingPort, stage.postgres.port);
    await using _running = await dropPackets(runningPort, stage.postgres.port);
    progress(`${NAME}: three connections hear nothing any longer`);
    const other = await stage.connect();
    await ended;
    const sessions = await until('the sessions do not end', async () => {
      const closed = (await stage.sessions()).filter(({ closedUs }) => Number(closedUs) > 0);
      return closed.length >= 3 ? closed : undefined;
    });
    const seconds = Math.round((Date.now() - from) / 1000);
    const { rows } = await other.query('SELECT 1 AS one');
    await other.end();
    const ends = sessions.map(({ closeCode }) => String(closeCode)).toSorted();
    const complaints = [
      ...(ends.join() === 'AgentLeft,TargetLeft,TargetLeft' ? [] : [`the sessions ended as ${ends.join(', ')}`]),
      ...((await interrupted) === undefined ? ['the command that was running was answered'] : []),
      ...(seconds <= SECONDS_MAX ? [] : [`it took ${seconds} s`]),
      ...(rows.length === 1 ? [] : ['another session was disturbed']),
    ];
    return {
      name: NAME,
      done: 'all packets dropped between one agent and the gate, and between the gate and the server for two more',
      figures: { ends: ends.join(', '), foundAfterSeconds: seconds },
      ok: complaints.length === 0,
      complaints,
    };
  },
};

/** The gate's own port on its connection to the server for this agent. */
async function serverPort(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ port: number }>('SELECT inet_client_port() AS port');
  const port = rows[0]?.port;
  if (port === undefined) throw new Error('the server does not say which port it is asked from');
  return port;
}

function endOf(client: pg.Client): Promise<void> {
  return new Promise((resolve) => void client.once('end', () => resolve()));
}
