import { type Command, JSON_OPTION } from '../command.ts';
import { FOLDER_OPTION } from '../validate/folder-option.ts';

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
    trust: {
      type: 'text',
      value: 'DIR',
      summary:
        'Where agents read by what they know the gate: ca.pem for TLS, ssh_known_hosts for SSH. Without it: trust in the state folder, where other users cannot read.',
    },
    json: JSON_OPTION,
  },
  details: `
The files are watched: a change binds the next command of every open session, and files that are wrong change nothing. Ctrl-C or SIGTERM
ends both programs; a program that ends by itself is started again. Exit code 1 when they could not be started.
With --json one event a line: Started, Ready (listeners, ownerSocket, state, trust), Applied, Refused (faults), Warning, Stopped.`,
  run: async (given, terminal) => (await import('./run.ts')).run(given, terminal),
};
