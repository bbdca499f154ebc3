import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import type { Client } from 'ssh2';
import { forgetPeak, peakMib, rssMib } from '../bench/process-figures.ts';
import { connectSsh, openExec, runExec } from '../ssh/ssh-client.ts';
import type { SshStage } from '../ssh/ssh-stage.ts';
import { untilFound } from '../support/until-found.ts';
import { account, holds, until } from './account.ts';
import { canDropPackets, dropPackets } from './dropped-packets.ts';
import { type Fault, type FaultOptions, type FaultResult, leftOut } from './fault.ts';
import { inputFile, openSshLoad, SSH_LANE } from './lanes/ssh.ts';
import { type Received, receivedOf } from './received.ts';
import { GROWTH_MIB_MAX } from './stalled-reader.ts';

const NAME = 'ssh-half-open';
/** A peer that owes nothing: 30 s of silence, then ten questions a second apart. */
const KEEP_ALIVE_SECONDS = 40;
const PATIENCE_MS = 60_000;
/** A program is in the middle of its work when so much of it went by. */
const UNDER_WAY_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

/** Who vanishes, and what the program of the session does meanwhile. */
interface Vanishing {
  readonly who: 'Agent' | 'Target';
  readonly doing: 'prints' | 'reads' | 'waits';
}

const VANISHINGS: readonly Vanishing[] = [
  { who: 'Agent', doing: 'prints' },
  { who: 'Target', doing: 'prints' },
  { who: 'Target', doing: 'reads' },
  { who: 'Agent', doing: 'waits' },
  { who: 'Target', doing: 'waits' },
];

/** A session that nobody else has. */
interface Talk extends Vanishing {
  readonly subject: string;
  readonly client: Client;
  /** The agent's own port on its connection to the gate. */
  readonly agentPort: number;
  /** The gate's own port on its connection to the server. */
  readonly gatePort: number;
  /** Resolves when the agent's connection is over. */
  readonly over: Promise<void>;
}

interface VanishedTalk extends Talk {
  readonly received: () => Received;
  readonly vanishedMs: number;
}

/** How the record says that it ended. */
interface TalkEnd extends Vanishing {
  readonly closeCode: string;
  readonly seconds: number;
}

export const SSH_HALF_OPEN: Fault = {
  name: NAME,
  promise:
    'a peer that vanishes in the middle of output or input is found out: its session ends, says so and is recorded',
  run,
};

async function run({ progress }: FaultOptions): Promise<FaultResult> {
  if (SSH_LANE.needs !== undefined) return leftOut(NAME, SSH_LANE.needs);
  if (!(await canDropPackets())) return leftOut(NAME, 'iptables and the right to use it');
  const { stage, lane } = await openSshLoad();
  await using _ = lane;
  const secondsMax = 2 * Math.max(KEEP_ALIVE_SECONDS, retransmissionSeconds());
  const { gate } = stage.processIds();
  const idleMib = rssMib(gate);
  forgetPeak(gate);
  const other = await connectSsh(stage);
  const talks: Talk[] = [];
  for (const vanishing of VANISHINGS) talks.push(await openTalk(stage, vanishing));
  const vanished: VanishedTalk[] = [];
  await using dropped = new AsyncDisposableStack();
  for (const talk of talks) {
    const received = await begin(stage, talk);
    dropped.use(await dropPackets(...portsOf(stage, talk)));
    vanished.push({ ...talk, received, vanishedMs: Date.now() });
  }
  progress(
    `${NAME}: ${talks.length} connections hear nothing any longer, to be found within ${Math.round(secondsMax)} s`,
  );
  const ends = await untilFound('the sessions do not end', () => endsOf(stage, vanished), {
    deadlineMs: 1000 * secondsMax + PATIENCE_MS,
    retryMs: 1000,
  });
  const growthMib = peakMib(gate) - idleMib;
  const { code } = await runExec(other.client, `echo ${NAME}-other`);
  const bereft = talks.filter(({ who }) => who === 'Target');
  await Promise.all(bereft.map(({ over }) => over));
  // The server still believes in those from which it is cut off, and in the other.
  await until('the server keeps connections of agents that are gone', async () =>
    stage.server.connections().length <= bereft.length + 1 ? true : undefined,
  );
  await dropped.disposeAsync();
  for (const { client } of [other, ...talks]) client.destroy();
  await lane.restartServer();
  const connections = talks.length + 1;
  const whole = await account(lane, { received: vanished.map(({ received }) => received()), connections });
  const { complaints, ends: _codes, ...figures } = whole;
  const slowest = Math.max(...ends.map(({ seconds }) => seconds));
  const wrong = [
    ...complaints,
    ...ends.flatMap(({ who, doing, closeCode }) =>
      closeCode === `${who}Left` ? [] : [`${who}, ${doing}: ended as ${closeCode}`],
    ),
    ...(slowest <= secondsMax ? [] : [`it took ${slowest} s`]),
    ...(code === 0 ? [] : ['another session was disturbed']),
    ...(growthMib <= GROWTH_MIB_MAX ? [] : [`the gate grew by ${growthMib} MiB`]),
  ];
  return {
    name: NAME,
    done: 'all packets dropped between an agent and the gate, or the gate and the server, while a program prints, reads or waits',
    figures: {
      ...figures,
      ends: ends.map(({ doing, closeCode, seconds }) => `${closeCode} (${doing}) after ${seconds} s`).join(', '),
      idleMib: Math.round(idleMib),
      growthMib: Math.round(growthMib),
    },
    ok: holds(whole) && wrong.length === 0,
    complaints: wrong,
  };
}

/** In seconds: how long this kernel repeats what nobody acknowledges (tcp(7), `tcp_retries2`): after 0.2 s, then each time after twice as long. */
function retransmissionSeconds(): number {
  const retries = Number(readFileSync('/proc/sys/net/ipv4/tcp_retries2', 'latin1'));
  const waits = Array.from({ length: retries + 1 }, (_, retry) => Math.min(0.2 * 2 ** retry, 120));
  return waits.reduce((sum, wait) => sum + wait, 0);
}

function portsOf({ port, server }: SshStage, { who, agentPort, gatePort }: Talk): [number, number] {
  return who === 'Agent' ? [agentPort, port] : [gatePort, server.port];
}

async function openTalk(stage: SshStage, vanishing: Vanishing): Promise<Talk> {
  const subject = `${NAME}-${vanishing.who}-${vanishing.doing}`;
  const socket = connect(stage.port, stage.host);
  const { client } = await connectSsh({ ...stage, token: () => stage.token({ subject }) }, socket);
  const over = new Promise<void>((resolve) => void client.once('close', () => resolve()));
  const { stdout } = await runExec(client, `echo ${subject} $SSH_CONNECTION`);
  const gatePort = Number(/^\S+ \S+ (\d+) /.exec(stdout.toString())?.[1]);
  if (!(gatePort > 0)) throw new Error(`the server does not say who asks: ${stdout.toString()}`);
  return { ...vanishing, subject, client, agentPort: socket.localPort ?? 0, gatePort, over };
}

/** Starts the program of a talk; resolves in the middle of it, with what the agent has received by the time it is asked. */
async function begin(stage: SshStage, { client, subject, doing }: Talk): Promise<() => Received> {
  const file = inputFile(stage, subject);
  const text = { prints: `yes ${subject}`, reads: `tee ${file}`, waits: `echo ${subject}; exec cat` }[doing];
  const channel = await openExec(client, text);
  const parts: Buffer[] = [];
  let bytes = 0;
  channel.on('data', (part: Buffer) => {
    parts.push(part);
    bytes += part.length;
  });
  channel.on('error', () => undefined);
  if (doing === 'reads') Readable.from(endless()).pipe(channel);
  const isUnderWay = {
    prints: () => bytes >= UNDER_WAY_BYTES,
    reads: () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= UNDER_WAY_BYTES,
    waits: () => bytes > 0,
  }[doing];
  await untilFound(`${text} does not begin`, () => isUnderWay() || undefined);
  return () => receivedOf(text, [Buffer.concat(parts), Buffer.alloc(0)]);
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield randomBytes(PIECE_BYTES);
}

/** How all of them ended, once they have. */
async function endsOf(stage: SshStage, talks: readonly VanishedTalk[]): Promise<readonly TalkEnd[] | undefined> {
  const sessions = await stage.cli('sessions');
  const ends = talks.flatMap(({ who, doing, subject, vanishedMs }) => {
    const session = sessions.find(({ verified }) => Object(verified).subject === subject);
    const closedMs = Number(session?.['closedUs']) / 1000;
    if (!(closedMs > 0)) return [];
    return [
      { who, doing, closeCode: String(session?.['closeCode']), seconds: Math.round((closedMs - vanishedMs) / 1000) },
    ];
  });
  return ends.length === talks.length ? ends : undefined;
}
