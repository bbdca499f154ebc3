import type { Node, SelectStmt } from 'libpg-query';
import type { CatalogFunction, CatalogRelation } from '../catalog.ts';
import type { SqlReading, StatementReading } from '../sql-reading.ts';
import type { BodyReading, Context, Findings, Use, ViewReading } from './findings.ts';
import type { Columns, FromItem, Scope } from './scope.ts';
import { LITERAL, UNKNOWN, type Value } from './value.ts';

const QUERY_LEVELS = 3;

// SQL nests everything in everything: expressions hold queries, queries hold writes, views hold queries. Each module reads one kind of
// thing and comes here for what is inside of it; `WALKERS` ties the ends together.

/** Where the values of an expression come from; notes all that it uses on the way. Every kind of node is walked, known or not. */
export function readExpression(node: Node, scope: Scope, context: Context, use: Use): Value {
  const { findings } = context;
  return findings.deeper(1, () => findings.walkers.expression(node, scope, context, use), UNKNOWN);
}

export function readOptional(node: Node | undefined, scope: Scope, context: Context, use: Use): Value {
  return node === undefined ? LITERAL : readExpression(node, scope, context, use);
}

export function readAll(nodes: readonly Node[] | undefined, scope: Scope, context: Context, use: Use): Value[] {
  return nodes?.map((node) => readExpression(node, scope, context, use)) ?? [];
}

/** Reads a query; gives its columns. `use` says what becomes of them. */
export function readSelect(select: SelectStmt, parent: Scope | undefined, context: Context, use: Use): Columns {
  const { findings } = context;
  return findings.deeper(QUERY_LEVELS, () => findings.walkers.select(select, parent, context, use), undefined);
}

/** One item of a FROM list. `scope` holds the items before it, which only lateral items see. */
export function readFrom(node: Node, scope: Scope, context: Context): FromItem {
  return context.findings.walkers.from(node, scope, context);
}

/** Reads a statement that writes and stands in WITH; gives the columns of its RETURNING. Each is a statement of its own. */
export function readWrite(node: Node, parent: Scope | undefined, outer: Context): Columns {
  return outer.findings.walkers.write(node, parent, outer);
}

/** Reads one statement at the top level of a text, or one that another statement is about. */
export function readStatement(node: Node, findings: Findings): StatementReading {
  return findings.walkers.statement(node, findings);
}

/** The reading of a statement that another one keeps for later (PREPARE); what it finds counts for both. */
export function readInside(query: Node, outer: Findings): SqlReading {
  return outer.walkers.inside(query, outer);
}

/** What lies behind a view. */
export function readView(findings: Findings, relation: CatalogRelation): ViewReading {
  return findings.walkers.view(findings.catalog, relation);
}

/** What a function does and gives that is written in SQL; what it reads counts for the caller. Undefined: that cannot be told. */
export function readBody(called: CatalogFunction, context: Context): BodyReading | undefined {
  return context.findings.walkers.body(called, context);
}
