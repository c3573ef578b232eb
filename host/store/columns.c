/* Rows of the store as structs: one table a struct says which column goes where. */
#include <string.h>

#include "store/priv.h"

#define AT(struct_, field) offsetof(struct struct_, field)

const struct column run_columns[] = {
  {"id", COLUMN_TEXT, AT(store_run, id)},
  {"pipeline", COLUMN_TEXT, AT(store_run, pipeline)},
  {"trigger", COLUMN_TEXT, AT(store_run, trigger)},
  {"state", COLUMN_TEXT, AT(store_run, state)},
  {"due_at", COLUMN_TIME, AT(store_run, due_ns)},
  {"queued_at", COLUMN_TIME, AT(store_run, queued_ns)},
  {"not_before_at", COLUMN_TIME, AT(store_run, not_before_ns)},
  {"started_at", COLUMN_TIME, AT(store_run, started_ns)},
  {"ended_at", COLUMN_TIME, AT(store_run, ended_ns)},
  {"window_from_at", COLUMN_TIME, AT(store_run, window_from_ns)},
  {"window_to_at", COLUMN_TIME, AT(store_run, window_to_ns)},
  {"priority", COLUMN_INT, AT(store_run, priority)},
  {"attempt", COLUMN_INT, AT(store_run, attempt)},
  {"root", COLUMN_TEXT, AT(store_run, root)},
  {"connections", COLUMN_TEXT, AT(store_run, connections)},
  {"options", COLUMN_TEXT, AT(store_run, options)},
  {"host", COLUMN_TEXT, AT(store_run, host)},
  {"lease_until_at", COLUMN_TIME, AT(store_run, lease_until_ns)},
  {"fence", COLUMN_INT, AT(store_run, fence)},
  {"rows_read", COLUMN_INT, AT(store_run, rows_read)},
  {"rows_written", COLUMN_INT, AT(store_run, rows_written)},
  {"rows_filtered", COLUMN_INT, AT(store_run, rows_filtered)},
  {"rows_rejected", COLUMN_INT, AT(store_run, rows_rejected)},
  {"bytes", COLUMN_INT, AT(store_run, bytes)},
  {"error_class", COLUMN_TEXT, AT(store_run, error_class)},
  {"error_code", COLUMN_TEXT, AT(store_run, error_code)},
  {"error_message", COLUMN_TEXT, AT(store_run, error_message)},
  {"error_remedy", COLUMN_TEXT, AT(store_run, error_remedy)},
  {"error_stage", COLUMN_TEXT, AT(store_run, error_stage)},
  {"error_connector", COLUMN_TEXT, AT(store_run, error_connector)},
  {"reason", COLUMN_TEXT, AT(store_run, reason)},
  {"cancel", COLUMN_TEXT, AT(store_run, cancel)},
  {0},
};

const struct column task_columns[] = {
  {"run", COLUMN_TEXT, AT(store_task, run)},
  {"stage", COLUMN_TEXT, AT(store_task, stage)},
  {"stream", COLUMN_TEXT, AT(store_task, stream)},
  {"shard", COLUMN_TEXT, AT(store_task, shard)},
  {"state", COLUMN_TEXT, AT(store_task, state)},
  {"attempts", COLUMN_INT, AT(store_task, attempts)},
  {"rows_in", COLUMN_INT, AT(store_task, rows_in)},
  {"rows_out", COLUMN_INT, AT(store_task, rows_out)},
  {"bytes", COLUMN_INT, AT(store_task, bytes)},
  {"started_at", COLUMN_TIME, AT(store_task, started_ns)},
  {"ended_at", COLUMN_TIME, AT(store_task, ended_ns)},
  {"error_class", COLUMN_TEXT, AT(store_task, error_class)},
  {"error_code", COLUMN_TEXT, AT(store_task, error_code)},
  {"error_message", COLUMN_TEXT, AT(store_task, error_message)},
  {"error_remedy", COLUMN_TEXT, AT(store_task, error_remedy)},
  {0},
};

const struct column event_columns[] = {
  {"id", COLUMN_INT, AT(store_event, id)},
  {"happened_at", COLUMN_TIME, AT(store_event, at_ns)},
  {"level", COLUMN_TEXT, AT(store_event, level)},
  {"kind", COLUMN_TEXT, AT(store_event, kind)},
  {"host", COLUMN_TEXT, AT(store_event, host)},
  {"pipeline", COLUMN_TEXT, AT(store_event, pipeline)},
  {"run", COLUMN_TEXT, AT(store_event, run)},
  {"stage", COLUMN_TEXT, AT(store_event, stage)},
  {"shard", COLUMN_TEXT, AT(store_event, shard)},
  {"message", COLUMN_TEXT, AT(store_event, message)},
  {0},
};

const struct column pipeline_columns[] = {
  {"name", COLUMN_TEXT, AT(store_pipeline, name)},
  {"paused", COLUMN_BOOL, AT(store_pipeline, paused)},
  {"fence", COLUMN_INT, AT(store_pipeline, fence)},
  {"last_due_at", COLUMN_TIME, AT(store_pipeline, last_due_ns)},
  {"window_to_at", COLUMN_TIME, AT(store_pipeline, window_to_ns)},
  {0},
};

const struct column breaker_columns[] = {
  {"pipeline", COLUMN_TEXT, AT(store_breaker, pipeline)},
  {"shard", COLUMN_TEXT, AT(store_breaker, shard)},
  {"state", COLUMN_TEXT, AT(store_breaker, state)},
  {"failures", COLUMN_INT, AT(store_breaker, failures)},
  {"opened_at", COLUMN_TIME, AT(store_breaker, opened_ns)},
  {"changed_at", COLUMN_TIME, AT(store_breaker, changed_ns)},
  {"reason", COLUMN_TEXT, AT(store_breaker, reason)},
  {0},
};

const struct column cursor_columns[] = {
  {"pipeline", COLUMN_TEXT, AT(store_cursor, pipeline)},
  {"stream", COLUMN_TEXT, AT(store_cursor, stream)},
  {"shard", COLUMN_TEXT, AT(store_cursor, shard)},
  {"owner", COLUMN_INT, AT(store_cursor, owner)},
  {"epoch", COLUMN_INT, AT(store_cursor, epoch)},
  {"cursor", COLUMN_TEXT, AT(store_cursor, cursor)},
  {0},
};

const struct column notice_columns[] = {
  {"id", COLUMN_TEXT, AT(store_notice, id)},
  {"target", COLUMN_TEXT, AT(store_notice, target)},
  {"waiting", COLUMN_TEXT, AT(store_notice, waiting)},
  {0},
};

const struct column host_columns[] = {
  {"name", COLUMN_TEXT, AT(store_host, name)},
  {"machine", COLUMN_TEXT, AT(store_host, machine)},
  {"pid", COLUMN_INT, AT(store_host, pid)},
  {"started_at", COLUMN_TIME, AT(store_host, started_ns)},
  {"seen_at", COLUMN_TIME, AT(store_host, seen_ns)},
  {0},
};

static void put(void *field, const struct column *c, const struct value *v) {
  switch (c->kind) {
  case COLUMN_TEXT:
    *(const char **)field = v->is_null ? NULL : v->is_text ? v->s : "";
    break;
  case COLUMN_BOOL:
    *(bool *)field = !v->is_null && v->i != 0;
    break;
  case COLUMN_TIME:
    *(int64_t *)field = v->is_null ? 0 : v->i * 1000;
    break;
  case COLUMN_INT:
    *(int64_t *)field = v->is_null ? 0 : v->i;
    break;
  }
}

void *columns_read(const struct column *columns, size_t size, const struct rows *rows, struct arena *a) {
  char *structs = arena_alloc(a, (rows->n + 1) * size);
  for (size_t col = 0; col < rows->cols; col++)
    for (const struct column *c = columns; c->name; c++)
      if (strcmp(c->name, rows->names[col]) == 0)
        for (size_t row = 0; row < rows->n; row++)
          put(structs + row * size + c->offset, c, rows_at(rows, row, col));
  return structs;
}

void columns_keep(const struct column *columns, size_t size, void *structs, size_t n, struct arena *a) {
  for (const struct column *c = columns; c->name; c++)
    for (size_t i = 0; i < n && c->kind == COLUMN_TEXT; i++) {
      const char **text = (const char **)((char *)structs + i * size + c->offset);
      *text = arena_strdup(a, *text);
    }
}
