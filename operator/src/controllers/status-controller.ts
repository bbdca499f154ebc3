import { API_VERSION } from '@sidegate/crds';
import type { ApiClient } from '../kube/api-client.ts';
import type { ApiFault } from '../kube/api-fault.ts';
import type { ApiObject } from '../kube/api-object.ts';
import { apply } from '../kube/apply.ts';
import { type Condition, nextConditions, sameConditions, type Verdict } from '../kube/conditions.ts';
import type { EventSeries } from '../kube/event-series.ts';
import type { Timing } from '../kube/timing.ts';
import type { Outcome } from '../kube/work-queue.ts';

/** What the judge of one kind found about one object. */
export interface Finding {
  readonly object: ApiObject;
  readonly generation: number;
  readonly verdicts: readonly Verdict[];
  readonly counts?: Readonly<Record<string, number>>;
}

/** One kind, gathered and judged; undefined when there is no such object any more. */
export interface Judge {
  readonly kind: 'Target' | 'AgentAccess' | 'Policy' | 'ApprovalRequest';
  readonly plural: string;
  judge(key: string): Finding | undefined;
  keys(): readonly string[];
}

export interface StatusControllerOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly events: EventSeries;
  readonly judges: readonly Judge[];
}

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[];
  readonly [count: string]: unknown;
}

/** What comes and goes by itself as pods do: no event is worth it. */
const FLEETING: readonly string[] = ['Pending', 'NotConnected', 'NotKnownYet', 'NoGates', 'Waiting', 'TellingGate'];

/** Judges objects and writes what was found into their status, when it says something new. */
export class StatusController {
  readonly #options: StatusControllerOptions;

  constructor(options: StatusControllerOptions) {
    this.#options = options;
  }

  /** The keys of all objects there are: `Kind namespace/name`. */
  keys(): readonly string[] {
    return this.#options.judges.flatMap((judge) => judge.keys().map((key) => `${judge.kind} ${key}`));
  }

  async work(work: string, signal: AbortSignal): Promise<Outcome> {
    const [kind = '', key = ''] = work.split(' ');
    const judge = this.#options.judges.find((one) => one.kind === kind);
    const finding = judge?.judge(key);
    if (judge === undefined || finding === undefined) return { kind: 'Done' };
    const before = statusOf(finding.object);
    const after = nextConditions(
      before.conditions ?? [],
      finding.verdicts,
      finding.generation,
      this.#options.timing.nowMs(),
    );
    if (isSame(before, after, finding)) return { kind: 'Done' };
    const written = await this.#write(judge, finding, after, signal);
    if (!written.ok) return outcomeOf(written.fault);
    await this.#tell(finding, before.conditions ?? [], after, signal);
    return { kind: 'Done' };
  }

  #write(
    judge: Judge,
    { object, generation, counts = {} }: Finding,
    conditions: readonly Condition[],
    signal: AbortSignal,
  ): ReturnType<typeof apply> {
    const { name, namespace = 'default', uid } = object.metadata;
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/${judge.plural}/${name}/status`;
    const body = {
      apiVersion: API_VERSION,
      kind: judge.kind,
      // With the UID a name that was made anew meanwhile is left alone.
      metadata: { name, namespace, uid },
      status: { observedGeneration: generation, conditions, ...counts },
    };
    return apply(this.#options.client, path, body, signal);
  }

  async #tell(
    { object }: Finding,
    before: readonly Condition[],
    after: readonly Condition[],
    signal: AbortSignal,
  ): Promise<void> {
    const [was, is] = [before, after].map((conditions) => conditions.find(({ type }) => type === 'Ready'));
    if (is === undefined || FLEETING.includes(is.reason) || (was?.status === is.status && was.reason === is.reason))
      return;
    const type = is.status === 'False' ? 'Warning' : 'Normal';
    await this.#options.events.tell({ about: object, type, reason: is.reason, message: is.message }, signal);
  }
}

function statusOf(object: ApiObject): Status {
  const { status } = object;
  return typeof status === 'object' && status !== null ? { ...status } : {};
}

function isSame(before: Status, after: readonly Condition[], { generation, counts = {} }: Finding): boolean {
  return (
    before.observedGeneration === generation &&
    sameConditions(before.conditions ?? [], after) &&
    Object.entries(counts).every(([name, count]) => before[name] === count)
  );
}

/** An object that is gone or was made anew needs no status from before. */
function outcomeOf({ code, message, retryAfterMs }: ApiFault): Outcome {
  if (code === 'NotFound' || code === 'Conflict') return { kind: 'Done' };
  return { kind: 'Again', why: message, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) };
}
