/** How a value of a type may be changed without breaking the client that reads it. */
export type Form =
  /** Any text is a value of the type, and its binary format is that text. */
  | 'Text'
  /** Must stay valid JSON. */
  | 'Json'
  /** jsonb: in binary one version byte stands before the text. */
  | 'Jsonb'
  /** Bytes; scanned for contents, never rewritten in part. */
  | 'Bytes'
  /** Arrays, rows, types of the server's own making: text that may hold contents; masked as a whole it becomes NULL. */
  | 'Container'
  /** Numbers, dates, ...: no contents are looked for; masked it becomes NULL, which every client takes. */
  | 'Fixed';

const FORMS: ReadonlyMap<number, Form> = new Map<number, Form>([
  ...[25, 1043, 1042, 19, 705, 142, 2275, 4072].map((oid): [number, Form] => [oid, 'Text']),
  [114, 'Json'],
  [3802, 'Jsonb'],
  [17, 'Bytes'],
  // bool, int8, int2, int4, oid, tid, xid, cid, float4, float8, money, macaddr, inet, cidr, macaddr8, date, time, timestamp, timestamptz,
  // interval, timetz, bit, varbit, numeric, uuid, pg_lsn, reg* types, txid_snapshot, "char", void, xid8
  ...[
    16, 18, 20, 21, 23, 26, 27, 28, 29, 700, 701, 790, 829, 869, 650, 774, 1082, 1083, 1114, 1184, 1186, 1266, 1560,
    1562, 1700, 2950, 3220, 24, 2202, 2203, 2204, 2205, 2206, 4089, 4096, 4191, 2278, 2970, 5069,
  ].map((oid): [number, Form] => [oid, 'Fixed']),
]);

/** The form of a type; types that are not known here are containers. */
export function formOf(typeOid: number): Form {
  return FORMS.get(typeOid) ?? 'Container';
}
