import { BackOff } from '@sidegate/crds';
import type { ApiClient } from './kube/api-client.ts';
import type { Timing } from './kube/timing.ts';

/** The label of the replica that leads. The Service of the control stream selects it: only the leader knows all gates. */
export const LEADER_LABEL = 'sidegate.dev/leader';

export interface LeaderMarkOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly namespace: string;
  /** The pod that this replica is. */
  readonly pod: string;
  readonly trouble: (what: string) => void;
}

/** How long one attempt to take the mark away may last, in milliseconds; the second while the replica ends. */
const ATTEMPT_MS = 10_000;
const LAST_ATTEMPT_MS = 2_000;

/** Labels our pod for as long as `leading` lasts. A mark that a dead replica left goes with its pod. `until`: the replica ends. */
export async function markLeader(options: LeaderMarkOptions, leading: AbortSignal, until: AbortSignal): Promise<void> {
  const { timing, trouble } = options;
  const backOff = new BackOff(200, 10_000, () => timing.random());
  while (!leading.aborted) {
    const fault = await setMark(options, 'true', leading);
    // A request that was cut may have been acted upon, so the mark is taken away in any case.
    if (fault === undefined || leading.aborted) break;
    trouble(`The leader cannot be labelled: ${fault}`);
    await timing.pause(backOff.next(), leading);
  }
  await new Promise<void>((resolve) => {
    if (leading.aborted) resolve();
    else leading.addEventListener('abort', () => resolve(), { once: true });
  });
  await clearMark(options, until);
}

/**
 * Takes the mark away, however often it takes: also one that this pod has from before its container was started again. Whoever does not lead and has
 * the mark gets a part of all gates, and sends them away. Once the replica ends one more attempt is made.
 */
export async function clearMark(options: LeaderMarkOptions, until: AbortSignal): Promise<void> {
  const { timing, trouble } = options;
  const backOff = new BackOff(200, 10_000, () => timing.random());
  for (;;) {
    const isLast = until.aborted;
    const [late, done] = [new AbortController(), new AbortController()];
    void timing.pause(isLast ? LAST_ATTEMPT_MS : ATTEMPT_MS, done.signal).then(() => late.abort());
    const fault = await setMark(options, null, late.signal);
    done.abort();
    if (fault === undefined || isLast) return;
    trouble(`The label of the leader cannot be taken away: ${fault}`);
    await timing.pause(backOff.next(), until);
  }
}

async function setMark(
  { client, namespace, pod }: LeaderMarkOptions,
  value: string | null,
  signal: AbortSignal,
): Promise<string | undefined> {
  const written = await client.request({
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/pods/${pod}`,
    contentType: 'application/merge-patch+json',
    body: { metadata: { labels: { [LEADER_LABEL]: value } } },
    signal,
  });
  // A pod that is gone has no mark.
  return written.ok || (value === null && written.fault.code === 'NotFound') ? undefined : written.fault.message;
}
