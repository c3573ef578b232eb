/* The epoch's way into the targets.  A plain epoch is one COPY a target, as long as its rows come one behind the other.  A careful one, begun
 * because the sink refused a row, writes each batch under a savepoint and halves what fails, until the rows to blame stand alone. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

int32_t settle_try(struct instance *in, int32_t (*step)(void *arg), void *arg) {
  struct session *s = &in->session;
  int32_t rc = session_run(s, "making a savepoint", "SAVEPOINT etl");
  if (rc != ETL_OK)
    return rc;
  trouble_fini(&s->trouble);
  s->trying = true;
  rc = step(arg);
  s->trying = false;
  if (rc == ETL_OK)
    return session_run(s, "leaving a savepoint", "RELEASE etl");
  if (rc != ETL_FAILED || !s->trouble.message)
    return rc;
  rc = session_run(s, "going back to a savepoint", "ROLLBACK TO etl; RELEASE etl");
  return rc == ETL_OK ? ETL_IDLE : rc;
}

/* ---- COPY ---------------------------------------------------------------------------------------------------------------------------- */

static int32_t make_staging(struct target *g) {
  struct text sql = {0};
  if (!mode_merges(g->mode) || g->staged)
    return ETL_OK;
  sql_staging(&sql, g, &g->columns);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "creating the staging table", text_str(&sql));
  text_fini(&sql);
  g->staged = rc == ETL_OK;
  g->staged_now = g->staged;
  return rc;
}

static int32_t start_copy(struct target *g) {
  int32_t rc = session_run(&g->in->session, "starting COPY", text_str(&g->copy_sql));
  if (rc != ETL_OK)
    return rc;
  copy_begin(&g->copy, g->staged_rows);
  g->in->copying = g;
  return ETL_OK;
}

static int32_t end_copy(struct instance *in) {
  struct target *g = in->copying;
  char doing[300];
  if (!g)
    return ETL_OK;
  snprintf(doing, sizeof doing, "writing to %s", g->name);
  int32_t rc = copy_end(&g->copy, doing);
  in->copying = NULL;
  if (rc == ETL_OK && mode_merges(g->mode))
    g->staged_rows += g->copy.rows;
  return rc;
}

/* ---- with care ------------------------------------------------------------------------------------------------------------------------ */

struct slice { /* rows from..to of a batch */
  struct target *g;
  const struct ArrowArray *batch;
  int64_t from, to;
};

static int32_t copy_slice(void *arg) {
  const struct slice *s = arg;
  int32_t rc = start_copy(s->g);
  if (rc == ETL_OK)
    rc = copy_write(&s->g->copy, &s->g->rows, s->batch, s->from, s->to);
  return rc == ETL_OK ? end_copy(s->g->in) : rc;
}

static int32_t reject_row(const struct slice *s) {
  struct instance *in = s->g->in;
  const struct trouble *t = &in->session.trouble;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.vendor_state = t->state;
  if (t->column)
    e.column = (int32_t)etl_schema_find(&s->g->rows, t->column);
  return etl_reject(in->host, &e, s->g->stream, &s->g->rows, s->batch, s->from, "%s", t->message);
}

static int32_t write_slice(const struct slice *s) {
  struct slice whole = *s;
  int32_t rc = settle_try(s->g->in, copy_slice, &whole);
  if (rc == ETL_OK)
    s->g->in->written += s->to - s->from;
  if (rc != ETL_IDLE)
    return rc;
  if (s->to - s->from == 1)
    return reject_row(s);
  struct slice half = *s;
  half.to = s->from + (s->to - s->from) / 2;
  rc = write_slice(&half);
  half.from = half.to;
  half.to = s->to;
  return rc == ETL_OK ? write_slice(&half) : rc;
}

static int32_t write_careful(struct target *g, const struct ArrowArray *batch) {
  struct slice all = {g, batch, 0, batch->length};
  return batch->length ? write_slice(&all) : ETL_OK;
}

/* ---- the epoch ------------------------------------------------------------------------------------------------------------------------ */

static int32_t write_plain(struct target *g, const struct ArrowArray *batch) {
  struct instance *in = g->in;
  int32_t rc = in->copying == g ? ETL_OK : end_copy(in);
  if (rc == ETL_OK && !in->copying)
    rc = start_copy(g);
  if (rc == ETL_OK)
    rc = copy_write(&g->copy, &g->rows, batch, 0, batch->length);
  if (rc == ETL_OK)
    in->written += batch->length;
  return rc;
}

int32_t settle_write(struct target *g, struct etl_msg *m) {
  int32_t rc = make_staging(g);
  g->in->settled = false;
  if (rc != ETL_OK)
    return rc;
  return g->in->careful ? write_careful(g, &m->rows) : write_plain(g, &m->rows);
}

int32_t settle_epoch(struct instance *in) {
  int32_t rc = in->settled ? ETL_OK : end_copy(in);
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next) {
    if (g->staged_rows == 0)
      continue;
    rc = in->careful ? merge_careful(g) : merge_all(g);
    g->staged_rows = 0;
  }
  if (rc == ETL_OK && !in->settled && in->written)
    rc = session_run(&in->session, "checking constraints", "SET CONSTRAINTS ALL IMMEDIATE");
  in->settled = rc == ETL_OK;
  return rc;
}
