import type { BoundPolicy } from './bound-policy.ts';
import type { Command, PostgresStatement } from './command.ts';
import type { MaskRules } from './masking.ts';
import { qualified } from './match/command-part.ts';

/** A denial by what is built in. */
export interface BuiltInDenial {
  readonly rule: 'incomplete' | 'masked-condition' | 'masked-copy';
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
 * Denies what tells a masked value without showing it: a condition on it, whose answer gives it away bit by bit, and a copy of it into a table
 * where no mask waits. The mask protects what is read out; these go round it.
 */
export function blindRead(command: Command, masks: MaskRules): BuiltInDenial | undefined {
  if (masks.empty || command.protocol !== 'Postgres') return undefined;
  for (const statement of command.statements) {
    const denial = conditionOnMasked(statement, masks) ?? copyOfMasked(statement, masks);
    if (denial !== undefined) return denial;
  }
  return undefined;
}

function conditionOnMasked({ columns }: PostgresStatement, masks: MaskRules): BuiltInDenial | undefined {
  for (const { schema, table, column, use } of columns) {
    if (use !== 'Condition') continue;
    const mask = masks.columnMask(schema, table, column);
    if (mask === undefined) continue;
    const name = `${qualified(schema, table)}.${column}`;
    return {
      rule: 'masked-condition',
      reason: `Column ${name} is masked by ${mask.rule}: filtering, joining, sorting or grouping by it would give it away.`,
    };
  }
  return undefined;
}

function copyOfMasked({ tables, columns }: PostgresStatement, masks: MaskRules): BuiltInDenial | undefined {
  const written = tables.filter(({ access }) => access === 'Write');
  if (written.length === 0) return undefined;
  for (const { schema, table, column, use } of columns) {
    // A column of the table that is written itself comes back through RETURNING, where it is masked.
    if (use !== 'Output' || written.some((other) => other.schema === schema && other.name === table)) continue;
    const mask = masks.columnMask(schema, table, column);
    if (mask === undefined) continue;
    const name = `${qualified(schema, table)}.${column}`;
    return {
      rule: 'masked-copy',
      reason: `Column ${name} is masked by ${mask.rule}: writing it into another table would take the mask off.`,
    };
  }
  return undefined;
}
