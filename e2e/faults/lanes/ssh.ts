import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientChannel } from 'ssh2';
import { FrameReader, MessageReader } from '../../../sidecar/src/protocols/ssh/codec.ts';
import { MESSAGE } from '../../../sidecar/src/protocols/ssh/messages.ts';
import { connectSsh, runExec } from '../../ssh/ssh-client.ts';
import { SSH, SSHD } from '../../ssh/ssh-server.ts';
import { openSshStage, type SshStage } from '../../ssh/ssh-stage.ts';
import { until } from '../account.ts';
import type { Lane, LaneAgent, LaneStage, Ran, StalledAnswer, Turn } from '../lane.ts';
import { receivedOf, type Streams } from '../received.ts';

const POLICY = `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
  allowIncomplete: [ShellText]
  rules: []
`;
/** Lines that a program writes. */
const LINES = [1, 50, 2_000, 60_000];
const INPUT_BYTES = [1, 10_000, 200_000];
const CHANNELS = 4;
const FRAME_BYTES_MAX = 1 << 20;

/** Programs by turns with much output, with both outputs, with input, and four at once. */
export const SSH_LANE: Lane = {
  name: 'ssh',
  needs: SSH === undefined || SSHD === undefined ? 'ssh and sshd' : undefined,
  open: async () => {
    const settings = (folder: string): readonly string[] => [`ForceCommand ${writeWitness(folder)}`];
    return laneStageOf(await openSshStage({ policy: POLICY, settings }));
  },
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

function laneStageOf(stage: SshStage): LaneStage {
  const { folder } = stage.server;
  return {
    state: stage.state,
    processIds: () => stage.processIds(),
    cli: (...parameters) => stage.cli(...parameters),
    restartServer: () => stage.server.restart(),
    connect: () => connect(stage),
    stall: (mebibytes) => stall(stage, mebibytes),
    ran: async () => {
      await until('sshd still has connections', async () => stage.server.connections().length === 0 || undefined);
      return ranOf(folder);
    },
    answerOf: outputsOf,
    inputOf: (parts) => Buffer.concat(dataIn(parts).map(({ data }) => data)),
    [Symbol.asyncDispose]: () => stage.stop(),
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
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.exec(text, (error, opened) => (error === undefined ? resolve(opened) : reject(error)));
  });
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

async function connect(stage: SshStage): Promise<LaneAgent> {
  const connection = await connectSsh(stage);
  const { client } = connection;
  return {
    get isLost() {
      return connection.isLost;
    },
    work: async (mark, count): Promise<Turn> => {
      const turn = turnOf(stage.server.folder, mark, count);
      const ends = await Promise.all(turn.map(({ text, input }) => runExec(client, text, input)));
      const received = ends.map(({ stdout, stderr }, index) => receivedOf(turn[index]?.text ?? '', [stdout, stderr]));
      const failed = connection.isLost ? undefined : ends.find(({ code }) => code !== 0);
      return {
        received,
        done: ends.filter(({ code }) => code === 0).length,
        error: failed === undefined ? undefined : `exit ${failed.code ?? 'unknown'}`,
      };
    },
    close: async () => void client.end(),
  };
}

interface Program {
  readonly text: string;
  readonly input?: Uint8Array;
}

function turnOf(folder: string, mark: string, count: number): readonly Program[] {
  const lines = LINES[count % LINES.length] ?? 1;
  switch (count % 4) {
    case 0:
      return Array.from({ length: CHANNELS }, (_, channel) => ({ text: `echo ${mark}-${channel}; seq 1 ${lines}` }));
    case 1:
      return [{ text: `echo ${mark}; seq 1 ${lines} >&2; seq 1 ${lines}` }];
    case 2: {
      const bytes = INPUT_BYTES[count % INPUT_BYTES.length] ?? 1;
      const line = Buffer.from(`${mark} `);
      return [{ text: `tee ${join(inputFolder(folder), mark)}`, input: Buffer.alloc(bytes, line) }];
    }
    default:
      return [{ text: `echo ${mark}; seq 1 ${lines}` }];
  }
}
