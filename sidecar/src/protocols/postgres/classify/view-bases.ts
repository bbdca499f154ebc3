import type { Catalog, CatalogRelation } from '../catalog.ts';
import type { BaseColumn, OutputOrigin } from '../sql-reading.ts';
import { Findings } from './findings.ts';
import { openSqlState } from './state.ts';
import { tableColumns } from './table.ts';
import { baseOf, columnsOf } from './value.ts';
import { walkView } from './view.ts';
import { WALKERS } from './walkers.ts';

/** The base columns behind each column of a view, or of a table that computes some: for results that name its own columns. */
export function readViewBases(
  catalog: Catalog,
  relation: CatalogRelation,
): readonly (readonly BaseColumn[] | undefined)[] | undefined {
  return originsOf(catalog, relation)?.map((origin) =>
    origin.kind === 'Unknown' ? undefined : columnsOf(origin).map(baseOf),
  );
}

function originsOf(catalog: Catalog, relation: CatalogRelation): readonly OutputOrigin[] | undefined {
  if (relation.definition !== undefined) return walkView(catalog, relation, WALKERS).outputs;
  const context = new Findings(catalog, openSqlState(catalog), WALKERS).openStatement('SELECT');
  return tableColumns(relation, context)?.map(({ value }) => value.origin);
}
