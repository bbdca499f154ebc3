import { assertNever } from '@sidegate/crds';
import type { SessionEvent } from '../event.ts';
import { type ChannelItem, ChannelReader } from './channel-reader.ts';

/** What a person would have seen of one command of an SSH session, and what was typed. */
export type ChannelSight =
  | { readonly kind: 'Terminal' | 'Resized'; readonly type: string; readonly columns: number; readonly rows: number }
  | { readonly kind: 'Output' | 'Input'; readonly text: string }
  /** As a shell has it: its exit status, or 128 and the number of the signal that ended it. */
  | { readonly kind: 'Exit'; readonly status: number }
  | { readonly kind: 'Unreadable'; readonly bytes: number };

/** The numbers of signals that RFC 4254, section 6.10 names, as POSIX and Linux have them. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  ABRT: 6,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
};

/** Columns and rows beyond this are no terminal's. */
const SIZE_MAX = 10_000;

/**
 * Follows one command of an SSH session. Characters that the pieces of a record cut in two come whole; without a terminal line feeds get the carriage
 * return that a terminal needs.
 */
export class ChannelPlayer {
  readonly #answer = new ChannelReader();
  readonly #input = new ChannelReader();
  readonly #texts = { stdout: new TerminalText(), stderr: new TerminalText(), typed: new TerminalText() };
  #type = '';
  hasTerminal = false;

  *add(event: Extract<SessionEvent, { readonly bytes: Uint8Array }>): Generator<ChannelSight> {
    const isInput = event.kind === 'InputPart';
    for (const item of (isInput ? this.#input : this.#answer).add(event.bytes)) yield* this.#see(item, isInput);
  }

  /** What is left of characters that never came whole. */
  *end(): Generator<ChannelSight> {
    const { stdout, stderr, typed } = this.#texts;
    const left = stdout.end() + stderr.end();
    if (left !== '') yield { kind: 'Output', text: left };
    const input = typed.end();
    if (input !== '') yield { kind: 'Input', text: input };
  }

  *#see(item: ChannelItem, isInput: boolean): Generator<ChannelSight> {
    const { stdout, stderr, typed } = this.#texts;
    switch (item.kind) {
      case 'Data': {
        const isRaw = isInput || this.hasTerminal;
        const text = (isInput ? typed : item.isStderr ? stderr : stdout).add(item.data, isRaw);
        if (text !== '') yield { kind: isInput ? 'Input' : 'Output', text };
        return;
      }
      case 'Terminal':
        this.hasTerminal = true;
        this.#type = item.type;
        yield* this.#sized('Terminal', item);
        return;
      case 'Resized':
        yield* this.#sized('Resized', item);
        return;
      case 'ExitStatus':
        yield { kind: 'Exit', status: item.status };
        return;
      case 'ExitSignal':
        yield { kind: 'Exit', status: 128 + (SIGNAL_NUMBERS[item.name] ?? 0) };
        return;
      case 'Unreadable':
        yield item;
        return;
      case 'Variable':
      case 'Signal':
      case 'End':
        return;
      default:
        assertNever(item);
    }
  }

  /** A client without a size says 0. */
  *#sized(
    kind: 'Terminal' | 'Resized',
    { columns, rows }: { readonly columns: number; readonly rows: number },
  ): Generator<ChannelSight> {
    const isSize = columns > 0 && rows > 0 && columns <= SIZE_MAX && rows <= SIZE_MAX;
    if (isSize) yield { kind, type: this.#type, columns, rows };
  }
}

/** UTF-8 that comes in pieces; what is none becomes U+FFFD. */
class TerminalText {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  add(data: Uint8Array, isRaw: boolean): string {
    const text = this.#decoder.decode(data, { stream: true });
    return isRaw ? text : text.replaceAll(/(?<!\r)\n/gu, '\r\n');
  }

  end(): string {
    return this.#decoder.decode();
  }
}
