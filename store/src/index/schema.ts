/** Rises with every change of the tables below; an index of another version is refused, and can be built again from the segments. */
export const SCHEMA_VERSION = 2;

/**
 * The index. All of it but `alarms`, `readings`, `dropped` and `pods` follows from the segment files. Times are microseconds since the
 * epoch unless the name says otherwise. Lists and maps are JSON. Decisions are looked for where they are rare: to keep an index of all that was
 * allowed took a fifth of the time that a command takes (an index of the same version that an older program made still does).
 */
export const SCHEMA = `
create table segments (
  segment integer primary key,
  examined_bytes integer not null
) strict;

create table sessions (
  session_id text primary key,
  protocol text not null,
  target_namespace text not null,
  target_name text not null,
  target_address text not null,
  access text not null,
  gate text not null,
  source text not null,
  issuer text not null,
  subject text not null,
  groups text not null,
  groups_known integer not null,
  expires_at_ms integer not null,
  pod text not null,
  pod_uid text not null,
  agent text not null,
  run text not null,
  claimed text not null,
  details text not null,
  policy_version text not null,
  opened_us integer not null,
  closed_us integer,
  close_code text not null default '',
  close_reason text not null default '',
  ended integer not null default 0,
  tail_unknown integer not null default 0,
  commands integer not null default 0,
  denied integer not null default 0,
  held integer not null default 0,
  rows integer not null default 0,
  answer_bytes integer not null default 0,
  last_sequence integer not null default 0,
  last_sha256 blob not null default x'',
  chunks integer not null default 0,
  stored_bytes integer not null default 0,
  last_event_us integer not null,
  heard_us integer not null,
  alarms integer not null default 0
) strict;
create index sessions_by_time on sessions (opened_us desc, session_id desc);
create index sessions_open on sessions (heard_us) where closed_us is null;

create table chunks (
  ordinal integer primary key autoincrement,
  session_id text not null,
  first_sequence integer not null,
  last_sequence integer not null,
  sha256 blob not null,
  segment integer not null,
  offset integer not null,
  length integer not null,
  stored_us integer not null,
  unique (session_id, first_sequence)
) strict;
create index chunks_by_end on chunks (session_id, last_sequence);
create index chunks_by_segment on chunks (segment, length);

create table commands (
  id integer primary key,
  session_id text not null,
  command_id integer not null,
  at_us integer not null,
  text text not null,
  binds text not null,
  verbs text not null,
  objects text not null,
  complete integer not null,
  decision text not null,
  rule text not null,
  reason text not null,
  observed text not null,
  claimed text not null,
  prepares text not null,
  forwarded integer not null default 0,
  hold text not null default '',
  decided_by text not null default '[]',
  outcome text not null default '',
  tag text not null default '',
  error_code text not null default '',
  error_text text not null default '',
  rows integer not null default 0,
  answer_bytes integer not null default 0,
  duration_us integer not null default 0,
  masked_values integer not null default 0,
  unique (session_id, command_id)
) strict;
create index commands_by_decision on commands (decision, session_id) where decision <> 'Allow';

create virtual table command_words using fts5(text, binds, objects, content='', contentless_delete=1, tokenize='unicode61');

create table alarms (
  id integer primary key autoincrement,
  at_us integer not null,
  kind text not null,
  session_id text not null,
  sequence integer not null,
  text text not null,
  evidence text not null,
  resolved_us integer
) strict;
create index alarms_by_session on alarms (session_id, kind, sequence);

create table readings (
  id integer primary key autoincrement,
  at_us integer not null,
  reader text not null,
  action text not null,
  session_id text not null,
  request text not null
) strict;
create index readings_by_session on readings (session_id);

create table pods (
  pod_uid text primary key,
  namespace text not null,
  name text not null,
  service_account text not null,
  first_us integer not null,
  last_us integer not null
) strict;

create table dropped (
  session_id text primary key,
  last_sequence integer not null,
  last_sha256 blob not null,
  dropped_us integer not null
) strict;
`;

/**
 * Indexes that came later, made when a store is opened. Age is counted by the store's own clock: a gate's may be years off. Of a gate its open sessions are
 * looked for whenever it opens a stream and when that ends, and after a start of the store all gates do.
 */
export const LATER_INDEXES = `
create index if not exists sessions_kept on sessions (heard_us, last_event_us) where closed_us is not null;
create index if not exists sessions_of_gate on sessions (gate) where closed_us is null;
drop index if exists sessions_ended;
`;
