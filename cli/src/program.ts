import { describeFault } from '@sidegate/crds';
import type { Command, Terminal } from './command.ts';
import { commandHelp, parseCommand, programHelp } from './parse-command.ts';

/** Runs the command that the parameters name. Resolves to the exit code; 2: it was called wrongly. */
export async function runProgram(
  commands: readonly Command[],
  parameters: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [name, ...rest] = parameters;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    await terminal.out(programHelp(commands));
    return name === undefined ? 2 : 0;
  }
  const command = commands.find((one) => one.name === name);
  if (command === undefined) {
    terminal.err(`sidegate: There is no command ${name}. See sidegate --help.`);
    return 2;
  }
  const given = parseCommand(command, rest);
  if (!given.ok) {
    terminal.err(describeFault(given.fault));
    return 2;
  }
  if (given.value === undefined) {
    await terminal.out(commandHelp(command));
    return 0;
  }
  return command.run(given.value, terminal);
}
