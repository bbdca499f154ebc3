import type { BoundPolicy } from './bound-policy.ts';
import type { Command, RedisCommand } from './command.ts';
import type { Decision } from './decision.ts';
import { compileGlob, type TextTest } from './match/glob.ts';

/** Shapes of one command that are remembered; a client that makes up more starts over. */
const SHAPES_MAX = 1_000;
/** Shapes are numbers: so many bits are exact. */
const SHAPE_BITS_MAX = 48;

interface Remembered {
  /** Of the command as it was decided on: a catalog gives each command one list. */
  readonly categories: readonly string[];
  readonly byShape: Map<number, Decision>;
}

/**
 * Decisions of one session under one version of the rules, kept for commands of Redis that differ only in names which nothing tells apart: each
 * key has the same access and meets the same patterns of rules. What a decision can rest on besides (conditions, masks that a command would get
 * past, what was not understood) is not remembered, nor is a decision whose reason names a key.
 */
export class DecisionMemory {
  readonly #patterns: readonly TextTest[];
  readonly #hasConditions: boolean;
  readonly #byName = new Map<string, Remembered>();

  constructor(bound: readonly BoundPolicy[]) {
    const rules = bound.flatMap(({ policy }) => policy.rules);
    const patterns = new Set(rules.flatMap(({ keyPatterns }) => keyPatterns));
    this.#patterns = [...patterns].map((pattern) => compileGlob(pattern, false));
    this.#hasConditions = rules.some(({ when }) => when !== undefined);
  }

  /** What `decide` would give for the command, if it is known. */
  recall(command: Command): Decision | undefined {
    if (command.protocol !== 'Redis') return undefined;
    const known = this.#byName.get(command.name);
    if (known === undefined || known.categories !== command.categories) return undefined;
    const shape = this.#shapeOf(command);
    return shape === undefined ? undefined : known.byShape.get(shape);
  }

  keep(command: Command, decision: Decision): void {
    if (command.protocol !== 'Redis' || !isNameless(decision)) return;
    const shape = this.#shapeOf(command);
    if (shape === undefined) return;
    let known = this.#byName.get(command.name);
    if (known?.categories !== command.categories) {
      known = { categories: command.categories, byShape: new Map() };
      if (this.#byName.size >= SHAPES_MAX) this.#byName.clear();
      this.#byName.set(command.name, known);
    }
    if (known.byShape.size >= SHAPES_MAX) known.byShape.clear();
    known.byShape.set(shape, decision);
  }

  /** Two commands of one name have the same shape only when a decision cannot tell them apart. */
  #shapeOf({ complete, incomplete, keys }: RedisCommand): number | undefined {
    if (!complete || incomplete.length > 0 || this.#hasConditions) return undefined;
    const bits = this.#patterns.length + 1;
    if (bits * keys.length > SHAPE_BITS_MAX) return undefined;
    let shape = 1;
    for (const { name, access, isPattern, use, fields } of keys) {
      if (isPattern === true || use !== undefined || fields !== undefined) return undefined;
      shape = shape * 2 + (access === 'Write' ? 1 : 0);
      for (const meets of this.#patterns) shape = shape * 2 + (meets(name) ? 1 : 0);
    }
    return shape;
  }
}

/** Its texts are of rules, or of none: only what is built in names keys where it refuses. */
function isNameless({ action, by, observed }: Decision): boolean {
  return (action === 'Allow' || by.policy !== undefined) && observed.every((one) => one.by.policy !== undefined);
}
