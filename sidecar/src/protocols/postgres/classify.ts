import type { Mask, MaskRules, PostgresCommand } from '@sidegate/policy';
import { concatenate } from '../../concatenate.ts';
import type { CommandId, JudgedCommand } from '../protocol.ts';
import { asLatin1 } from './codec.ts';
import { type NumberedReading, shownText } from './reading-cache.ts';
import type { SqlReading } from './sql-reading.ts';
import type { Binds } from './statements.ts';
import { valueText } from './value-text.ts';

/** What one command is made of, before it becomes what policy reads. */
export interface CommandSource {
  readonly text: string;
  readonly numbered: NumberedReading;
  readonly wire: Uint8Array;
  /** What the record and approvers may see, as of when they see it: masks may be added while a command waits. */
  readonly recordMasks: () => MaskRules;
  /** As in `JudgedCommand.place`, but for prepared statements. */
  readonly place: Readonly<Record<string, string>> | undefined;
  /** The command whose portal it goes on with. */
  readonly continues?: CommandId;
  readonly prepares?: string;
  readonly binds?: Binds;
  readonly parameterTypes?: readonly number[];
  /** False when the bytes could mean another text to the server (an encoding that is not followed). */
  readonly readable: boolean;
}

/** A command as policy reads it. */
export function classify(source: CommandSource): JudgedCommand {
  const { text, numbered, recordMasks, prepares, continues, readable } = source;
  const { reading, number, runs = [] } = numbered;
  const place = placeOf(source);
  return {
    command: readable ? reading.command : unreadable(reading.command),
    text,
    maskedText: () => shownText(numbered, recordMasks()),
    maskedBinds: () => maskBinds(source),
    wire: runs.length === 0 ? source.wire : concatenate([...runs.map(({ wire }) => wire), source.wire]),
    verbs: reading.verbs,
    objects: reading.objects,
    claims: maskClaims(commenterClaims(text), recordMasks()),
    cacheKey: readable ? `sql-${number}` : undefined,
    ...(place === undefined ? {} : { place }),
    ...(reading.definitions === undefined ? {} : { definitions: reading.definitions }),
    ...(prepares === undefined ? {} : { prepares: prepares === '' ? '(unnamed)' : prepares }),
    ...(continues === undefined ? {} : { continues }),
  };
}

/** Where it runs, and the prepared statements that it runs by name. */
function placeOf({ numbered, place, recordMasks }: CommandSource): JudgedCommand['place'] {
  const { runs } = numbered;
  if (runs === undefined) return place;
  const masks = recordMasks();
  const statements = runs.map(({ name, whole }) => [`prepared ${masks.maskContent(name)}:`, shownText(whole, masks)]);
  return { ...place, ...Object.fromEntries(statements) };
}

/** A function called by its OID: nobody can see what it does. */
export function classifyFunctionCall(oid: number, wire: Uint8Array): JudgedCommand {
  const command: PostgresCommand = {
    protocol: 'Postgres',
    complete: false,
    incomplete: [{ kind: 'FunctionCall', detail: 'A function is called by its number, past SQL.' }],
    statements: [
      {
        verb: 'CALL',
        hasWhere: false,
        hasLimit: false,
        tables: [],
        functions: [{ schema: '', name: String(oid), volatility: 'Unknown' }],
        columns: [],
      },
    ],
  };
  return {
    command,
    text: `FunctionCall ${oid}`,
    maskedText: () => `FunctionCall ${oid}`,
    maskedBinds: () => [],
    wire,
    verbs: ['CALL'],
    objects: [`call ${oid}`],
    claims: {},
    cacheKey: undefined,
  };
}

function unreadable(command: PostgresCommand): PostgresCommand {
  const detail = 'The text is not UTF-8, or client_encoding is another one: the server may read another text.';
  return { ...command, complete: false, incomplete: [...command.incomplete, { kind: 'Encoding', detail }] };
}

const NO_BINDS: readonly (string | undefined)[] = [];

/** Bind values as text. A value that meets a masked column is masked by it; one whose column cannot be told, when masked tables are named, is redacted. */
function maskBinds(source: CommandSource): readonly (string | undefined)[] {
  const { binds, numbered, parameterTypes } = source;
  if (binds === undefined) return NO_BINDS;
  const masks = source.recordMasks();
  const { reading } = numbered;
  return binds.values.map((value, at) => {
    if (value === undefined) return undefined;
    const format = binds.formats.length === 1 ? binds.formats[0] : binds.formats[at];
    const text = valueText(value, format === 1, parameterTypes?.[at] ?? 0);
    if (masks.empty) return text;
    const mask = bindMask(reading, at, masks);
    // NULL would look like a value that was not there.
    if (mask !== undefined) return masks.maskValue(mask, text) ?? '[masked]';
    const bytes = text.startsWith('\\x') ? asLatin1(value) : '';
    return masks.maskContent(bytes) === bytes ? masks.maskJson(text) : '[masked]';
  });
}

function bindMask(reading: SqlReading, at: number, masks: MaskRules): Mask | undefined {
  if (!masks.columns) return undefined;
  const met = reading.parameters[at];
  if (met !== undefined) {
    const found = met.map(({ schema, table, column }) => masks.columnMask(schema, table, column));
    return found.find((mask) => mask !== undefined);
  }
  const touches =
    !reading.command.complete ||
    reading.command.statements.some(({ tables }) => tables.some(({ schema, name }) => masks.masksTable(schema, name)));
  return touches ? { rule: masks.unknownOrigin.rule, with: { type: 'Redact' } } : undefined;
}

const CLAIMS_MAX = 16;
const CLAIM_LENGTH_MAX = 512;
const NO_CLAIMS: Readonly<Record<string, string>> = {};

/** Claims in a comment at the end of a text (sqlcommenter): `key='value'` pairs, percent-encoded, separated by commas. */
export function commenterClaims(text: string): Readonly<Record<string, string>> {
  const trimmed = text.trimEnd();
  const tail = trimmed.endsWith(';') ? trimmed.slice(0, -1).trimEnd() : trimmed;
  if (!tail.endsWith('*/')) return NO_CLAIMS;
  const start = tail.lastIndexOf('/*');
  if (start < 0) return NO_CLAIMS;
  const claims: Record<string, string> = {};
  let count = 0;
  for (const [, key = '', value = ''] of tail
    .slice(start + 2, -2)
    .matchAll(/([\w.%-]{1,128})='((?:[^'\\]|\\.){0,2048})'/gu)) {
    if (++count > CLAIMS_MAX) break;
    claims[decode(key)] = decode(value.replaceAll("\\'", "'")).slice(0, CLAIM_LENGTH_MAX);
  }
  return claims;
}

function maskClaims(claims: Readonly<Record<string, string>>, masks: MaskRules): Readonly<Record<string, string>> {
  if (masks.empty || claims === NO_CLAIMS) return claims;
  return Object.fromEntries(Object.entries(claims).map(([key, value]) => [key, masks.maskContent(value)]));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
