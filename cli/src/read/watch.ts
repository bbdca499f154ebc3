import { decodeEvent } from '@sidegate/session';
import { eventText } from './event-text.ts';
import { jsonLine } from './json-line.ts';
import { printable } from './printable.ts';
import type { ReadCommand } from './read-command.ts';
import { cut } from './table.ts';
import { showTime } from './time.ts';

/** `sidegate watch`: what happens, as it happens. */
export const WATCH: ReadCommand = {
  name: 'watch',
  summary: 'Shows what happens in one session, or in all, as it happens.',
  words: '[SESSION]',
  wordCount: { least: 0, most: 1 },
  options: {},
  details: `One session is shown from its beginning, and the command ends with it. All sessions are shown from now on, until Ctrl-C.
With --json: every event, {"session","sequence","event":{"kind",...}}; bytes are base64.`,
  async work(client, given, terminal) {
    const [sessionId = ''] = given.words;
    for await (const seen of client.watch({ sessionId }, { signal: terminal.signal })) {
      const decoded = decodeEvent(seen.event);
      if (!decoded.ok) return decoded.fault;
      const { sequence, event } = decoded.value;
      if (given.flag('json')) {
        await terminal.out(jsonLine({ session: seen.sessionId, sequence, event }));
        continue;
      }
      const text = eventText(event);
      if (text === undefined) continue;
      const session = sessionId === '' ? `${printable(seen.sessionId.slice(0, 13))}  ` : '';
      await terminal.out(`${cut(`${showTime(event.atUs).slice(11)}  ${session}${text}`, terminal.columns)}\n`);
    }
    return 0;
  },
};
