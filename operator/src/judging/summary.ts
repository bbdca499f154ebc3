import type { Verdict } from '../kube/conditions.ts';

/** The summary condition Ready in front of the others: the first that does not hold says why. */
export function withSummary(verdicts: readonly Verdict[], fine: string): readonly Verdict[] {
  const worst =
    verdicts.find(({ status }) => status === 'False') ?? verdicts.find(({ status }) => status === 'Unknown');
  const ready: Verdict =
    worst === undefined
      ? { type: 'Ready', status: 'True', reason: 'Ready', message: fine }
      : { type: 'Ready', status: worst.status, reason: worst.reason, message: worst.message };
  return [ready, ...verdicts];
}

/** At most `most` of the texts as one, and how many more there are. */
export function listed(texts: readonly string[], most = 5): string {
  const rest = texts.length - most;
  return rest > 0 ? `${texts.slice(0, most).join(' ')} And ${rest} more.` : texts.join(' ');
}
