import { assertNever, type Fault, type GateAnswer, type GateQuestion } from '@sidegate/crds';
import type { ApprovalDesk } from './gate/approval-desk.ts';
import type { Gate } from './gate/gate.ts';

export interface AnsweringGate {
  readonly gate: Pick<Gate, 'kill'>;
  readonly desk: ApprovalDesk;
  /** The Prometheus text exposition format. */
  readonly renderMetrics: () => Promise<string>;
}

/** Answers whoever supervises the gate. Who decides was looked at by then: only the owner reaches the supervisor. */
export async function answerQuestion(
  question: GateQuestion,
  { gate, desk, renderMetrics }: AnsweringGate,
): Promise<GateAnswer> {
  switch (question.kind) {
    case 'Approvals':
      return { kind: 'Approvals', approvals: desk.list() };
    case 'Decide': {
      const { approval, verdict, by, reason } = question;
      const decided = desk.decide(approval, verdict, by, reason);
      return decided.ok ? { kind: 'Decided', approval: decided.value } : faultAnswer(decided.fault);
    }
    case 'Kill':
      return { kind: 'Killed', sessions: gate.kill(question.which, question.by, question.reason) };
    case 'Metrics':
      return { kind: 'Metrics', text: await renderMetrics() };
    default:
      return assertNever(question);
  }
}

function faultAnswer({ code, message, mend }: Fault): GateAnswer {
  return { kind: 'Fault', code, message, ...(mend === undefined ? {} : { mend }) };
}
