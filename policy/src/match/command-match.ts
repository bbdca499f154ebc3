import { assertNever, type RuleMatch } from '@sidegate/crds';
import type { Command } from '../command.ts';
import type { FaultList, ResourcePlace } from '../policy-fault.ts';
import { compilePostgresMatch, type StatementMatch, type StatementTest } from './postgres-match.ts';
import type { Leaning } from './qualified-name.ts';
import { compileRedisMatch, type RedisOutcome } from './redis-match.ts';
import { compileSshMatch, isForward, NO_FORWARD, type SshOutcome } from './ssh-match.ts';

/** What a rule's `match` says to a whole command. `covered` has one entry a part, as `partsOf` counts them. */
export type CommandMatch =
  | { readonly matched: true; readonly covered: readonly boolean[] }
  | { readonly matched: false; readonly why: () => string };

export type CommandTest = (command: Command, partCount: number) => CommandMatch;

/**
 * Compiles `match`. One that is absent or names no protocol matches every command, but permits no forward of SSH; one that names others only matches none of
 * this protocol.
 */
export function compileCommandMatch(
  match: RuleMatch | undefined,
  leaning: Leaning,
  place: ResourcePlace,
  faults: FaultList,
): CommandTest {
  const postgres = match?.postgres && compilePostgresMatch(match.postgres, leaning, place, faults);
  const redis = match?.redis && compileRedisMatch(match.redis, leaning, place, faults);
  const ssh = match?.ssh && compileSshMatch(match.ssh, leaning, place, faults);
  const any = postgres === undefined && redis === undefined && ssh === undefined;
  return (command, partCount) => {
    if (any && leaning === 'Permit' && isForward(command)) return NO_FORWARD;
    if (any) return { matched: true, covered: Array.from({ length: partCount }, () => true) };
    switch (command.protocol) {
      case 'Postgres':
        return postgres === undefined ? OTHER_PROTOCOL : matchStatements(postgres, command.statements, leaning);
      case 'Redis':
        return redis === undefined ? OTHER_PROTOCOL : coverKeys(redis(command));
      case 'SSH':
        return ssh === undefined ? OTHER_PROTOCOL : coverPrograms(ssh(command));
      default:
        return assertNever(command);
    }
  };
}

const OTHER_PROTOCOL: CommandMatch = { matched: false, why: () => 'the rule is about another protocol' };

function matchStatements(
  test: StatementTest,
  statements: readonly Parameters<StatementTest>[0][],
  leaning: Leaning,
): CommandMatch {
  // An empty command does nothing; drivers send it to see whether the server lives. Whoever may do anything may do that.
  if (statements.length === 0) {
    return leaning === 'Permit'
      ? { matched: true, covered: [true] }
      : { matched: false, why: () => 'the command holds no statement' };
  }
  const outcomes = statements.map(test);
  if (!outcomes.some((outcome) => outcome.matched)) {
    return { matched: false, why: () => outcomes.map(whyOf).join('; ') };
  }
  const covered = outcomes.flatMap((outcome, index) => {
    if (outcome.matched) return [true, ...outcome.tables, ...outcome.functions];
    const statement = statements[index];
    return Array.from(
      { length: 1 + (statement?.tables.length ?? 0) + (statement?.functions.length ?? 0) },
      () => false,
    );
  });
  return { matched: true, covered };
}

function whyOf(outcome: StatementMatch): string {
  return outcome.matched ? '' : outcome.why();
}

function coverKeys(outcome: RedisOutcome): CommandMatch {
  return outcome.matched ? { matched: true, covered: [true, ...outcome.keys] } : outcome;
}

function coverPrograms(outcome: SshOutcome): CommandMatch {
  return outcome.matched ? { matched: true, covered: [true, ...outcome.commands, ...outcome.paths] } : outcome;
}
