/** Nothing in it is taken for something else, read aloud or typed; no vowels, so that no words come about. */
const LETTERS = 'bcdfghjkmnpqrstvwxz23456789';
const LENGTH = 5;

/** A new id that is not `taken`: five letters and digits. It is no secret; deciding needs the owner's socket. */
export function newApprovalId(random: (bytes: number) => Uint8Array, taken: (id: string) => boolean): string {
  for (;;) {
    const id = [...random(LENGTH)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
    if (!taken(id)) return id;
  }
}
