/** One question to the server's catalog. Columns come as text, in the order of `columns`. */
export interface CatalogQuery {
  readonly name: CatalogQueryName;
  readonly sql: string;
}

export type CatalogQueryName =
  | 'settings'
  | 'pin'
  | 'schemas'
  | 'relations'
  | 'attributes'
  | 'generatedColumns'
  | 'inherits'
  | 'functions'
  | 'types'
  | 'documentTypes'
  | 'operators'
  | 'casts'
  | 'aggregates'
  | 'triggers'
  | 'primaryKeys'
  | 'foreignKeys'
  | 'objects'
  | 'dependencies';

/** The answer to one question: rows of text values, NULL as null. A command without rows gives no rows. */
export type CatalogRows = readonly (readonly (string | null)[])[];

const USER_FUNCTION = `n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'`;

/**
 * What the gate asks a server, in this order and on one connection of its own, logged in as the agents are. `pin` sets the search path
 * of that connection so that view definitions come with every name qualified; `settings` reads what a fresh session has, whatever
 * the connection has set. Works from PostgreSQL 12 on.
 */
export const CATALOG_QUERIES: readonly CatalogQuery[] = [
  {
    name: 'settings',
    sql: `SELECT current_user, current_database(),
      (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'search_path'),
      (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'),
      (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'server_version_num')`,
  },
  { name: 'pin', sql: `SET search_path = pg_catalog` },
  {
    name: 'schemas',
    sql: `SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast|temp)' ORDER BY 1`,
  },
  {
    name: 'relations',
    sql: `SELECT c.oid, n.nspname, c.relname, c.relkind,
        c.relhasrules AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'), c.relispartition, c.relpersistence,
        CASE WHEN c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          THEN pg_catalog.pg_get_viewdef(c.oid) END
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_toast'
      ORDER BY c.oid`,
  },
  {
    name: 'attributes',
    sql: `SELECT a.attrelid, a.attnum, a.attname, a.atttypid
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_toast'
      ORDER BY a.attrelid, a.attnum`,
  },
  {
    name: 'generatedColumns',
    sql: `SELECT a.attrelid, a.attnum, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attgenerated <> '' AND NOT a.attisdropped ORDER BY 1, 2`,
  },
  { name: 'inherits', sql: `SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhparent` },
  {
    name: 'functions',
    sql: `SELECT n.nspname, p.proname, p.prokind, p.provolatile,
        CASE WHEN fl.lanname IS NOT NULL THEN fl.lanname WHEN tl.lanname IS NOT NULL THEN tl.lanname ELSE l.lanname END,
        p.pronargs, p.pronargdefaults, p.provariadic <> 0, p.proretset, p.prosecdef, rt.typrelid,
        CASE WHEN rt.typname = 'record' THEN 'record' ELSE rt.typtype::text END,
        CASE WHEN p.proargmodes && '{o,b,t}'::"char"[] THEN (SELECT pg_catalog.json_agg(coalesce(p.proargnames[i], ''))
          FROM pg_catalog.generate_subscripts(p.proargmodes, 1) i WHERE p.proargmodes[i] IN ('o', 'b', 't')) END,
        CASE WHEN l.lanname = 'sql' AND p.prokind = 'f' AND ${USER_FUNCTION} THEN pg_catalog.pg_get_functiondef(p.oid) END
      FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        JOIN pg_catalog.pg_type rt ON rt.oid = p.prorettype
        LEFT JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid AND ${USER_FUNCTION}
        LEFT JOIN pg_catalog.pg_proc t ON t.oid = a.aggtransfn
        LEFT JOIN pg_catalog.pg_language tl ON tl.oid = t.prolang
        LEFT JOIN pg_catalog.pg_proc f ON f.oid = a.aggfinalfn
        LEFT JOIN pg_catalog.pg_language fl ON fl.oid = f.prolang AND fl.lanname NOT IN ('internal', 'c')
      ORDER BY n.nspname, p.proname, p.oid`,
  },
  {
    name: 'types',
    sql: `SELECT t.oid, n.nspname, t.typname, t.typtype, t.typrelid
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' ORDER BY t.oid`,
  },
  {
    // json and jsonb, and all that is made of them: domains, arrays, composite types, the rows of tables, ranges.
    name: 'documentTypes',
    // One list of what is made of what, joined with each round: to look for each type by itself took 17 s where 1,000 tables have a document.
    sql: `WITH RECURSIVE made (part, oid) AS MATERIALIZED (
        SELECT t.typbasetype, t.oid FROM pg_catalog.pg_type t WHERE t.typbasetype <> 0
        UNION
        SELECT t.typelem, t.oid FROM pg_catalog.pg_type t WHERE t.typelem <> 0
        UNION
        SELECT a.atttypid, c.reltype FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
          WHERE a.attnum > 0 AND NOT a.attisdropped AND c.reltype <> 0
        UNION
        SELECT r.rngsubtype, r.rngtypid FROM pg_catalog.pg_range r
      ), document (oid) AS (
        SELECT t.oid FROM pg_catalog.pg_type t WHERE t.oid IN ('pg_catalog.json'::pg_catalog.regtype, 'pg_catalog.jsonb'::pg_catalog.regtype)
        UNION
        SELECT m.oid FROM document d JOIN made m ON m.part = d.oid
      ) SELECT oid FROM document ORDER BY 1`,
  },
  {
    name: 'operators',
    sql: `SELECT n.nspname, o.oprname, fn.nspname, f.proname
      FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        JOIN pg_catalog.pg_proc f ON f.oid = o.oprcode JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
      WHERE n.nspname <> 'pg_catalog' ORDER BY o.oid`,
  },
  {
    name: 'casts',
    sql: `SELECT tn.nspname, t.typname, fn.nspname, f.proname
      FROM pg_catalog.pg_cast k JOIN pg_catalog.pg_type t ON t.oid = k.casttarget
        JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
        JOIN pg_catalog.pg_proc f ON f.oid = k.castfunc JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
      WHERE fn.nspname <> 'pg_catalog' ORDER BY k.oid`,
  },
  {
    // The functions that an aggregate calls.
    name: 'aggregates',
    sql: `SELECT DISTINCT n.nspname, p.proname, fn.nspname, f.proname
      FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace,
        pg_catalog.unnest(ARRAY[a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
          a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]::pg_catalog.oid[]) AS part (oid)
        JOIN pg_catalog.pg_proc f ON f.oid = part.oid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
      WHERE ${USER_FUNCTION} ORDER BY 1, 2, 3, 4`,
  },
  {
    name: 'triggers',
    sql: `SELECT t.tgrelid, n.nspname, p.proname, t.tgtype
      FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY t.oid`,
  },
  {
    name: 'primaryKeys',
    sql: `SELECT i.indrelid, pg_catalog.array_to_string(i.indkey::pg_catalog.int2[], ',') FROM pg_catalog.pg_index i
      WHERE i.indisprimary AND i.indrelid >= 16384 ORDER BY 1`,
  },
  {
    name: 'foreignKeys',
    sql: `SELECT k.confrelid, k.conrelid, k.confdeltype, k.confupdtype,
        pg_catalog.array_to_string(k.confkey, ','), pg_catalog.array_to_string(k.conkey, ','),
        EXISTS (SELECT FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey) AND a.attgenerated <> '')
      FROM pg_catalog.pg_constraint k WHERE k.contype = 'f' ORDER BY k.oid`,
  },
  {
    // What is no relation and may have relations fall with it.
    name: 'objects',
    sql: `SELECT 'Schema', '', n.nspname, 's' || n.oid FROM pg_catalog.pg_namespace n
      UNION ALL SELECT 'Extension', '', e.extname, 'e' || e.oid FROM pg_catalog.pg_extension e
      UNION ALL SELECT 'Type', n.nspname, t.typname, 't' || t.oid
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
      UNION ALL SELECT 'Function', n.nspname, p.proname, 'f' || p.oid
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384
      ORDER BY 1, 2, 3, 4`,
  },
  {
    // Which object falls with which, parts of a relation counted as the relation itself. 't': it falls, or a column of it does; 'f': it only
    // loses a constraint, a default, a trigger, a policy or an index, and nothing else with that.
    name: 'dependencies',
    sql: `WITH part (classid, objid, id, falls) AS (
        SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, r.oid, 'r' || r.ev_class, r.rulename = '_RETURN' FROM pg_catalog.pg_rewrite r
        UNION ALL SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid, 'r' || d.adrelid, a.attgenerated <> ''
          FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        UNION ALL SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid,
          CASE WHEN k.conrelid <> 0 THEN 'r' || k.conrelid ELSE 't' || k.contypid END, false FROM pg_catalog.pg_constraint k
        UNION ALL SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 'r' || t.tgrelid, false FROM pg_catalog.pg_trigger t
        UNION ALL SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, p.oid, 'r' || p.polrelid, false FROM pg_catalog.pg_policy p
        UNION ALL SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, 'r' || s.stxrelid, false FROM pg_catalog.pg_statistic_ext s
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, 'r' || i.indrelid, false FROM pg_catalog.pg_index i
        UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 't' || c.reltype, true FROM pg_catalog.pg_class c WHERE c.relkind = 'c'
        UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, c.reltype, 'r' || c.oid, true
          FROM pg_catalog.pg_class c WHERE c.relkind <> 'c' AND c.reltype <> 0
      ), letter (classid, letter) AS (VALUES ('pg_catalog.pg_class'::pg_catalog.regclass, 'r'), ('pg_catalog.pg_type', 't'),
        ('pg_catalog.pg_proc', 'f'), ('pg_catalog.pg_extension', 'e'), ('pg_catalog.pg_namespace', 's')
      ), edge (id, ref, falls) AS (
        SELECT coalesce(p.id, coalesce(l.letter, d.classid || '.') || d.objid),
          coalesce(rp.id, coalesce(rl.letter, d.refclassid || '.') || d.refobjid), coalesce(p.falls, true)
        FROM pg_catalog.pg_depend d
          LEFT JOIN part p ON p.classid = d.classid AND p.objid = d.objid LEFT JOIN letter l ON l.classid = d.classid
          LEFT JOIN part rp ON rp.classid = d.refclassid AND rp.objid = d.refobjid LEFT JOIN letter rl ON rl.classid = d.refclassid
        WHERE d.deptype <> 'p' AND d.objid >= 16384 AND (d.refobjid >= 16384 OR d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass)
      ) SELECT DISTINCT id, ref, falls FROM edge WHERE id <> ref ORDER BY 1, 2, 3`,
  },
];
