import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { type OpenedChunk, openChunk } from '@sidegate/session';
import {
  Ingest,
  UploadResponse_Status as Status,
  type UploadRequest,
  type UploadResponse,
  UploadResponseSchema,
} from '@sidegate/session/store';
import type { OpenUpload } from './store-link.ts';

/** One session as a store holds it. */
export interface HeldSession {
  readonly chunks: Uint8Array[];
  readonly events: Uint8Array[];
  lastSha256: Uint8Array;
  closed: boolean;
}

type Verdict = readonly [status: Status, message?: string];

/** What a test makes the store do with one request: answer as it should, break the stream before or after, or wait. */
export type Behaviour = (request: UploadRequest) => 'Answer' | 'BreakBefore' | 'BreakAfter' | Status | Promise<void>;

/** The store's side of Ingest as `store.proto` says it, in memory, for tests: it keeps everything and tells every wrong. */
export class FakeStore {
  readonly sessions = new Map<string, HeldSession>();
  /** Forks, gaps and invalid chunks, one line each. */
  readonly alarms: string[] = [];
  readonly statuses = new Map<Status, number>();
  readonly tokens: (string | null)[] = [];
  behave: Behaviour = () => 'Answer';

  /** Judges one request as if it had come by a stream. */
  judge(request: UploadRequest): UploadResponse {
    const { sessionId } = request;
    const held = this.sessions.get(sessionId) ?? {
      chunks: [],
      events: [],
      lastSha256: new Uint8Array(),
      closed: false,
    };
    const [status, message] =
      request.chunk.length === 0 ? ([Status.POSITION] as const) : this.#judgeChunk(request.chunk, held, sessionId);
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (message !== undefined) this.alarms.push(`${Status[status]} ${sessionId}: ${message}`);
    const { events, lastSha256 } = held;
    const lastSequence = BigInt(events.length);
    const position = status === Status.POSITION && events.length > 0 ? { ended: held.closed } : {};
    const said = { sessionId, status, message: message ?? '', lastSequence, lastSha256 };
    return create(UploadResponseSchema, { ...said, ...position });
  }

  #judgeChunk(bytes: Uint8Array, held: HeldSession, sessionId: string): Verdict {
    const opened = openChunk(bytes);
    if (!opened.ok) return [Status.INVALID, opened.fault.message];
    const chunk = opened.value;
    const lastHeld = held.events.length;
    if (chunk.firstSequence > lastHeld + 1) return [Status.GAP, `${chunk.firstSequence} follows ${lastHeld}`];
    if (chunk.firstSequence <= lastHeld) return judgeAgain(chunk, held);
    if (Buffer.compare(chunk.previousSha256 ?? new Uint8Array(), held.lastSha256) !== 0) {
      return [Status.FORK, `the chunk at ${chunk.firstSequence} follows another history`];
    }
    if (held.closed) return [Status.INVALID, `event ${chunk.firstSequence} follows Closed`];
    held.closed = chunk.closes;
    held.chunks.push(bytes);
    held.events.push(...chunk.encodedEvents);
    held.lastSha256 = chunk.sha256;
    this.sessions.set(sessionId, held);
    return [Status.STORED];
  }

  async *upload(requests: AsyncIterable<UploadRequest>): AsyncGenerator<UploadResponse> {
    for await (const request of requests) {
      const act = this.behave(request);
      if (act === 'BreakBefore') throw new ConnectError('broken before', Code.Unavailable);
      if (act instanceof Promise) await act;
      if (typeof act === 'number') {
        this.statuses.set(act, (this.statuses.get(act) ?? 0) + 1);
        yield create(UploadResponseSchema, { sessionId: request.sessionId, status: act, message: 'as told' });
        continue;
      }
      const response = this.judge(request);
      if (act === 'BreakAfter') throw new ConnectError('broken after', Code.Unavailable);
      yield response;
    }
  }

  /** A stream without a network between. */
  readonly open: OpenUpload = async (requests, signal) => untilAborted(this.upload(requests), signal);

  /** Serves Ingest on a free port of this machine, or on `port`. */
  async listen(port = 0): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
    const connections = new Set<ServerHttp2Session>();
    const server = createServer(
      connectNodeAdapter({
        routes: (router) =>
          router.service(Ingest, {
            upload: (requests, { requestHeader }) => {
              this.tokens.push(requestHeader.get('authorization'));
              return this.upload(requests);
            },
          }),
      }),
    );
    server.on('session', (session) => {
      connections.add(session);
      session.on('close', () => connections.delete(session));
      session.on('error', () => session.destroy());
    });
    await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
    const address = server.address() as AddressInfo;
    const close = async () => {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      for (const session of connections) session.destroy();
      await closed;
    };
    return { url: `http://127.0.0.1:${address.port}`, port: address.port, close };
  }
}

function judgeAgain(chunk: OpenedChunk, held: HeldSession): Verdict {
  for (const [index, event] of chunk.encodedEvents.entries()) {
    const known = held.events[chunk.firstSequence + index - 1];
    if (known === undefined) return [Status.RECUT];
    if (Buffer.compare(known, event) !== 0) return [Status.FORK, `event ${chunk.firstSequence + index} differs`];
  }
  return [Status.DUPLICATE];
}

async function* untilAborted<T>(values: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {});
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  const iterator = values[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([iterator.next(), aborted]);
    if (next.done === true) return;
    yield next.value;
  }
}
