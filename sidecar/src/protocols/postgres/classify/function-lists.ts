import { words } from './words.ts';

/**
 * What is known of the server's own functions beyond their declared volatility. A volatile function that stands in no list counts as not
 * understood.
 */

/** Volatile, and yet they neither read nor change anything that policy speaks about. */
const HARMLESS = `array_sample array_shuffle bernoulli system clock_timestamp currval gen_random_uuid lastval nextval
  setval pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
  pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_blocking_pids pg_collation_actual_version
  pg_database_collation_actual_version pg_control_checkpoint pg_control_init pg_control_recovery pg_control_system
  pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size pg_indexes_size pg_relation_size
  pg_table_size pg_tablespace_size pg_total_relation_size pg_is_in_recovery pg_is_wal_replay_paused pg_jit_available
  pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_lock_status
  pg_notification_queue_usage pg_notify pg_partition_ancestors pg_partition_tree pg_prepared_xact
  pg_safe_snapshot_blocking_pids pg_sequence_last_value pg_get_sequence_data pg_sleep pg_sleep_for pg_sleep_until
  pg_stat_clear_snapshot pg_stat_have_stats pg_xact_status txid_status random random_normal setseed timeofday uuidv4 uuidv7
  pg_export_snapshot pg_get_wait_events pg_show_replication_origin_status pg_get_wal_replay_pause_state
  pg_get_multixact_members pg_xact_commit_timestamp pg_xact_commit_timestamp_origin amvalidate current_query
  pg_isolation_test_session_is_blocked pg_replication_origin_session_is_setup`;

/** The same for functions of extensions written in C. */
const HARMLESS_EXTENSION = `uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_uuid gen_random_bytes gen_salt
  pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea normal_rand set_limit
  pg_stat_statements pg_stat_statements_info`;

/** Kinds of command that some functions make, whatever their declared volatility. */
const KINDS: Readonly<Record<string, string>> = {
  RunsSqlText: `query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
    table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml database_to_xml_and_xmlschema
    ts_stat ts_rewrite xpath_table crosstab crosstab2 crosstab3 crosstab4 crosstabn connectby exec_sql`,
  RemoteAccess: `dblink dblink_connect dblink_connect_u dblink_disconnect dblink_exec dblink_open dblink_fetch dblink_close
    dblink_send_query dblink_get_result dblink_get_connections dblink_is_busy dblink_cancel_query dblink_error_message
    dblink_get_notify dblink_get_pkey dblink_build_sql_insert dblink_build_sql_delete dblink_build_sql_update
    postgres_fdw_get_connections postgres_fdw_disconnect postgres_fdw_disconnect_all http http_get http_post http_put
    http_delete http_patch http_head`,
  ServerFile: `pg_read_file pg_read_binary_file pg_read_file_old pg_ls_dir pg_ls_logdir pg_ls_waldir pg_ls_tmpdir
    pg_ls_archive_statusdir pg_ls_logicalmapdir pg_ls_logicalsnapdir pg_ls_replslotdir pg_ls_summariesdir pg_stat_file
    pg_file_write pg_file_read pg_file_rename pg_file_unlink pg_file_sync pg_logdir_ls pg_current_logfile
    pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings lo_import lo_export pg_read_server_files`,
  LargeObject: `lo_get lo_put lo_open lo_close loread lowrite lo_creat lo_create lo_from_bytea lo_unlink lo_lseek lo_lseek64 lo_tell
    lo_tell64 lo_truncate lo_truncate64`,
  BackendControl: `pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote
    pg_log_backend_memory_contexts pg_switch_wal pg_create_restore_point pg_backup_start pg_backup_stop pg_wal_replay_pause
    pg_wal_replay_resume`,
  SettingChange: 'set_config',
  RawStorage: `get_raw_page heap_page_items heap_page_item_attrs tuple_data_split bt_page_items bt_page_items_by_block
    brin_page_items gin_leafpage_items gist_page_items gist_page_items_bytea hash_page_items pg_logical_slot_get_changes
    pg_logical_slot_peek_changes pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes pg_get_wal_record_info
    pg_get_wal_records_info pg_get_wal_block_info pg_walinspect currtid2 pg_stats_ext_mcvlist_items pgstattuple`,
};

/** Their results hold what other statements or the planner's statistics say, whoever asks. */
const UNKNOWN_RESULTS = `pg_stat_get_activity pg_stat_get_backend_activity pg_prepared_statement pg_cursor pg_stat_statements`;

/**
 * Total functions: no value of their (first) argument makes them fail, and what they give is masked like the argument. Calls of
 * anything else also tell about their arguments by failing or not.
 */
const TOTAL = `lower upper initcap length char_length character_length octet_length bit_length btrim ltrim rtrim substr substring
  left right concat concat_ws replace reverse md5 sha224 sha256 sha384 sha512 to_json to_jsonb row_to_json array_to_json
  json_build_object jsonb_build_object json_build_array jsonb_build_array json_agg jsonb_agg json_object_agg jsonb_object_agg
  json_agg_strict jsonb_agg_strict array_agg string_agg xmlagg min max count any_value first_value last_value nth_value lag lead
  sum avg bool_and bool_or every quote_literal quote_ident quote_nullable format to_char date_trunc date_part extract age
  cardinality array_to_string array_append array_prepend array_cat unnest translate lpad rpad split_part
  strpos position regexp_replace jsonb_pretty jsonb_strip_nulls json_strip_nulls row_number rank dense_rank
  xmlforest hashtext round floor ceil ceiling abs trunc sign isfinite timezone encode justify_days justify_hours jsonb_each
  jsonb_each_text json_each json_each_text jsonb_extract_path jsonb_extract_path_text json_extract_path
  json_extract_path_text pg_typeof format_type pg_column_size normalize overlay`;

const HARMLESS_SET = words(HARMLESS);
const HARMLESS_EXTENSION_SET = words(HARMLESS_EXTENSION);
const TOTAL_SET = words(TOTAL);
const UNKNOWN_SET = words(UNKNOWN_RESULTS);
const KIND_BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(KINDS).flatMap(([kind, list]) => [...words(list)].map((name) => [name, kind] as const)),
);

/** True for a volatile function of the server's own that may pass. */
export function isHarmlessVolatile(name: string): boolean {
  return HARMLESS_SET.has(name) || name.startsWith('pg_stat_get_');
}

export function isHarmlessExtension(name: string): boolean {
  return HARMLESS_EXTENSION_SET.has(name);
}

/** The kind of incompleteness that a function makes by its name, wherever an extension may have put it. */
export function kindOfFunction(name: string): string | undefined {
  return KIND_BY_NAME.get(name);
}

export function isTotal(name: string): boolean {
  return TOTAL_SET.has(name);
}

export function hasUnknownResult(name: string): boolean {
  return UNKNOWN_SET.has(name);
}

/** Operators that are total in the same sense. */
export const TOTAL_OPERATORS: ReadonlySet<string> = new Set(['||', '->', '->>', '#>', '#>>']);
/** Those among them that look for their right side in the left one, and give NULL when it is not there. */
export const LOOKUP_OPERATORS: ReadonlySet<string> = new Set(['->', '->>', '#>', '#>>']);

const SUBJECT_FIRST = words(`split_part substr substring left right lpad rpad overlay nth_value lag lead
  regexp_replace round trunc encode to_char translate array_to_string jsonb_extract_path jsonb_extract_path_text
  json_extract_path json_extract_path_text`);
const SUBJECT_LAST = words('format date_trunc date_part extract timezone');
/** Keys of JSON objects: whether one is there, or there twice, can be asked of the object. */
const KEY_FIRST = words(`json_build_object jsonb_build_object json_object_agg jsonb_object_agg`);

/** True for the arguments of a total function in which any value is good; the others can make it fail, or give NULL. */
export function isSubject(name: string, index: number): boolean {
  if (SUBJECT_FIRST.has(name)) return index === 0;
  if (KEY_FIRST.has(name)) return index % 2 === 1;
  return SUBJECT_LAST.has(name) ? index > 0 : true;
}
