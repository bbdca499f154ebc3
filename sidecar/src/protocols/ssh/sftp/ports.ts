import type { CommandId, JudgedCommand, Refusal, Step } from '../../protocol.ts';
import type { Operation } from './operation.ts';

/** How bytes for the target leave: as what an operation begins with, as more of it, or as a question of the gate's own. */
export type Way = { readonly kind: 'Start' | 'More'; readonly operation: Operation } | { readonly kind: 'Question' };

export type Ending = Omit<Extract<Step, { readonly kind: 'Finished' }>, 'kind' | 'rows' | 'maskedValues'>;

/** The channel that a conversation of SFTP runs in. What is queued leaves in its order, as each side takes it. */
export interface Ports {
  /** Too many commands run in the session. */
  readonly isFull: boolean;
  /** The gate is asked for a decision, and nothing goes on before it has answered. */
  readonly isJudging: boolean;
  /** How many files are read through masks in all of the connection. */
  readonly maskedFiles: number;
  toAgent(commandId: CommandId, bytes: Uint8Array, recorded: Uint8Array): void;
  /** Once all that was queued for the agent has left. */
  afterAgent(atItsTurn: () => void): void;
  toTarget(way: Way, bytes: Uint8Array, recorded: Uint8Array): void;
  /** For the record alone, of what one side was sent before. */
  note(side: 'Agent' | 'Target', operation: Operation, recorded: Uint8Array): void;
  /** The gate decides, and answers with `settle`. */
  judge(judged: JudgedCommand): CommandId;
  /** It runs on, but nothing is owed for it: a file that is open. */
  opened(commandId: CommandId): void;
  finish(ending: Ending, maskedValues: number): void;
  /** A line of the gate's own on the error output. */
  say(text: string): void;
  remark(code: string, text: string): void;
  /** The channel ends. */
  end(refusal: Refusal): void;
}
