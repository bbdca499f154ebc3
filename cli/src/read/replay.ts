import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { decodeEvent, type SessionEvent } from '@sidegate/session';
import type { Given, Terminal } from '../command.ts';
import { jsonLine } from './json-line.ts';
import { PostgresAnswer } from './postgres-answer.ts';
import type { ReadCommand } from './read-command.ts';
import { openAnswer, Transcript } from './transcript.ts';

/** A pause in the session is never played longer than this. */
const PAUSE_MS_MAX = 3000;

/** `sidegate replay`: what an agent did and what it got. */
export const REPLAY: ReadCommand = {
  name: 'replay',
  summary: 'Plays a session as a transcript: each command, its decision, and what the agent got.',
  words: 'SESSION',
  wordCount: { least: 1, most: 1 },
  options: {
    speed: {
      type: 'text',
      value: 'N',
      summary: 'So many times as fast as it was; pauses last 3 s at most.',
      default: '1',
    },
    instant: { type: 'flag', summary: 'Without any pause.' },
  },
  details: `Values are shown as the agent got them: masked.
With --json: one object for each event, without pauses, {"sequence","event":{"kind",...}}; answers and input have "items", and the number of bytes in place of them.`,
  async work(client, given, terminal) {
    const [sessionId = ''] = given.words;
    const speed = readSpeed(given);
    if (!speed.ok) return speed.fault;
    const json = given.flag('json');
    const player = json ? new JsonPlayer(terminal) : new TextPlayer(terminal, given.flag('instant') ? 0 : speed.value);
    for await (const { event: encoded } of client.events({ sessionId }, { signal: terminal.signal })) {
      const decoded = decodeEvent(encoded);
      if (!decoded.ok) return decoded.fault;
      await player.play(decoded.value.sequence, decoded.value.event);
      if (terminal.signal.aborted) return 0;
    }
    await player.end();
    return 0;
  },
};

function readSpeed(given: Given): Result<number, Fault<'BadSpeed'>> {
  const text = given.text('speed') ?? '1';
  const speed = /^\d{1,6}(\.\d{1,3})?$/u.test(text) ? Number(text) : 0;
  if (speed > 0) return ok(speed);
  const mend = 'Give a number above 0, or --instant.';
  return fail({ code: 'BadSpeed', message: `${text} is no speed.`, where: '--speed', mend });
}

class TextPlayer {
  readonly #terminal: Terminal;
  readonly #speed: number;
  readonly #transcript = new Transcript();
  #lastUs: number | undefined;

  /** A speed of 0 makes no pauses. */
  constructor(terminal: Terminal, speed: number) {
    this.#terminal = terminal;
    this.#speed = speed;
  }

  async play(_sequence: number, event: SessionEvent): Promise<void> {
    const passedMs = (event.atUs - (this.#lastUs ?? event.atUs)) / 1000;
    this.#lastUs = event.atUs;
    if (this.#speed > 0 && passedMs > 0) {
      await this.#terminal.pause(Math.min(passedMs, PAUSE_MS_MAX) / this.#speed);
    }
    await this.#show(this.#transcript.add(event));
  }

  end(): Promise<void> {
    return this.#show(this.#transcript.end());
  }

  async #show(lines: Iterable<string>): Promise<void> {
    for (const line of lines) await this.#terminal.out(`${line}\n`);
  }
}

class JsonPlayer {
  readonly #terminal: Terminal;
  #answer: ReturnType<typeof openAnswer> = new PostgresAnswer();
  readonly #input = new PostgresAnswer();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async play(sequence: number, event: SessionEvent): Promise<void> {
    if (event.kind === 'Opened') this.#answer = openAnswer(event.protocol);
    if (event.kind !== 'AnswerPart' && event.kind !== 'InputPart') {
      return this.#terminal.out(jsonLine({ sequence, event }));
    }
    const { bytes, ...rest } = event;
    const items = [...(event.kind === 'AnswerPart' ? this.#answer : this.#input).add(bytes)];
    return this.#terminal.out(jsonLine({ sequence, event: { ...rest, bytes: bytes.length, items } }));
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
