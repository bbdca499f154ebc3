/** Builds messages of a PostgreSQL server (protocol 3.0, "Message Formats"), for tests. */
export function backend(type: string, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)));
  const header = Buffer.alloc(5);
  header.write(type, 'latin1');
  header.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

export function int16(value: number): Uint8Array {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** RowDescription; a column is its name, its type's OID, and whether it is binary. */
export function rowDescription(...columns: readonly (readonly [name: string, typeOid?: number, binary?: boolean])[]) {
  const described = columns.flatMap(([name, typeOid = 25, binary = false]) => [
    name,
    int32(0),
    int16(0),
    int32(typeOid),
    int16(-1),
    int32(-1),
    int16(binary ? 1 : 0),
  ]);
  return backend('T', int16(columns.length), ...described);
}

/** DataRow; undefined is NULL. */
export function dataRow(...values: readonly (string | Uint8Array | undefined)[]): Uint8Array {
  const parts = values.flatMap((value) => {
    if (value === undefined) return [int32(-1)];
    const bytes = Buffer.from(value);
    return [int32(bytes.length), bytes];
  });
  return backend('D', int16(values.length), ...parts);
}

export const READY = backend('Z', Buffer.from('I'));
