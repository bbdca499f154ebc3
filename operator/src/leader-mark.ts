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

/** Labels our pod for as long as `leading` lasts. A mark that a dead replica left goes with its pod. */
export async function markLeader(options: LeaderMarkOptions, leading: AbortSignal): Promise<void> {
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
  const late = new AbortController();
  const done = new AbortController();
  void timing.pause(2_000, done.signal).then(() => late.abort());
  await setMark(options, null, late.signal);
  done.abort();
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
  return written.ok ? undefined : written.fault.message;
}
