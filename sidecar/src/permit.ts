declare const minted: unique symbol;

/**
 * The proof that one command was judged, and recorded, and may be forwarded. Only a mint can make one, only the gate holds the
 * mint, and a permit is good for one command of one session.
 */
export interface Permit {
  readonly [minted]: true;
  readonly commandId: number;
}

/** Makes permits and knows its own. One mint a session. */
export interface PermitMint {
  mint(commandId: number): Permit;
  /** True once for a permit of this mint and this command. */
  redeem(permit: Permit, commandId: number): boolean;
}

/** A mint whose permits nobody else can make: they are known by object identity. */
export function openMint(): PermitMint {
  const live = new Set<Permit>();
  return {
    mint(commandId) {
      const permit = { commandId } as Permit;
      live.add(permit);
      return permit;
    },
    redeem(permit, commandId) {
      return permit.commandId === commandId && live.delete(permit);
    },
  };
}
