import type { MaskRules } from '@sidegate/policy';
import type { BodyReader } from './codec.ts';
import { writeFields } from './codec-writer.ts';

/** More fields than the protocol has letters is no error message. */
const FIELDS_MAX = 64;

/** Fields that may quote values: message, detail, hint, context, internal query. */
const TELLING = new Set(['M', 'D', 'H', 'W', 'q']);
/** Names of objects, which a function that raises an error of its own can set to anything: schema, table, column, type, constraint. */
const NAMES = new Set(['s', 't', 'c', 'd', 'n']);
/** Source files that pass on what others wrote: procedural languages and connections to other servers. */
const OTHERS = /^(?:$|pl|dblink|postgres_fdw|connection\.c)/u;

/**
 * Classes of errors whose message, as the server itself words it, names objects and states but no values: connection, transaction and
 * resource trouble, and broken constraints (the row is in the detail). A message of a function's own making (file pl_exec.c) may hold all.
 */
const PLAIN_CLASSES = new Set(['08', '23', '25', '26', '28', '34', '3D', '40', '53', '55', '57']);

const HIDDEN = '[masked]';
const HIDDEN_MESSAGE = 'the message is masked because the command touches masked columns';

/** Lines of context that say where in the agent's own input something was found. Any other was written by a function or a statement inside of one. */
const OF_INPUT = /^(?:COPY |JSON data, |(?:unnamed )?portal )/u;

/**
 * True for a message that a function may have worded, or the server while one ran: checks, policies, rules and event triggers call some that no
 * statement names, and what these read nobody can tell.
 */
export function isFromCode(fields: ReadonlyMap<string, string>): boolean {
  if (OTHERS.test(fields.get('F') ?? '') || fields.has('q')) return true;
  return (
    fields
      .get('W')
      ?.split('\n')
      .every((line) => OF_INPUT.test(line)) === false
  );
}

/** The fields of an ErrorResponse or NoticeResponse by letter, or undefined when it is malformed. */
export function readErrorFields(body: BodyReader): Map<string, string> | undefined {
  const fields = new Map<string, string>();
  for (let count = 0; count < FIELDS_MAX; count++) {
    const letter = body.byte();
    if (body.failed) return undefined;
    if (letter === 0) return body.complete ? fields : undefined;
    fields.set(String.fromCharCode(letter), body.string());
  }
  return undefined;
}

/**
 * The fields with masks applied. When the command may touch masked columns (`involved`), whatever could quote a value is hidden; the
 * code and the names of tables, columns and constraints stay, so that a program can still act.
 */
export function maskErrorFields(
  fields: ReadonlyMap<string, string>,
  masks: MaskRules,
  involved: boolean,
): { readonly fields: ReadonlyMap<string, string>; readonly changed: boolean } {
  const sqlState = fields.get('C') ?? '';
  const byServer = !OTHERS.test(fields.get('F') ?? '');
  // The parser found it before any row was read, and only the parser knows a position in the text.
  const beforeRows = sqlState.startsWith('42') && fields.has('P');
  const masked = new Map<string, string>();
  let changed = false;
  for (const [letter, value] of fields) {
    let shown = value;
    if (TELLING.has(letter)) {
      const harmless = letter === 'M' && byServer && PLAIN_CLASSES.has(sqlState.slice(0, 2));
      if (involved && !beforeRows && !harmless) shown = letter === 'M' ? HIDDEN_MESSAGE : HIDDEN;
      else shown = masks.maskContent(value);
    } else if (NAMES.has(letter)) shown = involved && !byServer ? HIDDEN : masks.maskContent(value);
    if (shown !== value) changed = true;
    masked.set(letter, shown);
  }
  return { fields: masked, changed };
}

/** An ErrorResponse or NoticeResponse (`type`) from masked fields. */
export function writeErrorFields(type: number, fields: ReadonlyMap<string, string>): Uint8Array {
  return writeFields(type, fields);
}
