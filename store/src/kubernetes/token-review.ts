import { createHash } from 'node:crypto';
import { fail, ok, type Result } from '@sidegate/crds';
import { type AttestedPod, type Authenticate, bearerOf, type Caller, type CallerFault } from '../ingest/caller.ts';
import type { PostToApiServer } from './api-server.ts';

/** The audience of the tokens that kubelets give to gates. */
const AUDIENCE = 'sidegate-gate';
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

/** What the API server said holds for so long, in milliseconds. */
const KEPT_MS = 60_000;
const KEPT_MAX = 20_000;

interface Kept {
  readonly pod: AttestedPod;
  readonly untilMs: number;
}

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
}

/**
 * Lets in gates of pods: the API server says whose token it is (TokenReview, authentication.k8s.io/v1), for our audience and bound to a pod. Its
 * word is kept for a minute at most, by the token's hash; without it, when the server does not answer, nobody comes in.
 */
export function byTokenReview(post: PostToApiServer, monotonicMs: () => number): Authenticate {
  const kept = new Map<string, Kept>();
  const asked = new Map<string, Promise<Result<Caller, CallerFault>>>();

  async function ask(digest: string, token: string, signal: AbortSignal): Promise<Result<Caller, CallerFault>> {
    const fromMs = monotonicMs();
    const review = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [AUDIENCE] },
    };
    const answer = await post('/apis/authentication.k8s.io/v1/tokenreviews', review, signal);
    if (!answer.ok) return fail({ code: 'Unavailable', message: answer.fault.message });
    const pod = podOf(answer.value);
    if (!pod.ok) return pod;
    if (kept.size >= KEPT_MAX) forgetOld(kept, fromMs);
    kept.set(digest, { pod: pod.value, untilMs: fromMs + KEPT_MS });
    return ok({ kind: 'Pod', pod: pod.value });
  }

  return (authorization, signal) => {
    const token = bearerOf(authorization);
    if (token === undefined)
      return Promise.resolve(fail({ code: 'NotAuthenticated', message: 'The call carries no bearer token.' }));
    const digest = createHash('sha256').update(token).digest('base64');
    const known = kept.get(digest);
    if (known !== undefined && known.untilMs > monotonicMs())
      return Promise.resolve(ok({ kind: 'Pod', pod: known.pod }));
    kept.delete(digest);
    const running = asked.get(digest);
    if (running !== undefined) return running;
    const asking = ask(digest, token, signal).finally(() => asked.delete(digest));
    asked.set(digest, asking);
    return asking;
  };
}

function podOf(review: unknown): Result<AttestedPod, CallerFault> {
  const { status = {} } = review as { readonly status?: ReviewStatus };
  const { user = {}, audiences = [] } = status;
  // A server that knows no audiences answers without them, and its word is not enough.
  if (status.authenticated !== true || !audiences.includes(AUDIENCE))
    return fail({ code: 'NotAuthenticated', message: `The token is not one of audience ${AUDIENCE}.` });
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/u.exec(user.username ?? '') ?? [];
  const [name] = user.extra?.[POD_NAME] ?? [];
  const [uid] = user.extra?.[POD_UID] ?? [];
  if (namespace === undefined || serviceAccount === undefined || name === undefined || uid === undefined)
    return fail({ code: 'NotBound', message: 'The token is not bound to a pod.' });
  return ok({ namespace, name, uid, serviceAccount });
}

/** What is over goes; when nothing is, everything does, and is asked for again. */
function forgetOld(kept: Map<string, Kept>, nowMs: number): void {
  for (const [digest, { untilMs }] of kept) if (untilMs <= nowMs) kept.delete(digest);
  if (kept.size >= KEPT_MAX) kept.clear();
}
