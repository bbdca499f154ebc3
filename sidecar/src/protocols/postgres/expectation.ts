import type { RunningCommand } from './running-command.ts';
import type { Portal, PreparedStatement, Undo } from './statements.ts';

/** What the server owes for a frame that was forwarded, in the order in which it will pay. */
export type Expectation =
  | { readonly kind: 'Query'; readonly command: RunningCommand }
  | { readonly kind: 'FunctionCall'; readonly command: RunningCommand }
  | { readonly kind: 'Parse'; readonly command: RunningCommand; readonly undo: Undo }
  | { readonly kind: 'Bind'; readonly command: RunningCommand; readonly portal: string; readonly undo: Undo }
  | { readonly kind: 'Execute'; readonly command: RunningCommand; readonly portal: Portal }
  | {
      readonly kind: 'Describe';
      readonly statement: PreparedStatement | undefined;
      readonly portal: Portal | undefined;
      /** In which it was asked. */
      readonly epoch: number;
      /** Asked by the session for itself: the agent never hears of it. */
      readonly swallow: boolean;
      /** The name should be unknown to the server too; if it is not, the agent gets this error. */
      readonly unexpected?: Uint8Array;
    }
  /** `portal`: its name, when it is one that is closed. */
  | { readonly kind: 'Close'; readonly portal: string | undefined; readonly undo: Undo }
  | { readonly kind: 'Sync'; readonly cycle: number }
  /** Nothing was sent: when its turn comes the agent gets these bytes. `ready`: followed by ReadyForQuery. */
  | {
      readonly kind: 'Local';
      /** 0: it was no command yet. */
      readonly commandId: number;
      readonly bytes: Uint8Array;
      readonly ready: boolean;
      readonly errorCode: string;
      readonly errorText: string;
    };

/** The command that an answer to this belongs to. */
export function commandOf(expectation: Expectation | undefined): RunningCommand | undefined {
  return expectation !== undefined && 'command' in expectation ? expectation.command : undefined;
}
