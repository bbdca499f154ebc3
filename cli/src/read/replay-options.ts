import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { Given } from '../command.ts';

/** The number of a command; undefined when none was given. */
export function readCommandId(given: Given): Result<number | undefined, Fault<'BadCommand'>> {
  const text = given.text('command');
  if (text === undefined) return ok(undefined);
  if (/^#?[1-9]\d{0,14}$/u.test(text)) return ok(Number(text.replace('#', '')));
  const mend = 'Give its number, as sidegate show has it.';
  return fail({ code: 'BadCommand', message: `${text} is no command.`, where: '--command', mend });
}

/** Seconds, with a fraction or without; undefined when none were given. */
export function readSeconds(given: Given, option: string): Result<number | undefined, Fault<'BadSeconds'>> {
  const text = given.text(option);
  if (text === undefined) return ok(undefined);
  if (/^\d{1,6}(\.\d{1,3})?$/u.test(text)) return ok(Number(text));
  const mend = 'Give a number, 0 or above.';
  return fail({ code: 'BadSeconds', message: `${text} is no number of seconds.`, where: `--${option}`, mend });
}
