import { type ASTNode, Environment, serialize } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import type { Command } from './command.ts';
import {
  CelColumn,
  CelCommand,
  CelFunction,
  CelIdentity,
  CelIncompleteness,
  CelKey,
  CelPath,
  CelProgram,
  CelStatement,
  CelTable,
  CelTarget,
} from './condition-view.ts';
import type { VerifiedIdentity } from './identity.ts';
import type { FaultList, ResourcePlace } from './policy-fault.ts';
import type { ObjectName } from './session-rules.ts';

/** Longest `when`, in UTF-16 units. */
export const CONDITION_LENGTH_MAX = 2048;
/** Loops inside loops that a condition may have: each multiplies what one command costs. */
export const CONDITION_LOOPS_MAX = 2;

const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const MEND =
  'It is CEL over command {protocol, complete, incomplete, statements {verb, hasWhere, hasLimit, tables, functions, columns}, name, categories, keys, channel, commands {name, args}, paths {path, tree, access}}, identity {subject, groups} and target {namespace, name, host}.';

/** What conditions of one session read besides the command. */
export interface ConditionSurroundings {
  readonly identity: VerifiedIdentity;
  readonly target: ObjectName;
  readonly host: string;
}

/** What one evaluation may read; the command is translated at most once, and only when a condition asks. */
export interface ConditionInput {
  /** Throws when the command is too large for conditions. */
  context(): Record<string, unknown>;
}

/** Failed: it gave no answer (an index out of range, groups that nobody knows, a command too large); the caller takes the safe side. */
export type ConditionAnswer = 'True' | 'False' | 'Failed';

export type Condition = (input: ConditionInput) => ConditionAnswer;

/** What conditions read of one command in one session. */
export function conditionInput(command: Command, surroundings: ConditionSurroundings): ConditionInput {
  let context: Record<string, unknown> | undefined;
  return {
    context() {
      context ??= {
        command: new CelCommand(command),
        identity: new CelIdentity(surroundings.identity),
        target: new CelTarget(surroundings.target, surroundings.host),
      };
      return context;
    },
  };
}

/** Compiles the conditions of one bundle. */
export class ConditionCompiler {
  readonly #patterns = new Map<string, RE2JS>();
  readonly #environment: Environment;

  constructor() {
    this.#environment = declareEnvironment(this.#patterns);
  }

  /** Undefined, with a fault added, when the text does not compile, is not a yes-or-no question or costs too much. */
  compile(text: string, place: ResourcePlace, faults: FaultList): Condition | undefined {
    if (text.length > CONDITION_LENGTH_MAX) {
      faults.add(place, 'OutOfBounds', `The condition is longer than ${CONDITION_LENGTH_MAX} characters.`, 'Split it.');
      return undefined;
    }
    const checked = this.#environment.check(text);
    if (!checked.valid) {
      const at = checked.error?.range === undefined ? '' : ` (at character ${checked.error.range.start + 1})`;
      faults.add(place, 'InvalidCondition', `${checked.error?.summary ?? 'Not CEL'}${at}.`, MEND);
      return undefined;
    }
    if (checked.type !== 'bool') {
      faults.add(place, 'InvalidCondition', `The condition gives ${checked.type}, not true or false.`, MEND);
      return undefined;
    }
    const { ast } = this.#environment.parse(text);
    const problem =
      loopDepth(ast) > CONDITION_LOOPS_MAX ? `Loops are nested deeper than ${CONDITION_LOOPS_MAX}.` : undefined;
    const patternProblem = problem ?? this.#adoptPatterns(ast);
    if (patternProblem !== undefined) {
      faults.add(place, 'InvalidCondition', patternProblem, MEND);
      return undefined;
    }
    const run = this.#environment.parse(serialize(ast));
    // The first evaluation would check types; do it here, where a fault can still be told.
    if (!run.check().valid) {
      faults.add(place, 'InvalidCondition', 'The condition cannot be prepared to run.', MEND);
      return undefined;
    }
    return (input) => {
      try {
        const answer: unknown = run(input.context());
        if (answer === true) return 'True';
        return answer === false ? 'False' : 'Failed';
      } catch {
        return 'Failed';
      }
    };
  }

  /** Turns every `matches` into one that runs in linear time; says what is wrong with a pattern. */
  #adoptPatterns(ast: ASTNode): string | undefined {
    let problem: string | undefined;
    visit(ast, (node) => {
      if (node.op !== 'rcall' || node.args[0] !== 'matches' || problem !== undefined) return;
      const pattern = node.args[2][0];
      if (pattern?.op !== 'value' || typeof pattern.args !== 'string') {
        problem = 'matches() takes a literal pattern.';
        return;
      }
      try {
        this.#patterns.set(pattern.args, RE2JS.compile(pattern.args));
      } catch (error) {
        problem = `matches() cannot read its pattern: ${error instanceof Error ? error.message : 'unknown'}.`;
        return;
      }
      node.args[0] = LINEAR_MATCHES;
    });
    return problem;
  }
}

const LINEAR_MATCHES = 'linearMatches';

function declareEnvironment(patterns: ReadonlyMap<string, RE2JS>): Environment {
  return new Environment({ limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 200, maxMapEntries: 50 } })
    .registerType('Table', { ctor: CelTable, fields: { schema: 'string', name: 'string', access: 'string' } })
    .registerType('Function', { ctor: CelFunction, fields: { schema: 'string', name: 'string', volatility: 'string' } })
    .registerType('Column', {
      ctor: CelColumn,
      fields: { schema: 'string', table: 'string', column: 'string', use: 'string' },
    })
    .registerType('Statement', {
      ctor: CelStatement,
      fields: {
        verb: 'string',
        hasWhere: 'bool',
        hasLimit: 'bool',
        tables: 'list<Table>',
        functions: 'list<Function>',
        columns: 'list<Column>',
      },
    })
    .registerType('Key', { ctor: CelKey, fields: { name: 'string', access: 'string' } })
    .registerType('Program', { ctor: CelProgram, fields: { name: 'string', args: 'list<string>' } })
    .registerType('Path', { ctor: CelPath, fields: { path: 'string', tree: 'string', access: 'string' } })
    .registerType('Incompleteness', { ctor: CelIncompleteness, fields: { kind: 'string', detail: 'string' } })
    .registerType('Command', {
      ctor: CelCommand,
      fields: {
        protocol: 'string',
        complete: 'bool',
        incomplete: 'list<Incompleteness>',
        statements: 'list<Statement>',
        name: 'string',
        categories: 'list<string>',
        keys: 'list<Key>',
        channel: 'string',
        commands: 'list<Program>',
        paths: 'list<Path>',
      },
    })
    .registerType('Identity', { ctor: CelIdentity, fields: { subject: 'string', groups: 'list<string>' } })
    .registerType('TargetHost', {
      ctor: CelTarget,
      fields: { namespace: 'string', name: 'string', host: 'string' },
    })
    .registerVariable('command', 'Command')
    .registerVariable('identity', 'Identity')
    .registerVariable('target', 'TargetHost')
    .registerFunction(`string.${LINEAR_MATCHES}(string): bool`, (text: string, pattern: string) => {
      const compiled = patterns.get(pattern);
      if (compiled === undefined) throw new Error('a pattern that was not compiled');
      return compiled.matcher(text).find();
    });
}

/** How deep loops stand in each other. What a loop runs over is outside of it. */
function loopDepth(node: ASTNode): number {
  if (node.op === 'rcall') {
    const [name, receiver, parameters] = node.args;
    const inside = Math.max(0, ...parameters.map(loopDepth)) + (LOOPS.has(name) ? 1 : 0);
    return Math.max(loopDepth(receiver), inside);
  }
  return Math.max(0, ...childrenOf(node).map(loopDepth));
}

function visit(node: ASTNode, see: (node: ASTNode) => void): void {
  see(node);
  for (const child of childrenOf(node)) visit(child, see);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args);
}

function nodesIn(value: unknown): readonly ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
