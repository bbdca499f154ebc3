import type { ProcessIds } from '../sidegate-cli.ts';
import type { Received, Streams } from './received.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** A command that the server says that it ran. */
export interface Ran {
  /** As the record shows it. */
  readonly text: string;
  /** What more of it reached the server (a program's input), where the server can tell. */
  readonly input?: Uint8Array;
}

/** What came of one turn of an agent's work. */
export interface Turn {
  readonly received: readonly Received[];
  /** Commands that the agent was told are done. */
  readonly done: number;
  /** The protocol's own code of an error; the connection lives on. */
  readonly error?: string | undefined;
}

/** One agent with an open session. */
export interface LaneAgent {
  readonly isLost: boolean;
  /**
   * Works once; `count` decides at what, and `mark` stands in every command of it. Resolves when all is answered or the connection is lost.
   * Never rejects.
   */
  work(mark: string, count: number): Promise<Turn>;
  close(): Promise<void>;
}

/** A command with a long answer, asked for by an agent that does not read any of it. */
export interface StalledAnswer {
  /** As the record shows it. */
  readonly text: string;
  /** Reads all of it, piece by piece. Rejects when the connection is lost before its end. */
  read(piece: (bytes: Uint8Array) => void): Promise<void>;
  /** The same bytes in a part of an answer as the record has it. */
  contentOf(part: Uint8Array): Uint8Array;
  close(): void;
}

/** A whole Sidegate with a real server of one protocol behind it, and the witnesses to what happens between them. */
export interface LaneStage extends AsyncDisposable {
  /** The state folder of `sidegate run`. */
  readonly state: string;
  processIds(): ProcessIds;
  /** Runs `sidegate COMMAND --state ... --json` and gives the objects that it prints. Throws when it does not end with 0. */
  cli(...parameters: readonly string[]): Promise<readonly JsonObject[]>;
  /** Ends the server at once, as a crash does, and starts it again on its data. */
  restartServer(): Promise<void>;
  /** Opens a session. Rejects when there is no gate. */
  connect(): Promise<LaneAgent>;
  /** Asks for about so many MiB in a session of its own, and reads nothing. */
  stall(mebibytes: number): Promise<StalledAnswer>;
  /** Everything of agents that the server ran, by its own witness, once nothing of them is left in it. */
  ran(): Promise<readonly Ran[]>;
  /** The streams of an answer as the record has it. */
  answerOf(parts: Streams): Streams;
  /** What the record has of a command's input. */
  inputOf(parts: Streams): Uint8Array;
}

/** One protocol, as the faults see it. */
export interface Lane {
  readonly name: 'postgres' | 'redis' | 'ssh';
  /** Undefined where it can run, else what is missing. */
  readonly needs: string | undefined;
  open(): Promise<LaneStage>;
}
