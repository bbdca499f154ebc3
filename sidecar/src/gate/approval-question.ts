import { hash } from 'node:crypto';
import type { ApprovalTerms, Fault, HeldApproval } from '@sidegate/crds';
import { type ApprovalState, approvalsNeeded, type Identity, type RuleReference, ruleName } from '@sidegate/policy';
import type { CommandId, JudgedCommand } from '../protocols/protocol.ts';
import type { DoorNames } from './door-names.ts';
import { shownWords } from './opened-record.ts';

/** The longest text and binds together that an approver is shown, in UTF-16 units. Longer ones are refused: nobody approves what nobody saw. */
export const APPROVAL_TEXT_LENGTH_MAX = 16 * 1024;

/** The session that a held command came in. */
export interface AskingSession {
  readonly sessionId: string;
  readonly door: DoorNames;
  readonly identity: Identity;
  /** What the protocol says of the session: its database. */
  readonly details: Readonly<Record<string, string>>;
}

/** One command that a rule or limit wants a human to look at. */
export interface ApprovalQuestion {
  readonly session: AskingSession;
  readonly judged: JudgedCommand;
  readonly commandId: CommandId;
  /** A limit asks, not a rule: it may have the name of one. */
  readonly isLimit: boolean;
  /** Words of the agent's as its approvers may see them. */
  readonly shown: (text: string) => string;
  /** From {@link bindingOf}. */
  readonly binding: string;
  readonly by: RuleReference;
  readonly reason: string;
  readonly terms: ApprovalTerms;
  readonly policyVersion: string;
}

type ShownParts = Pick<ApprovalQuestion, 'judged' | 'shown'> & { readonly session: Pick<AskingSession, 'identity'> };

/** What the approver is shown, made once: masks may change while it waits, and what was seen must not. */
export interface ShownCommand {
  readonly text: string;
  readonly binds: readonly (string | null)[];
  readonly sha256: string;
  readonly claimed: Readonly<Record<string, string>>;
}

/** Faults TooLongToShow, Hidden. */
export function showCommand({ judged, session, shown }: ShownParts): ShownCommand | Fault<'TooLongToShow' | 'Hidden'> {
  if (judged.hidesWords?.() ?? hidesCode(judged)) {
    const message = 'More of it than values is masked or was not shown, so that no approver could see what it is.';
    const mend = 'Send it without what masks hide, which may stand in a file or a row instead.';
    return { code: 'Hidden', message, mend };
  }
  const text = [judged.maskedText(), ...sorted(judged.place ?? {}).map((words) => `-- with ${words.join(' ')}`)].join(
    '\n',
  );
  const binds = judged.maskedBinds().map((bind) => bind ?? null);
  const length = binds.reduce((sum, bind) => sum + (bind?.length ?? 0), text.length);
  if (length > APPROVAL_TEXT_LENGTH_MAX) {
    const message = `It has ${length} characters, too many to show an approver whole (${APPROVAL_TEXT_LENGTH_MAX}).`;
    return { code: 'TooLongToShow', message, mend: 'Split it into shorter commands.' };
  }
  const claimed = { ...shownWords(session.identity.claimed, shown), ...judged.claims };
  return { text, binds, sha256: hash('sha256', judged.wire, 'hex'), claimed };
}

/**
 * What an approval is bound to: what asked, the very bytes, and all that gives them their meaning. The same bytes mean something else at another
 * target, in another database, or when a name stands for another table by now.
 */
export function bindingOf(
  { door, details }: AskingSession,
  { wire, verbs, objects, definitions, place = {} }: JudgedCommand,
  asker: string,
): string {
  const names = [verbs, objects, ...(definitions === undefined ? [] : [definitions])];
  const meaning = JSON.stringify([asker, door.target, door.access, sorted(details), sorted(place), ...names]);
  return hash('sha256', Buffer.concat([Buffer.from(`${Buffer.byteLength(meaning)}\n${meaning}`), wire]), 'hex');
}

function sorted(words: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(words).toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** A held command as its approver sees it. */
export function describeApproval(
  state: ApprovalState,
  question: Omit<ApprovalQuestion, 'judged'>,
  shown: ShownCommand,
): HeldApproval {
  const { request, votes } = state;
  const { session, reason, terms, by } = question;
  const { issuer, subject, groups } = session.identity.verified;
  const { groups: approverGroups = [], subjects = [] } = terms.approvers;
  return {
    id: request.id,
    state: state.kind,
    session: session.sessionId,
    target: session.door.target,
    access: session.door.access,
    verified: groups === undefined ? { issuer, subject } : { issuer, subject, groups },
    ...shown,
    rule: ruleName(by),
    reason,
    approvers: { groups: approverGroups, subjects },
    needed: approvalsNeeded(request),
    votes: votes.map((vote) => ({
      user: vote.by.user,
      verdict: vote.verdict,
      reason: vote.reason,
      atMs: vote.atMs,
    })),
    grant: terms.grant ?? { scope: 'Command' },
    createdAtMs: request.createdAtMs,
    expiresAtMs: request.expiresAtMs,
  };
}

/** Where a command is not read whole, what masks take for a value may be code: a key with a command between its lines. */
function hidesCode(judged: JudgedCommand): boolean {
  const { complete, incomplete } = judged.command;
  return (!complete || incomplete.length > 0) && judged.maskedText() !== judged.text;
}
