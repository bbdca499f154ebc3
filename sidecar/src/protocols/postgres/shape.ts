import { BodyReader } from './codec.ts';

/** One column as RowDescription tells it. */
export interface ShapeColumn {
  /** 0: no column of a table. */
  readonly tableOid: number;
  /** 0: no column of a table; negative: a system column. */
  readonly attribute: number;
  readonly typeOid: number;
  readonly binary: boolean;
}

/** What the rows of a result look like. */
export type Shape = readonly ShapeColumn[];

/** PostgreSQL's own limit for result columns. */
const COLUMNS_MAX = 1_664;

/** Reads the body of a RowDescription; undefined when it is malformed. */
export function readShape(body: BodyReader): Shape | undefined {
  const count = body.int16();
  if (count < 0 || count > COLUMNS_MAX) return undefined;
  const columns: ShapeColumn[] = [];
  for (let at = 0; at < count; at++) {
    body.skipString();
    const tableOid = body.int32() >>> 0;
    const attribute = body.int16();
    const typeOid = body.int32() >>> 0;
    body.int16();
    body.int32();
    const binary = body.int16() === 1;
    if (body.failed) return undefined;
    columns.push({ tableOid, attribute, typeOid, binary });
  }
  return body.complete ? columns : undefined;
}

/** The shape with the formats that a Bind asked for: none: text, one: for all, else one each. */
export function withFormats(shape: Shape, formats: readonly number[]): Shape {
  return shape.map((column, at) => {
    const format = formats.length === 1 ? formats[0] : formats[at];
    return { ...column, binary: format === 1 };
  });
}
