import type { SessionSummary } from '@sidegate/session/store';
import { commandLines } from './command-text.ts';
import { jsonLine } from './json-line.ts';
import { printable } from './printable.ts';
import type { ReadCommand } from './read-command.ts';
import { showLength } from './sessions.ts';
import { showBytes, showTime } from './time.ts';

/** `sidegate show`: one session whole. */
export const SHOW: ReadCommand = {
  name: 'show',
  summary: 'Shows one session: who, to what, and each command with its decision.',
  words: 'SESSION',
  wordCount: { least: 1, most: 1 },
  options: {},
  details: 'With --json: one object {"kind":"Session",...}, then one {"kind":"Command",...} for each command.',
  async work(client, given, terminal) {
    const [sessionId = ''] = given.words;
    const { signal } = terminal;
    const json = given.flag('json');
    let afterCommandId = 0n;
    for (let first = true; ; first = false) {
      const page = await client.getSession({ sessionId, afterCommandId }, { signal });
      if (first && page.session !== undefined) {
        const head = `${headLines(page.session).join('\n')}\n\n`;
        await terminal.out(json ? jsonLine({ kind: 'Session', ...page.session }) : head);
      }
      for (const command of page.commands) {
        const shown = `${commandLines(command).join('\n')}\n`;
        await terminal.out(json ? jsonLine({ kind: 'Command', ...command }) : shown);
        afterCommandId = command.commandId;
      }
      if (!page.more || page.commands.length === 0) return 0;
    }
  },
};

function headLines(session: SessionSummary): readonly string[] {
  const { verified, claimed, details, closeCode, closeReason } = session;
  const rows: [string, string][] = [
    ['session', session.sessionId],
    ['target', `${session.target} at ${session.targetAddress} (${session.protocol})`],
    ['access', session.access],
    ['gate', session.gate],
    ['policy', session.policyVersion],
    ['opened', showTime(session.openedUs)],
    ['length', showLength(session)],
  ];
  if (closeCode !== '') rows.push(['ended', closeReason === '' ? closeCode : `${closeCode}: ${closeReason}`]);
  if (verified !== undefined) {
    rows.push(['verified', `${verified.subject}, by ${verified.issuer} (${verified.source})`]);
    rows.push(['', `groups: ${verified.groupsKnown ? verified.groups.join(', ') || 'none' : 'not known'}`]);
    if (verified.pod !== '') rows.push(['', `pod: ${verified.pod} (${verified.podUid})`]);
  }
  rows.push(...listRows('claimed', claimed), ...listRows('details', details));
  const counts = [`${session.commands} commands`, `${session.denied} denied`, `${session.held} held`];
  rows.push(['counts', [...counts, `${session.rows} rows`, `${showBytes(session.answerBytes)} answered`].join(', ')]);
  rows.push(['record', `${session.chunks} chunks, ${session.lastSequence} events, ${showBytes(session.storedBytes)}`]);
  if (session.alarms > 0n) rows.push(['alarms', `${session.alarms}; see sidegate alarms ${session.sessionId}`]);
  return rows.map(([name, value]) => `${name.padEnd(10)}${printable(value)}`);
}

function listRows(name: string, map: Readonly<Record<string, string>>): [string, string][] {
  const entries = Object.entries(map);
  return entries.map(([key, value], at) => [at === 0 ? name : '', `${key}: ${value}`]);
}
