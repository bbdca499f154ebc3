import { printable } from '../../read/printable.ts';

/** What one check found. `why` and `mend` are phrases without a full stop. */
export type Finding =
  | { readonly level: 'ok'; readonly what: string }
  | { readonly level: 'warn' | 'fail'; readonly what: string; readonly why: string; readonly mend: string };

/** All is well. */
export function fine(what: string): Finding {
  return { level: 'ok', what };
}

/** It works, but somebody should look at it. */
export function warned(what: string, why: string, mend: string): Finding {
  return { level: 'warn', what, why, mend };
}

/** It does not work. */
export function failed(what: string, why: string, mend: string): Finding {
  return { level: 'fail', what, why, mend };
}

/** What cannot be read counts as failed: nobody knows whether it works. */
export function unread(what: string, message: string): Finding {
  return failed(what, `cannot be read: ${message}`, 'use an account that may read it');
}

const MARKS = { ok: 'ok   ', warn: 'warn ', fail: 'FAIL ' } as const;

/** A finding as one line for a person. What the cluster said is shown without control characters. */
export function findingLine(finding: Finding): string {
  const told = finding.level === 'ok' ? '' : `: ${finding.why}; ${finding.mend}`;
  return `${MARKS[finding.level]} ${printable(finding.what + told)}\n`;
}
