/** What a model of Redis answers, before it is known in which version of the protocol. */
export type Reply =
  | { readonly kind: 'Simple' | 'Error' | 'Bulk' | 'Verbatim'; readonly text: string }
  | { readonly kind: 'Integer'; readonly value: number }
  | { readonly kind: 'Null' | 'NullArray' }
  | { readonly kind: 'Array' | 'Set' | 'Map' | 'Push'; readonly items: readonly Reply[] };

export const simple = (text: string): Reply => ({ kind: 'Simple', text });
export const failure = (text: string): Reply => ({ kind: 'Error', text });
export const bulk = (text: string | undefined): Reply => (text === undefined ? NULL : { kind: 'Bulk', text });
export const integer = (value: number): Reply => ({ kind: 'Integer', value });
export const list = (items: readonly Reply[]): Reply => ({ kind: 'Array', items });
export const bulks = (texts: readonly (string | undefined)[]): Reply => list(texts.map(bulk));
export const NULL: Reply = { kind: 'Null' };
export const OK = simple('OK');

/** The bytes, as characters of the same number. */
export function encodeReply(reply: Reply, version: 2 | 3): string {
  switch (reply.kind) {
    case 'Simple':
      return `+${reply.text}\r\n`;
    case 'Error':
      return `-${reply.text}\r\n`;
    case 'Bulk':
      return `$${reply.text.length}\r\n${reply.text}\r\n`;
    case 'Verbatim':
      return version === 3
        ? `=${reply.text.length + 4}\r\ntxt:${reply.text}\r\n`
        : `$${reply.text.length}\r\n${reply.text}\r\n`;
    case 'Integer':
      return `:${reply.value}\r\n`;
    case 'Null':
      return version === 3 ? '_\r\n' : '$-1\r\n';
    case 'NullArray':
      return version === 3 ? '_\r\n' : '*-1\r\n';
    default: {
      const type = version === 2 ? '*' : { Array: '*', Set: '~', Map: '%', Push: '>' }[reply.kind];
      const { items } = reply;
      const count = type === '%' ? items.length / 2 : items.length;
      return `${type}${count}\r\n${items.map((item) => encodeReply(item, version)).join('')}`;
    }
  }
}
