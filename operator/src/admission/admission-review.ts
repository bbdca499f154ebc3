import { type Fault, fail, ok, type Result } from '@sidegate/crds';

/** What the API server asks before it stores an object (admission.k8s.io/v1, AdmissionRequest). Only what is read here. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly namespace?: string;
  readonly subResource?: string;
  /** The object as it would be stored; none for DELETE. */
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly userInfo: { readonly username?: string; readonly groups?: readonly string[] };
}

/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

export type AdmissionAnswer =
  | { readonly kind: 'Allowed'; readonly patch?: readonly PatchStep[] }
  | { readonly kind: 'Refused'; readonly message: string };

export type AdmissionJudge = (request: AdmissionRequest) => AdmissionAnswer;

export type ReviewFault = Fault<'NoReview'>;

/** Answers an AdmissionReview of version v1. A fault: the text is none. */
export function answerReview(text: string, judge: AdmissionJudge): Result<object, ReviewFault> {
  const request = readRequest(text);
  if (request === undefined)
    return fail({ code: 'NoReview', message: 'This is no AdmissionReview of admission.k8s.io/v1.' });
  return ok({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: request.uid, ...responseOf(judge(request)) },
  });
}

function responseOf(answer: AdmissionAnswer): object {
  if (answer.kind === 'Refused')
    return { allowed: false, status: { code: 403, reason: 'Forbidden', message: answer.message } };
  const { patch = [] } = answer;
  if (patch.length === 0) return { allowed: true };
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
}

function readRequest(text: string): AdmissionRequest | undefined {
  let review: unknown;
  try {
    review = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { apiVersion, kind, request } = Object(review);
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') return undefined;
  const { uid, operation, userInfo } = Object(request);
  if (typeof uid !== 'string' || typeof operation !== 'string') return undefined;
  return { ...request, userInfo: Object(userInfo) };
}
