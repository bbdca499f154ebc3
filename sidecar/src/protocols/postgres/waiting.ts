import type { CommandId, JudgedCommand } from '../protocol.ts';
import type { NumberedReading } from './reading-cache.ts';
import type { Binds, Portal, PreparedStatement } from './statements.ts';

/** A command that was shown to the gate and waits for its answer. */
export type Waiting = {
  readonly commandId: CommandId;
  readonly judged: JudgedCommand;
  /** Its frame, as received. */
  readonly frame: Uint8Array;
  /** An earlier frame of the same cycle failed at the server: it will not be carried out. */
  skipped: boolean;
} & (
  | { readonly kind: 'Query'; readonly numbered: NumberedReading }
  | { readonly kind: 'FunctionCall'; readonly numbered: undefined }
  | {
      readonly kind: 'Parse';
      readonly numbered: NumberedReading;
      readonly name: string;
      readonly text: string;
      readonly parameterTypes: readonly number[];
      readonly readable: boolean;
    }
  | {
      readonly kind: 'Bind';
      readonly numbered: NumberedReading;
      readonly name: string;
      readonly statement: PreparedStatement;
      readonly formats: readonly number[];
      readonly binds: Binds;
    }
  | { readonly kind: 'Execute'; readonly numbered: NumberedReading; readonly portal: Portal }
);
