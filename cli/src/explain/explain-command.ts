import { type Command, JSON_OPTION } from '../command.ts';
import { FOLDER_OPTION } from '../validate/folder-option.ts';

/** `sidegate explain`: which rule answers a command, and why. */
export const EXPLAIN_COMMAND: Command = {
  name: 'explain',
  summary: 'Says which rule answers a command, why, and what would change the answer.',
  words: 'COMMAND',
  wordCount: { least: 1, most: 1 },
  options: {
    folder: FOLDER_OPTION,
    target: { type: 'text', value: 'NS/NAME', summary: 'The Target; may be left out where there is one.' },
    access: { type: 'text', value: 'NS/NAME', summary: 'The AgentAccess; may be left out where there is one.' },
    subject: { type: 'text', value: 'SUBJECT', summary: 'Who asks.', default: 'somebody' },
    groups: { type: 'text', value: 'A,B', summary: 'The groups of who asks; without it they are not known.' },
    catalog: { type: 'text', value: 'FILE', summary: "The server's catalog, as --save-catalog wrote it." },
    live: { type: 'flag', summary: "Asks the Target's server for its catalog, as the gate does." },
    'save-catalog': { type: 'text', value: 'FILE', summary: 'Asks as --live does, and keeps the answer in a file.' },
    database: { type: 'text', value: 'NAME', summary: "The database; without it the Target's first." },
    forward: { type: 'flag', summary: 'COMMAND is HOST:PORT, where a forward of SSH is to lead.' },
    json: JSON_OPTION,
  },
  details: `
COMMAND is SQL, or for Redis what redis-cli takes. It is read by the gate's own program, and never sent to the server. Without a catalog (--live, --catalog) tables and functions are
judged by their names alone, and nothing is said of masks. Exit code 0 also for a command that is denied.
With --json one object: {"kind":"Explanation","explanation":{...},"masked":[...],"assumed":[...]}.`,
  run: async (given, terminal) => (await import('./explain.ts')).explain(given, terminal),
};
