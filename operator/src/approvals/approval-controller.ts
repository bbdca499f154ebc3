import { API_VERSION, type ApprovalRequest, POD_ANNOTATION, POD_UID_LABEL } from '@sidegate/crds';
import type { ApprovalVote } from '@sidegate/policy';
import type { LimitAccount } from '@sidegate/policy/control';
import type { GateSession } from '../control/gate-session.ts';
import type { Finding, Judge } from '../controllers/status-controller.ts';
import {
  type ApprovalStanding,
  type Decided,
  type GateWord,
  judgeApprovalRequest,
} from '../judging/approval-request.ts';
import { isLive, type Pod } from '../kinds.ts';
import type { ApiClient } from '../kube/api-client.ts';
import type { ApiObject } from '../kube/api-object.ts';
import type { ObjectIndex } from '../kube/object-index.ts';
import type { Timing } from '../kube/timing.ts';
import type { Outcome } from '../kube/work-queue.ts';
import type { ApproverNames } from './approver-names.ts';
import { isSameRequest } from './held-request.ts';
import type { HoldBoard, OpenHold } from './hold-board.ts';

export interface ApprovalControllerOptions {
  readonly client: ApiClient;
  readonly timing: Timing;
  readonly board: HoldBoard;
  readonly names: ApproverNames;
  /** The ApprovalRequests of the cluster, as last seen. */
  readonly requests: ObjectIndex<ApiObject>;
  /** The pods of a namespace; undefined while they are not read. */
  readonly podsIn: (namespace: string) => ObjectIndex<Pod> | undefined;
  /** The UID of a Policy. */
  readonly policyUid: (key: string) => string | undefined;
  /** Writes the conditions of one request: `ApprovalRequest namespace/name`. */
  readonly writeStatus: (work: string, signal: AbortSignal) => Promise<Outcome>;
  /** Makes a limit as good as new, once for each approval; false: not now. */
  readonly renewLimit: (limit: LimitAccount, approval: string, session: GateSession) => Promise<boolean>;
  readonly trouble: (what: string) => void;
}

const TTL_SECONDS = 86_400;
/** What nobody voted on says little, and agents can make much of it: it is kept no longer than this, in seconds. */
const UNVOTED_SECONDS: Readonly<Partial<Record<Decided, number>>> = { Withdrawn: 60, Expired: 3_600 };
/** An object that was just made is seen this soon, in milliseconds. */
const SEEN_MS = 1_000;
const DONE: Outcome = { kind: 'Done' };

/** Makes an ApprovalRequest of each held command, tells the gate what people decided, and deletes what is over for long. */
export class ApprovalController implements Judge {
  readonly kind = 'ApprovalRequest';
  readonly plural = 'approvalrequests';
  readonly #options: ApprovalControllerOptions;

  constructor(options: ApprovalControllerOptions) {
    this.#options = options;
  }

  keys(): readonly string[] {
    const { requests, board } = this.#options;
    const objects = requests.all.map(({ metadata: { namespace = 'default', name } }) => `${namespace}/${name}`);
    return [...new Set([...objects, ...board.keys()])];
  }

  judge(key: string): Finding | undefined {
    const object = this.#options.requests.get(key);
    if (object === undefined) return undefined;
    const { verdicts } = this.#standing(object);
    return { object, generation: object.metadata.generation ?? 1, verdicts };
  }

  async work(key: string, signal: AbortSignal): Promise<Outcome> {
    const { requests, board, writeStatus } = this.#options;
    const object = requests.get(key);
    const hold = board.get(key);
    if (object === undefined) return hold === undefined ? DONE : this.#make(hold, signal);
    if (hold !== undefined) {
      hold.seen = true;
      if (!isSameRequest(asRequest(object).spec, hold.request.spec)) {
        board.turnAway(hold, `There is another ApprovalRequest of the name ${key}.`);
        return DONE;
      }
    }
    const standing = this.#standing(object);
    // The gate must have its new share before it hears the last word: then it judges the command again.
    if (hold?.limit !== undefined && standing.decided === 'Approved' && hold.told.size < standing.votes.length) {
      const renewed = await this.#options.renewLimit(hold.limit, object.metadata.uid, hold.session);
      if (!renewed) return { kind: 'Again', why: 'The limit cannot be renewed yet.' };
    }
    const written = await writeStatus(`${this.kind} ${key}`, signal);
    if (written.kind === 'Again') return written;
    if (hold !== undefined) this.#tell(hold, standing);
    return this.#later(object, standing, signal);
  }

  #standing(object: ApiObject): ApprovalStanding {
    const { names, timing } = this.#options;
    return judgeApprovalRequest(asRequest(object), { nowMs: timing.nowMs(), names, word: this.#wordOf(object) });
  }

  #wordOf({ metadata: { name, labels = {}, annotations = {} } }: ApiObject): GateWord {
    const { board, podsIn } = this.#options;
    const uid = labels[POD_UID_LABEL] ?? '';
    const word = board.wordOf(uid, name);
    if (word.kind !== 'Silent') return word;
    const place = annotations[POD_ANNOTATION] ?? '';
    const pods = podsIn(place.slice(0, place.indexOf('/')));
    const pod = pods?.get(place);
    const gone = pods !== undefined && (pod?.metadata.uid !== uid || !isLive(pod));
    return gone ? { kind: 'Lost', reason: 'The pod that asked has ended.' } : word;
  }

  async #make(hold: OpenHold, signal: AbortSignal): Promise<Outcome> {
    const { client, board, policyUid, trouble } = this.#options;
    const { metadata, spec } = hold.request;
    if (hold.seen) {
      board.turnAway(hold, 'Its ApprovalRequest was deleted.');
      return DONE;
    }
    const uid = policyUid(`${spec.policyRef.namespace}/${spec.policyRef.name}`);
    const owner = { apiVersion: API_VERSION, kind: 'Policy', name: spec.policyRef.name, uid };
    const made = await client.request({
      method: 'POST',
      path: `/apis/${API_VERSION}/namespaces/${metadata.namespace}/${this.plural}`,
      body: { ...hold.request, metadata: uid === undefined ? metadata : { ...metadata, ownerReferences: [owner] } },
      signal,
    });
    if (made.ok || made.fault.code === 'AlreadyExists')
      return { kind: 'Again', why: 'It was made and is not seen yet.', afterMs: SEEN_MS };
    const { code, message, retryAfterMs } = made.fault;
    if (code === 'Invalid' || code === 'NotFound' || code === 'Refused') {
      trouble(`An ApprovalRequest cannot be made: ${message}`);
      board.turnAway(hold, 'The cluster does not take the request.');
      return DONE;
    }
    return { kind: 'Again', why: message, ...(retryAfterMs === undefined ? {} : { afterMs: retryAfterMs }) };
  }

  /** Passes on what people decided, each word once a stream, also approvals that are not enough yet; what can be decided no more is refused. */
  #tell(hold: OpenHold, { decided, votes }: ApprovalStanding): void {
    const { board } = this.#options;
    if (decided === 'Expired' || decided === 'Withdrawn') return board.turnAway(hold, 'Its time is over.');
    const verdict = decided === 'Denied' ? 'Refuse' : 'Approve';
    const counted = votes.filter((vote) => vote.verdict === verdict);
    if (decided === 'Denied' && counted.length === 0) return board.turnAway(hold, 'It was denied before.');
    for (const vote of counted) {
      if (hold.told.has(vote.by.user)) continue;
      hold.told.add(vote.by.user);
      hold.session.say({ case: 'vote', value: sentenceOf(hold.id, vote) });
    }
  }

  /** When to look again: at its expiry, and when it has been kept long enough. */
  async #later(object: ApiObject, standing: ApprovalStanding, signal: AbortSignal): Promise<Outcome> {
    const { client, timing } = this.#options;
    const { spec, status } = asRequest(object);
    const nowMs = timing.nowMs();
    const at = (ms: number, why: string): Outcome => ({ kind: 'Again', why, afterMs: Math.max(100, ms - nowMs) });
    if (!standing.finished) {
      const expiresAtMs = Date.parse(spec.expiresAt) || 0;
      return at(nowMs < expiresAtMs ? expiresAtMs : nowMs + 60_000, 'It waits for people.');
    }
    const ready = status?.conditions?.find(({ type, status: holds }) => type === 'Ready' && holds === 'True');
    // The condition was written just now and comes back by the watch.
    if (ready === undefined) return DONE;
    const seconds = keptSeconds(standing, spec.ttlSecondsAfterFinished);
    const endMs = Date.parse(ready.lastTransitionTime) + seconds * 1_000;
    if (nowMs < endMs) return at(endMs, 'It is kept for a while.');
    const { namespace = 'default', name, uid } = object.metadata;
    const deleted = await client.request({
      method: 'DELETE',
      path: `/apis/${API_VERSION}/namespaces/${namespace}/${this.plural}/${name}`,
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } },
      signal,
    });
    if (deleted.ok || deleted.fault.code === 'NotFound' || deleted.fault.code === 'Conflict') return DONE;
    return { kind: 'Again', why: deleted.fault.message };
  }
}

/** How long a finished request is kept, in seconds. */
export function keptSeconds(
  { decided, votes }: Pick<ApprovalStanding, 'decided' | 'votes'>,
  ttl = TTL_SECONDS,
): number {
  return votes.length > 0 ? ttl : Math.min(ttl, UNVOTED_SECONDS[decided] ?? ttl);
}

function sentenceOf(hold: string, { by, verdict, reason }: ApprovalVote) {
  const subject = by.subject === undefined ? {} : { subject: by.subject };
  return { hold, user: by.user, ...subject, groups: [...by.groups], approves: verdict === 'Approve', reason };
}

/** The API server holds objects to the schema. */
function asRequest(object: ApiObject): ApprovalRequest {
  return object as unknown as ApprovalRequest;
}
