/** A condition as `metav1.Condition` has it. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason: string;
  /** One sentence, for people. */
  readonly message: string;
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** What a judge says of one type. */
export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The longest message that the API takes, in characters. */
const MESSAGE_CHARACTERS_MAX = 32_768;

/** The conditions after `verdicts`: the time of a transition changes only when the status does. */
export function nextConditions(
  before: readonly Condition[],
  verdicts: readonly Verdict[],
  observedGeneration: number,
  nowMs: number,
): readonly Condition[] {
  const now = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
  return verdicts.map((verdict) => {
    const old = before.find(({ type }) => type === verdict.type);
    const lastTransitionTime = old?.status === verdict.status ? old.lastTransitionTime : now;
    const message = verdict.message.slice(0, MESSAGE_CHARACTERS_MAX);
    return { ...verdict, message, observedGeneration, lastTransitionTime };
  });
}

/** True when writing `after` would say nothing new. */
export function sameConditions(before: readonly Condition[], after: readonly Condition[]): boolean {
  const facts = (conditions: readonly Condition[]): string =>
    conditions
      .map((one) => JSON.stringify([one.type, one.status, one.reason, one.message, one.observedGeneration]))
      .toSorted((a, b) => (a < b ? -1 : 1))
      .join();
  return facts(before) === facts(after);
}
