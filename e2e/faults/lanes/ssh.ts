import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'ssh2';
import { FrameReader, MessageReader } from '../../../sidecar/src/protocols/ssh/codec.ts';
import { MESSAGE } from '../../../sidecar/src/protocols/ssh/messages.ts';
import { connectSsh, type ExecEnd, openExec, runExec, runForward } from '../../ssh/ssh-client.ts';
import { SSH, SSHD } from '../../ssh/ssh-server.ts';
import { openSshStage, type SshStage } from '../../ssh/ssh-stage.ts';
import { policyFile } from '../../stage-files.ts';
import { until } from '../account.ts';
import type { Lane, LaneAgent, LaneStage, Ran, StalledAnswer, Turn } from '../lane.ts';
import { receivedOf, type Streams } from '../received.ts';
import { type ForwardPlace, ForwardTarget } from './forward-target.ts';

/** Lines that a program writes. */
const LINES = [1, 50, 2_000, 60_000];
const INPUT_BYTES = [1, 10_000, 200_000];
/** Each way through the four forwards of a turn; the last so long that a kill finds it under way. */
const FORWARD_BYTES = [1, 10_000, 200_000, 3_000_000];
const CHANNELS = 4;
const FRAME_BYTES_MAX = 1 << 20;

/** The stage of a load, for faults that need more of it than all lanes have. It ends with the lane. */
export async function openSshLoad(): Promise<{ readonly stage: SshStage; readonly lane: LaneStage }> {
  const settings = (folder: string): readonly string[] => [`ForceCommand ${writeWitness(folder)}`];
  await using started = new AsyncDisposableStack();
  const forwards = started.use(await ForwardTarget.start());
  const policy = policyFile(`  allowIncomplete: [ShellText]\n  rules: [${forwards.rule}]\n`);
  const stage = started.use(await openSshStage({ policy, settings }));
  return { stage, lane: laneStageOf(stage, forwards, started.move()) };
}

/** Programs by turns with much output, with both outputs, with input, and four at once; then forwards, four at once. */
export const SSH_LANE: Lane = {
  name: 'ssh',
  needs: SSH === undefined || SSHD === undefined ? 'ssh and sshd' : undefined,
  open: async () => (await openSshLoad()).lane,
};

/**
 * What sshd runs in place of every command: it writes down that the command begins, runs it, and writes down that it is over. A line is one write
 * to the end of the file, so lines of many never mix.
 */
function writeWitness(folder: string): string {
  const script = join(folder, 'witness');
  mkdirSync(inputFolder(folder));
  const note = (word: string): string => `printf '${word} %s\\n' "$SSH_ORIGINAL_COMMAND" >> ${logFile(folder)}`;
  const lines = [
    '#!/bin/sh',
    "trap '' HUP PIPE",
    note('begin'),
    '/bin/sh -c "$SSH_ORIGINAL_COMMAND"',
    'code=$?',
    note('over'),
    'exit $code',
  ];
  writeFileSync(script, `${lines.join('\n')}\n`, { mode: 0o755 });
  return script;
}

const logFile = (folder: string): string => join(folder, 'commands');
const inputFolder = (folder: string): string => join(folder, 'input');
/** Where the program that keeps its input keeps it. */
export const inputFile = ({ server }: Pick<SshStage, 'server'>, mark: string): string =>
  join(inputFolder(server.folder), mark);

function laneStageOf(stage: SshStage, forwards: ForwardTarget, whole: AsyncDisposableStack): LaneStage {
  const { folder } = stage.server;
  return {
    state: stage.state,
    processIds: () => stage.processIds(),
    cli: (...parameters) => stage.cli(...parameters),
    restartServer: () => stage.server.restart(),
    connect: () => connect(stage, forwards),
    stall: (mebibytes) => stall(stage, mebibytes),
    ran: async () => {
      await until('sshd still has connections', async () => stage.server.connections().length === 0 || undefined);
      return [...(await ranOf(folder)), ...(await forwards.ran())];
    },
    answerOf: outputsOf,
    inputOf: (parts) => Buffer.concat(dataIn(parts).map(({ data }) => data)),
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  };
}

/** What began, with the input that reached it. */
async function ranOf(folder: string): Promise<readonly Ran[]> {
  const began = (): readonly string[] => notes(folder, 'begin');
  await until('programs still run', async () => notes(folder, 'over').length >= began().length || undefined);
  return began().map((text) => {
    const file = text.startsWith('tee ') ? text.slice('tee '.length) : undefined;
    return { text, ...(file !== undefined && existsSync(file) ? { input: readFileSync(file) } : {}) };
  });
}

function notes(folder: string, word: string): readonly string[] {
  const file = logFile(folder);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
}

/** Both outputs in the frames of a record. */
function outputsOf(parts: Streams): Streams {
  const data = dataIn(parts);
  return [false, true].map((stderr) =>
    Buffer.concat(data.flatMap((one) => (one.isStderr === stderr ? [one.data] : []))),
  );
}

export function dataIn(frames: Streams): readonly { readonly isStderr: boolean; readonly data: Uint8Array }[] {
  const reader = new FrameReader(FRAME_BYTES_MAX);
  reader.feed(Buffer.concat(frames));
  const found = [];
  for (let message = reader.next(); message !== undefined && message !== 'TooLarge'; message = reader.next()) {
    const isStderr = message[0] === MESSAGE.channelExtendedData;
    if (!isStderr && message[0] !== MESSAGE.channelData) continue;
    const fields = new MessageReader(message);
    fields.uint32();
    if (isStderr) fields.uint32();
    found.push({ isStderr, data: fields.bytes() });
  }
  return found;
}

async function stall(stage: SshStage, mebibytes: number): Promise<StalledAnswer> {
  const { client } = await connectSsh(stage);
  const text = `head -c ${mebibytes * 1024 * 1024} /dev/zero`;
  const channel = await openExec(client, text);
  return {
    text,
    read: (piece) =>
      new Promise((resolve, reject) => {
        client.once('close', () => reject(new Error('the connection was closed')));
        channel.once('end', resolve);
        channel.stderr.resume();
        channel.on('data', piece);
      }),
    contentOf: (part) => outputsOf([part])[0] ?? part,
    close: () => client.end(),
  };
}

async function connect(stage: SshStage, forwards: ForwardTarget): Promise<LaneAgent> {
  const connection = await connectSsh(stage);
  const { client } = connection;
  return {
    get isLost() {
      return connection.isLost;
    },
    work: async (mark, count): Promise<Turn> => {
      const turn = turnOf(stage, forwards, mark, count);
      const ends = await Promise.all(
        turn.map(async ({ text, run, isWhole }) => {
          const end = await run(client);
          return { received: receivedOf(text, [end.stdout, end.stderr]), code: end.code, isDone: isWhole(end) };
        }),
      );
      const failed = connection.isLost ? undefined : ends.find(({ isDone }) => !isDone);
      return {
        received: ends.map(({ received }) => received),
        done: ends.filter(({ isDone }) => isDone).length,
        error: failed === undefined ? undefined : `exit ${failed.code ?? 'unknown'}`,
      };
    },
    close: async () => void client.end(),
  };
}

/** One command of a turn. */
interface Work {
  /** As the record shows it. */
  readonly text: string;
  readonly run: (client: Client) => Promise<ExecEnd>;
  /** Whether it came to its own end. */
  readonly isWhole: (end: ExecEnd) => boolean;
}

function programOf(text: string, input?: Uint8Array): Work {
  return { text, run: (client) => runExec(client, text, input), isWhole: ({ code }) => code === 0 };
}

function forwardTo({ text, host, port }: ForwardPlace, bytes: number): Work {
  const input = randomBytes(bytes);
  return {
    text,
    run: (client) => runForward(client, host, port, input),
    isWhole: ({ stdout }) => stdout.equals(input),
  };
}

function turnOf(stage: SshStage, forwards: ForwardTarget, mark: string, count: number): readonly Work[] {
  const lines = LINES[count % LINES.length] ?? 1;
  const bytes = INPUT_BYTES[count % INPUT_BYTES.length] ?? 1;
  switch (count % 5) {
    case 0:
      return Array.from({ length: CHANNELS }, (_, channel) => programOf(`echo ${mark}-${channel}; seq 1 ${lines}`));
    case 1:
      return [programOf(`echo ${mark}; seq 1 ${lines} >&2; seq 1 ${lines}`)];
    case 2:
      return [programOf(`tee ${inputFile(stage, mark)}`, Buffer.alloc(bytes, Buffer.from(`${mark} `)))];
    case 3:
      return FORWARD_BYTES.map((length) => forwardTo(forwards.next(), length));
    default:
      return [programOf(`echo ${mark}; seq 1 ${lines}`)];
  }
}
