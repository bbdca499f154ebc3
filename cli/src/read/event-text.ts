import { assertNever } from '@sidegate/crds';
import type { SessionEvent } from '@sidegate/session';
import { printable } from './printable.ts';
import { showBytes, showDuration } from './time.ts';

/** One event as one line for a person; undefined for those that only carry content. */
export function eventText(event: SessionEvent): string | undefined {
  const text = describe(event);
  return text === undefined ? undefined : printable(text);
}

function describe(event: SessionEvent): string | undefined {
  switch (event.kind) {
    case 'Opened': {
      const { verified, target, claimed } = event;
      const agent = claimed['agent'] === undefined ? '' : `, claims to be ${claimed['agent']}`;
      return `opened by ${verified.subject} to ${target.namespace}/${target.name}${agent}`;
    }
    case 'CommandJudged': {
      const { commandId, decision, rule, reason, text } = event;
      return `#${commandId} ${decision} (${rule}${reason === '' ? '' : `: ${reason}`})  ${text}`;
    }
    case 'HoldEnded': {
      const by = event.decidedBy.map(({ user }) => user).join(', ');
      return `#${event.commandId} waited: ${event.outcome}${by === '' ? '' : ` by ${by}`}`;
    }
    case 'CommandFinished': {
      const { commandId, outcome, tag, errorCode, errorText, rows, answerBytes, durationUs } = event;
      const error = errorCode === '' ? '' : ` ${errorCode} ${errorText}`;
      const counts = `${rows} rows, ${showBytes(answerBytes)}, ${showDuration(durationUs)}`;
      return `#${commandId} ${outcome}${tag === '' ? '' : ` ${tag}`}${error}  (${counts})`;
    }
    case 'Remark':
      return `remark ${event.code}: ${event.text}`;
    case 'Closed':
      return `closed: ${event.code}${event.reason === '' ? '' : `, ${event.reason}`}`;
    case 'CommandForwarded':
    case 'AnswerPart':
    case 'InputPart':
      return undefined;
    default:
      return assertNever(event);
  }
}
