import { type Fault, fail, type GateQuestion, type KillSelection, ok, type Result } from '@sidegate/crds';

/** What the owner may ask of `sidegate run`: the gate's questions, without saying who asks, for that the socket tells. */
export type OwnerRequest =
  | { readonly kind: 'Approvals' }
  | Omit<Extract<GateQuestion, { kind: 'Decide' }>, 'by'>
  | Omit<Extract<GateQuestion, { kind: 'Kill' }>, 'by'>
  | { readonly kind: 'Metrics' };

/** The longest request, in bytes with its line end. */
export const REQUEST_BYTES_MAX = 64 * 1024;

/** Reads one line of the socket. */
export function readOwnerRequest(line: string): Result<OwnerRequest, Fault<'BadRequest'>> {
  const request = decode(parse(line));
  return request === undefined
    ? fail({
        code: 'BadRequest',
        message: 'This request is not understood.',
        mend: 'Use sidegate of the same version.',
      })
    : ok(request);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function decode(value: unknown): OwnerRequest | undefined {
  const { kind, approval, verdict, reason, which } = fieldsOf(value);
  switch (kind) {
    case 'Approvals':
    case 'Metrics':
      return { kind };
    case 'Decide':
      if (typeof approval !== 'string' || typeof reason !== 'string') return undefined;
      return verdict === 'Approve' || verdict === 'Refuse' ? { kind, approval, verdict, reason } : undefined;
    case 'Kill': {
      const selection = selectionOf(which);
      return selection === undefined || typeof reason !== 'string' ? undefined : { kind, which: selection, reason };
    }
    default:
      return undefined;
  }
}

/** Exactly one of session, subject and agent. */
function selectionOf(value: unknown): KillSelection | undefined {
  const { session, subject, agent, ...others } = fieldsOf(value);
  const given = [session, subject, agent].filter((one) => one !== undefined);
  if (given.length !== 1 || Object.keys(others).length > 0) return undefined;
  if (typeof session === 'string' && session !== '') return { session };
  if (typeof subject === 'string' && subject !== '') return { subject };
  return typeof agent === 'string' && agent !== '' ? { agent } : undefined;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
