import { randomBytes } from 'node:crypto';
import type { Snapshot } from '@sidegate/crds';
import { type ApprovalState, approvalRequestName } from '@sidegate/policy';
import { podDesk } from '../../sidecar/src/config/approval-link.ts';
import { ApprovalDesk } from '../../sidecar/src/gate/approval-desk.ts';
import type { ApprovalQuestion } from '../../sidecar/src/gate/approval-question.ts';

/** The desk of a gate in a pod. */
export function openPodDesk(podUid: string): ApprovalDesk {
  return new ApprovalDesk({
    nowMs: () => Date.now(),
    setTimer: (ms, act) => {
      const timer = setTimeout(act, ms).unref();
      return () => clearTimeout(timer);
    },
    random: (bytes) => randomBytes(bytes),
    ...podDesk(podUid),
  });
}

/** A command that waits at a desk, under the rule of the snapshot's Policy that asks. */
export interface HeldCommand {
  readonly id: string;
  /** Of its ApprovalRequest. */
  readonly name: string;
  /** Undefined while it waits. */
  readonly ended: () => ApprovalState | undefined;
}

/** Holds `text` as the gate of a pod does: for the first rule or limit of the snapshot's Policies that asks. `ended` hears the end at once. */
export function hold(
  desk: ApprovalDesk,
  podUid: string,
  { version, resources }: Snapshot,
  text: string,
  ended: () => void = () => {},
): HeldCommand {
  const asking = resources.policies.flatMap(({ metadata, spec }) => [
    ...(spec.rules ?? []).map((rule) => ({ metadata, isLimit: false, reason: '', ...rule })),
    ...(spec.limits ?? []).map((limit) => ({ metadata, isLimit: true, reason: 'used up', ...limit })),
  ]);
  const rule = asking.find(({ action }) => action === 'RequireApproval');
  if (rule?.approval === undefined) throw new Error('no rule asks');
  const { namespace = 'default', name } = rule.metadata;
  const question: ApprovalQuestion = {
    session: {
      sessionId: 'session-1',
      door: { target: { namespace: 'data', name: 'orders-db' }, access: { namespace: 'agents', name: 'bot' } },
      identity: {
        verified: {
          source: 'Token',
          issuer: 'corporate',
          subject: 'agent@corp',
          groups: ['support-agents'],
          expiresAtMs: Number.MAX_SAFE_INTEGER,
        },
        claimed: { task: 'clean up' },
      },
      details: {},
    },
    judged: {
      command: { protocol: 'Postgres', complete: true, incomplete: [], statements: [] },
      text,
      verbs: ['DELETE'],
      objects: [],
      wire: Buffer.from(text),
      claims: {},
      cacheKey: undefined,
      maskedText: () => text,
      maskedBinds: () => ["it's", undefined],
    },
    commandId: 7 as ApprovalQuestion['commandId'],
    isLimit: rule.isLimit,
    shown: (words) => words,
    binding: 'b'.repeat(64),
    by: { policy: { namespace, name }, rule: rule.name },
    reason: rule.reason,
    terms: rule.approval,
    policyVersion: version,
  };
  let end: ApprovalState | undefined;
  const asked = desk.ask(question, (state) => {
    end = state;
    ended();
  });
  if (!asked.ok) throw new Error(asked.fault.message);
  const { id } = asked.value;
  return { id, name: approvalRequestName(podUid, id), ended: () => end };
}
