import { ok } from '@sidegate/crds';
import type { MaskRules } from '@sidegate/policy';
import { Playback, type PlaybackAnswers } from '../../playback.ts';
import type { Refusal, SessionOptions } from '../../protocol.ts';
import { writeCommand } from '../codec.ts';
import { committedCatalog } from '../command-catalog.ts';
import { splitInline } from '../inline.ts';
import { RedisSession } from '../session.ts';
import { EXHIBIT_MASKS } from './exhibit.ts';

const LIMITS = { frameBytesMax: 1 << 20, pendingCommandsMax: 64, preparedMax: 64 };
export const NO_MASKS: MaskRules = {
  ...EXHIBIT_MASKS,
  empty: true,
  keys: { mask: () => undefined, any: () => undefined },
  detect: [],
};
const DENIED: Refusal = { kind: 'Denied', rule: 'data/guard/no', reason: 'No.', hint: '' };

interface Setup extends Partial<Omit<SessionOptions, 'target'>> {
  readonly target?: Partial<SessionOptions['target']>;
  readonly answers?: Partial<PlaybackAnswers>;
  /** The first bytes of the agent; default HELLO 2, and the server's answer to the gate's login. */
  readonly unopened?: true;
  readonly version?: 2 | 3;
}

const command = (line: string): Uint8Array => writeCommand(splitInline(Buffer.from(line)) ?? []);

/** A session, and what went where since it was open. */
export class Talk {
  readonly playback: Playback;
  #agentFrom = 0;
  #targetFrom = 0;

  constructor({ target, answers, unopened, version = 2, ...options }: Setup = {}) {
    const session = new RedisSession({
      target: { host: 'cache.example', port: 6379, tls: false, databases: undefined, ...target },
      agentTls: true,
      identitySource: 'Workload',
      limits: LIMITS,
      random: (length) => new Uint8Array(length),
      shared: undefined,
      ...options,
    });
    this.playback = new Playback(session, {
      credential: { username: 'gate', password: 'hunter2' },
      subject: 'agent',
      masks: EXHIBIT_MASKS,
      catalog: ok(committedCatalog()),
      settle: ({ command: judged }) =>
        !judged.complete || (judged.protocol === 'Redis' && judged.name === 'FLUSHALL') ? DENIED : 'Forward',
      ...answers,
    });
    if (unopened === true) return;
    this.agent(`HELLO ${version}`);
    this.playback.target(Buffer.from(version === 3 ? '%1\r\n+proto\r\n:3\r\n' : '*2\r\n+proto\r\n:2\r\n'));
    this.told();
    this.sent();
  }

  agent(...lines: readonly string[]): void {
    this.playback.agent(Buffer.concat(lines.map(command)));
  }

  server(text: string): void {
    this.playback.target(Buffer.from(text, 'latin1'));
  }

  /** What the agent was told since the last time, line ends as spaces. */
  told(): string {
    const all = Buffer.from(this.playback.sent('Agent')).toString('latin1');
    const fresh = all.slice(this.#agentFrom);
    this.#agentFrom = all.length;
    return fresh.replaceAll('\r\n', ' ').trimEnd();
  }

  /** What the server was sent since the last time: the words of each command. */
  sent(): string {
    const all = Buffer.from(this.playback.sent('Target')).toString('latin1');
    const fresh = all.slice(this.#targetFrom);
    this.#targetFrom = all.length;
    return fresh
      .replaceAll(/\*\d+\r\n/g, '; ')
      .replaceAll(/\$\d+\r\n/g, '')
      .replaceAll('\r\n', ' ')
      .replaceAll(' ; ', '; ')
      .replace(/^; /, '')
      .trimEnd();
  }

  finished(): readonly string[] {
    return this.playback.trace.flatMap(({ kind, details }) =>
      kind === 'Finished' ? [String(Reflect.get(JSON.parse(details), 'outcome'))] : [],
    );
  }
}
