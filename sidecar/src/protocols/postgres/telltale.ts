/** Columns of the system's own tables and views that show what is in others': samples of rows. */
const SAMPLES = `pg_stats pg_stats_ext pg_stats_ext_exprs pg_statistic pg_statistic_ext_data`;
const SAMPLE_COLUMNS = `most_common_vals most_common_elems histogram_bounds range_bounds_histogram range_length_histogram
  elem_count_histogram most_common_val_nulls stavalues1 stavalues2 stavalues3 stavalues4 stavalues5 stxdmcv stxdexpr`;
/** Those that show statements of anybody, by which sessions are looked for, and options that are taken apart to be shown. */
const TEXTS = `pg_stat_activity.query pg_stat_statements.query pg_prepared_statements.statement pg_cursors.statement
  pg_user_mapping.umoptions pg_user_mappings.umoptions user_mapping_options.option_value _pg_user_mappings.umoptions`;
/** And those that show contents of large objects, and secrets. */
const SECRETS = `pg_largeobject.data pg_authid.rolpassword pg_shadow.passwd pg_subscription.subconninfo pg_stat_wal_receiver.conninfo`;

const SAMPLE_RELATIONS = new Set(SAMPLES.split(/\s+/u));
const SAMPLE_SET = new Set(SAMPLE_COLUMNS.split(/\s+/u));
const TEXT_SET = new Set(TEXTS.split(/\s+/u));
const SECRET_SET = new Set(SECRETS.split(/\s+/u));
const OTHER_RELATIONS = new Set([...TEXT_SET, ...SECRET_SET].map((text) => text.split('.')[0] ?? ''));

/** `Secret`: no condition may stand on it where columns are masked. `Sample`: nowhere. */
export type Telltale = 'Sample' | 'Text' | 'Secret';

/** What a column of the system's own tables tells of others; undefined: nothing. An extension may put `pg_stat_statements` into any schema. */
export function telltale(schema: string, relation: string, column: string): Telltale | undefined {
  if (!isTelltaleRelation(schema, relation)) return undefined;
  if (SAMPLE_RELATIONS.has(relation) && SAMPLE_SET.has(column)) return 'Sample';
  const name = `${relation}.${column}`;
  if (SECRET_SET.has(name)) return 'Secret';
  return TEXT_SET.has(name) ? 'Text' : undefined;
}

/** True for a relation that has such columns. */
export function isTelltaleRelation(schema: string, relation: string): boolean {
  const isSystems = schema === 'pg_catalog' || schema === 'information_schema' || relation === 'pg_stat_statements';
  return isSystems && (SAMPLE_RELATIONS.has(relation) || OTHER_RELATIONS.has(relation));
}
