import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { BudgetStore, KeptBudgets } from '../gate/kept-budgets.ts';

export type BudgetFileFault = Fault<'BudgetsUnreadable'>;

/**
 * What agents have spent, in one small file of the gate's state folder. Written before anything is spent that it does not cover yet, at once and
 * to the disk: some fifty times in the window of a limit. A file that is there and cannot be read is a fault: nobody knows what is left.
 */
export function openBudgetFile(folder: string): Result<BudgetStore, BudgetFileFault> {
  const path = join(folder, 'budgets.json');
  const found = read(path);
  if (!found.ok) return found;
  return ok({ found: found.value, write: (kept) => write(path, JSON.stringify(kept)) });
}

function read(path: string): Result<KeptBudgets, BudgetFileFault> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (Array.isArray(value)) return ok(value as KeptBudgets);
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return ok([]);
  }
  const message = 'What agents have spent of their limits cannot be read, so nothing is left of them.';
  return fail({ code: 'BudgetsUnreadable', message, where: path, mend: 'Delete the file: every limit begins anew.' });
}

function write(path: string, text: string): boolean {
  try {
    const file = openSync(`${path}.new`, 'w', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
    return true;
  } catch {
    return false;
  }
}
