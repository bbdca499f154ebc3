import { describeFault, type Fault } from '@sidegate/crds';
import { type Command, type CommandOption, type Given, JSON_OPTION, type Terminal } from '../command.ts';
import { jsonLine } from '../read/json-line.ts';
import { defaultStateFolder, runSocketIn } from '../state-folder.ts';

/** A command that asks a running `sidegate run`. `work` resolves to the exit code, or to the fault that kept it from its end. */
export interface OwnerCommand extends Omit<Command, 'run'> {
  work(socketPath: string, given: Given, terminal: Terminal): Promise<number | Fault>;
}

const OPTIONS: Readonly<Record<string, CommandOption>> = {
  json: JSON_OPTION,
  state: {
    type: 'text',
    value: 'DIR',
    summary: "Folder of sidegate run (SIDEGATE_STATE, or the user's state folder).",
  },
};

/** Makes a command of `sidegate` out of one that asks `sidegate run`: finds its socket, and tells faults. */
export function owningCommand(command: OwnerCommand): Command {
  return {
    ...command,
    options: { ...command.options, ...OPTIONS },
    async run(given, terminal) {
      const state = given.text('state') ?? defaultStateFolder(terminal.environment);
      const ended = await command.work(runSocketIn(state), given, terminal);
      if (typeof ended === 'number') return ended;
      if (given.flag('json')) await terminal.out(jsonLine({ kind: 'Fault', ...ended }));
      terminal.err(`sidegate: ${describeFault(ended)}`);
      return ended.code === 'Usage' ? 2 : 1;
    },
  };
}
