import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { GATE_AUDIENCE } from '../injection/gate-template.ts';
import { isLive, isPod, type Pod } from '../kinds.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { ApiFault } from '../kube/api-fault.ts';
import { isApiObject } from '../kube/api-object.ts';

/** What the API server attested of who calls: a token of the gate's audience, bound to a pod that lives. */
export interface Attested {
  readonly pod: Pod;
  readonly uid: string;
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subject: string;
  readonly groups: readonly string[];
}

/** `Unavailable`: the API server did not say; try again. Everything else is a refusal. */
export type AttestationFault = Fault<'NoToken' | 'NotAuthenticated' | 'NotBound' | 'NoSuchPod' | 'Unavailable'>;

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

const TOKEN_CHARACTERS_MAX = 16_384;
const POD_NAME = 'authentication.kubernetes.io/pod-name';
const POD_UID = 'authentication.kubernetes.io/pod-uid';

/** The token of an Authorization header (RFC 6750, section 2.1). */
export function bearerOf(authorization: string | null): string | undefined {
  const [, token] = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '') ?? [];
  return token !== undefined && token.length <= TOKEN_CHARACTERS_MAX ? token : undefined;
}

/**
 * Asks the API server whose token it is (TokenReview, authentication.k8s.io/v1) and finds the pod that it is bound to, by UID. The audience is
 * asked for and checked: a server that knows no audiences answers without them, and its word is not enough.
 */
export async function attest(
  client: ApiClient,
  token: string | undefined,
  signal: AbortSignal,
): Promise<Result<Attested, AttestationFault>> {
  if (token === undefined) return fail({ code: 'NoToken', message: 'The call carries no bearer token.' });
  const reviewed = await client.request({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/tokenreviews',
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token, audiences: [GATE_AUDIENCE] },
    },
    signal,
  });
  if (!reviewed.ok) return fail(unavailable(reviewed.fault));
  const { status = {} } = reviewed.value as { readonly status?: ReviewStatus };
  const { user = {}, audiences = [] } = status;
  if (status.authenticated !== true || !audiences.includes(GATE_AUDIENCE))
    return fail({ code: 'NotAuthenticated', message: `The token is not one of audience ${GATE_AUDIENCE}.` });
  const [, namespace] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user.username ?? '') ?? [];
  const [name] = user.extra?.[POD_NAME] ?? [];
  const [uid] = user.extra?.[POD_UID] ?? [];
  if (namespace === undefined || name === undefined || uid === undefined)
    return fail({ code: 'NotBound', message: 'The token is not bound to a pod.' });
  const pod = await findPod(client, { namespace, name, uid }, signal);
  if (!pod.ok) return pod;
  return ok({ pod: pod.value, uid, subject: user.username ?? '', groups: user.groups ?? [] });
}

/** The pod itself, asked for: what is watched may be a moment behind, and a pod that is gone must not be attested. */
async function findPod(
  client: ApiClient,
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  signal: AbortSignal,
): Promise<Result<Pod, AttestationFault>> {
  const found = await client.request({ path: `/api/v1/namespaces/${namespace}/pods/${name}`, signal });
  const gone = fail({ code: 'NoSuchPod', message: `There is no live pod ${namespace}/${name} of that UID.` } as const);
  if (!found.ok) return found.fault.code === 'NotFound' ? gone : fail(unavailable(found.fault));
  const pod = found.value;
  return isApiObject(pod) && isPod(pod) && pod.metadata.uid === uid && isLive(pod) ? ok(pod) : gone;
}

function unavailable({ message }: ApiFault): AttestationFault {
  return { code: 'Unavailable', message };
}
