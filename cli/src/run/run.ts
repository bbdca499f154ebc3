import type { Snapshot } from '@sidegate/crds';
import { programBeside } from '../beside.ts';
import type { Given, Terminal } from '../command.ts';
import { folderOf } from '../validate/folder-option.ts';
import { runFolder } from './folder-run.ts';
import { describeEvent, type RunEvent } from './run-event.ts';
import { stateFolderOf } from './run-state.ts';

/** Gate and store are programs of their own, found beside this one. */
const PROGRAMS = {
  gate: programBeside('sidecar/src/main.ts', 'gate'),
  store: programBeside('store/src/main.ts', 'store'),
};

/** The gate's own reading of SQL and catalogs, as a program that is started when it is needed. */
const EXPLAIN_PROGRAM = programBeside('sidecar/src/explain-program.ts', 'explain');

/** Does what `sidegate run` is asked to; resolves to the exit code. */
export async function run(given: Given, terminal: Terminal): Promise<number> {
  const folder = folderOf(given, terminal);
  if (folder === undefined) return 2;
  const json = given.flag('json');
  const tell = (event: RunEvent, snapshot: Snapshot | undefined): void => {
    if (json) void terminal.out(`${JSON.stringify(event)}\n`);
    else if (event.kind === 'Refused' || event.kind === 'Warning') {
      for (const line of describeEvent(event, snapshot)) terminal.err(line);
    } else
      void terminal.out(
        describeEvent(event, snapshot)
          .map((line) => `${line}\n`)
          .join(''),
      );
  };
  const well = await runFolder({
    folder,
    stateFolder: given.text('state') ?? stateFolderOf(folder, terminal.environment),
    trustFolder: given.text('trust'),
    listen: given.text('listen'),
    programs: PROGRAMS,
    explainProgram: EXPLAIN_PROGRAM,
    environment: terminal.environment,
    signal: terminal.signal,
    tell,
  });
  return well ? 0 : 1;
}
