import type { PlaybackAnswers } from './playback.ts';
import type { Refusal, SessionOptions } from './protocol.ts';
import type { TranscriptChunk } from './transcript.ts';

/** What a client of the protocol's own makes of the bytes that it is sent. */
export interface ClientView {
  /** Codes of the errors it is told, in order. */
  readonly errors: readonly string[];
  /** How often it is told that it may speak again. */
  readonly turns: number;
  /** What it cannot read; empty when all is well-formed and whole. */
  readonly complaints: readonly string[];
}

/** What a protocol shows of itself so that the rules for all protocols can be checked on it. */
export interface ProtocolExhibit {
  /** The folder of recorded conversations. */
  readonly recordings: URL;
  /** All that a session needs but the parts its registry shares; every call starts the same randomness again. */
  sessionOptions(limits: SessionOptions['limits']): Omit<SessionOptions, 'shared'>;
  /** What the targets of the recordings said and their masks hide. */
  readonly hidden: readonly string[];
  /** The surroundings in which the recordings were made. */
  readonly answers: PlaybackAnswers;
  /** From nothing to an open session. */
  readonly opening: readonly TranscriptChunk[];
  /** A command whose frame has exactly so many bytes, and one that policy refuses. */
  commandOf(bytes: number): Uint8Array;
  readonly refusedCommand: Uint8Array;
  readonly refusal: Refusal;
  /** What the target answers to a command: a frame of exactly so many bytes among what makes the answer whole. */
  answerOf(bytes: number): Uint8Array;
  readonly plainAnswer: Uint8Array;
  /** The code by which a client knows a refusal of this kind. */
  readonly refusalCode: string;
  /** The smallest limits under which the opening works. */
  readonly frameBytesMin: number;
  /** Stands behind what was sent when it is read as below: a last frame that is cut short would swallow it. */
  readonly endMark: Uint8Array;
  /** Reads what was sent to the agent of an open session, then `endMark`, as the protocol's best known client does. */
  readAsClient(stream: NodeJS.ReadableStream): Promise<ClientView>;
}

/** `ProtocolExhibit.sessionOptions` for a target of that address, in Workload mode and without TLS; nothing in it is random. */
export function exhibitOptions(host: string, port: number): ProtocolExhibit['sessionOptions'] {
  return (limits) => {
    let drawn = 0;
    return {
      target: { host, port, tls: false, databases: undefined },
      agentTls: false,
      identitySource: 'Workload',
      limits,
      random: (length) => Uint8Array.from({ length }, () => (drawn += 1) & 0xff),
    };
  };
}
