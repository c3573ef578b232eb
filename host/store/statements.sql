-- Every statement of the state store, each under its name.  {{for SQLite|for PostgreSQL}}; parameters are bigint or text.

-- name: meta_make
CREATE TABLE IF NOT EXISTS etl_meta (version bigint NOT NULL, etl_version text NOT NULL)
-- name: meta_there
SELECT count(*) AS n
FROM {{sqlite_schema WHERE type = 'table' AND name = 'etl_meta'|pg_tables WHERE schemaname = current_schema() AND tablename = 'etl_meta'}}
-- name: meta_others
SELECT count(*) AS n FROM {{sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'|pg_tables WHERE schemaname = current_schema()}}
-- name: meta_get
SELECT version, etl_version FROM etl_meta ORDER BY version DESC LIMIT 1
-- name: meta_add
INSERT INTO etl_meta (version, etl_version) VALUES ($1, $2)
-- name: lock_schema
SELECT {{1|1 FROM pg_advisory_xact_lock(hashtextextended(current_schema() || ':schema', 0))}}
-- name: lock_claims
SELECT {{1|1 FROM pg_advisory_xact_lock(hashtextextended(current_schema() || ':claims', 0))}}

-- name: server_clock
SELECT {{0|CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)}} AS at

-- name: host_put
INSERT INTO hosts (name, machine, pid, started_at, seen_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (name) DO UPDATE SET machine = excluded.machine, pid = excluded.pid, started_at = excluded.started_at, seen_at = excluded.seen_at
-- name: host_seen
UPDATE hosts SET seen_at = $2 WHERE name = $1
-- name: host_prune
DELETE FROM hosts WHERE seen_at <= $1
-- name: host_list
SELECT * FROM hosts ORDER BY name

-- name: pipeline_note
INSERT INTO pipelines (name, last_due_at, window_to_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET
  last_due_at = CASE WHEN excluded.last_due_at > coalesce(pipelines.last_due_at, 0) OR (pipelines.last_due_at > $4 AND excluded.last_due_at IS NOT NULL)
    THEN excluded.last_due_at ELSE pipelines.last_due_at END,
  window_to_at = CASE WHEN excluded.window_to_at > coalesce(pipelines.window_to_at, 0) THEN excluded.window_to_at ELSE pipelines.window_to_at END
RETURNING paused
-- name: pipeline_pause
INSERT INTO pipelines (name, paused) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET paused = excluded.paused,
  last_due_at = CASE WHEN pipelines.paused <> 0 AND excluded.paused = 0 AND pipelines.last_due_at < $3 THEN $3 ELSE pipelines.last_due_at END
-- name: pipeline_paused
SELECT * FROM pipelines WHERE paused <> 0 ORDER BY name {{|COLLATE "C"}}
-- name: pipeline_list
SELECT * FROM pipelines ORDER BY name {{|COLLATE "C"}}
-- name: pipeline_list_of
SELECT * FROM pipelines WHERE name IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}}) ORDER BY name {{|COLLATE "C"}}
-- name: pipeline_fence
UPDATE pipelines SET fence = CASE WHEN fence >= $2 THEN fence + 1 ELSE $2 END
WHERE name IN (SELECT name FROM pipelines WHERE name = $1 AND paused = 0 {{|FOR UPDATE SKIP LOCKED}}) RETURNING fence
-- name: pipeline_fence_up
UPDATE pipelines SET fence = CASE WHEN fence >= $2 THEN fence + 1 ELSE $2 END WHERE name = $1 RETURNING fence

-- name: run_insert
INSERT INTO pipeline_runs (id, pipeline, trigger, state, due_at, queued_at, not_before_at, started_at, ended_at, window_from_at, window_to_at,
  priority, attempt, root, connections, options, rows_read, rows_written, rows_filtered, rows_rejected, bytes, error_class, error_code, error_message, error_remedy,
  error_stage, error_connector, reason, followed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, 0)
ON CONFLICT DO NOTHING RETURNING id
-- name: run_supersede
UPDATE pipeline_runs SET state = 'skipped', reason = $3, ended_at = $4 WHERE pipeline = $1 AND trigger = 'retry' AND state = 'queued' AND id <> $2
  AND NOT EXISTS (SELECT 1 FROM pipeline_runs first WHERE first.id = pipeline_runs.root AND first.trigger = 'manual')
-- name: run_candidates
SELECT * FROM pipeline_runs r WHERE state = 'queued' AND not_before_at <= $1 AND -priority >= $2 AND (-priority, due_at, queued_at, id) > ($2, $3, $4, $5)
  AND NOT EXISTS (SELECT 1 FROM pipeline_runs a WHERE a.pipeline = r.pipeline AND a.state IN ('claimed', 'running'))
  AND NOT EXISTS (SELECT 1 FROM pipelines p WHERE p.name = r.pipeline AND p.paused <> 0)
ORDER BY (-priority), due_at, queued_at, id LIMIT $6
-- name: run_claim
UPDATE pipeline_runs SET state = 'claimed', host = $2, lease_until_at = $3, fence = $4, cancel = NULL
WHERE id IN (SELECT id FROM pipeline_runs WHERE id = $1 AND state = 'queued' {{|FOR UPDATE SKIP LOCKED}})
  AND NOT EXISTS (SELECT 1 FROM pipeline_runs a WHERE a.pipeline = pipeline_runs.pipeline AND a.state IN ('claimed', 'running')) RETURNING *
-- name: run_active_connections
SELECT connections FROM pipeline_runs WHERE state IN ('claimed', 'running') AND connections IS NOT NULL
-- name: run_unclaim
UPDATE pipeline_runs SET state = 'queued', host = NULL, lease_until_at = NULL, not_before_at = $4
WHERE id = $1 AND fence = $3 AND (state = 'claimed' AND host = $2 OR state = 'queued' AND host IS NULL)
RETURNING id
-- name: run_running
UPDATE pipeline_runs SET state = 'running', started_at = $4 WHERE id = $1 AND host = $2 AND fence = $3 AND state IN ('claimed', 'running') RETURNING id
-- name: run_renew
UPDATE pipeline_runs SET lease_until_at = $4 WHERE id = $1 AND host = $2 AND fence = $3 AND state IN ('claimed', 'running') RETURNING cancel
-- name: run_holder
SELECT state, host, fence FROM pipeline_runs WHERE id = $1 {{|FOR UPDATE}}
-- name: run_finish
UPDATE pipeline_runs SET state = $2, ended_at = $3, started_at = coalesce($4, started_at), lease_until_at = NULL, rows_read = $5, rows_written = $6,
  rows_filtered = $7, rows_rejected = $8, bytes = $9, error_class = $10, error_code = $11, error_message = $12, error_remedy = $13, error_stage = $14,
  error_connector = $15, reason = coalesce($16, reason), window_from_at = coalesce($17, window_from_at), window_to_at = coalesce($18, window_to_at), followed = $19
WHERE id = $1 RETURNING pipeline
-- name: run_abandoned
SELECT * FROM pipeline_runs WHERE state IN ('claimed', 'running') AND (lease_until_at < $1 OR host = $2 OR $3 = 1)
ORDER BY due_at, id {{|FOR UPDATE SKIP LOCKED}}
-- name: run_take_over
UPDATE pipeline_runs SET host = $2, fence = $3, lease_until_at = $4 WHERE id = $1
-- name: run_unfollowed
SELECT * FROM pipeline_runs WHERE followed = 0 AND ended_at IS NOT NULL AND (ended_at, id) > ($1, $2) ORDER BY ended_at, id LIMIT $3
-- name: run_followed
UPDATE pipeline_runs SET followed = 1 WHERE id = $1
-- name: run_next
SELECT min(not_before_at) AS next FROM pipeline_runs WHERE state = 'queued' AND not_before_at > $1
-- name: run_count
SELECT 'queued' AS state, count(*) AS n, CAST(coalesce(sum(CASE WHEN not_before_at > $1 THEN 1 ELSE 0 END), 0) AS bigint) AS waiting FROM pipeline_runs
WHERE state = 'queued'
UNION ALL SELECT state, count(*), 0 FROM pipeline_runs WHERE state IN ('claimed', 'running') GROUP BY state
-- name: run_cancel_queued
UPDATE pipeline_runs SET state = 'cancelled', reason = $2, ended_at = $3 WHERE id = $1 AND state = 'queued' RETURNING id
-- name: run_cancel_queued_of
UPDATE pipeline_runs SET state = 'cancelled', reason = $2, ended_at = $3 WHERE state = 'queued' AND id {{IN (|= ANY (ARRAY (}}
  SELECT id FROM pipeline_runs WHERE state = 'queued'
    AND CASE WHEN pipeline IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}}) THEN 0 ELSE 1 END = $5
  ORDER BY queued_at, id LIMIT $4 {{)|FOR UPDATE SKIP LOCKED))}} RETURNING *
-- name: run_cancel_active
UPDATE pipeline_runs SET cancel = CASE WHEN cancel = 'now' THEN cancel ELSE $2 END, reason = coalesce(reason, $3)
WHERE id = $1 AND state IN ('claimed', 'running') RETURNING state
-- name: run_state
SELECT state FROM pipeline_runs WHERE id = $1
-- name: run_unended
SELECT id FROM pipeline_runs WHERE pipeline = $1 AND state IN ('queued', 'claimed', 'running') ORDER BY queued_at, id
-- name: run_list
SELECT * FROM pipeline_runs WHERE ($1 IS NULL OR ',' || $1 || ',' LIKE '%,' || state || ',%') AND ($2 IS NULL OR root = $2)
  AND ($3 IS NULL OR queued_at >= $3) AND ($4 IS NULL OR (queued_at, id) < ($4, $6))
ORDER BY queued_at DESC, id DESC LIMIT $5
-- name: run_list_pipeline
SELECT * FROM pipeline_runs WHERE pipeline = $7 AND ($1 IS NULL OR ',' || $1 || ',' LIKE '%,' || state || ',%') AND ($2 IS NULL OR root = $2)
  AND ($3 IS NULL OR queued_at >= $3) AND ($4 IS NULL OR (queued_at, id) < ($4, $6))
ORDER BY queued_at DESC, id DESC LIMIT $5
-- name: run_list_root
SELECT * FROM pipeline_runs WHERE root = $2 AND ($1 IS NULL OR ',' || $1 || ',' LIKE '%,' || state || ',%') AND ($7 IS NULL OR pipeline = $7)
  AND ($3 IS NULL OR queued_at >= $3) AND ($4 IS NULL OR (queued_at, id) < ($4, $6))
ORDER BY queued_at DESC, id DESC LIMIT $5
-- name: run_of_due
SELECT * FROM pipeline_runs WHERE pipeline = $1 AND due_at = $2 AND queued_at >= $3 ORDER BY queued_at DESC, id DESC LIMIT $4
-- name: run_get
SELECT * FROM pipeline_runs WHERE id = $1
-- name: run_begins
SELECT * FROM pipeline_runs WHERE id >= $1 AND substr(id, 1, length($1)) = $1 ORDER BY id LIMIT 2
-- name: run_latest
SELECT r.* FROM pipelines p JOIN pipeline_runs r ON r.id = (
  SELECT id FROM pipeline_runs e WHERE e.pipeline = p.name AND e.ended_at IS NOT NULL ORDER BY e.queued_at DESC, e.id DESC LIMIT 1)
UNION ALL SELECT * FROM pipeline_runs WHERE state IN ('claimed', 'running') ORDER BY 2, 1
-- name: run_latest_of
SELECT r.* FROM pipelines p JOIN pipeline_runs r ON r.id = (
  SELECT id FROM pipeline_runs e WHERE e.pipeline = p.name AND e.ended_at IS NOT NULL ORDER BY e.queued_at DESC, e.id DESC LIMIT 1)
WHERE p.name IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}})
UNION ALL SELECT * FROM pipeline_runs WHERE state IN ('claimed', 'running')
  AND pipeline IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}})
-- name: run_waiting_of
SELECT * FROM pipeline_runs WHERE state = 'queued' AND pipeline IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}})
ORDER BY pipeline {{|COLLATE "C"}}, not_before_at, id LIMIT $2
-- name: run_prune_before
SELECT ended_at FROM pipeline_runs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET $1
-- name: run_prune
DELETE FROM pipeline_runs WHERE id IN (
  SELECT id FROM pipeline_runs o WHERE o.ended_at IS NOT NULL AND o.ended_at <= $1
    AND EXISTS (SELECT 1 FROM pipeline_runs n WHERE n.pipeline = o.pipeline AND n.queued_at > o.queued_at AND n.ended_at IS NOT NULL)
  ORDER BY o.ended_at LIMIT $2) RETURNING id

-- name: task_put
INSERT INTO pipeline_tasks (run, stage, stream, shard, state, attempts, rows_in, rows_out, bytes, started_at, ended_at, error_class, error_code,
  error_message, error_remedy)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING
-- name: task_list
SELECT * FROM pipeline_tasks WHERE run = $1 ORDER BY stream, shard, stage

-- name: event_add
INSERT INTO events (happened_at, level, kind, host, pipeline, run, stage, shard, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
-- name: event_after
SELECT * FROM events WHERE id > $1 AND ($2 IS NULL OR pipeline = $2) AND ($3 IS NULL OR run = $3) ORDER BY id LIMIT $4
-- name: event_newest
SELECT * FROM (SELECT * FROM events WHERE ($2 IS NULL OR pipeline = $2) AND ($3 IS NULL OR run = $3) AND id > $1 ORDER BY id DESC LIMIT $4) t
ORDER BY id
-- name: event_prune_before
SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET $1
-- name: event_prune
DELETE FROM events WHERE id IN (SELECT id FROM events WHERE happened_at < $1 OR id <= $2 ORDER BY id LIMIT $3) RETURNING id

-- name: breaker_list
SELECT * FROM breakers ORDER BY pipeline {{|COLLATE "C"}}, shard
-- name: breaker_list_of
SELECT * FROM breakers WHERE pipeline IN (SELECT value FROM {{json_each($1)|json_array_elements_text(CAST($1 AS json))}})
ORDER BY pipeline {{|COLLATE "C"}}, shard
-- name: breaker_put
INSERT INTO breakers (pipeline, shard, state, failures, opened_at, changed_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (pipeline, shard) DO UPDATE SET state = excluded.state, failures = excluded.failures, opened_at = excluded.opened_at,
  changed_at = excluded.changed_at, reason = excluded.reason
-- name: breaker_withdraw_probes
UPDATE pipeline_runs SET state = 'skipped', reason = $2, ended_at = $3 WHERE pipeline = $1 AND trigger = 'probe' AND state = 'queued'
-- name: breaker_forget
DELETE FROM breakers WHERE pipeline = $1 AND shard = $2

-- name: cursor_list
SELECT * FROM cursors WHERE pipeline = $1 ORDER BY stream, shard
-- name: cursor_put
INSERT INTO cursors (pipeline, stream, shard, owner, epoch, cursor) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (pipeline, stream, shard) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch, cursor = excluded.cursor
WHERE cursors.owner <= excluded.owner AND (cursors.epoch < excluded.epoch
  OR (cursors.owner = excluded.owner AND cursors.epoch = excluded.epoch AND cursors.cursor = excluded.cursor)) RETURNING pipeline
-- name: cursor_drop
DELETE FROM cursors WHERE pipeline = $1 AND stream = $2 AND shard = $3 AND owner <= $4

-- name: notice_take
UPDATE notices SET host = $1 WHERE id IN (
  SELECT id FROM notices n WHERE n.target = $2 AND n.host <> $1 AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.name = n.host AND h.seen_at > $3)
  {{|FOR UPDATE SKIP LOCKED}})
-- name: notice_list
SELECT id, target, waiting FROM notices WHERE host = $1 AND target = $2 AND saved_at > $3 ORDER BY saved_at, id
-- name: notice_forget
DELETE FROM notices WHERE id = $1
-- name: notice_put
INSERT INTO notices (id, host, target, waiting, saved_at) VALUES ($1, $2, $3, $4, $5)
-- name: notice_prune
DELETE FROM notices WHERE saved_at <= $1
