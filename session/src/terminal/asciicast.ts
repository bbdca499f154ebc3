import { assertNever, type Fault, fail, ok, type Result } from '@sidegate/crds';
import type { CommandJudged, SessionEvent } from '../event.ts';
import { ChannelPlayer, type ChannelSight } from './channel-player.ts';

export interface AsciicastOptions {
  /** Only this command; undefined: all, which must have run one after the other. */
  readonly commandId?: number | undefined;
  /** What was typed stands in it as well, passwords that no echo showed among it. */
  readonly hasInput?: boolean;
  /** Players make no pause that is longer, in seconds. */
  readonly idleLimitS?: number | undefined;
}

export type AsciicastFault = Fault<'BadProtocol' | 'BadCommand'>;

/** What a terminal is taken for whose size nobody said. */
const USUAL = { cols: 80, rows: 24 } as const;

type Code = 'o' | 'i' | 'r' | 'm' | 'x';

/**
 * Writes an SSH session as asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): events of the session go in, lines come out. Each command is a
 * marker; one without a shell of its own is shown in a line `$ COMMAND`, for nothing else would show it. Faults: BadProtocol, the session is none of SSH;
 * BadCommand, there is no such command, or several ran at once and none was chosen.
 */
export class Asciicast {
  readonly #options: AsciicastOptions;
  readonly #running = new Map<number, ChannelPlayer>();
  #title = '';
  #lastUs: number | undefined;
  /** What waits until the size of the terminal is known. */
  #waiting: [atUs: number, code: Code, data: string][] | undefined = [];
  #startUs = 0;
  #chosen: CommandJudged | undefined;
  #status: number | undefined;
  #endedUs = 0;

  constructor(options: AsciicastOptions = {}) {
    this.#options = options;
  }

  /** The lines that are known with this event, each with its line feed. */
  add(event: SessionEvent): Result<string, AsciicastFault> {
    switch (event.kind) {
      case 'Opened':
        if (event.protocol !== 'SSH') {
          const message = `A session of ${event.protocol} is no terminal's.`;
          return fail({ code: 'BadProtocol', message, mend: 'Play it with sidegate replay.' });
        }
        this.#startUs = event.atUs;
        this.#title = `${event.target.namespace}/${event.target.name} by ${event.verified.subject}`;
        return ok('');
      case 'CommandJudged':
        return this.#isChosen(event.commandId) ? this.#begin(event) : ok('');
      case 'InputPart':
      case 'AnswerPart': {
        const player = this.#running.get(event.commandId);
        return ok(player === undefined ? '' : this.#seen(event.atUs, player.add(event)));
      }
      case 'CommandFinished': {
        const player = this.#running.get(event.commandId);
        this.#running.delete(event.commandId);
        if (player === undefined) return ok('');
        this.#endedUs = event.atUs;
        return ok(this.#seen(event.atUs, player.end()));
      }
      case 'HoldEnded':
        if (!this.#running.has(event.commandId)) return ok('');
        return ok(this.#write(event.atUs, 'm', `#${event.commandId} ${event.outcome}${byWhom(event.decidedBy)}`));
      case 'CommandForwarded':
      case 'Remark':
      case 'Closed':
        return ok('');
      default:
        return assertNever(event);
    }
  }

  /** The last lines. A session that has no end yet is as long as what is known of it. */
  end(): Result<string, AsciicastFault> {
    const { commandId } = this.#options;
    if (commandId !== undefined && this.#chosen === undefined) {
      return fail({ code: 'BadCommand', message: `The session has no command ${commandId}.`, mend: SHOW });
    }
    const lines: string[] = [];
    for (const player of this.#running.values()) lines.push(this.#seen(this.#lastUs ?? this.#startUs, player.end()));
    lines.push(this.#begun(undefined));
    if (this.#status !== undefined) lines.push(this.#line(this.#endedUs, 'x', String(this.#status)));
    return ok(lines.join(''));
  }

  #isChosen(commandId: number): boolean {
    return this.#options.commandId === undefined || this.#options.commandId === commandId;
  }

  #begin(event: CommandJudged): Result<string, AsciicastFault> {
    const { commandId, verbs, text, atUs } = event;
    // What goes through SFTP is for programs, and what is typed into a shell shows in the shell.
    if ((verbs[0] === 'sftp' || verbs[1] === 'typed') && this.#options.commandId === undefined)
      return ok(this.#mark(event));
    const [other] = this.#running.keys();
    if (other !== undefined) {
      const message = `The commands ${other} and ${commandId} ran at the same time.`;
      return fail({ code: 'BadCommand', message, mend: `Choose one with --command. ${SHOW}` });
    }
    this.#running.set(commandId, new ChannelPlayer());
    this.#status = undefined;
    if (this.#options.commandId !== undefined) {
      this.#chosen = event;
      this.#startUs = atUs;
    }
    const marked = this.#mark(event);
    const isShown = this.#options.commandId === undefined && verbs[0] !== 'shell';
    return ok(marked + (isShown ? this.#write(atUs, 'o', `$ ${plain(text)}\r\n`) : ''));
  }

  #mark({ atUs, commandId, decision, text }: CommandJudged): string {
    return this.#write(atUs, 'm', `#${commandId} ${decision}: ${text}`);
  }

  #seen(atUs: number, sights: Iterable<ChannelSight>): string {
    let lines = '';
    for (const sight of sights) lines += this.#sight(atUs, sight);
    return lines;
  }

  #sight(atUs: number, sight: ChannelSight): string {
    switch (sight.kind) {
      case 'Terminal':
      case 'Resized':
        if (this.#waiting !== undefined) return this.#begun(sight);
        return this.#write(atUs, 'r', `${sight.columns}x${sight.rows}`);
      case 'Output':
        return this.#begun(undefined) + this.#write(atUs, 'o', sight.text);
      case 'Input':
        return this.#options.hasInput === true ? this.#write(atUs, 'i', sight.text) : '';
      case 'Exit':
        this.#status = sight.status;
        return '';
      case 'Unreadable':
        return this.#write(atUs, 'm', `${sight.bytes} bytes cannot be read`);
      default:
        return assertNever(sight);
    }
  }

  /** The header, once, and what waited for it. */
  #begun(terminal: { readonly type: string; readonly columns: number; readonly rows: number } | undefined): string {
    if (this.#waiting === undefined) return '';
    const size = terminal === undefined ? USUAL : { cols: terminal.columns, rows: terminal.rows };
    const { idleLimitS } = this.#options;
    const header = {
      version: 3,
      term: { ...size, ...(terminal?.type ? { type: terminal.type } : {}) },
      timestamp: Math.floor(this.#startUs / 1_000_000),
      ...(idleLimitS === undefined ? {} : { idle_time_limit: idleLimitS }),
      ...(this.#chosen === undefined ? {} : { command: this.#chosen.text }),
      title: this.#title,
    };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return `${JSON.stringify(header)}\n${waiting.map((one) => this.#line(...one)).join('')}`;
  }

  #write(atUs: number, code: Code, data: string): string {
    if (this.#waiting === undefined) return this.#line(atUs, code, data);
    this.#waiting.push([atUs, code, data]);
    return '';
  }

  /** An interval is counted in whole microseconds, so that no error adds up; a clock that was set back makes none. */
  #line(atUs: number, code: Code, data: string): string {
    const lastUs = this.#lastUs ?? this.#startUs;
    this.#lastUs = Math.max(lastUs, atUs);
    return `${JSON.stringify([(this.#lastUs - lastUs) / 1_000_000, code, data])}\n`;
  }
}

const SHOW = 'See them with sidegate show.';

function byWhom(votes: readonly { readonly user: string }[]): string {
  return votes.length === 0 ? '' : ` by ${votes.map(({ user }) => user).join(', ')}`;
}

/** One line without control characters: a text of the agent's that no terminal sent. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}
