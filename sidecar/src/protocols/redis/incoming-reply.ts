import type { MaskRules } from '@sidegate/policy';
import type { AnswerFlow } from './answer-flow.ts';
import type { AnswerPlan } from './answers.ts';
import { readInteger, TYPE } from './codec.ts';
import { type AnswerMasker, maskText } from './mask.ts';
import type { RunningCommand } from './running-command.ts';
import type { TopologyAnswer } from './topology-answer.ts';

/** Words of the protocol itself, in which nothing can be masked. */
const OWN_WORDS = new Set(['OK', 'QUEUED', 'PONG']);
const MESSAGE_PLAN: AnswerPlan = { kind: 'Message' };
export const UNKNOWN_PLAN: AnswerPlan = { kind: 'Plain' };

/** The reply that is coming in. */
export interface Incoming {
  /** Undefined: it comes unasked. */
  readonly command: RunningCommand | undefined;
  readonly flow: AnswerFlow;
  /** `subscribe`, `message` and the like; empty for a plain answer. */
  readonly event: string;
  /** It answers EXEC: each element is the answer to one command of the transaction. */
  readonly isTransaction: boolean;
  maskers:
    | { readonly element: number; readonly agent: AnswerMasker | undefined; readonly record: AnswerMasker | undefined }
    | undefined;
  /** It, or the element that is read, is written anew. */
  topology: TopologyAnswer | undefined;
  /** The channel of a confirmation. */
  channel: Uint8Array | undefined;
  error: string;
  isOk: boolean;
  status: string;
  /** Texts that limits count as names of keys, where its command gives any; in the answer to EXEC those of such commands alone. */
  names: number;
  elements: number | undefined;
}

export function incomingOf(command: RunningCommand | undefined, flow: AnswerFlow, event: string): Incoming {
  return {
    command,
    flow,
    event,
    isTransaction: command?.name === 'EXEC',
    maskers: undefined,
    topology: undefined,
    channel: undefined,
    error: '',
    isOk: true,
    status: '',
    names: 0,
    elements: undefined,
  };
}

/** What the server said in a line, or how much it gave. */
export function tagOf({ status, elements }: Incoming, masks: MaskRules): string {
  if (status === '') return elements === undefined ? '' : `${elements} elements`;
  return OWN_WORDS.has(status) ? status : maskText(status, masks);
}

/** How many names one value of an answer stands for, where its command gives any. */
export function namesIn(type: number, body: Uint8Array, isNull: boolean): number {
  if (type === TYPE.integer) return readInteger(body, 0, body.length) ?? 0;
  return type === TYPE.bulk && !isNull ? 1 : 0;
}

/** What limits count: names of keys that it gives, or keys that the command reads. */
export function rowsOf({ names, isTransaction }: Incoming, { plan, keysRead }: RunningCommand): number {
  return isTransaction || plan.kind === 'Names' ? names : keysRead;
}

export function planOf({ command, event }: Incoming): AnswerPlan {
  if (command === undefined) return event === '' ? UNKNOWN_PLAN : MESSAGE_PLAN;
  return command.plan;
}
