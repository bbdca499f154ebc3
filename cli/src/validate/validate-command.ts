import { describeFault, type Snapshot } from '@sidegate/crds';
import { type Command, type Given, JSON_OPTION, type Terminal } from '../command.ts';
import { compileFolder, NO_MASK_KEY } from './compiled-folder.ts';
import { FOLDER_OPTION, folderOf } from './folder-option.ts';

/** `sidegate validate`: reads the files as `run` would and says what is wrong with them. */
export const VALIDATE_COMMAND: Command = {
  name: 'validate',
  summary: 'Reads the files as run would and says what is wrong with them.',
  options: { folder: FOLDER_OPTION, json: JSON_OPTION },
  details: `
Every fault is told at once, one a line: file:line field: what is wrong, and what to do about it. Exit code 1 when there is one.
With --json one object: {"kind":"Valid",...} or {"kind":"Refused","faults":[{"code","message","mend","file","line","field","where"}]}.`,
  run: validate,
};

async function validate(given: Given, terminal: Terminal): Promise<number> {
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
