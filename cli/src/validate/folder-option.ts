import type { CommandOption, Given, Terminal } from '../command.ts';

/** The folder of resources that a command reads. */
export const FOLDER_OPTION: CommandOption = {
  type: 'text',
  value: 'DIR',
  short: 'f',
  summary: 'The folder (or file) with Targets, AgentAccesses, Policies, Secrets and the Configuration.',
};

/** The value of {@link FOLDER_OPTION}; undefined, and said on standard error, when it was not given. */
export function folderOf(given: Given, terminal: Terminal): string | undefined {
  const folder = given.text('folder');
  if (folder !== undefined && folder !== '') return folder;
  terminal.err('No folder of resources is named. Name one with -f DIR.');
  return undefined;
}
