import type { Mask, MaskRules } from '@sidegate/policy';
import { concatenate } from '../../concatenate.ts';
import { asLatin1, asText } from './codec.ts';
import { BinaryRows } from './copy-binary.ts';
import { CsvRows } from './copy-csv.ts';
import { type CopyMasker, FieldMasker, type MaskedPiece } from './copy-masker.ts';
import { TextRows } from './copy-text.ts';
import { type ColumnPlan, type MaskPlanner } from './mask.ts';
import type { CopyShape, SqlReading } from './sql-reading.ts';
import { formOf } from './value-form.ts';

/** How the session's bytes are read: as UTF-8, or as text in which an ASCII byte may be part of another character. */
interface SessionEncoding {
  readonly utf8: boolean;
  readonly treacherous: boolean;
}

/**
 * The masker for a COPY, or undefined when its data passes as it is. A COPY whose columns cannot be told gives no row at all when masked
 * columns may be in it. `midway`: rows have gone already, and the next piece begins a row, as the server sends them.
 */
export function openCopyMasker(
  shape: CopyShape | undefined,
  reading: SqlReading | undefined,
  planner: MaskPlanner,
  session: SessionEncoding,
  midway = false,
): CopyMasker | undefined {
  const { masks } = planner;
  if (masks.empty) return undefined;
  const { utf8, treacherous } = encodingOf(shape?.encoding, session);
  if (treacherous || quotesByNewline(shape)) return new NoRows();
  if (shape?.columns === undefined)
    return planner.involved(reading) || shape === undefined ? new NoRows() : new Contents(masks, utf8);
  const involved = planner.involved(reading);
  const scans = masks.detect.length > 0 || masks.fields.length > 0;
  const plans = shape.columns.map((origin, at): ColumnPlan | undefined => {
    const mask: Mask | undefined = planner.originMask(origin, involved || origin.kind === 'Unknown');
    // Without a type, text is safe in the text formats; in binary only NULL is.
    const typeOid = shape.typeOids?.[at];
    const form = typeOid === undefined ? (shape.format === 'Binary' ? 'Container' : 'Text') : formOf(typeOid);
    if (!planner.guards || mask === undefined)
      return scans && form !== 'Fixed' ? { mask: undefined, form, binary: shape.format === 'Binary' } : undefined;
    return { mask, form, binary: shape.format === 'Binary' };
  });
  if (plans.every((plan) => plan === undefined)) return undefined;
  const fields = new FieldMasker(plans, masks, utf8);
  switch (shape.format) {
    case 'Binary':
      return new BinaryRows(fields, midway);
    case 'Csv':
      return new CsvRows(midway ? { ...shape, header: false } : shape, fields);
    case 'Text':
      return new TextRows(midway ? { ...shape, header: false } : shape, fields);
    default:
      return shape.format satisfies never;
  }
}

/** Encodings in which a byte below 128 is always the ASCII character, by their names in PostgreSQL without signs. */
const PLAIN_ENCODINGS = /^(?:UTF8|UNICODE|LATIN\d+|ISO8859\d+|WIN(?:DOWS)?125\d|EUC(?:JP|KR|CN|TW)|KOI8[RU]?)$/;

/** How the bytes of a COPY are read: as the session's, unless the statement says otherwise. */
function encodingOf(encoding: string | undefined, session: SessionEncoding): SessionEncoding {
  if (encoding === undefined) return session;
  return { utf8: /^(?:UTF8|UNICODE)$/.test(encoding), treacherous: !PLAIN_ENCODINGS.test(encoding) };
}

/** The server takes a newline as quote or escape: then nobody can tell where a row ends. */
function quotesByNewline(shape: CopyShape | undefined): boolean {
  return shape?.format === 'Csv' && (shape.quote === '\n' || shape.escape === '\n');
}

/** What one masker lets through is masked by the other. */
export function chainCopyMaskers(
  first: CopyMasker | undefined,
  second: CopyMasker | undefined,
): CopyMasker | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const through = (piece: MaskedPiece | undefined, last: boolean): MaskedPiece | undefined => {
    if (piece === undefined) return undefined;
    const masked = second.mask(piece.bytes);
    const rest = last ? second.end() : NOTHING;
    if (masked === undefined || rest === undefined) return undefined;
    return {
      bytes: concatenate([masked.bytes, rest.bytes]),
      rows: piece.rows,
      maskedValues: piece.maskedValues + masked.maskedValues + rest.maskedValues,
    };
  };
  return { mask: (piece) => through(first.mask(piece), false), end: () => through(first.end(), true) };
}

const NOTHING: MaskedPiece = { bytes: new Uint8Array(0), rows: 0, maskedValues: 0 };

/** Nothing of the data may be seen. */
class NoRows implements CopyMasker {
  mask(): MaskedPiece {
    return { bytes: new Uint8Array(0), rows: 0, maskedValues: 1 };
  }

  end(): MaskedPiece {
    return { bytes: new Uint8Array(0), rows: 0, maskedValues: 0 };
  }
}

/** Columns are not known and none is masked: contents are looked for in each piece as a whole. */
class Contents implements CopyMasker {
  readonly #masks: MaskRules;
  readonly #utf8: boolean;

  constructor(masks: MaskRules, utf8: boolean) {
    this.#masks = masks;
    this.#utf8 = utf8;
  }

  mask(piece: Uint8Array): MaskedPiece {
    const text = this.#utf8 ? asText(piece) : asLatin1(piece);
    const masked = this.#masks.maskContent(text);
    if (masked === text) return { bytes: piece, rows: 1, maskedValues: 0 };
    return { bytes: Buffer.from(masked, this.#utf8 ? 'utf8' : 'latin1'), rows: 1, maskedValues: 1 };
  }

  end(): MaskedPiece {
    return { bytes: new Uint8Array(0), rows: 0, maskedValues: 0 };
  }
}
