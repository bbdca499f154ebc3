import type {
  ColumnUse,
  Command,
  FunctionUse,
  Incompleteness,
  PathUse,
  PostgresStatement,
  ProgramUse,
  RedisKeyUse,
  TableUse,
} from './command.ts';
import type { VerifiedIdentity } from './identity.ts';
import type { ObjectName } from './session-rules.ts';

/** Longest list that a condition may see, so that two nested loops stay short. */
const ITEMS_MAX = 1000;
/** Longest text that a condition may see, in UTF-16 units. */
const TEXT_LENGTH_MAX = 4096;

// A class for each type that a condition may name: CEL checks list items by their constructor, so plain objects do not do.

export class CelTable {
  readonly schema: string;
  readonly name: string;
  readonly access: string;
  constructor(use: TableUse) {
    this.schema = boundText(use.schema);
    this.name = boundText(use.name);
    this.access = use.access;
  }
}

export class CelFunction {
  readonly schema: string;
  readonly name: string;
  readonly volatility: string;
  constructor(use: FunctionUse) {
    this.schema = boundText(use.schema);
    this.name = boundText(use.name);
    this.volatility = use.volatility;
  }
}

export class CelColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly use: string;
  constructor(use: ColumnUse) {
    this.schema = boundText(use.schema);
    this.table = boundText(use.table);
    this.column = boundText(use.column);
    this.use = use.use;
  }
}

export class CelStatement {
  readonly verb: string;
  readonly hasWhere: boolean;
  readonly hasLimit: boolean;
  readonly tables: readonly CelTable[];
  readonly functions: readonly CelFunction[];
  readonly columns: readonly CelColumn[];
  constructor(statement: PostgresStatement) {
    this.verb = boundText(statement.verb);
    this.hasWhere = statement.hasWhere;
    this.hasLimit = statement.hasLimit;
    this.tables = boundList(statement.tables).map((use) => new CelTable(use));
    this.functions = boundList(statement.functions).map((use) => new CelFunction(use));
    this.columns = boundList(statement.columns).map((use) => new CelColumn(use));
  }
}

/** `name` is absent where a pattern names keys: which they are only running would tell. */
export class CelKey {
  readonly name?: string;
  readonly access: string;
  constructor(use: RedisKeyUse) {
    if (use.isPattern !== true) this.name = boundText(use.name);
    this.access = use.access;
  }
}

/** What is not known is absent: a condition that reads it then fails, which is an answer on the safe side. */
export class CelProgram {
  readonly name?: string;
  readonly args?: readonly string[];
  constructor({ name, args }: ProgramUse) {
    if (name !== undefined) this.name = boundText(name);
    const known = args.filter((arg) => arg !== undefined);
    if (known.length === args.length) this.args = boundList(known).map(boundText);
  }
}

/** `path` is absent when only running would tell it. Where anything below may be meant as well it is absent, too, and `tree` says below what. */
export class CelPath {
  readonly path?: string;
  readonly tree?: string;
  readonly access: string;
  constructor({ path, access, isTree }: PathUse) {
    if (path !== undefined && isTree === true) this.tree = boundText(path);
    else if (path !== undefined) this.path = boundText(path);
    this.access = access;
  }
}

export class CelIncompleteness {
  readonly kind: string;
  readonly detail: string;
  constructor(incompleteness: Incompleteness) {
    this.kind = boundText(incompleteness.kind);
    this.detail = boundText(incompleteness.detail);
  }
}

/** Every protocol's command in one shape: what a protocol does not have is empty. */
export class CelCommand {
  readonly protocol: string;
  readonly complete: boolean;
  readonly incomplete: readonly CelIncompleteness[];
  readonly statements: readonly CelStatement[];
  readonly name: string;
  readonly categories: readonly string[];
  readonly keys: readonly CelKey[];
  readonly channel: string;
  readonly commands: readonly CelProgram[];
  readonly paths: readonly CelPath[];
  constructor(command: Command) {
    this.protocol = command.protocol;
    this.complete = command.complete;
    this.incomplete = boundList(command.incomplete).map((item) => new CelIncompleteness(item));
    const postgres = command.protocol === 'Postgres' ? command : undefined;
    const redis = command.protocol === 'Redis' ? command : undefined;
    const ssh = command.protocol === 'SSH' ? command : undefined;
    this.statements = boundList(postgres?.statements ?? []).map((statement) => new CelStatement(statement));
    this.name = boundText(redis?.name ?? '');
    this.categories = boundList(redis?.categories ?? []).map(boundText);
    this.keys = boundList(redis?.keys ?? []).map((use) => new CelKey(use));
    this.channel = ssh?.channel ?? '';
    this.commands = boundList(ssh?.commands ?? []).map((use) => new CelProgram(use));
    this.paths = boundList(ssh?.paths ?? []).map((use) => new CelPath(use));
  }
}

/** `groups` is absent when nobody knows them: a condition that reads it then fails, which is an answer on the safe side. */
export class CelIdentity {
  readonly subject: string;
  readonly groups?: readonly string[];
  constructor(identity: VerifiedIdentity) {
    this.subject = boundText(identity.subject);
    if (identity.groups !== undefined) this.groups = boundList(identity.groups).map(boundText);
  }
}

export class CelTarget {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  constructor(target: ObjectName, host: string) {
    this.namespace = target.namespace;
    this.name = target.name;
    this.host = host;
  }
}

/** A command has more in it than a condition may be run over. Caught where conditions are evaluated. */
export class ConditionInputTooLarge extends Error {}

function boundList<T>(items: readonly T[]): readonly T[] {
  if (items.length > ITEMS_MAX) throw new ConditionInputTooLarge(`a list has more than ${ITEMS_MAX} items`);
  return items;
}

function boundText(text: string): string {
  if (text.length > TEXT_LENGTH_MAX) throw new ConditionInputTooLarge(`a text is longer than ${TEXT_LENGTH_MAX}`);
  return text;
}
