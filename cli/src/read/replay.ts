import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { decodeEvent, type SessionEvent } from '@sidegate/session';
import type { Given, Terminal } from '../command.ts';
import { jsonLine } from './json-line.ts';
import { PartItems } from './part-items.ts';
import type { ReadCommand } from './read-command.ts';
import { readCommandId, readSeconds } from './replay-options.ts';
import { SshTranscript } from './ssh-transcript.ts';
import { Transcript } from './transcript.ts';

/** `sidegate replay`: what an agent did and what it got. */
export const REPLAY: ReadCommand = {
  name: 'replay',
  summary: 'Plays a session as a transcript: each command, its decision, and what the agent got.',
  words: 'SESSION',
  wordCount: { least: 1, most: 1 },
  options: {
    speed: { type: 'text', value: 'N', summary: 'So many times as fast as it was.', default: '1' },
    'idle-limit': { type: 'text', value: 'SECONDS', summary: 'Pauses last no longer than this.', default: '3' },
    instant: { type: 'flag', summary: 'Without any pause.' },
    command: { type: 'text', value: 'N', summary: 'Only this command; of SSH just what its terminal showed.' },
  },
  details: `Values are shown as the agent got them: masked. What SSH put out is shown on a terminal as it was there, without what would
change titles, clipboard or keyboard, and elsewhere as plain text. For asciinema: sidegate export --format asciicast.
With --json: one object for each event, without pauses, {"sequence","event":{"kind",...}}; answers and input have "items", and the number of bytes in place of them.`,
  async work(client, given, terminal) {
    const [sessionId = ''] = given.words;
    const speed = readSpeed(given);
    if (!speed.ok) return speed.fault;
    const idleLimitS = readSeconds(given, 'idle-limit');
    if (!idleLimitS.ok) return idleLimitS.fault;
    const chosen = readCommandId(given);
    if (!chosen.ok) return chosen.fault;
    const commandId = chosen.value;
    const pace = { speed: given.flag('instant') ? 0 : speed.value, idleLimitMs: (idleLimitS.value ?? 0) * 1000 };
    const player = given.flag('json')
      ? new JsonPlayer(terminal)
      : new TextPlayer(terminal, { ...pace, isChosen: commandId !== undefined });
    let isFound = commandId === undefined;
    try {
      for await (const { event: encoded } of client.events({ sessionId }, { signal: terminal.signal })) {
        const decoded = decodeEvent(encoded);
        if (!decoded.ok) return decoded.fault;
        const { sequence, event } = decoded.value;
        const isOwn = commandId === undefined || ('commandId' in event && event.commandId === commandId);
        isFound ||= isOwn;
        if (isOwn) await player.play(sequence, event);
        else player.pass(event);
        if (terminal.signal.aborted) return 0;
      }
    } finally {
      // Whatever ended it: the terminal is as it was.
      await player.end();
    }
    if (isFound) return 0;
    const message = `The session has no command ${commandId ?? ''}.`;
    return { code: 'BadCommand', message, mend: 'See them with sidegate show.' };
  },
};

function readSpeed(given: Given): Result<number, Fault<'BadSpeed'>> {
  const text = given.text('speed') ?? '1';
  const speed = /^\d{1,6}(\.\d{1,3})?$/u.test(text) ? Number(text) : 0;
  if (speed > 0) return ok(speed);
  const mend = 'Give a number above 0, or --instant.';
  return fail({ code: 'BadSpeed', message: `${text} is no speed.`, where: '--speed', mend });
}

interface Pace {
  /** 0 makes no pauses. */
  readonly speed: number;
  /** A pause in the session counts for no more than this. */
  readonly idleLimitMs: number;
  /** One command was chosen. */
  readonly isChosen: boolean;
}

class TextPlayer {
  readonly #terminal: Terminal;
  readonly #pace: Pace;
  readonly #transcript = new Transcript();
  #ssh: SshTranscript | undefined;
  #lastUs: number | undefined;

  constructor(terminal: Terminal, pace: Pace) {
    this.#terminal = terminal;
    this.#pace = pace;
  }

  async play(_sequence: number, event: SessionEvent): Promise<void> {
    const { speed, idleLimitMs } = this.#pace;
    const passedMs = (event.atUs - (this.#lastUs ?? event.atUs)) / 1000;
    this.#lastUs = event.atUs;
    if (speed > 0 && passedMs > 0) await this.#terminal.pause(Math.min(passedMs, idleLimitMs) / speed);
    this.pass(event);
    if (this.#ssh !== undefined) return this.#out(this.#ssh.add(event));
    for (const line of this.#transcript.add(event)) await this.#out(`${line}\n`);
  }

  /** An event that is not shown: it says how the others are read. */
  pass(event: SessionEvent): void {
    if (event.kind !== 'Opened' || this.#ssh !== undefined) return;
    const { isChosen } = this.#pace;
    const isScreen = this.#terminal.columns !== undefined;
    if (event.protocol === 'SSH') this.#ssh = new SshTranscript({ isScreen, isChosen });
    else if (isChosen) for (const _ of this.#transcript.add(event));
  }

  async end(): Promise<void> {
    if (this.#ssh !== undefined) return this.#out(this.#ssh.end());
    for (const line of this.#transcript.end()) await this.#out(`${line}\n`);
  }

  async #out(text: string): Promise<void> {
    if (text !== '') await this.#terminal.out(text);
  }
}

class JsonPlayer {
  readonly #terminal: Terminal;
  #items: PartItems = new PartItems('');

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async play(sequence: number, event: SessionEvent): Promise<void> {
    this.pass(event);
    if (event.kind !== 'AnswerPart' && event.kind !== 'InputPart') {
      if (event.kind === 'CommandFinished') this.#items.forget(event.commandId);
      return this.#terminal.out(jsonLine({ sequence, event }));
    }
    const { bytes, ...rest } = event;
    const items = this.#items.of(event);
    return this.#terminal.out(jsonLine({ sequence, event: { ...rest, bytes: bytes.length, items } }));
  }

  pass(event: SessionEvent): void {
    if (event.kind === 'Opened') this.#items = new PartItems(event.protocol);
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
