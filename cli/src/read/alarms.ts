import type { Alarm } from '@sidegate/session/store';
import { jsonLine } from './json-line.ts';
import type { ReadCommand } from './read-command.ts';
import { LIMIT_OPTION, readLimit } from './session-filter.ts';
import { type Column, tableLines } from './table.ts';
import { showTime } from './time.ts';

const COLUMNS: readonly Column<Alarm>[] = [
  { title: 'TIME', value: ({ atUs }) => showTime(atUs).slice(0, 19) },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'EVENT', value: ({ sequence }) => (sequence === 0n ? '' : String(sequence)), align: 'right' },
  { title: 'MENDED', value: ({ resolvedUs }) => showTime(resolvedUs).slice(0, 19) },
  { title: 'WHAT', value: ({ text, evidence }) => (evidence === '' ? text : `${text} Kept as evidence/${evidence}.`) },
];

/** `sidegate alarms`: what is wrong with records. */
export const ALARMS: ReadCommand = {
  name: 'alarms',
  summary: 'Lists what is wrong with records: forks, gaps, damage, unknown tails. Newest first.',
  words: '[SESSION]',
  wordCount: { least: 0, most: 1 },
  options: { limit: LIMIT_OPTION },
  async work(client, given, terminal) {
    const limit = readLimit(given);
    if (!limit.ok) return limit.fault;
    const ask = { sessionId: given.words[0] ?? '', limit: limit.value };
    const { alarms } = await client.listAlarms(ask, { signal: terminal.signal });
    if (given.flag('json')) for (const alarm of alarms) await terminal.out(jsonLine(alarm));
    else if (alarms.length === 0) terminal.err('There are no alarms.');
    else await terminal.out(`${tableLines(COLUMNS, alarms, undefined).join('\n')}\n`);
    return 0;
  },
};
