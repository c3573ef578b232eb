/* postgres: the loader that writes tables of PostgreSQL by binary COPY.  Descriptor, life cycle of an instance, and the epoch:
 * BEGIN, COPY, (merge), cursor, COMMIT, all in one transaction.  Appended rows are copied into the target itself: that transaction is what
 * makes them appear once, and a staging table would only write them twice. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"
#include "source.h"

/* ---- life ------------------------------------------------------------------------------------------------------------------------------- */

static void postgres_close(void *self) {
  struct instance *in = self;
  targets_fini(in);
  capture_fini(&in->capture);
  session_fini(&in->session);
  settings_fini(&in->settings);
  free(in->pipeline);
  free(in->run);
  free(in->lane);
  free(in);
}

static int32_t instance_init(struct instance *in, const struct etl_open *o) {
  in->host = o->host;
  in->session.wake_fd = -1;
  int32_t rc = settings_init(&in->settings, o);
  if (rc == ETL_OK)
    rc = session_init(&in->session, o->host, &in->settings);
  if (rc != ETL_OK)
    return rc;
  in->testing = o->flags & ETL_OPEN_TEST;
  in->anew = o->flags & ETL_OPEN_FULL_REFRESH;
  in->keep = o->flags & ETL_OPEN_KEEP_STAGING;
  in->replace = in->settings.all.mode == MODE_REPLACE || (in->anew && !settings_stage_anew(&in->settings));
  in->stages = in->settings.run_commit && !in->replace;
  in->pipeline = strdup(o->pipeline);
  in->run = strdup(o->run);
  in->lane = o->lane ? strndup(o->lane, strcspn(o->lane, "#")) : strdup("");
  return in->pipeline && in->run && in->lane ? ETL_OK : out_of_memory(in);
}

static int32_t postgres_open(const struct etl_open *o, void **self) {
  struct instance *in = calloc(1, sizeof *in);
  if (!in) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    return etl_failf(o->host, &e, "postgres: no memory");
  }
  int32_t rc = instance_init(in, o);
  if (rc == ETL_OK)
    *self = in;
  else
    postgres_close(in);
  return rc;
}

static int32_t postgres_check(void *self) {
  struct instance *in = self;
  struct target *g;
  struct table t = {0};
  int32_t rc = session_connect(&in->session);
  if (rc != ETL_OK || !targets_only(in))
    return rc;
  rc = target_of(in, "", &g);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, g->table, &t);
  table_fini(&t);
  return rc;
}

static void postgres_cancel(void *self) { session_cancel(&((struct instance *)self)->session); }

static const void *postgres_ext(void *self, const char *id) {
  (void)self;
  const struct {
    const char *id;
    const void *ext;
  } all[] = {{ETL_EXT_EXPLAIN, &postgres_explain}, {ETL_EXT_QUARANTINE, &postgres_quarantine}, {ETL_EXT_READBACK, &postgres_readback},
             {ETL_EXT_CAPTURE, &postgres_capture}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].id, id) == 0)
      return all[i].ext;
  return NULL;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------------------------ */

static uint64_t postgres_caps(void *self) {
  const struct instance *in = self;
  return ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL | ETL_CAP_CAPTURE | (in->replace || in->stages ? ETL_CAP_ASIDE : 0) |
         (in->replace || settings_deletes(&in->settings) ? ETL_CAP_REPLACE : 0);
}

static int32_t postgres_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) { return cursors_claim(self, c, ret_owner); }

static int32_t postgres_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  return cursors_committed(self, each, arg);
}

static int32_t run_statements(struct instance *in, const char *doing, const struct names *list) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < list->n && rc == ETL_OK; i++)
    rc = session_run(&in->session, doing, list->list[i]);
  return rc;
}

static int32_t postgres_run_begin(void *self, const char *run) {
  struct instance *in = self;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK && !in->keep)
    rc = aside_remove_leftovers(in, run);
  return rc == ETL_OK ? run_statements(in, "pre_sql", &in->settings.pre_sql) : rc;
}

static int32_t postgres_run_end(void *self, const char *run, uint32_t ok) {
  struct instance *in = self;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK && in->replace)
    rc = aside_finish(in, run, ok);
  if (rc == ETL_OK && in->stages)
    rc = staged_finish(in, run, ok);
  if (rc == ETL_OK && !ok && !in->keep && (in->replace || in->stages))
    rc = capture_drop(in, run);
  return rc == ETL_OK && ok ? run_statements(in, "post_sql", &in->settings.post_sql) : rc;
}

/* ---- the epoch ------------------------------------------------------------------------------------------------------------------------------ */

int32_t out_of_memory(const struct instance *in) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(in->host, &e, "postgres: no memory for a statement");
}

int32_t instance_connect(struct instance *in) {
  if (session_lost(&in->session))
    for (struct target *g = in->targets; g; g = g->next)
      g->staged = false;
  return session_connect(&in->session);
}

static int32_t postgres_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct target *g;
  int32_t rc = target_of(self, stream->name, &g);
  return rc == ETL_OK ? target_prepare(g, schema, stream->flags & ETL_STREAM_WHOLE) : rc;
}

static void epoch_reset(struct instance *in, bool committed) {
  in->written = 0;
  in->copying = NULL;
  in->settled = in->in_epoch = false;
  for (struct target *g = in->targets; g; g = g->next) {
    g->staged_rows = 0;
    g->staged_now = g->followed = false;
    copy_tell(&g->copy, g->name, committed);
  }
}

/* Rows that are staged say whose they are: at the end of the run no lane is there to be asked. */
static int32_t name_lane(struct instance *in, const struct etl_txn *txn) {
  if (!in->stages || in->settings.commit_sql.n || txn->from_n == 0)
    return ETL_OK;
  return session_query(&in->session, "beginning a transaction",
                       "SELECT pg_catalog.set_config('etl.lane', pg_catalog.json_build_array($1::text, $2::text)::text, true)", 2,
                       (const char *const[]){txn->from[0]->stream, txn->from[0]->shard}, NULL);
}

static int32_t postgres_begin(void *self, const struct etl_txn *txn) {
  struct instance *in = self;
  epoch_reset(in, false);
  in->owner = txn->owner;
  in->careful = txn->flags & ETL_TXN_CAREFUL;
  in->from_epoch = txn->from_n ? (int64_t)txn->from[0]->epoch : 0;
  int32_t rc = instance_connect(in);
  if (rc == ETL_OK)
    rc = links_order(in);
  if (rc == ETL_OK)
    rc = session_run(&in->session, "beginning a transaction", "BEGIN");
  in->in_epoch = rc == ETL_OK;
  return rc == ETL_OK ? name_lane(in, txn) : rc;
}

static int32_t postgres_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct target *g;
  int32_t rc = target_of(self, stream->name, &g);
  if (rc == ETL_OK)
    rc = settle_write(g, m);
  etl_array_release(&m->rows);
  return rc;
}

static int32_t postgres_settle(void *self) { return settle_epoch(self); }
static int32_t postgres_reject(void *self, const struct etl_rejected *const *rows, uint64_t n) { return quarantine_reject(self, rows, n); }

static int32_t postgres_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct instance *in = self;
  int32_t rc = settle_epoch(in);
  if (rc == ETL_OK)
    rc = cursors_check_owner(in);
  for (uint64_t i = 0; i < to_n && rc == ETL_OK; i++)
    rc = cursors_store(in, to[i]);
  if (rc == ETL_OK)
    rc = session_commit(&in->session, "committing");
  if (rc == ETL_OK)
    epoch_reset(in, true); /* a staging table made in this transaction stays with the session */
  return rc;
}

static int32_t postgres_abort(void *self) {
  struct instance *in = self;
  if (in->copying) /* a COPY cannot be left but by its end; the server undoes everything when we are gone */
    session_disconnect(&in->session);
  session_rollback(&in->session);
  for (struct target *g = in->targets; g; g = g->next)
    g->staged = g->staged && !g->staged_now && in->session.conn;
  epoch_reset(in, false);
  return ETL_OK;
}

/* ---- descriptor ------------------------------------------------------------------------------------------------------------------------------ */

static const struct etl_common common = {.struct_size = sizeof common,
                                         .open = postgres_open,
                                         .check = postgres_check,
                                         .cancel = postgres_cancel,
                                         .close = postgres_close,
                                         .ext = postgres_ext};
static const struct etl_loader loader = {.struct_size = sizeof loader,
                                         .claim = postgres_claim,
                                         .committed = postgres_committed,
                                         .run_begin = postgres_run_begin,
                                         .prepare = postgres_prepare,
                                         .begin = postgres_begin,
                                         .write = postgres_write,
                                         .commit = postgres_commit,
                                         .abort = postgres_abort,
                                         .run_end = postgres_run_end,
                                         .settle = postgres_settle,
                                         .reject = postgres_reject,
                                         .caps = postgres_caps};
static const struct etl_connector connector = {
    .struct_size = sizeof connector,
    .kind = ETL_KIND_LOADER,
    .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL | ETL_CAP_CAPTURE,
    .name = "postgres",
    .version = ETL_VERSION,
    .summary = "Loads tables of PostgreSQL: append, merge by key, insert or delete what is missing, replace as a whole, or by SQL of your own",
    .doc = "Rows travel by binary COPY and are committed together with the place where their lane stands (table cursors in the schema etl), so "
           "that each arrives once. A missing table is made, with `key` as its primary key; one that does not fit the rows is altered or left, as "
           "schema_contract says. A merge goes through a temporary table; a replacement is built aside and takes the target's place in one "
           "transaction; with commit = \"run\" the rows of a run are staged and come to all their tables in one. Rows that the server refuses are "
           "found one by one and kept in etl.quarantine.",
    .options = postgres_options,
    .common = &common,
    .api = &loader,
};

ETL_PLUGIN("postgres", ETL_VERSION, "MIT", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, &postgres_source, &connector);
