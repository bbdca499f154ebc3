/** Nothing in it is taken for something else, read aloud or typed; no vowels, so that no words come about. */
const LETTERS = 'bcdfghjkmnpqrstvwxz23456789';
const LENGTH = 5;

/** A new id that is not `taken`: letters and digits, five by default. It is no secret: to know it gives nobody the right to decide. */
export function newApprovalId(
  random: (bytes: number) => Uint8Array,
  taken: (id: string) => boolean,
  length = LENGTH,
): string {
  for (;;) {
    const id = [...random(length)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
    if (!taken(id)) return id;
  }
}
