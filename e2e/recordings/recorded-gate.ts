import { readFileSync } from 'node:fs';
import { connect, createServer, type Server as Listener, type Socket } from 'node:net';
import type { ProtocolName } from '@sidegate/crds';
import type { ProtocolExhibit } from '../../sidecar/src/protocols/exhibit.ts';
import { openProtocols } from '../../sidecar/src/protocols/index.ts';
import { Playback } from '../../sidecar/src/protocols/playback.ts';
import { postgresExhibit } from '../../sidecar/src/protocols/postgres/testing/exhibit.ts';
import type { TranscriptChunk } from '../../sidecar/src/protocols/transcript.ts';

const CATALOG = new URL('../../sidecar/src/protocols/postgres/fixture/catalog.json', import.meta.url);
/** Under which the recordings are made. */
export const EXHIBIT = postgresExhibit(readFileSync(CATALOG, 'utf8'));
const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };

/** Where a real server listens. */
interface Server {
  readonly host: string;
  readonly port: number;
}

/** A gate that keeps what goes in: one session a connection, no records, randomness that starts anew each time. */
export interface RecordedGate extends AsyncDisposable {
  readonly port: number;
  /** What went into the only session so far, once it is over. */
  conversation(): Promise<readonly TranscriptChunk[]>;
}

/** Opens a gate on loopback before `server`, under the masks and refusals of the exhibit. */
export async function openRecordedGate(
  server: Server,
  password: string,
  name: ProtocolName = 'Postgres',
  exhibit: ProtocolExhibit = EXHIBIT,
): Promise<RecordedGate> {
  const registry = await openProtocols();
  const protocol = registry.protocols.get(name);
  if (protocol === undefined) throw new Error(`${name} is not in the registry`);
  const chunks: TranscriptChunk[] = [];
  const { promise: over, resolve: end } = Promise.withResolvers<undefined>();
  const listener = createServer((agent) => {
    const options = { ...exhibit.sessionOptions(LIMITS), shared: registry.shared.get(name) };
    const playback = new Playback(protocol.openSession(options), {
      ...exhibit.answers,
      credential: { username: 'gate', password },
    });
    bridge(playback, agent, server, chunks, () => end(undefined));
  });
  const port = await listen(listener);
  return {
    port,
    async conversation() {
      await over;
      return chunks;
    },
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => void listener.close(() => resolve()));
    },
  };
}

function bridge(playback: Playback, agent: Socket, server: Server, chunks: TranscriptChunk[], end: () => void): void {
  const target = connect(server.port, server.host);
  const sent = { Agent: 0, Target: 0 };
  const flush = (): void => {
    for (const [side, socket] of [
      ['Agent', agent],
      ['Target', target],
    ] as const) {
      const bytes = playback.sent(side);
      if (bytes.length > sent[side]) socket.write(Buffer.from(bytes.subarray(sent[side])));
      sent[side] = bytes.length;
    }
    if (!playback.closed) return;
    agent.end();
    target.end();
    end();
  };
  agent.on('data', (bytes) => {
    chunks.push({ from: 'Agent', bytes });
    playback.agent(bytes);
    flush();
  });
  agent.once('end', () => {
    playback.agentLeft();
    flush();
  });
  target.on('data', (bytes) => {
    if (playback.closed) return;
    chunks.push({ from: 'Target', bytes });
    playback.target(bytes);
    flush();
  });
  for (const socket of [agent, target]) socket.on('error', () => socket.destroy());
}

function listen(listener: Listener): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') reject(new Error('the gate has no port'));
      else resolve(address.port);
    });
  });
}
