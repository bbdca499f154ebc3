import type { RuleMatch } from '@sidegate/crds';
import type { RedisCommand, RedisKeyUse } from '../command.ts';
import { type FaultList, fieldOf, type ResourcePlace } from '../policy-fault.ts';
import { compileGlob, PATTERN_LENGTH_MAX, type TextTest } from './glob.ts';
import { coversPattern, mayMeet } from './key-pattern.ts';
import type { Leaning } from './qualified-name.ts';

type RedisMatch = NonNullable<RuleMatch['redis']>;

/** What a rule says to one Redis command: that it matches, and which keys it covers; or why not. */
export type RedisOutcome =
  | { readonly matched: true; readonly keys: readonly boolean[] }
  | { readonly matched: false; readonly why: () => string };

interface KeyTest {
  readonly pattern: string;
  readonly name: TextTest;
  readonly access: 'Read' | 'Write' | 'Any';
}

/**
 * Compiles `match.redis`. A command matches when it is one of `commands` (`CONFIG` means its subcommands too), is of one of `categories` (with or
 * without `@`) and names one of `keys`, each only where the rule names any. Keys are told apart by case, as Redis does. A command that names
 * keys by a pattern uses all that it may match: a denial holds when the two may meet, an Allow only when the rule's pattern covers the other.
 */
export function compileRedisMatch(
  match: RedisMatch,
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): (command: RedisCommand) => RedisOutcome {
  const commands = nonEmpty(match.commands)?.map((name) => name.trim().toUpperCase().replaceAll(/\s+/g, ' '));
  const categories = nonEmpty(match.categories)?.map(canonicalCategory);
  const keys = compileKeys(match.keys, place, faults);
  return (command) => {
    if (commands !== undefined && !commands.some((name) => isOrBegins(command.name.toUpperCase(), name))) {
      return { matched: false, why: () => `${command.name} is none of ${commands.join(', ')}` };
    }
    if (categories !== undefined && !command.categories.some((name) => categories.includes(canonicalCategory(name)))) {
      return { matched: false, why: () => `${command.name} is in none of the categories ${categories.join(', ')}` };
    }
    const hits = command.keys.map((use) => keys?.some((test) => matchesKey(test, use, leaning)) ?? true);
    if (keys !== undefined && !hits.includes(true)) {
      return { matched: false, why: () => `${command.name} names none of the rule's keys` };
    }
    return { matched: true, keys: hits };
  };
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function canonicalCategory(name: string): string {
  return name.replace(/^@/, '').toLowerCase();
}

function isOrBegins(name: string, wanted: string): boolean {
  return name === wanted || name.startsWith(`${wanted} `);
}

function matchesKey(test: KeyTest, use: RedisKeyUse, leaning: Leaning): boolean {
  if (test.access !== 'Any' && test.access !== use.access) return false;
  if (use.isPattern !== true) return test.name(use.name);
  return leaning === 'Restrict' ? mayMeet(test.pattern, use.name) : coversPattern(test.pattern, use.name);
}

function compileKeys(
  keys: RedisMatch['keys'],
  place: ResourcePlace,
  faults: FaultList,
): readonly KeyTest[] | undefined {
  if (keys === undefined || keys.length === 0) return undefined;
  for (const [index, key] of keys.entries()) {
    if (key.name !== '' && key.name.length <= PATTERN_LENGTH_MAX) continue;
    faults.add(
      fieldOf(place, `${place.field}.redis.keys[${index}].name`),
      'InvalidPattern',
      `A key pattern has 1 to ${PATTERN_LENGTH_MAX} characters.`,
      'Write the key; * stands for any text, as in session:*.',
    );
  }
  return keys.map((key) => ({
    pattern: key.name,
    name: compileGlob(key.name, false),
    access: key.access ?? 'Any',
  }));
}
