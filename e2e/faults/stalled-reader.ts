import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../../sidecar/src/protocols/postgres/testing/frames.ts';
import { forgetPeak, peakMib, rssMib } from '../bench/process-figures.ts';
import { OPEN_POLICY } from '../clients/open-policy.ts';
import { openStage } from '../stage.ts';
import { WireAgent } from '../wire-agent.ts';
import { until } from './account.ts';
import type { Fault } from './fault.ts';
import { readAnswer } from './record-ledger.ts';

const MIB = 1024 * 1024;
const ROW_BYTES = 1024;
/** A run of this size streams a whole GiB; a smaller one, as in the tests, a part of it. */
const WHOLE_RUN_KILLS = 50;
/** What a whole answer in memory would go far beyond; the budget of the benchmark is stricter. */
const GROWTH_MIB_MAX = 250;
const LOOK_MS = 500;
/** The server stands still when it waited for the client at so many looks one after another. */
const STILL_LOOKS = 6;

export const STALLED_READER: Fault = {
  name: 'stalled-reader',
  promise: 'a reader that stops holds the server up, not memory; all that it then reads is recorded',
  run: async ({ kills, progress }) => {
    const mebibytes = kills >= WHOLE_RUN_KILLS ? 1024 : 64;
    const rows = (mebibytes * MIB) / ROW_BYTES;
    await using stage = await openStage({ files: { 'policy.yaml': OPEN_POLICY } });
    using agent = await WireAgent.open(stage);
    const { gate } = stage.processIds();
    const idleMib = rssMib(gate);
    forgetPeak(gate);
    agent.socket.removeAllListeners('data');
    agent.socket.pause();
    const text = `SELECT repeat('r', ${ROW_BYTES}) AS filler FROM generate_series(1, ${rows}) AS n`;
    agent.send(query(text));
    let still = 0;
    await until('the server does not wait for the stalled reader', async () => {
      const [backend] = await stage.postgres.query('SELECT wait_event FROM pg_stat_activity WHERE query = $1', [text]);
      still = backend?.['wait_event'] === 'ClientWrite' ? still + 1 : 0;
      return still >= STILL_LOOKS ? true : sleep(LOOK_MS).then(() => undefined);
    });
    const stalledMib = peakMib(gate);
    progress(`stalled-reader: the server waits; peak ${Math.round(stalledMib)} MiB`);
    const hash = createHash('sha256');
    let bytes = 0;
    const wanted = rows * ROW_BYTES;
    let last: Buffer = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
      agent.socket.on('data', (piece) => {
        hash.update(piece);
        bytes += piece.length;
        last = Buffer.concat([last.subarray(-6), piece.subarray(-6)]).subarray(-6);
        // ReadyForQuery ends the answer.
        if (bytes > wanted && last.equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) resolve();
      });
      agent.socket.once('close', () => reject(new Error(`the connection was closed after ${bytes} bytes`)));
      agent.socket.resume();
    });
    const peak = peakMib(gate);
    agent.socket.end();
    const [session] = await stage.drained(
      (all) => all.length === 1 && all.every(({ closedUs }) => Number(closedUs) > 0),
    );
    const recorded = await readAnswer(stage.state, String(session?.['sessionId']), text);
    const received = hash.digest('hex');
    const same = recorded.sha256 === received;
    return {
      name: 'stalled-reader',
      done: `${mebibytes} MiB to a reader that stopped until the server waited`,
      figures: {
        bytesReceived: bytes,
        bytesRecorded: recorded.bytes,
        sameSha256: same,
        idleMib: Math.round(idleMib),
        peakMibWhileStalled: Math.round(stalledMib),
        peakMib: Math.round(peak),
      },
      ok: same && peak - idleMib <= GROWTH_MIB_MAX,
      complaints: [
        ...(same ? [] : [`received ${received}, recorded ${recorded.sha256}`]),
        ...(peak - idleMib <= GROWTH_MIB_MAX ? [] : [`the gate grew from ${idleMib} to ${peak} MiB`]),
      ],
    };
  },
};
