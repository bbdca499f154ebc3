declare const minted: unique symbol;

/**
 * The proof that one command was judged, and recorded, and may be forwarded. Only a mint can make one, only the gate holds the
 * mint, and a permit is good for one command of one session until that command is finished.
 */
export interface Permit {
  readonly [minted]: true;
  readonly commandId: number;
}

/** Makes permits and knows its own. One mint a session. */
export interface PermitMint {
  mint(commandId: number): Permit;
  /** True for a live permit of this mint and this command; a command that sends more (COPY rows) shows the same permit again. */
  admits(permit: Permit, commandId: number): boolean;
  /** The command is finished: its permit is worth nothing from now on. */
  retire(commandId: number): void;
}

/** A mint whose permits nobody else can make: they are known by object identity. */
export function openMint(): PermitMint {
  const live = new Map<number, Permit>();
  return {
    mint(commandId) {
      const permit = { commandId } as Permit;
      live.set(commandId, permit);
      return permit;
    },
    admits(permit, commandId) {
      return live.get(commandId) === permit;
    },
    retire(commandId) {
      live.delete(commandId);
    },
  };
}
