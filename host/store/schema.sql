-- The tables of the state store, in the versions they came in: one that was released is never changed, the next one alters it.
-- {{for SQLite|for PostgreSQL}}.  Times (*_at) are microseconds since 1970 UTC; docs/state-store.md tells what each column means.

-- version 1: the queue, its history, and the state of pipelines
CREATE TABLE pipelines (
  name text NOT NULL PRIMARY KEY,
  paused bigint NOT NULL DEFAULT 0,
  fence bigint NOT NULL DEFAULT 0,
  last_due_at bigint,
  window_to_at bigint
);
CREATE TABLE pipeline_runs (
  id text NOT NULL PRIMARY KEY,
  pipeline text NOT NULL,
  trigger text NOT NULL CHECK (trigger IN ('schedule', 'catch_up', 'manual', 'retry', 'dependency', 'probe', 'reboot')),
  state text NOT NULL CHECK (state IN ('queued', 'claimed', 'running', 'succeeded', 'partial', 'failed', 'cancelled', 'crashed', 'skipped')),
  due_at bigint NOT NULL,
  queued_at bigint NOT NULL,
  not_before_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  window_from_at bigint,
  window_to_at bigint,
  priority bigint NOT NULL,
  attempt bigint NOT NULL,
  root text NOT NULL,
  connections text,
  options text,
  host text,
  lease_until_at bigint,
  fence bigint NOT NULL DEFAULT 0,
  rows_read bigint NOT NULL DEFAULT 0,
  rows_written bigint NOT NULL DEFAULT 0,
  rows_filtered bigint NOT NULL DEFAULT 0,
  rows_rejected bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  error_class text,
  error_code text,
  error_message text,
  error_remedy text,
  error_stage text,
  error_connector text,
  reason text,
  cancel text,
  CHECK ((ended_at IS NULL) = (state IN ('queued', 'claimed', 'running'))),
  CHECK ((lease_until_at IS NULL) = (state NOT IN ('claimed', 'running')))
);
CREATE UNIQUE INDEX pipeline_runs_slot ON pipeline_runs (pipeline, due_at) WHERE trigger IN ('schedule', 'catch_up', 'dependency');
CREATE UNIQUE INDEX pipeline_runs_active ON pipeline_runs (pipeline) WHERE state IN ('claimed', 'running');
CREATE INDEX pipeline_runs_queue ON pipeline_runs ((-priority), due_at, queued_at, id) WHERE state = 'queued';
CREATE INDEX pipeline_runs_waiting ON pipeline_runs (not_before_at) WHERE state = 'queued';
CREATE INDEX pipeline_runs_pipeline ON pipeline_runs (pipeline, queued_at, id);
CREATE INDEX pipeline_runs_queued ON pipeline_runs (queued_at, id);
CREATE INDEX pipeline_runs_ended ON pipeline_runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX pipeline_runs_root ON pipeline_runs (root);
CREATE TABLE pipeline_tasks (
  run text NOT NULL REFERENCES pipeline_runs (id) ON DELETE CASCADE,
  stage text NOT NULL,
  stream text NOT NULL,
  shard text NOT NULL,
  state text NOT NULL,
  attempts bigint NOT NULL,
  rows_in bigint NOT NULL,
  rows_out bigint NOT NULL,
  bytes bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  error_class text,
  error_code text,
  error_message text,
  PRIMARY KEY (run, stage, stream, shard)
);
CREATE TABLE cursors (
  pipeline text NOT NULL,
  stream text NOT NULL,
  shard text NOT NULL,
  owner bigint NOT NULL,
  epoch bigint NOT NULL,
  cursor text,
  PRIMARY KEY (pipeline, stream, shard)
);
CREATE TABLE breakers (
  pipeline text NOT NULL,
  shard text NOT NULL,
  state text NOT NULL CHECK (state IN ('closed', 'open', 'half_open')),
  failures bigint NOT NULL,
  opened_at bigint,
  changed_at bigint,
  reason text,
  PRIMARY KEY (pipeline, shard)
);
CREATE TABLE events (
  id {{integer PRIMARY KEY AUTOINCREMENT|bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY}},
  happened_at bigint NOT NULL,
  level text NOT NULL,
  kind text NOT NULL,
  host text,
  pipeline text,
  run text,
  stage text,
  shard text,
  message text NOT NULL
);
CREATE INDEX events_happened ON events (happened_at);
CREATE TABLE hosts (
  name text NOT NULL PRIMARY KEY,
  machine text NOT NULL,
  pid bigint NOT NULL,
  started_at bigint NOT NULL,
  seen_at bigint NOT NULL
);
CREATE VIEW runs AS
  SELECT id, pipeline, trigger, state,
    {{strftime('%Y-%m-%d %H:%M:%f', due_at / 1000000.0, 'unixepoch')|to_timestamp(due_at / 1000000.0)}} AS due,
    {{strftime('%Y-%m-%d %H:%M:%f', queued_at / 1000000.0, 'unixepoch')|to_timestamp(queued_at / 1000000.0)}} AS queued,
    {{strftime('%Y-%m-%d %H:%M:%f', not_before_at / 1000000.0, 'unixepoch')|to_timestamp(not_before_at / 1000000.0)}} AS not_before,
    {{strftime('%Y-%m-%d %H:%M:%f', started_at / 1000000.0, 'unixepoch')|to_timestamp(started_at / 1000000.0)}} AS started,
    {{strftime('%Y-%m-%d %H:%M:%f', ended_at / 1000000.0, 'unixepoch')|to_timestamp(ended_at / 1000000.0)}} AS ended,
    round((ended_at - started_at) / 1000000.0, 3) AS seconds,
    {{strftime('%Y-%m-%d %H:%M:%f', window_from_at / 1000000.0, 'unixepoch')|to_timestamp(window_from_at / 1000000.0)}} AS window_from,
    {{strftime('%Y-%m-%d %H:%M:%f', window_to_at / 1000000.0, 'unixepoch')|to_timestamp(window_to_at / 1000000.0)}} AS window_to,
    priority, attempt, root, host,
    {{strftime('%Y-%m-%d %H:%M:%f', lease_until_at / 1000000.0, 'unixepoch')|to_timestamp(lease_until_at / 1000000.0)}} AS lease_until,
    rows_read, rows_written, rows_filtered, rows_rejected, bytes, error_class, error_code, error_message, error_remedy, error_stage,
    error_connector, reason
  FROM pipeline_runs;
CREATE VIEW tasks AS
  SELECT t.run, r.pipeline, t.stage, t.stream, t.shard, t.state, t.attempts, t.rows_in, t.rows_out, t.bytes,
    {{strftime('%Y-%m-%d %H:%M:%f', t.started_at / 1000000.0, 'unixepoch')|to_timestamp(t.started_at / 1000000.0)}} AS started,
    {{strftime('%Y-%m-%d %H:%M:%f', t.ended_at / 1000000.0, 'unixepoch')|to_timestamp(t.ended_at / 1000000.0)}} AS ended,
    round((t.ended_at - t.started_at) / 1000000.0, 3) AS seconds, t.error_class, t.error_code, t.error_message
  FROM pipeline_tasks t JOIN pipeline_runs r ON r.id = t.run;
CREATE VIEW event_log AS
  SELECT id, {{strftime('%Y-%m-%d %H:%M:%f', happened_at / 1000000.0, 'unixepoch')|to_timestamp(happened_at / 1000000.0)}} AS happened,
    level, kind, host, pipeline, run, stage, shard, message
  FROM events;

-- version 2: what to do about the error of a task; runs that wait, by pipeline
ALTER TABLE pipeline_tasks ADD COLUMN error_remedy text;
DROP VIEW tasks;
CREATE VIEW tasks AS
  SELECT t.run, r.pipeline, t.stage, t.stream, t.shard, t.state, t.attempts, t.rows_in, t.rows_out, t.bytes,
    {{strftime('%Y-%m-%d %H:%M:%f', t.started_at / 1000000.0, 'unixepoch')|to_timestamp(t.started_at / 1000000.0)}} AS started,
    {{strftime('%Y-%m-%d %H:%M:%f', t.ended_at / 1000000.0, 'unixepoch')|to_timestamp(t.ended_at / 1000000.0)}} AS ended,
    round((t.ended_at - t.started_at) / 1000000.0, 3) AS seconds, t.error_class, t.error_code, t.error_message, t.error_remedy
  FROM pipeline_tasks t JOIN pipeline_runs r ON r.id = t.run;
CREATE INDEX pipeline_runs_due ON pipeline_runs (pipeline, not_before_at) WHERE state = 'queued';

-- version 3: what comes after a run is looked for when its end is stored, by whoever gets to it
ALTER TABLE pipeline_runs ADD COLUMN followed bigint NOT NULL DEFAULT 1;
UPDATE pipeline_runs SET followed = 0 WHERE ended_at IS NULL;
CREATE INDEX pipeline_runs_unfollowed ON pipeline_runs (ended_at, id) WHERE followed = 0 AND ended_at IS NOT NULL;

-- version 4: what hosts have still to tell people
CREATE TABLE notices (
  id text NOT NULL PRIMARY KEY,
  host text NOT NULL,
  target text NOT NULL,
  waiting text NOT NULL,
  saved_at bigint NOT NULL
);
