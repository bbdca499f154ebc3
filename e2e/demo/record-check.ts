import type { CliEnd } from '../sidegate-cli.ts';
import type { Stage } from '../stage.ts';
import { WORK } from './agent-work.ts';
import type { Outcomes } from './outcomes.ts';

/** Looks at the recording as a person would, by the command line, and checks what it shows. */
export async function checkRecord(stage: Stage, sessionId: string, outcomes: Outcomes): Promise<void> {
  const sessions = await stage.cli('sessions');
  const listed = sessions.objects.find((session) => session['sessionId'] === sessionId);
  const { verified, target } = listed ?? {};
  outcomes.expect(
    'sidegate sessions: lists the session',
    listed !== undefined && target === 'data/orders-db',
    sessions,
  );
  outcomes.expect(
    'sidegate sessions: names the verified subject and groups',
    JSON.stringify(verified).includes('"support-bot"') && JSON.stringify(verified).includes('"support-agents"'),
    verified,
  );
  const show = await stage.cli('show', sessionId);
  const shown = show.objects.filter(({ kind }) => kind === 'Command').map(({ text }) => text);
  outcomes.expect(
    'sidegate show: has every command, in order',
    WORK.every(({ sql }, at) => shown[at] === sql),
    shown,
  );
  const replay = await stage.cli('replay', sessionId);
  outcomes.expect(
    'sidegate replay: has every command and the answers',
    replay.code === 0 && WORK.every(({ sql }) => replay.stdout.includes(JSON.stringify(sql).slice(1, -1))),
    replay,
  );
  outcomes.expect('the recording holds no masked value in clear', holdsNoSecret([sessions, show, replay]));
  const verify = await stage.cli('verify', '--all');
  outcomes.expect('sidegate verify: nothing was changed, cut, reordered or deleted', verify.code === 0, verify);
}

function holdsNoSecret(ends: readonly CliEnd[]): boolean {
  const secrets = WORK.flatMap((work) => work.secrets);
  const texts = ends.flatMap(({ stdout, objects }) => [stdout, ...objects.flatMap(bytesIn)]);
  return texts.every((text) => secrets.every((secret) => !text.includes(secret)));
}

/** Everything in an object that is base64, as text. */
function bytesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [Buffer.from(value, 'base64').toString('latin1')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(bytesIn);
}
