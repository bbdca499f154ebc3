import { fileURLToPath } from 'node:url';
import type { Snapshot } from '@sidegate/crds';
import { type Command, type Given, JSON_OPTION, type Terminal } from '../command.ts';
import { FOLDER_OPTION, folderOf } from '../validate/folder-option.ts';
import { runFolder } from './folder-run.ts';
import { describeEvent, type RunEvent } from './run-event.ts';
import { stateFolderOf } from './run-state.ts';

/** Gate and store are programs of their own, found beside this one. */
const PROGRAMS = {
  gate: fileURLToPath(new URL('../../../sidecar/src/main.ts', import.meta.url)),
  store: fileURLToPath(new URL('../../../store/src/main.ts', import.meta.url)),
};

/** `sidegate run`: gate and store on one machine. */
export const RUN_COMMAND: Command = {
  name: 'run',
  summary: 'Runs gate and store on one machine, on the resources of a folder.',
  options: {
    folder: FOLDER_OPTION,
    listen: {
      type: 'text',
      value: 'HOST',
      summary: 'Opens every door on a free port of this host, whatever the Configuration says.',
    },
    state: {
      type: 'text',
      value: 'DIR',
      summary:
        "Where records, spool and sockets are kept. Without it: SIDEGATE_STATE, or a folder of its own in the user's state folder.",
    },
    json: JSON_OPTION,
  },
  details: `
The files are watched: a change binds the next command of every open session, and files that are wrong change nothing. Ctrl-C or SIGTERM
ends both programs; a program that ends by itself is started again. Exit code 1 when they could not be started.
With --json one event a line: Started, Ready (listeners, ownerSocket, state), Applied, Refused (faults), Warning, Stopped.`,
  run,
};

async function run(given: Given, terminal: Terminal): Promise<number> {
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
    listen: given.text('listen'),
    programs: PROGRAMS,
    environment: terminal.environment,
    signal: terminal.signal,
    tell,
  });
  return well ? 0 : 1;
}
