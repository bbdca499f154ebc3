import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Opened } from '@sidegate/session';
import { sampleOpened } from '@sidegate/session/testing';
import type { SessionRecord } from '../recorder.ts';
import { createRecorder } from '../recording.ts';

/**
 * A program that a test kills again and again: it records sessions through the real spool, and notes in a file what
 * `commit` said ok to, after it said so. It never ends by itself.
 */
interface Order {
  readonly folder: string;
  readonly url: string;
  readonly tokenFile: string;
  readonly notes: string;
  /** Distinguishes the sessions of this run. */
  readonly run: number;
}

const { folder, url, tokenFile, notes, run } = JSON.parse(process.argv[2] ?? '') as Order;
const limits = {
  chunkBytesMax: 4096,
  segmentBytesMax: 48 * 1024,
  chunkWaitMs: 20,
  pauseMsMin: 1,
  pauseMsMax: 20,
  lockWaitMs: 60_000,
};
const opened = createRecorder({
  spoolFolder: folder,
  gateId: 'gate',
  store: { url, tokenFile },
  nowUs: () => 1,
  random: Math.random,
  limits,
  notice: () => {},
});
if (!opened.ok) throw new Error(opened.fault.message);
const recorder = opened.value;

interface Live {
  readonly record: SessionRecord;
  readonly sequence: number;
}

let live: Live[] = [];
let sessions = 0;
for (let round = 0; ; round += 1) {
  if (live.length < 8) live.push(openOne());
  live = live.map(({ record, sequence }, place) => {
    const length = (round * 37 + place * 101) % 600;
    const bytes = Buffer.alloc(round % 50 === 0 ? 9000 : length, sequence + 1);
    record.append({ kind: 'AnswerPart', atUs: round, commandId: sequence + 1, bytes });
    return { record, sequence: sequence + 1 };
  });
  const ended = round % 7 === 6 ? live.shift() : undefined;
  ended?.record.append({ kind: 'Closed', atUs: round, code: 'AgentLeft', reason: '' });
  while (!recorder.commit().ok) await recorder.roomAgain(AbortSignal.timeout(60_000));
  const written = ended === undefined ? live : [...live, { ...ended, sequence: ended.sequence + 1 }];
  appendFileSync(notes, written.map(({ record, sequence }) => `${record.sessionId} ${sequence}\n`).join(''));
  process.stdout.write('.');
  // Slow enough that the thread beside it keeps up, now and then.
  await pause(5);
}

function openOne(): Live {
  sessions += 1;
  const head: Opened = sampleOpened({
    sessionId: `run-${run}-session-${sessions}`,
    gate: { id: 'gate', version: '1' },
  });
  return { record: recorder.open(head, 'Spool'), sequence: 1 };
}
