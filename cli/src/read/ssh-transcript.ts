import { assertNever } from '@sidegate/crds';
import {
  ChannelPlayer,
  type ChannelSight,
  type CommandFinished,
  type CommandJudged,
  type SessionEvent,
} from '@sidegate/session';
import { eventText } from './event-text.ts';
import { printable } from './printable.ts';
import { said } from './said.ts';
import { ScreenText, SEEN } from './screen-text.ts';
import { showBytes, showDuration, showTime } from './time.ts';

export interface SshTranscriptOptions {
  /** A person looks on: colours, the cursor and the screen are shown as they were. */
  readonly isScreen: boolean;
  /** One command was chosen: what it put out, and not a word more. */
  readonly isChosen: boolean;
}

/** One command while it runs. */
interface Shown {
  readonly player: ChannelPlayer;
  readonly screen: ScreenText;
  inputBytes: number;
  /** What comes is for programs, not for people. */
  isHidden: boolean;
}

/**
 * An SSH session as its terminal showed it, with a line for each command and its decision. Events go in one by one; text comes out as soon as it is known,
 * in the middle of a line too.
 */
export class SshTranscript {
  readonly #options: SshTranscriptOptions;
  readonly #running = new Map<number, Shown>();
  #openedUs: number | undefined;
  /** The command whose output came last. */
  #speaker = 0;
  #isInLine = false;

  constructor(options: SshTranscriptOptions) {
    this.#options = options;
  }

  add(event: SessionEvent): string {
    this.#openedUs ??= event.atUs;
    switch (event.kind) {
      case 'Opened':
        return this.#note(`session ${event.sessionId}, ${showTime(event.atUs)}`) + this.#note(eventText(event) ?? '');
      case 'CommandJudged':
        return this.#begin(event);
      case 'InputPart':
      case 'AnswerPart':
        return this.#part(event);
      case 'CommandFinished':
        return this.#finish(event);
      case 'HoldEnded':
      case 'Remark':
      case 'Closed':
        return this.#note(`${this.#since(event.atUs)}  ${eventText(event) ?? ''}`);
      case 'CommandForwarded':
        return '';
      default:
        return assertNever(event);
    }
  }

  /** Puts the terminal back where the session has no end. */
  end(): string {
    let text = '';
    for (const [id, shown] of this.#running) text += this.#leave(id, shown);
    return text;
  }

  #begin({ atUs, commandId, decision, rule, reason, text, verbs }: CommandJudged): string {
    // A line that is typed into a shell shows in the shell, and a note would disturb it.
    if (verbs[1] === 'typed') {
      return decision === 'Allow'
        ? ''
        : this.#note(`${this.#since(atUs)}  #${commandId}  ${decision} by ${rule}: ${text}`);
    }
    const screen = new ScreenText(this.#options.isScreen);
    const isHidden = verbs[0] === 'sftp';
    this.#running.set(commandId, { player: new ChannelPlayer(), screen, inputBytes: 0, isHidden });
    const why = reason === '' ? '' : `: ${reason}`;
    const head = this.#note(`${this.#since(atUs)}  #${commandId}  ${decision} by ${rule}${why}`, '\n');
    return this.#options.isChosen ? '' : `${head}${said(printable(text, 'keep').trimEnd())}\n`;
  }

  #part(event: Extract<SessionEvent, { readonly bytes: Uint8Array }>): string {
    const shown = this.#running.get(event.commandId);
    if (shown === undefined) return '';
    let text = '';
    for (const sight of shown.player.add(event)) text += this.#sight(event.commandId, shown, sight);
    return text;
  }

  #sight(commandId: number, shown: Shown, sight: ChannelSight): string {
    switch (sight.kind) {
      case 'Terminal':
        return this.#note(`terminal ${sight.type}, ${sight.columns}x${sight.rows}`);
      case 'Output':
        return this.#output(commandId, shown, sight.text);
      case 'Input':
        shown.inputBytes += Buffer.byteLength(sight.text);
        return '';
      case 'Resized':
      case 'Exit':
        return '';
      case 'Unreadable':
        return this.#note(`${sight.bytes} bytes cannot be read as SSH`);
      default:
        return assertNever(sight);
    }
  }

  #output(commandId: number, shown: Shown, text: string): string {
    if (shown.isHidden) return '';
    const isSwitch = this.#speaker !== commandId && this.#running.size > 1;
    const head = isSwitch ? this.#note(`#${commandId}`) : '';
    this.#speaker = commandId;
    // No text has this character.
    if (!shown.player.hasTerminal && text.includes('\0')) {
      shown.isHidden = true;
      return head + this.#note('what comes now is no text');
    }
    const seen = shown.screen.add(text);
    if (seen !== '') this.#isInLine = shown.screen.isInLine;
    return head + seen;
  }

  #finish(event: CommandFinished): string {
    const shown = this.#running.get(event.commandId);
    if (shown === undefined) return '';
    this.#running.delete(event.commandId);
    const left = this.#leave(event.commandId, shown);
    const { outcome, tag, errorCode, errorText, durationUs, maskedValues } = event;
    const parts = [outcome, ...(tag === '' ? [] : [tag]), showDuration(durationUs)];
    if (shown.inputBytes > 0 && !shown.player.hasTerminal) parts.push(`${showBytes(shown.inputBytes)} of input`);
    if (maskedValues > 0) parts.push(`${maskedValues} values masked`);
    if (outcome !== 'Done' && tag === '' && errorCode !== '') parts.push(`${errorCode} ${errorText}`.trimEnd());
    return left + this.#note(parts.join(', '));
  }

  /** What is left of its output, and its terminal put back. */
  #leave(commandId: number, shown: Shown): string {
    let text = '';
    for (const sight of shown.player.end()) text += this.#sight(commandId, shown, sight);
    return text + shown.screen.end();
  }

  /** A line of the transcript's own. */
  #note(text: string, before = ''): string {
    if (this.#options.isChosen) return '';
    const isInLine = this.#isInLine;
    this.#isInLine = false;
    // What runs may have chosen colours in which nobody sees what is written.
    const seen = [...this.#running.values()].some(({ screen }) => screen.isChanged) ? SEEN : '';
    return `${isInLine ? '\n' : ''}${before}${seen}-- ${printable(text)}\n`;
  }

  #since(atUs: number): string {
    return `+${((atUs - (this.#openedUs ?? atUs)) / 1_000_000).toFixed(3)} s`;
  }
}
