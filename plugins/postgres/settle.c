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
  if (!target_waits(g) || g->staged)
    return ETL_OK;
  text_addf(&sql, "DROP TABLE IF EXISTS pg_temp.%s; ", g->staging); /* of other columns, or come back by a transaction that was undone */
  sql_staging(&sql, g, &g->columns);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "creating the staging table", text_str(&sql));
  text_fini(&sql);
  g->staged = rc == ETL_OK;
  g->staged_now = g->staged;
  return rc;
}

static int32_t start_copy(struct target *g) {
  struct text sql = {0};
  sql_copy(&sql, g, &g->columns);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "starting COPY", text_str(&sql));
  text_fini(&sql);
  if (rc != ETL_OK)
    return rc;
  g->copy.numbered = target_numbers(g);
  g->copy.raw = target_keeps_raw(g);
  copy_begin(&g->copy, (g->in->stages ? g->in->from_epoch << 32 : 0) + g->staged_rows); /* numbers grow with the epochs of the lane */
  g->in->copying = g;
  return ETL_OK;
}

int32_t settle_pause(struct instance *in) {
  struct target *g = in->copying;
  char doing[300];
  if (!g)
    return ETL_OK;
  snprintf(doing, sizeof doing, "writing to %s", g->name);
  int32_t rc = copy_end(&g->copy, doing);
  in->copying = NULL;
  if (rc == ETL_OK && g->copy.numbered)
    g->staged_rows += g->copy.rows;
  return rc;
}

/* ---- with care ------------------------------------------------------------------------------------------------------------------------ */

struct slice { /* rows from..to of a batch */
  struct target *g;
  const struct ArrowArray *batch;
  const bool *skip; /* rows that were set aside already; NULL: none */
  int64_t from, to;
};

static int32_t copy_slice(void *arg) {
  const struct slice *s = arg;
  int32_t rc = start_copy(s->g);
  if (rc == ETL_OK)
    rc = copy_write(&s->g->copy, s->skip, s->from, s->to);
  return rc == ETL_OK ? settle_pause(s->g->in) : rc;
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
    s->g->in->written += s->g->copy.rows;
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

static int32_t write_careful(struct target *g, const struct ArrowArray *batch, const bool *skip) {
  struct slice all = {g, batch, skip, 0, batch->length};
  return batch->length ? write_slice(&all) : ETL_OK;
}

/* ---- what cannot even be sent --------------------------------------------------------------------------------------------------------- */

/* As the server would say it. */
static const char *state_of(const struct column *c, bool nul) {
  switch (c->f.logical) {
  case ETL_L_STRING:
  case ETL_L_JSON: return nul ? "22021" : "22001";
  case ETL_L_DATE:
  case ETL_L_TIMESTAMP: return "22008";
  default: return "22003";
  }
}

static int32_t reject_misfit(struct target *g, const struct ArrowArray *batch, int64_t row, const struct column *c) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  bool nul = copy_has_nul(&g->copy, c, row);
  e.column = (int32_t)c->index;
  if (c->change == ETL_CHANGE_COLUMN_LEFT_OUT)
    return etl_reject(g->in->host, &e, g->stream, &g->rows, batch, row, "postgres: %s has no column \"%s\", and schema_contract adds none", g->name,
                      c->name);
  e.vendor_state = state_of(c, nul);
  if (nul)
    return etl_reject(g->in->host, &e, g->stream, &g->rows, batch, row,
                      "postgres: the text for column \"%s\" of %s holds a NUL character, which PostgreSQL cannot store", c->name, g->name);
  return etl_reject(g->in->host, &e, g->stream, &g->rows, batch, row,
                    "postgres: column \"%s\" of %s is %s, which cannot hold the value (%s at the source)", c->name, g->name,
                    c->target_type, c->source_type);
}

/* Rows with values that a column cannot hold never reach the server; *ret (owned) says which they are, NULL: none. */
static int32_t reject_misfits(struct target *g, const struct ArrowArray *batch, bool **ret) {
  int32_t rc = ETL_OK;
  for (int64_t row = 0; row < batch->length && rc == ETL_OK && (g->copy.checks_n || g->copy.any_nul); row++) {
    const struct column *c = copy_misfit(&g->copy, row);
    if (!c)
      continue;
    if (!*ret && !(*ret = calloc((size_t)batch->length, sizeof **ret)))
      return out_of_memory(g->in);
    (*ret)[row] = true;
    rc = reject_misfit(g, batch, row, c);
  }
  return rc;
}

/* ---- the epoch ------------------------------------------------------------------------------------------------------------------------ */

static int32_t write_plain(struct target *g, const struct ArrowArray *batch, const bool *skip) {
  struct instance *in = g->in;
  int32_t rc = in->copying ? ETL_OK : start_copy(g);
  if (rc != ETL_OK)
    return rc;
  int64_t before = g->copy.rows;
  rc = copy_write(&g->copy, skip, 0, batch->length);
  in->written += g->copy.rows - before;
  return rc;
}

int32_t settle_write(struct target *g, struct etl_msg *m) {
  bool *skip = NULL;
  int32_t rc = g->in->copying == g ? ETL_OK : settle_pause(g->in); /* during a COPY the session takes no other statement */
  g->in->settled = false;
  if (rc == ETL_OK)
    rc = target_follow(g);
  if (rc == ETL_OK)
    rc = make_staging(g);
  if (rc == ETL_OK)
    rc = copy_take(&g->copy, &g->rows, &m->rows);
  if (rc == ETL_OK)
    rc = reject_misfits(g, &m->rows, &skip);
  if (rc == ETL_OK)
    rc = g->in->careful ? write_careful(g, &m->rows, skip) : write_plain(g, &m->rows, skip);
  free(skip);
  return rc;
}

static int32_t settle_plain(struct instance *in) {
  int32_t rc = ETL_OK;
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next)
    rc = g->staged_rows && !in->stages ? merge_all(g) : ETL_OK;
  return rc == ETL_OK && in->written ? session_run(&in->session, "checking constraints", "SET CONSTRAINTS ALL IMMEDIATE") : rc;
}

int32_t settle_epoch(struct instance *in) {
  if (in->settled)
    return ETL_OK;
  int32_t rc = settle_pause(in);
  if (rc == ETL_OK)
    rc = links_order(in);
  if (rc == ETL_OK)
    rc = in->careful ? merge_careful(in) : settle_plain(in);
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next)
    g->staged_rows = 0;
  in->settled = rc == ETL_OK;
  return rc;
}
