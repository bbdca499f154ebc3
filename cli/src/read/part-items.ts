import { type ChannelItem, ChannelReader, type SessionEvent } from '@sidegate/session';
import { type AnswerItem, PostgresAnswer } from './postgres-answer.ts';
import { openAnswer } from './transcript.ts';

type Part = Extract<SessionEvent, { readonly bytes: Uint8Array }>;

/** Data as text where it is text, else as base64. */
type ShownItem = AnswerItem | Exclude<ChannelItem, { readonly kind: 'Data' }> | ShownData;

interface ShownData {
  readonly kind: 'Data';
  readonly isStderr: boolean;
  readonly text?: string;
  readonly base64?: string;
}

/** What is in answers and input, for programs. */
export class PartItems {
  readonly #isSsh: boolean;
  readonly #answer: ReturnType<typeof openAnswer>;
  readonly #input = new PostgresAnswer();
  readonly #channels = new Map<string, ChannelReader>();

  constructor(protocol: string) {
    this.#isSsh = protocol === 'SSH';
    this.#answer = openAnswer(protocol);
  }

  of(part: Part): readonly ShownItem[] {
    if (!this.#isSsh) return [...(part.kind === 'AnswerPart' ? this.#answer : this.#input).add(part.bytes)];
    const key = `${part.kind} ${part.commandId}`;
    const reader = this.#channels.get(key) ?? new ChannelReader();
    this.#channels.set(key, reader);
    return [...reader.add(part.bytes)].map((item) => (item.kind === 'Data' ? shownData(item) : item));
  }

  /** The command is over. */
  forget(commandId: number): void {
    for (const kind of ['AnswerPart', 'InputPart']) this.#channels.delete(`${kind} ${commandId}`);
  }
}

function shownData({ data, isStderr }: { readonly data: Uint8Array; readonly isStderr: boolean }): ShownData {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(data);
  const isText = Buffer.from(text).equals(data);
  return { kind: 'Data', isStderr, ...(isText ? { text } : { base64: Buffer.from(data).toString('base64') }) };
}
