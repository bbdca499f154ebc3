/** The two sockets of one connection as the gate sees them. The relay is behind it; back-pressure is the relay's business. */
export interface Wires {
  sendAgent(bytes: Uint8Array): void;
  sendTarget(bytes: Uint8Array): void;
  /** What is sent between `cork` and `uncork` leaves in as few writes as possible. */
  cork(): void;
  uncork(): void;
  startAgentTls(received: Uint8Array | undefined): void;
  startTargetTls(): void;
  dialTarget(): void;
  /** Stops and starts reading both sides: the spool is full. */
  holdReading(): void;
  resumeReading(): void;
  /** Stops and starts reading the agent alone: it sends faster than the target answers. */
  holdAgent(): void;
  resumeAgent(): void;
  /** The agent is not read, though it takes what is written to it: only that shows whether it is still there. */
  readonly isAgentUnread: boolean;
  /** What was sent to the agent and is still here: it does not read, or has not agreed on new keys. In bytes. */
  readonly unsentBytes: number;
  /** Sends what is queued, then closes both sides; a peer that takes longer than `lastBytesMs` to read it is cut off. */
  close(lastBytesMs?: number): void;
  /** Opens a connection of its own to the target, sends `bytes` and closes it; `over` is called once when the target has closed it, or it failed. */
  sendCancel(bytes: Uint8Array, over?: () => void): void;
}
