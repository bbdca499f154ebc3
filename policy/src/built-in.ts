import type { BoundPolicy } from './bound-policy.ts';
import type { ColumnUse, Command, PostgresStatement, RedisCommand, RedisKeyUse } from './command.ts';
import { fieldMaskIn } from './field-masks.ts';
import type { KeyMasks, Mask, MaskRules } from './masking.ts';
import { type CommandPart, qualified } from './match/command-part.ts';
import { isForward } from './match/ssh-match.ts';

/** A denial by what is built in. */
export interface BuiltInDenial {
  readonly rule: 'incomplete' | 'forward' | 'masked-condition' | 'masked-copy';
  readonly reason: string;
}

/**
 * Denies what was not understood whole, unless a policy in the Target's own namespace names each kind of it in `allowIncomplete`. A policy that
 * applies only because nobody knows the identity's groups gives nothing here either.
 */
export function unreadable(command: Command, bound: readonly BoundPolicy[]): BuiltInDenial | undefined {
  if (command.complete && command.incomplete.length === 0) return undefined;
  const allowed = new Set(
    bound.flatMap(({ policy, voices, certain }) =>
      certain && policy.mode === 'Enforce' && voices.includes('Target') ? policy.allowIncomplete : [],
    ),
  );
  const open = command.incomplete.filter(({ kind }) => !allowed.has(kind));
  if (command.incomplete.length > 0 && open.length === 0) return undefined;
  const why = [...new Set(open.map(({ kind, detail }) => `${detail} (${kind})`))].slice(0, 3).join(' ');
  return { rule: 'incomplete', reason: `The command is not understood whole. ${why}`.trimEnd() };
}

/**
 * Denies a forward of SSH of which rules of the Target's side leave anything `uncovered`: it leads to another place, and what it carries nobody reads, so the
 * default action does not speak for it. Whoever owns the Target says by a rule where its server may lead.
 */
export function unnamedForward(command: Command, uncovered: readonly CommandPart[]): BuiltInDenial | undefined {
  if (!isForward(command) || uncovered.length === 0) return undefined;
  const named = uncovered.map(({ text }) => text).join(', ');
  return { rule: 'forward', reason: `No rule of the Target's side that names the channel forward allows ${named}.` };
}

/**
 * Denies what tells a masked value without showing it: a condition on it, whose answer gives it away bit by bit, and a copy of it into a table
 * where no mask waits. The mask protects what is read out; these go round it.
 */
export function blindRead(command: Command, masks: MaskRules): BuiltInDenial | undefined {
  if (masks.empty) return undefined;
  if (command.protocol === 'Redis') return blindKeyRead(command, masks);
  // Masks on what SSH carries go by content alone: there is no column or key to ask about.
  if (command.protocol === 'SSH') return undefined;
  for (const statement of command.statements) {
    const denial = conditionOnMasked(statement, masks) ?? copyOfMasked(statement, masks);
    if (denial !== undefined) return denial;
  }
  return undefined;
}

function conditionOnMasked({ columns }: PostgresStatement, masks: MaskRules): BuiltInDenial | undefined {
  for (const used of columns) {
    const masked = used.use === 'Condition' ? describeMasked(used, masks) : undefined;
    if (masked === undefined) continue;
    return {
      rule: 'masked-condition',
      reason: `${masked}: filtering, joining, sorting or grouping by it would give it away.`,
    };
  }
  return undefined;
}

function copyOfMasked({ tables, columns }: PostgresStatement, masks: MaskRules): BuiltInDenial | undefined {
  const written = tables.filter(({ access }) => access === 'Write');
  if (written.length === 0) return undefined;
  for (const used of columns) {
    const { schema, table, use } = used;
    // A column of the table that is written itself comes back through RETURNING, where it is masked.
    if (use !== 'Output' || written.some((other) => other.schema === schema && other.name === table)) continue;
    const masked = describeMasked(used, masks);
    if (masked === undefined) continue;
    return { rule: 'masked-copy', reason: `${masked}: writing it into another table would take the mask off.` };
  }
  return undefined;
}

/** Why nothing may be told of the column; undefined: it is not masked, nor any field in it. */
function describeMasked(used: ColumnUse, masks: MaskRules): string | undefined {
  const { schema, table, column, json, secret, member } = used;
  const name = `${qualified(schema, table)}.${column}`;
  if (secret === true && masks.columns)
    return `Column ${name} holds secrets of the server, which are masked as columns are`;
  const mask = masks.columnMask(schema, table, column);
  if (mask !== undefined) return `Column ${name} is masked by ${mask.rule}`;
  const field = json === undefined ? undefined : fieldMaskIn(masks, member);
  return field === undefined ? undefined : `Fields of JSON in column ${name} are masked by ${field.rule}`;
}

function blindKeyRead({ name, keys }: RedisCommand, masks: MaskRules): BuiltInDenial | undefined {
  for (const use of keys) {
    if (use.use === undefined) continue;
    if (use.use === 'Part' && masks.fields.length > 0) {
      const reason = `Fields of JSON values are masked: ${name} works on a piece of a value, which would give them away.`;
      return { rule: 'masked-condition', reason };
    }
    const mask = masks.keys === undefined ? undefined : maskOfUse(use, masks.keys);
    if (mask === undefined) continue;
    if (use.use !== 'Copy') {
      const reason = `Key ${use.name} is masked by ${mask.rule}: what ${name} answers cannot be masked and would give its value away.`;
      return { rule: 'masked-condition', reason };
    }
    if (keys.every((other) => other.access === 'Read' || isMaskedAlike(other, use, masks.keys))) continue;
    const reason = `Key ${use.name} is masked by ${mask.rule}: ${name} would copy its value to where the mask does not hold.`;
    return { rule: 'masked-copy', reason };
  }
  return undefined;
}

function maskOfUse({ name, isPattern, fields }: RedisKeyUse, masks: KeyMasks): Mask | undefined {
  if (isPattern === true || fields === undefined) return masks.any(name, isPattern === true);
  for (const field of fields) {
    const mask = masks.mask(name, field);
    if (mask !== undefined) return mask;
  }
  return undefined;
}

/** Whole-value masks of one rule on both; what is masked by the field could be a field of another name there. */
function isMaskedAlike(target: RedisKeyUse, source: RedisKeyUse, masks: KeyMasks | undefined): boolean {
  if (masks === undefined || target.isPattern === true || source.isPattern === true) return false;
  const mask = masks.any(source.name, false);
  return mask !== undefined && masks.mask(source.name) === mask && masks.mask(target.name) === mask;
}
