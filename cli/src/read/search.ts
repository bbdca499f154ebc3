import { commandLines } from './command-text.ts';
import { jsonLine } from './json-line.ts';
import { printable } from './printable.ts';
import type { ReadCommand } from './read-command.ts';
import { FILTER_OPTIONS, LIMIT_OPTION, readFilter, readLimit } from './session-filter.ts';
import { showTime } from './time.ts';

/** `sidegate search`: finds commands by their words. */
export const SEARCH: ReadCommand = {
  name: 'search',
  summary: 'Finds commands whose text, bind values or objects hold all the words.',
  words: 'WORDS ...',
  wordCount: { least: 1, most: 64 },
  options: { ...FILTER_OPTIONS, limit: LIMIT_OPTION },
  details: 'A word with * at its end is a beginning: "custom*". Newest first.',
  async work(client, given, terminal) {
    const filter = readFilter(given, Date.now());
    if (!filter.ok) return filter.fault;
    const limit = readLimit(given);
    if (!limit.ok) return limit.fault;
    const text = given.words.map((word) => (/\s/u.test(word) ? `"${word}"` : word)).join(' ');
    const ask = { text, filter: filter.value, limit: limit.value };
    const { commands, more } = await client.search(ask, { signal: terminal.signal });
    let sessionId = '';
    for (const command of commands) {
      if (given.flag('json')) {
        await terminal.out(jsonLine({ kind: 'Command', ...command }));
        continue;
      }
      if (command.sessionId !== sessionId) {
        const gap = sessionId === '' ? '' : '\n';
        sessionId = command.sessionId;
        await terminal.out(`${gap}session ${printable(sessionId)}, ${showTime(command.atUs).slice(0, 10)}\n`);
      }
      await terminal.out(`${commandLines(command).join('\n')}\n`);
    }
    if (commands.length === 0) terminal.err('No command fits.');
    if (more) terminal.err('There are more; narrow the search, or raise --limit.');
    return 0;
  },
};
