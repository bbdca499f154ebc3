import { create } from '@bufbuild/protobuf';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { type SessionFilter, SessionFilterSchema } from '@sidegate/session/store';
import type { CommandOption, Given } from '../command.ts';
import { readTime } from './time.ts';

export const FILTER_OPTIONS: Readonly<Record<string, CommandOption>> = {
  target: { type: 'text', value: 'NAME', summary: 'Only this Target: NAMESPACE/NAME, or the name alone.' },
  subject: { type: 'text', value: 'SUBJECT', summary: 'Only this verified subject.' },
  agent: { type: 'text', value: 'NAME', summary: 'Only sessions that claim this agent.' },
  run: { type: 'text', value: 'RUN', summary: 'Only sessions that claim this run.' },
  decision: { type: 'text', value: 'DECISION', summary: 'With a command so decided: Allow, Deny, RequireApproval.' },
  since: { type: 'text', value: 'TIME', summary: 'Not over before then: 30m, 2h, 3d ago, or 2026-11-28T20:00:00Z.' },
  until: { type: 'text', value: 'TIME', summary: 'Begun before then.' },
};

const DECISIONS: readonly string[] = ['Allow', 'Deny', 'RequireApproval'];

/** Reads the flags of `FILTER_OPTIONS`. Faults: BadTime, BadDecision. */
export function readFilter(given: Given, nowMs: number): Result<SessionFilter, Fault<'BadTime' | 'BadDecision'>> {
  const decision = given.text('decision') ?? '';
  if (decision !== '' && !DECISIONS.includes(decision)) {
    const message = `${decision} is no decision.`;
    return fail({ code: 'BadDecision', message, where: '--decision', mend: `Give ${DECISIONS.join(', ')}.` });
  }
  const times: bigint[] = [];
  for (const option of ['since', 'until']) {
    const text = given.text(option);
    const time = text === undefined ? ok(0) : readTime(text, nowMs);
    if (!time.ok) return fail({ ...time.fault, where: `--${option}` });
    times.push(BigInt(Math.floor(time.value)));
  }
  return ok(
    create(SessionFilterSchema, {
      target: given.text('target') ?? '',
      subject: given.text('subject') ?? '',
      agent: given.text('agent') ?? '',
      run: given.text('run') ?? '',
      decision,
      sinceUs: times[0] ?? 0n,
      untilUs: times[1] ?? 0n,
    }),
  );
}

export const LIMIT_OPTION: CommandOption = { type: 'text', value: 'N', summary: 'At most so many.', default: '100' };

/** Reads `--limit`. Fault: BadLimit. */
export function readLimit(given: Given): Result<number, Fault<'BadLimit'>> {
  const text = given.text('limit') ?? '100';
  if (/^[1-9]\d{0,6}$/u.test(text)) return ok(Number(text));
  return fail({
    code: 'BadLimit',
    message: `${text} is no number of lines.`,
    where: '--limit',
    mend: 'Give 1 or more.',
  });
}
