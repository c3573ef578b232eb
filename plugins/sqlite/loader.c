/* sqlite, the loader: writes tables of a file, rows and cursors in one transaction.  Options, life of an instance, and the epoch:
 * BEGIN IMMEDIATE, INSERT a row, cursor, COMMIT.  Lanes take turns, since SQLite has one writer at a time. */
#include <stdlib.h>

#include "loader.h"

#define SECOND INT64_C(1000000000)
enum { OPT_PATH, OPT_TABLE, OPT_MODE, OPT_KEY, OPT_NEWEST_BY, OPT_DELETED_AT, OPT_CREATE, OPT_SCHEMA_CONTRACT, OPT_WAL, OPT_BUSY_TIMEOUT };

static const char *const mode_choices[] = {"append", "merge", "insert_missing", "replace", "delete_missing", NULL};
static const char *const contract_choices[] = {"evolve", "freeze", NULL};
static const struct etl_option *const options[] = {
    [OPT_PATH] = OPTION("path", ETL_T_PATH, .flags = ETL_OPT_REQUIRED | ETL_OPT_CONNECTION, .example = "/var/lib/etl/warehouse.db",
                        .doc = "The database file; made when it is not there."),
    [OPT_TABLE] = OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .dflt = "{stream_table}", .example = "logins",
                         .doc = "Table to load. {stream_schema} and {stream_table} stand for the parts of the stream's name before and after its last dot, "
                                "{stream} for the whole of it."),
    [OPT_MODE] = OPTION("mode", ETL_T_ENUM, .dflt = "append", .choices = mode_choices,
                        .doc = "append adds rows; merge inserts or updates by `key`; insert_missing inserts rows whose key is not there and leaves the others "
                               "alone; replace fills a table aside, whose rows take the place of the target's at the end of the run; delete_missing "
                               "merges at the end of a run that read everything and deletes the rows whose key did not come: the table must be this "
                               "pipeline's alone, and the stream without a cursor."),
    [OPT_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"shard_id\", \"login_id\" ]",
                       .doc = "Columns that identify a row; needed for merge, insert_missing and delete_missing. A table made by etl gets them as its primary key."),
    [OPT_NEWEST_BY] = OPTION("newest_by", ETL_T_STRING, .example = "changed_at",
                             .doc = "Column that tells which of two rows with one key is newer, in a merge; the greater one wins, NULL is smallest. Without "
                                    "it the row read last wins."),
    [OPT_DELETED_AT] = OPTION("deleted_at", ETL_T_STRING, .example = "deleted_at",
                              .doc = "With mode = \"delete_missing\": rows that are missing stay, and this column gets the time; it is NULL again when they "
                                     "come back."),
    [OPT_CREATE] = OPTION("create", ETL_T_BOOL, .dflt = "true", .doc = "Make the table when it is not there."),
    [OPT_SCHEMA_CONTRACT] = OPTION("schema_contract", ETL_T_ENUM, .dflt = "evolve", .choices = contract_choices,
                                   .doc = "When the rows have a column that the table does not have: evolve adds it, freeze stops the run."),
    [OPT_WAL] = OPTION("wal", ETL_T_BOOL, .dflt = "true",
                       .doc = "Put a database that is made here into WAL mode, in which readers need not wait for the loader; not for network file systems."),
    [OPT_BUSY_TIMEOUT] = OPTION("busy_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "5m", .min = 0, .max = 86400 * SECOND,
                                .doc = "How long the lock of another writer is waited for: another process, or another lane in the middle of its epoch."),
    NULL,
};

static void loader_close(void *self) {
  struct loader *in = self;
  targets_fini(in);
  capture_fini(&in->capture);
  database_fini(&in->d);
  for (size_t i = 0; i < in->key_n; i++)
    free(in->key[i]);
  free(in->key);
  free(in->newest_by);
  free(in->deleted_at);
  free(in->table);
  free(in->pipeline);
  free(in->run);
  free(in);
}

static int32_t check_options(const struct loader *in, uint64_t keys) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "newest_by";
  e.remedy = "leave it out, or set mode = \"merge\"";
  if (in->newest_by && !loader_updates(in))
    return etl_failf(in->host, &e, "sqlite: newest_by means something only in a merge");
  e.option = "deleted_at";
  e.remedy = "leave it out, or set mode = \"delete_missing\"";
  if (in->deleted_at && !in->stages)
    return etl_failf(in->host, &e, "sqlite: deleted_at means something only with mode = \"delete_missing\"");
  e.option = "key";
  e.remedy = "name the columns that identify a row: key = [ \"id\" ]";
  if (loader_merges(in) && keys == 0)
    return etl_failf(in->host, &e, "sqlite: mode = \"%s\" needs a key", mode_choices[in->mode]);
  return ETL_OK;
}

static int32_t take_options(struct loader *in, const struct etl_open *o) {
  uint64_t n = etl_opt_list_n(o, OPT_KEY);
  in->mode = (enum mode)etl_opt_int(o, OPT_MODE);
  in->contract = (int)etl_opt_int(o, OPT_SCHEMA_CONTRACT);
  in->create = etl_opt_bool(o, OPT_CREATE);
  in->wal = etl_opt_bool(o, OPT_WAL);
  in->testing = o->flags & ETL_OPEN_TEST;
  in->keep = o->flags & ETL_OPEN_KEEP_STAGING;
  in->stages = in->mode == MODE_DELETE_MISSING; /* each run brings everything anyway */
  in->replace = in->mode == MODE_REPLACE || ((o->flags & ETL_OPEN_FULL_REFRESH) && !in->stages);
  const char *table = etl_opt_str(o, OPT_TABLE);
  in->table = strdup(table ? table : "");
  in->pipeline = strdup(o->pipeline);
  in->run = strdup(o->run);
  in->key = calloc(n + 1, sizeof *in->key);
  if (!in->table || !in->pipeline || !in->run || !in->key)
    return database_no_memory(&in->d);
  for (; in->key_n < n; in->key_n++)
    if (!(in->key[in->key_n] = strdup(etl_opt_list(o, OPT_KEY, in->key_n))))
      return database_no_memory(&in->d);
  if ((etl_opt_str(o, OPT_NEWEST_BY) && !(in->newest_by = strdup(etl_opt_str(o, OPT_NEWEST_BY)))) ||
      (etl_opt_str(o, OPT_DELETED_AT) && !(in->deleted_at = strdup(etl_opt_str(o, OPT_DELETED_AT)))))
    return database_no_memory(&in->d);
  return check_options(in, n);
}

static int32_t loader_open(const struct etl_open *o, void **self) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  struct loader *in = calloc(1, sizeof *in);
  if (!in)
    return etl_failf(o->host, &e, "sqlite: no memory");
  in->host = o->host;
  int32_t rc = database_init(&in->d, o->host, etl_opt_str(o, OPT_PATH), etl_opt_int(o, OPT_BUSY_TIMEOUT));
  if (rc == ETL_OK)
    rc = take_options(in, o);
  if (rc == ETL_OK)
    *self = in;
  else
    loader_close(in);
  return rc;
}

int32_t loader_connect(struct loader *in) {
  if (in->d.db)
    return ETL_OK;
  int32_t rc = database_open(&in->d, in->testing ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  return rc == ETL_OK ? database_run(&in->d, "setting its cache", "PRAGMA cache_size = -32768") : rc; /* KiB: an epoch is kept there until it is committed */
}

/* A database that is not there yet is no mistake: the run makes it. */
static int32_t loader_check(void *self) {
  struct loader *in = self;
  return database_exists(&in->d) ? loader_connect(in) : ETL_OK;
}

static uint64_t loader_caps(void *self) {
  const struct loader *in = self;
  return ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL | ETL_CAP_CAPTURE | (loader_asides(in) ? ETL_CAP_ASIDE | ETL_CAP_REPLACE : 0);
}

static int32_t loader_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) { return state_claim(self, c, ret_owner); }

static int32_t loader_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) { return state_committed(self, each, arg); }

static int32_t loader_run_begin(void *self, const char *run) {
  struct loader *in = self;
  int32_t rc = loader_connect(in);
  return rc == ETL_OK && !in->keep ? aside_remove(in, run, true) : rc;
}

static int32_t loader_run_end(void *self, const char *run, uint32_t ok) {
  struct loader *in = self;
  int32_t rc = loader_connect(in);
  if (rc != ETL_OK || !loader_asides(in))
    return rc;
  if (ok)
    return aside_swap(in, run);
  rc = in->keep ? ETL_OK : aside_remove(in, run, false);
  return rc == ETL_OK && !in->keep ? capture_drop(in, run) : rc;
}

static int32_t loader_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct target *g;
  int32_t rc = target_of(self, stream->name, &g);
  return rc == ETL_OK ? target_prepare(g, stream, schema) : rc;
}

/* ---- the epoch ------------------------------------------------------------------------------------------------------------------------------ */

static int32_t loader_begin(void *self, const struct etl_txn *txn) {
  struct loader *in = self;
  in->written = 0;
  in->owner = txn->owner;
  in->careful = txn->flags & ETL_TXN_CAREFUL;
  int32_t rc = loader_connect(in);
  if (rc == ETL_OK)
    rc = database_yield(&in->d);
  if (rc == ETL_OK)
    rc = database_begin(&in->d);
  return rc == ETL_OK ? state_check_owner(in) : rc; /* a newer run may have removed the tables of this one */
}

static int32_t loader_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct target *g;
  int32_t rc = target_of(self, stream->name, &g);
  if (rc == ETL_OK)
    rc = target_write(g, &m->rows);
  etl_array_release(&m->rows);
  return rc;
}

static int32_t loader_reject(void *self, const struct etl_rejected *const *rows, uint64_t n) { return quarantine_reject(self, rows, n); }

/* Whether the disk took a COMMIT that failed with an I/O error nobody knows but the file. */
static int32_t commit(struct loader *in) {
  int code = sqlite3_exec(in->d.db, "COMMIT", NULL, NULL, NULL);
  if (code == SQLITE_OK)
    return ETL_OK;
  if ((code & 0xff) != SQLITE_IOERR)
    return database_fail(&in->d, code, "committing");
  struct etl_error e = ETL_ERROR(ETL_E_INDOUBT);
  e.vendor_code = code;
  return etl_failf(in->host, &e, "sqlite: %s: committing: %s", in->d.path, sqlite3_errmsg(in->d.db));
}

static int32_t loader_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct loader *in = self;
  int32_t rc = state_check_owner(in);
  for (uint64_t i = 0; i < to_n && rc == ETL_OK; i++)
    rc = state_store(in, to[i]);
  if (rc == ETL_OK)
    rc = commit(in);
  database_held(&in->d);
  return rc;
}

static int32_t loader_abort(void *self) {
  struct loader *in = self;
  for (struct target *g = in->targets; g; g = g->next)
    sqlite3_reset(g->insert);
  database_rollback(&in->d);
  in->written = 0;
  return ETL_OK;
}

static const void *loader_ext(void *self, const char *id) {
  (void)self;
  const struct {
    const char *id;
    const void *ext;
  } all[] = {{ETL_EXT_EXPLAIN, &sqlite_loader_explain}, {ETL_EXT_CATALOG, &sqlite_loader_catalog}, {ETL_EXT_QUARANTINE, &sqlite_quarantine},
             {ETL_EXT_READBACK, &sqlite_readback},
             {ETL_EXT_CAPTURE, &sqlite_capture}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].id, id) == 0)
      return all[i].ext;
  return NULL;
}

static const struct etl_common common = {
    .struct_size = sizeof common, .open = loader_open, .check = loader_check, .close = loader_close, .ext = loader_ext};
static const struct etl_loader loader = {.struct_size = sizeof loader,
                                         .claim = loader_claim,
                                         .committed = loader_committed,
                                         .run_begin = loader_run_begin,
                                         .prepare = loader_prepare,
                                         .begin = loader_begin,
                                         .write = loader_write,
                                         .commit = loader_commit,
                                         .abort = loader_abort,
                                         .run_end = loader_run_end,
                                         .caps = loader_caps,
                                         .reject = loader_reject};
const struct etl_connector sqlite_loader = {
    .struct_size = sizeof sqlite_loader,
    .kind = ETL_KIND_LOADER,
    .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL | ETL_CAP_CAPTURE,
    .name = "sqlite",
    .version = ETL_VERSION,
    .summary = "Loads tables of a SQLite file: append, merge by key, insert what is missing, delete what is gone, or replace as a whole",
    .doc = "Rows and the place where their lane stands (tables etl_pipelines and etl_cursors of the same file) are committed in one transaction, so that "
           "each row arrives once. Decimals of more than 15 digits are kept as text (DECIMAL_TEXT), because SQLite would round them. Foreign keys are not "
           "checked, and a conflict clause of the table's own counts as ABORT.",
    .options = options,
    .common = &common,
    .api = &loader,
};
