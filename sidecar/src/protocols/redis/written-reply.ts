/** A reply of the gate's own making, before it is known in which version of the protocol. */
export type WrittenReply =
  | { readonly kind: 'Bulk'; readonly text: string }
  /** A text for people: verbatim where the version has that. */
  | { readonly kind: 'Verbatim'; readonly text: string }
  /** In decimal. */
  | { readonly kind: 'Integer'; readonly digits: string }
  /** What a list would be that is not there. */
  | { readonly kind: 'Nothing' }
  | { readonly kind: 'List'; readonly items: readonly WrittenReply[] }
  /** Names and values by turns; in RESP2 the list of them. */
  | { readonly kind: 'Map'; readonly items: readonly WrittenReply[] };

export const bulk = (text: string): WrittenReply => ({ kind: 'Bulk', text });
export const integer = (digits: string | number): WrittenReply => ({ kind: 'Integer', digits: String(digits) });
export const NOTHING: WrittenReply = { kind: 'Nothing' };
export const list = (items: readonly WrittenReply[]): Extract<WrittenReply, { kind: 'List' }> => ({
  kind: 'List',
  items,
});
export const map = (members: readonly (readonly [name: string, value: WrittenReply])[]): WrittenReply => ({
  kind: 'Map',
  items: members.flatMap(([name, value]) => [bulk(name), value]),
});

/** The bytes. Texts are ASCII. */
export function writeReply(reply: WrittenReply, version: 2 | 3): Uint8Array {
  return Buffer.from(linesOf(reply, version), 'latin1');
}

function linesOf(reply: WrittenReply, version: 2 | 3): string {
  switch (reply.kind) {
    case 'Integer':
      return `:${reply.digits}\r\n`;
    case 'Nothing':
      return version === 2 ? '*-1\r\n' : '_\r\n';
    case 'Bulk':
      return `$${reply.text.length}\r\n${reply.text}\r\n`;
    case 'Verbatim':
      return version === 2
        ? `$${reply.text.length}\r\n${reply.text}\r\n`
        : `=${reply.text.length + 4}\r\ntxt:${reply.text}\r\n`;
    default: {
      const { kind, items } = reply;
      const head = kind === 'Map' && version === 3 ? `%${items.length / 2}` : `*${items.length}`;
      return `${head}\r\n${items.map((item) => linesOf(item, version)).join('')}`;
    }
  }
}
