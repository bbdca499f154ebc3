import type { CommandSummary } from '@sidegate/session/store';
import { printable } from './printable.ts';
import { showDuration, showTime } from './time.ts';

/** One command as lines for a person: what became of it, then its text and bind values. */
export function commandLines(command: CommandSummary): readonly string[] {
  const { commandId, atUs, decision, rule, reason, prepares } = command;
  const time = showTime(atUs).slice(11);
  const lines = [`#${commandId}  ${time}  ${printable(`${decision}  ${rule}`)}${outcomeText(command)}`];
  lines.push(
    ...printable(command.text, 'keep')
      .split('\n')
      .map((line) => `    ${line}`),
  );
  if (command.binds.length > 0) lines.push(`    with ${bindText(command)}`);
  if (reason !== '') lines.push(`    reason: ${printable(reason)}`);
  if (command.hold !== '') lines.push(`    waited: ${printable(command.hold)}${decidedText(command)}`);
  if (command.errorCode !== '') lines.push(`    error: ${printable(`${command.errorCode} ${command.errorText}`)}`);
  for (const observed of command.observed) lines.push(`    observed: ${printable(observed)}`);
  if (prepares !== '') lines.push(`    only prepared: ${printable(prepares)}`);
  if (!command.complete) lines.push('    not understood whole');
  const claimed = Object.entries(command.claimed).map(([key, value]) => `${key}=${value}`);
  if (claimed.length > 0) lines.push(`    claimed: ${printable(claimed.join(' '))}`);
  return lines;
}

function outcomeText(command: CommandSummary): string {
  const { outcome, tag, rows, durationUs, maskedValues, forwarded } = command;
  if (outcome === '') return forwarded ? '  running' : '';
  const parts = [printable(outcome)];
  if (tag !== '') parts.push(printable(tag));
  if (forwarded) parts.push(`${rows} ${rows === 1n ? 'row' : 'rows'}`, showDuration(durationUs));
  if (maskedValues > 0n) parts.push(`${maskedValues} masked`);
  return `  ${parts.join(', ')}`;
}

/** `$1 = 'a', $2 = NULL`. */
export function bindText({ binds }: Pick<CommandSummary, 'binds'>): string {
  const shown = binds.map(({ text }, at) => {
    const value = text === undefined ? 'NULL' : `'${printable(text).replaceAll("'", "''")}'`;
    return `$${at + 1} = ${value}`;
  });
  return shown.join(', ');
}

function decidedText({ decidedBy }: CommandSummary): string {
  return decidedBy.length === 0 ? '' : ` (${printable(decidedBy.join('; '))})`;
}
