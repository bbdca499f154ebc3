import { assertNever } from '@sidegate/crds';
import type { ProgramUse, SshCommand } from '@sidegate/policy';
import type { CommandId, JudgedCommand, Settlement } from '../protocol.ts';
import type { CarriedTyping, Channel, RunningCommand } from './channel.ts';
import { textOf, writeData } from './codec.ts';
import type { Flow } from './flow.ts';
import { judgedCommand } from './judged.ts';
import type { Lane } from './lane.ts';
import { refusalText } from './refuse.ts';
import { readExecUses } from './shell/exec-uses.ts';
import { TypedLine } from './typed-line.ts';

const NOTHING = new Uint8Array(0);
/** So much of what the terminal shows is looked at for an echo, in characters. */
const SHOWN_CHARACTERS_MAX = 4_096;
/** Escape sequences, and control characters other than line feeds. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const SEQUENCES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])|[\u0000-\u0009\u000b-\u001f\u007f]/g;
/** A program takes the whole screen, and gives it back. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const SCREEN = /\u001b\[\?(?:47|1047|1049)([hl])/g;
/** The end of what a program says that asks for something secret. */
const ASKS_SECRET = /(?:pass(?:word|phrase|code)|secret|token|\bpin\b|\botp\b|\bcode)[^\n]*[:?]\s*$/i;
const NOT_SHOWN = '(not shown by the terminal)';

/** What the command of a shell runs with. */
interface Shell {
  readonly command: RunningCommand;
  readonly toTarget: Flow;
  readonly targetNumber: number;
}

/**
 * What is typed into a shell on a terminal. What stands in a line when Enter comes is judged like an exec, before Enter goes on: an aid, for a line that was
 * edited otherwise than with the simplest keys, or that shells read differently, is passed with a remark.
 */
export class TypedInput implements CarriedTyping {
  readonly #lane: Lane;
  readonly #channel: Channel;
  readonly #shell: Shell;
  readonly #line = new TypedLine();
  /** Begins with the key that ends the line, while that waits. */
  #kept: Uint8Array = NOTHING;
  #waiting: CommandId | undefined;
  #hasScreen = false;
  /** What the terminal showed last, and where that was when the line began. */
  #shown = '';
  #lineShown = 0;

  constructor(lane: Lane, channel: Channel, shell: Shell) {
    this.#lane = lane;
    this.#channel = channel;
    this.#shell = shell;
  }

  /** Nothing waits here. */
  get isIdle(): boolean {
    return this.#kept.length === 0 && this.#waiting === undefined;
  }

  /** Output of the shell: whether it echoes, and whether a program has the screen. */
  see(data: Uint8Array): void {
    const text = textOf(data);
    for (const [, mode] of text.matchAll(SCREEN)) this.#hasScreen = mode === 'h';
    const shown = this.#shown + text.replaceAll(SEQUENCES, '');
    const cut = Math.max(0, shown.length - SHOWN_CHARACTERS_MAX);
    this.#shown = shown.slice(cut);
    this.#lineShown = Math.max(0, this.#lineShown - cut);
  }

  /** Gives the target what it takes now. */
  drain(): void {
    while (this.#waiting === undefined) {
      const data = this.#kept.length > 0 ? this.#kept : this.#shell.toTarget.next()?.data;
      if (data === undefined) return;
      this.#kept = NOTHING;
      if (this.#lane.isFull) {
        this.#kept = data;
        this.#lane.stalled.add(this.#channel);
        return;
      }
      this.#take(data);
    }
  }

  /** True when the command was a line of this shell. */
  settle(commandId: CommandId, settlement: Settlement): boolean {
    if (commandId !== this.#waiting) return false;
    switch (settlement.kind) {
      case 'Hold':
        this.#lane.say(this.#channel, `\r\nsidegate: waiting: ${settlement.notice}`);
        this.#lane.say(this.#channel, `sidegate: waiting: ${settlement.hint}`);
        return true;
      case 'Refuse':
        this.#refuse(settlement);
        return true;
      case 'Forward': {
        const { permit } = settlement;
        const key = this.#kept.subarray(0, 1);
        const bytes = writeData(this.#shell.targetNumber, false, key);
        this.#lane.outbox.push({ kind: 'ToTarget', commandId, permit, bytes });
        this.#record(key);
        this.#finish('Done');
        this.#nextLine();
        this.drain();
        return true;
      }
      default:
        return assertNever(settlement);
    }
  }

  /** The channel is over: a line that waits never runs. */
  abandon(reason: string): void {
    if (this.#waiting !== undefined) this.#finish('Lost', '', reason);
    this.#kept = NOTHING;
  }

  #take(data: Uint8Array): void {
    const isOne = this.#line.isEmpty;
    if (isOne) this.#lineShown = this.#shown.length;
    const end = this.#line.read(data);
    if (end < 0) return this.#send(data);
    if (end > 0) this.#send(data.subarray(0, end));
    this.#kept = data.subarray(end);
    const reading = this.#line.isEmpty || this.#hasScreen ? undefined : readTyped(this.#line.text);
    if (reading === 'NotRead') this.#lane.remark('TypedLineNotRead', 'A line was typed that the gate does not read.');
    if (reading === undefined || reading === 'NotRead') {
      this.#send(this.#kept.subarray(0, 1));
      return this.#nextLine();
    }
    this.#waiting = this.#lane.judge(this.#channel, this.#judgedOf(reading, this.#line.text ?? '', isOne));
  }

  /** A line that the terminal did not show, a password, stands in no list. */
  #judgedOf(command: SshCommand, text: string, isOne: boolean): JudgedCommand {
    const before = this.#shown.slice(0, this.#lineShown);
    const isEchoed = this.#shown.slice(this.#lineShown).trimStart().startsWith(text.trimStart().slice(0, 1));
    const isShown = !ASKS_SECRET.test(before) && (isOne || isEchoed);
    const names = command.commands.flatMap(({ name }) => (name === undefined ? [] : [name]));
    const verbs = ['shell', 'typed', ...(isShown ? names : [])];
    const shown = isShown ? text : NOT_SHOWN;
    return judgedCommand({ command, text: shown, wire: Buffer.from(`${text}\n`), verbs, isShown }, this.#lane);
  }

  /** Enter is not sent: the line stays where it is, and is judged again until it is changed. What came behind it is not sent either. */
  #refuse({ refusal }: Extract<Settlement, { readonly kind: 'Refuse' }>): void {
    const said = refusalText(refusal);
    this.#lane.say(this.#channel, `\r\n${said}`);
    this.#finish('Refused', refusal.rule, said);
    // The target still takes what it was not sent.
    this.#shell.toTarget.widen(this.#kept.length);
    if (this.#kept.length > 1) {
      this.#lane.remark('TypedInputDropped', `${this.#kept.length - 1} bytes behind a refused line are not sent.`);
    }
    this.#kept = NOTHING;
    this.drain();
  }

  #nextLine(): void {
    this.#kept = this.#kept.subarray(1);
    this.#line.clear();
  }

  #finish(outcome: 'Done' | 'Refused' | 'Lost', errorCode = '', errorText = ''): void {
    const commandId = this.#waiting;
    if (commandId === undefined) return;
    this.#waiting = undefined;
    this.#lane.pending.delete(commandId);
    const none = { tag: '', rows: 0, maskedValues: 0 };
    this.#lane.outbox.push({ kind: 'Finished', commandId, outcome, errorCode, errorText, ...none });
  }

  #send(data: Uint8Array): void {
    const { command, targetNumber } = this.#shell;
    if (this.#channel.closed.toTarget) return;
    const bytes = writeData(targetNumber, false, data);
    const shown = command.input.push(data);
    const recorded = shown === data ? bytes : writeData(targetNumber, false, shown);
    this.#lane.outbox.push({ kind: 'Input', commandId: command.id, permit: command.permit, bytes, recorded });
  }

  /** What the line's own command sent belongs to what was typed as well. */
  #record(key: Uint8Array): void {
    const { command, targetNumber } = this.#shell;
    const { id: commandId, permit } = command;
    const recorded = writeData(targetNumber, false, command.input.push(key));
    this.#lane.outbox.push({ kind: 'Input', commandId, permit, bytes: NOTHING, recorded });
  }
}

/** As policy judges it: the programs that are named. Undefined: there is nothing to judge. */
function readTyped(text: string | undefined): SshCommand | 'NotRead' | undefined {
  if (text?.trim() === '') return undefined;
  if (text === undefined) return 'NotRead';
  const { commands, paths } = readExecUses(text);
  const named: readonly ProgramUse[] = commands.filter(({ name }) => name !== undefined);
  if (named.length === 0) return 'NotRead';
  return { protocol: 'SSH', channel: 'shell', commands: named, paths, complete: true, incomplete: [] };
}
