import { describeFault, type Snapshot } from '@sidegate/crds';
import type { Given, Terminal } from '../command.ts';
import { compileFolder, NO_MASK_KEY } from './compiled-folder.ts';
import { folderOf } from './folder-option.ts';

/** Does what `sidegate validate` is asked to; resolves to the exit code. */
export async function validate(given: Given, terminal: Terminal): Promise<number> {
  const folder = folderOf(given, terminal);
  if (folder === undefined) return 2;
  const json = given.flag('json');
  const compiled = await compileFolder(folder, { maskKey: NO_MASK_KEY, environment: terminal.environment });
  if (!compiled.ok) {
    if (json) await terminal.out(`${JSON.stringify({ kind: 'Refused', faults: compiled.fault })}\n`);
    else for (const fault of compiled.fault) terminal.err(describeFault(fault));
    return 1;
  }
  const counts = countsOf(compiled.value.snapshot);
  if (json) await terminal.out(`${JSON.stringify({ kind: 'Valid', ...counts })}\n`);
  else await terminal.out(`${folder} is valid: ${describeCounts(counts)}.\n`);
  return 0;
}

interface Counts {
  readonly targets: number;
  readonly accesses: number;
  readonly policies: number;
  readonly doors: number;
}

function countsOf({ resources, doors }: Snapshot): Counts {
  const { targets, accesses, policies } = resources;
  return { targets: targets.length, accesses: accesses.length, policies: policies.length, doors: doors.length };
}

function describeCounts({ targets, accesses, policies, doors }: Counts): string {
  const parts = [
    [targets, 'Target', 'Targets'],
    [accesses, 'AgentAccess', 'AgentAccesses'],
    [policies, 'Policy', 'Policies'],
    [doors, 'door', 'doors'],
  ] as const;
  return parts.map(([count, one, many]) => `${count} ${count === 1 ? one : many}`).join(', ');
}
