import type { Reading } from '@sidegate/session/store';
import { jsonLine } from './json-line.ts';
import type { ReadCommand } from './read-command.ts';
import { LIMIT_OPTION, readLimit } from './session-filter.ts';
import { type Column, tableLines } from './table.ts';
import { showTime } from './time.ts';

const COLUMNS: readonly Column<Reading>[] = [
  { title: 'TIME', value: ({ atUs }) => showTime(atUs).slice(0, 19) },
  { title: 'READER', value: ({ reader }) => reader },
  { title: 'ACTION', value: ({ action }) => action },
  { title: 'SESSION', value: ({ sessionId }) => sessionId },
  { title: 'ASKED', value: ({ request }) => request },
];

/** `sidegate readings`: who read records. */
export const READINGS: ReadCommand = {
  name: 'readings',
  summary: 'Lists who read which records, newest first; this reading too.',
  words: '[SESSION]',
  wordCount: { least: 0, most: 1 },
  options: { limit: LIMIT_OPTION },
  async work(client, given, terminal) {
    const limit = readLimit(given);
    if (!limit.ok) return limit.fault;
    const ask = { sessionId: given.words[0] ?? '', limit: limit.value };
    const { readings } = await client.listReadings(ask, { signal: terminal.signal });
    if (given.flag('json')) for (const reading of readings) await terminal.out(jsonLine(reading));
    else await terminal.out(`${tableLines(COLUMNS, readings, terminal.columns).join('\n')}\n`);
    return 0;
  },
};
