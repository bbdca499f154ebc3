import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  assertNever,
  type Door,
  type FromGate,
  type GateAnswer,
  type GateQuestion,
  type HeldApproval,
  type ToGate,
} from '@sidegate/crds';
import { WAITING } from '../../owner/testing/waiting-approval.ts';

// Takes every snapshot, but for those with a Policy named `nack`; a door on any free port gets 40001. Ends before it answers once when the
// file `end-once` is in its state folder.
const state = process.argv[process.argv.indexOf('--state') + 1] ?? '';

function voteOf({ by, verdict, reason }: Extract<GateQuestion, { kind: 'Decide' }>): HeldApproval['votes'][number] {
  return { user: by.user, verdict, reason, atMs: 1 };
}

function send(reply: FromGate): void {
  process.send?.(reply);
}

/** One command waits, `k7m2p`; refusing it ends the gate, so that a question without an answer can be seen. */
function answer(id: number, question: GateQuestion): void {
  const fault = (code: string, message: string): GateAnswer => ({ kind: 'Fault', code, message });
  switch (question.kind) {
    case 'Approvals':
      send({ kind: 'Answer', id, answer: { kind: 'Approvals', approvals: [WAITING] } });
      break;
    case 'Decide':
      if (question.verdict === 'Refuse') process.exit(3);
      send({
        kind: 'Answer',
        id,
        answer:
          question.approval === WAITING.id
            ? { kind: 'Decided', approval: { ...WAITING, state: 'Approved', votes: [voteOf(question)] } }
            : fault('UnknownApproval', `Nothing is known of an approval ${question.approval}.`),
      });
      break;
    case 'Kill':
      send({
        kind: 'Answer',
        id,
        answer: { kind: 'Killed', sessions: 'session' in question.which ? [question.which.session] : [] },
      });
      break;
    case 'Metrics':
      send({ kind: 'Answer', id, answer: { kind: 'Metrics', text: 'sidegate_gate_sessions 1\n' } });
      break;
    default:
      assertNever(question);
  }
}

function listenerOf({ access, target, listen }: Door) {
  return { access, target, host: listen.host, port: listen.port === 0 ? 40_001 : listen.port };
}

process.on('message', (message: ToGate) => {
  if (message.kind === 'Stop') process.exit(0);
  if (message.kind === 'Question') {
    answer(message.id, message.question);
    return;
  }
  const once = join(state, 'end-once');
  if (existsSync(once)) {
    rmSync(once);
    process.exit(3);
  }
  const { version, nonce, resources, doors } = message.snapshot;
  if (resources.policies.some(({ metadata }) => metadata.name === 'nack')) {
    send({ kind: 'Nack', version, nonce, faults: [{ code: 'CannotListen', message: 'The port is taken.' }] });
  } else send({ kind: 'Ack', version, nonce, listeners: doors.map(listenerOf) });
});
process.on('disconnect', () => process.exit(0));
