import type { Catalog, CatalogRelation } from '../catalog.ts';
import type { BaseColumn } from '../sql-reading.ts';
import { baseOf, columnsOf } from './value.ts';
import { walkView } from './view.ts';
import { WALKERS } from './walkers.ts';

/** The base columns behind each column of a view: for results that name the view's own columns. */
export function readViewBases(
  catalog: Catalog,
  relation: CatalogRelation,
): readonly (readonly BaseColumn[] | undefined)[] | undefined {
  return walkView(catalog, relation, WALKERS).outputs?.map((origin) =>
    origin.kind === 'Unknown' ? undefined : columnsOf(origin).map(baseOf),
  );
}
