import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  Ingest,
  UploadResponse_Status as Status,
  type UploadRequest,
  type UploadResponse,
  UploadResponseSchema,
} from '@sidegate/session/store';
import type { Store } from '../store.ts';
import type { Authenticate, CallerFault } from './caller.ts';
import type { Verdict } from './intake.ts';
import { pipeline } from './pipeline.ts';
import { Room } from './room.ts';

/** Requests of one stream that are worked on at once. */
const IN_FLIGHT_MAX = 64;

/** Chunks of all streams that are in work at once, in bytes; then none are read until some are answered. */
const WORK_BYTES_MAX = 128 * 1024 * 1024;

const STATUS: Record<Verdict['kind'], Status> = {
  Stored: Status.STORED,
  Duplicate: Status.DUPLICATE,
  Fork: Status.FORK,
  Gap: Status.GAP,
  PushBack: Status.PUSH_BACK,
  Position: Status.POSITION,
  Recut: Status.RECUT,
  Invalid: Status.INVALID,
  // To the gate it is the same: sending it again will not help.
  Foreign: Status.INVALID,
};

/** A stream is ended in good order after this time, in milliseconds: whoever opens the next one is asked again who they are. */
const STREAM_MS_MAX = 30 * 60_000;

/** Serves `sidegate.store.v1.Ingest` to whoever `authenticate` lets in. Once `stopping` aborts, streams end after the answers they owe. */
export function ingestRoutes(
  store: Store,
  authenticate: Authenticate,
  stopping: AbortSignal,
): (router: ConnectRouter) => void {
  const room = new Room(WORK_BYTES_MAX);
  return (router) => {
    router.service(Ingest, {
      async *upload(requests, { requestHeader, signal }) {
        const caller = await authenticate(requestHeader.get('authorization'), signal);
        if (!caller.ok) throw refusal(caller.fault);
        const pod = caller.value.kind === 'Pod' ? caller.value.pod : undefined;
        if (pod !== undefined) store.pods.heard(pod, store.nowUs());
        const ended = AbortSignal.any([stopping, AbortSignal.timeout(STREAM_MS_MAX)]);
        const stream = store.presence.stream(pod?.uid);
        try {
          const answer = async (request: UploadRequest): Promise<UploadResponse> => {
            const stop = store.metrics.ackSeconds.startTimer();
            const offer = {
              sessionId: request.sessionId,
              firstSequence: Number(request.firstSequence),
              lastSequence: Number(request.lastSequence),
              sha256: request.sha256,
              chunk: request.chunk,
              ...(pod === undefined ? {} : { pod }),
            };
            const verdict = await room.during(request.chunk.length, () => store.intake.offer(offer));
            stop();
            if (verdict.kind !== 'Foreign') stream.speaksOf(request.sessionId);
            return create(UploadResponseSchema, responseOf(request.sessionId, verdict));
          };
          yield* pipeline(requests, answer, IN_FLIGHT_MAX, ended, () => room.free());
        } finally {
          stream.end();
        }
      },
    });
  };
}

function refusal({ code, message }: CallerFault): ConnectError {
  return new ConnectError(message, code === 'Unavailable' ? Code.Unavailable : Code.Unauthenticated);
}

function responseOf(sessionId: string, verdict: Verdict): MessageInitShape<typeof UploadResponseSchema> {
  const { kind, message, lastSequence, lastSha256, ended } = verdict;
  const position = kind === 'Position' && ended !== undefined ? { ended } : {};
  return { sessionId, status: STATUS[kind], message, lastSequence: BigInt(lastSequence), lastSha256, ...position };
}
