import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Client, ClientChannel } from 'ssh2';
import { forgetPeak, peakMib, rssMib } from '../bench/process-figures.ts';
import { testGiven } from '../support/test-given.ts';
import { connectSsh, type ExecEnd, runExec } from './ssh-client.ts';
import { SSH, SSHD } from './ssh-server.ts';
import { openSshStage, type SshStage } from './ssh-stage.ts';

const TIMEOUT_MS = 600_000;
const real = testGiven(SSH === undefined ? undefined : SSHD, 'ssh or sshd is not installed');
/** Larger numbers are for runs by hand. */
const CHANNELS = Number(process.env['SIDEGATE_TEST_CHANNELS'] ?? 1_000);
const EXECS = Number(process.env['SIDEGATE_TEST_EXECS'] ?? 1_000);
/** What the channels may add to a gate at rest, also a thousand of them. */
const CHANNELS_MIB_MAX = 400;
/** What a heap that is not yet collected may hide between one round and the next. */
const ROUND_MIB_MAX = 100;

type Recorded = Readonly<Record<string, unknown>>;

describe('much at once in one connection of SSH', () => {
  let stage: SshStage;
  let gate: number;
  let sessions = 0;
  beforeAll(async () => {
    if (SSH === undefined || SSHD === undefined) return;
    stage = await openSshStage();
    gate = stage.processIds().gate;
  }, TIMEOUT_MS);
  afterAll(async () => {
    await stage?.stop();
  }, TIMEOUT_MS);

  /** What the record has of the connection that has just ended, which was the newest; nothing in the record was changed. */
  async function recordOfLast(): Promise<readonly Recorded[]> {
    sessions += 1;
    const all = await stage.ended(sessions);
    expect(all).toHaveLength(sessions);
    const newest = all.reduce((one, other) => (Number(other['openedUs']) > Number(one['openedUs']) ? other : one));
    const sessionId = String(newest['sessionId']);
    await stage.cli('verify', sessionId);
    return (await stage.cli('show', sessionId)).filter(({ kind }) => kind === 'Command');
  }

  real(
    `${CHANNELS} channels are open at the same time, twice, each with its own command and its own answer`,
    async () => {
      const idle = rssMib(gate);
      const peaks: number[] = [];
      const rests: number[] = [];
      for (const round of ['first', 'second']) {
        forgetPeak(gate);
        const { client } = await connectSsh(stage);
        const lines = Array.from({ length: CHANNELS }, (_, at) => `${round} ${at}\n`);
        const cats = await Promise.all(lines.map((line) => openCat(client, line)));
        // Each has answered and none is closed yet: so many there are at this moment.
        expect(cats.map(({ answer }) => answer)).toEqual(lines);
        const ends = await Promise.all(cats.map(({ end }) => end()));
        expect(new Set(ends)).toEqual(new Set([0]));
        client.end();
        const commands = await recordOfLast();
        expect(commands.map(({ text, outcome }) => [text, outcome])).toEqual(lines.map(() => ['cat', 'Done']));
        peaks.push(peakMib(gate));
        rests.push(rssMib(gate));
      }
      const [first = Number.NaN, second = Number.NaN] = peaks;
      say(
        `${CHANNELS} channels: the gate has ${mib([idle])} at rest, ${mib(peaks)} at its peaks, ${mib(rests)} after them`,
      );
      expect(first - idle).toBeLessThan(CHANNELS_MIB_MAX);
      expect(second - first).toBeLessThan(ROUND_MIB_MAX);
    },
    TIMEOUT_MS,
  );

  real.each([
    ['one after the other', 1],
    ['20 at a time', 20],
  ])(
    `${EXECS} execs %s, each with its own output and status`,
    async (_how, atOnce) => {
      const before = rssMib(gate);
      forgetPeak(gate);
      const startedAt = performance.now();
      const { client } = await connectSsh(stage);
      const texts = Array.from({ length: EXECS }, (_, at) => `echo ${at}; exit ${at % 200}`);
      const ends = await runAll(client, texts, atOnce);
      const seconds = (performance.now() - startedAt) / 1_000;
      client.end();
      expect(ends.map(({ stdout, code }) => [stdout.toString(), code])).toEqual(
        texts.map((_, at) => [`${at}\n`, at % 200]),
      );
      const commands = await recordOfLast();
      const outcomes = commands.map(({ text, outcome }) => `${String(text)}: ${String(outcome)}`);
      const wanted = texts.map((text, at) => `${text}: ${at % 200 === 0 ? 'Done' : 'Failed'}`);
      expect(outcomes.toSorted()).toEqual(wanted.toSorted());
      say(
        `${EXECS} execs, ${atOnce} at a time: ${seconds.toFixed(1)} s, the gate ${mib([before, peakMib(gate), rssMib(gate)])}`,
      );
    },
    TIMEOUT_MS,
  );
});

/** Runs all of them in one connection, so many at once. */
async function runAll(client: Client, texts: readonly string[], atOnce: number): Promise<readonly ExecEnd[]> {
  const ends: ExecEnd[] = [];
  const waiting = texts.entries();
  const worker = async (): Promise<void> => {
    for (const [at, text] of waiting) ends[at] = await runExec(client, text);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return ends;
}

interface Cat {
  readonly answer: string;
  /** Closes its input; resolves with its status. */
  readonly end: () => Promise<number | undefined>;
}

/** A `cat` that has given back a line, and stays. */
function openCat(client: Client, line: string): Promise<Cat> {
  return new Promise((resolve, reject) => {
    client.once('close', () => reject(new Error('the connection was closed')));
    client.exec('cat', (error, channel) => {
      if (error !== undefined) return reject(error);
      let answer = '';
      const closed = statusOf(channel);
      const end = (): Promise<number | undefined> => {
        channel.end();
        return closed;
      };
      channel.on('data', (bytes: Buffer) => {
        answer += bytes.toString();
        if (answer.length >= line.length) resolve({ answer, end });
      });
      channel.write(line);
    });
  });
}

function statusOf(channel: ClientChannel): Promise<number | undefined> {
  return new Promise((resolve) => {
    let code: number | undefined;
    channel.on('exit', (status: unknown) => {
      if (typeof status === 'number') code = status;
    });
    channel.once('close', () => resolve(code));
  });
}

const mib = (sizes: readonly number[]): string => `${sizes.map((size) => size.toFixed(0)).join(', ')} MiB`;

function say(figures: string): void {
  process.stderr.write(`${figures}\n`);
}
