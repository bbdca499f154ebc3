import { jsonLine } from '../read/json-line.ts';
import { askRun } from './owner-client.ts';
import type { OwnerCommand } from './owner-command.ts';

/** `sidegate metrics`: what the gate counts. */
export const METRICS: OwnerCommand = {
  name: 'metrics',
  summary: 'Prints what the gate counts, in the Prometheus text format.',
  options: {},
  details: 'With --json one line: {"kind":"Metrics","text":...}.',
  async work(socketPath, given, terminal) {
    const asked = await askRun(socketPath, { kind: 'Metrics' });
    if (!asked.ok) return asked.fault;
    await terminal.out(given.flag('json') ? jsonLine(asked.value) : asked.value.text);
    return 0;
  },
};
