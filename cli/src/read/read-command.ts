import { describeFault, type Fault } from '@sidegate/crds';
import { type Command, type CommandOption, type Given, JSON_OPTION, type Terminal } from '../command.ts';
import { defaultStoreSocket, ownerSocketIn } from '../state-folder.ts';
import { callFault, connectStore, type StoreClient } from '../store-client.ts';
import { jsonLine } from './json-line.ts';

/** A command that reads a store. `work` resolves to the exit code, or to the fault that kept it from its end. */
export interface ReadCommand extends Omit<Command, 'run'> {
  work(client: StoreClient, given: Given, terminal: Terminal): Promise<number | Fault>;
}

const STORE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  json: JSON_OPTION,
  state: {
    type: 'text',
    value: 'DIR',
    summary: "Folder of sidegate run (SIDEGATE_STATE, or the user's state folder).",
  },
  socket: {
    type: 'text',
    value: 'PATH',
    summary: "The store's owner socket, when it stands elsewhere (SIDEGATE_STORE_SOCKET).",
  },
};

/** Makes a command of `sidegate` out of one that reads a store: finds the store, and tells faults. */
export function readingCommand(command: ReadCommand): Command {
  return {
    ...command,
    options: { ...command.options, ...STORE_OPTIONS },
    async run(given, terminal) {
      const state = given.text('state');
      const usual = state === undefined ? defaultStoreSocket(terminal.environment) : ownerSocketIn(state);
      const connection = await connectStore(given.text('socket') ?? usual);
      if (!connection.ok) return tell(connection.fault, given, terminal);
      try {
        const ended = await command.work(connection.value.client, given, terminal);
        return typeof ended === 'number' ? ended : await tell(ended, given, terminal);
      } catch (error) {
        const fault = callFault(error);
        return fault === undefined ? 0 : await tell(fault, given, terminal);
      } finally {
        connection.value.close();
      }
    },
  };
}

/** Tells a fault to the person, and to the program that reads standard output. Returns the exit code. */
async function tell(fault: Fault, given: Given, terminal: Terminal): Promise<number> {
  if (given.flag('json')) await terminal.out(jsonLine({ kind: 'Fault', ...fault }));
  terminal.err(`sidegate: ${describeFault(fault)}`);
  return fault.code.startsWith('Bad') ? 2 : 1;
}
