/* The end of a run, with all that follows from it, in one transaction. */
#include <string.h>

#include "store/priv.h"

int tasks_add(struct store *s, const struct store_task *t, size_t n, struct err *e) {
  for (size_t i = 0; i < n; i++, t++)
    if (store_do(s, SQL_TASK_PUT, NULL, e,
                 PARAMS(TEXT(t->run), TEXT(t->stage), TEXT(t->stream ? t->stream : ""), TEXT(t->shard ? t->shard : ""), TEXT(t->state),
                        INT(t->attempts), INT(t->rows_in), INT(t->rows_out), INT(t->bytes), TIME(t->started_ns), TIME(t->ended_ns),
                        TEXT(t->error_class), TEXT(t->error_code), TEXT(t->error_message), TEXT(t->error_remedy))) < 0)
      return -1;
  return 0;
}

enum standing { OURS, STORED_ALREADY, LOST };

static int look(struct store *s, const struct store_run *r, enum standing *ret, struct err *e) {
  struct rows rows;
  if (store_do(s, SQL_RUN_HOLDER, &rows, e, PARAMS(TEXT(r->id))) < 0)
    return -1;
  const struct store_run *held = columns_read(run_columns, sizeof *held, &rows, s->scratch);
  if (rows.n == 0 || !held->host || strcmp(held->host, s->host) != 0 || held->fence != r->fence)
    *ret = LOST;
  else
    *ret = strcmp(held->state, "claimed") == 0 || strcmp(held->state, "running") == 0 ? OURS : STORED_ALREADY;
  return 0;
}

static int end_run(struct store *s, const struct store_outcome *o, const char **ret_pipeline, struct err *e) {
  const struct store_run *r = o->run;
  struct rows rows;
  if (store_do(s, SQL_RUN_FINISH, &rows, e,
               PARAMS(TEXT(r->id), TEXT(r->state), TIME(r->ended_ns), TIME(r->started_ns), INT(r->rows_read), INT(r->rows_written),
                      INT(r->rows_filtered), INT(r->rows_rejected), INT(r->bytes), TEXT(r->error_class), TEXT(r->error_code), TEXT(r->error_message),
                      TEXT(r->error_remedy), TEXT(r->error_stage), TEXT(r->error_connector), TEXT(r->reason), TIME(r->window_from_ns),
                      TIME(r->window_to_ns), INT(o->followed))) < 0)
    return -1;
  *ret_pipeline = rows_at(&rows, 0, 0)->s;
  return 0;
}

static int finish(struct store *s, const struct store_outcome *o, enum standing *ret, struct err *e) {
  const char *pipeline;
  if (look(s, o->run, ret, e) < 0)
    return -1;
  if (*ret != OURS)
    return 0;
  if (end_run(s, o, &pipeline, e) < 0 || tasks_add(s, o->tasks, o->tasks_n, e) < 0)
    return -1;
  if (o->window_done && store_do(s, SQL_PIPELINE_NOTE, NULL, e, PARAMS(TEXT(pipeline), TIME(0), TIME(o->run->window_to_ns), TIME(0))) < 0)
    return -1;
  if (breakers_put(s, o->breakers, o->breakers_n, e) < 0)
    return -1;
  for (size_t i = 0; i < o->queue_n; i++)
    if (queue_add(s, &o->queue[i], false, o->run->ended_ns, NULL, e) < 0)
      return -1;
  return events_add(s, o->events, o->events_n, e);
}

int store_finish(struct store *s, const struct store_outcome *o, struct err *e) {
  enum standing standing = OURS;
  if (store_begin(s, ACCESS_WRITE, e) < 0 || store_end(s, finish(s, o, &standing, e), e) < 0)
    return -1;
  if (standing != LOST)
    return 0;
  err_set(e, ETL_E_FENCED, "the outcome of run %s is not stored: its lease was lost, another host has taken it over", o->run->id);
  return err_remedy(e, "nothing is wrong in the sink, which refuses the older run; see 'etl history' for how it went on");
}
