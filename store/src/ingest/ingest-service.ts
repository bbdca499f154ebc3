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
import { bearsToken } from './bearer.ts';
import type { Verdict } from './intake.ts';
import { pipeline } from './pipeline.ts';

/** Requests of one stream that are worked on at once. */
const IN_FLIGHT_MAX = 64;

const STATUS: Record<Verdict['kind'], Status> = {
  Stored: Status.STORED,
  Duplicate: Status.DUPLICATE,
  Fork: Status.FORK,
  Gap: Status.GAP,
  PushBack: Status.PUSH_BACK,
  Position: Status.POSITION,
  Recut: Status.RECUT,
  Invalid: Status.INVALID,
};

/** Serves `sidegate.store.v1.Ingest` to whoever bears the token. Once `stopping` aborts, streams end after the answers they owe. */
export function ingestRoutes(
  store: Store,
  tokenSha256: Uint8Array,
  stopping: AbortSignal,
): (router: ConnectRouter) => void {
  return (router) => {
    router.service(Ingest, {
      async *upload(requests, { requestHeader }) {
        if (!bearsToken(requestHeader.get('authorization'), tokenSha256)) {
          throw new ConnectError('A gate must bear the ingest token.', Code.Unauthenticated);
        }
        const stream = store.presence.stream();
        try {
          const answer = async (request: UploadRequest): Promise<UploadResponse> => {
            const stop = store.metrics.ackSeconds.startTimer();
            const verdict = await store.intake.offer({
              sessionId: request.sessionId,
              firstSequence: Number(request.firstSequence),
              lastSequence: Number(request.lastSequence),
              sha256: request.sha256,
              chunk: request.chunk,
            });
            stop();
            stream.speaksOf(request.sessionId);
            return create(UploadResponseSchema, responseOf(request.sessionId, verdict));
          };
          yield* pipeline(requests, answer, IN_FLIGHT_MAX, stopping);
        } finally {
          stream.end();
        }
      },
    });
  };
}

function responseOf(sessionId: string, verdict: Verdict): MessageInitShape<typeof UploadResponseSchema> {
  const { kind, message, lastSequence, lastSha256 } = verdict;
  return { sessionId, status: STATUS[kind], message, lastSequence: BigInt(lastSequence), lastSha256 };
}
