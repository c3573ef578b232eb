/* ledger: a loader for tests without a server.  It keeps no rows: for each lane the file has the epoch, the cursor, and count and sum
 * of the ids that were committed, as JSON.  The file is locked while it is changed, and replaced in one step; so a commit is atomic
 * here too, and a lane that commits twice or skips an epoch is noticed. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "etl/sdk.h"

ETL_NOTE("ledger", "1", 1u << ETL_KIND_LOADER, 0);

enum { OPT_FILE, OPT_N };
static const struct etl_option *const options[] = {
  [OPT_FILE] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_PATH, .name = "file",
                                          .flags = ETL_OPT_REQUIRED, .doc = "Where the ledger is kept."},
  [OPT_N] = NULL};

struct ledger {
  const struct etl_host *host;
  char path[4096], lock_path[4096 + 8];
  int64_t id_column;
  struct ArrowSchema schema;
  uint64_t owner;
  int64_t rows, sum; /* of the epoch in hand */
};

static int32_t fail(const struct ledger *l, uint32_t error_class, const char *what) {
  struct etl_error e = ETL_ERROR(error_class);
  e.remedy = "look at the file";
  return etl_failf(l->host, &e, "ledger %s: %s", l->path, what);
}
static int lock(const struct ledger *l) {
  int fd = open(l->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0 && flock(fd, LOCK_EX) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}
/* The ledger as it is; an empty one if there is none.  To be released. */
static json_t *load(const struct ledger *l) {
  json_t *j = json_load_file(l->path, 0, NULL);
  return j ? j : json_pack("{s:i, s:{}}", "owner", 0, "lanes");
}
static int store(const struct ledger *l, const json_t *j) {
  char temporary[4096 + 8];
  snprintf(temporary, sizeof temporary, "%s.new", l->path);
  return json_dump_file(j, temporary, JSON_INDENT(1) | JSON_SORT_KEYS) == 0 && rename(temporary, l->path) == 0 ? 0 : -1;
}

static int32_t ledger_open(const struct etl_open *o, void **self) {
  struct ledger *l = calloc(1, sizeof *l);
  if (!l)
    return ETL_FAILED;
  l->host = o->host;
  snprintf(l->path, sizeof l->path, "%s", etl_opt_str(o, OPT_FILE));
  snprintf(l->lock_path, sizeof l->lock_path, "%s.lock", l->path);
  *self = l;
  return ETL_OK;
}
static void ledger_close(void *self) {
  struct ledger *l = self;
  etl_schema_release(&l->schema);
  free(l);
}

static int32_t ledger_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct ledger *l = self;
  int fd = lock(l);
  if (fd < 0)
    return fail(l, ETL_E_RETRYABLE, strerror(errno));
  json_t *j = load(l);
  uint64_t seen = (uint64_t)json_integer_value(json_object_get(j, "owner")), mine = c->owner ? c->owner : seen + 1;
  int32_t status = ETL_OK;
  if (mine < seen)
    status = fail(l, ETL_E_FENCED, "a newer run owns it");
  else if (json_object_set_new(j, "owner", json_integer((json_int_t)mine)) < 0 || store(l, j) < 0)
    status = fail(l, ETL_E_RETRYABLE, strerror(errno));
  json_decref(j);
  close(fd);
  *ret_owner = mine;
  return status;
}
static int32_t ledger_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct ledger *l = self;
  int fd = lock(l);
  if (fd < 0)
    return fail(l, ETL_E_RETRYABLE, strerror(errno));
  json_t *j = load(l), *lane;
  const char *name;
  int32_t status = ETL_OK;
  json_object_foreach(json_object_get(j, "lanes"), name, lane) {
    const char *cursor = json_string_value(json_object_get(lane, "cursor"));
    struct etl_cursor c = {.struct_size = sizeof c, .stream = json_string_value(json_object_get(lane, "stream")),
                           .shard = json_string_value(json_object_get(lane, "shard")),
                           .epoch = (uint64_t)json_integer_value(json_object_get(lane, "epoch")), .cursor = {cursor, strlen(cursor)},
                           .note = json_string_value(json_object_get(json_object_get(j, "notes"), name)),
                           .flags = json_is_true(json_object_get(lane, "finished")) ? ETL_CURSOR_FINISHED : 0};
    status = each(arg, &c);
    if (status != ETL_OK)
      break;
  }
  json_decref(j);
  close(fd);
  return status;
}
static int32_t ledger_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct ledger *l = self;
  (void)stream;
  etl_schema_release(&l->schema);
  l->id_column = etl_schema_find(schema, "id");
  if (l->id_column < 0)
    return fail(l, ETL_E_SCHEMA, "there is no column id");
  return etl_schema_copy(schema, &l->schema) < 0 ? fail(l, ETL_E_PERMANENT, "out of memory") : ETL_OK;
}
static int32_t ledger_begin(void *self, const struct etl_txn *txn) {
  struct ledger *l = self;
  l->owner = txn->owner;
  l->rows = l->sum = 0;
  return ETL_OK;
}
static int32_t ledger_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct ledger *l = self;
  struct etl_view id;
  (void)stream;
  int status = etl_view_init(&id, &l->schema, &m->rows, l->id_column);
  for (int64_t i = 0; status == 0 && i < id.length; i++)
    l->sum = (int64_t)((uint64_t)l->sum + (uint64_t)etl_view_i64(&id, i));
  l->rows += m->rows.length;
  etl_array_release(&m->rows);
  return status < 0 ? fail(l, ETL_E_SCHEMA, "the column id cannot be read") : ETL_OK;
}

/* What it had is kept for the tests to look at. */
static int32_t forget_lane(struct ledger *l, json_t *j, json_t *lanes, const char *name) {
  json_t *forgotten = json_object_get(j, "forgotten");
  if (!forgotten)
    json_object_set_new(j, "forgotten", forgotten = json_object());
  json_object_set(forgotten, name, json_object_get(lanes, name));
  return json_object_del(lanes, name) == 0 ? ETL_OK : fail(l, ETL_E_PERMANENT, "there is no such lane to forget");
}

/* Adds what is in hand to one lane.  Compare-and-set on the epoch.  Notes have their own place. */
static int32_t commit_lane(struct ledger *l, json_t *j, const struct etl_cursor *to) {
  char name[512];
  json_t *lanes = json_object_get(j, "lanes"), *notes = json_object_get(j, "notes");
  if (!notes)
    json_object_set_new(j, "notes", notes = json_object());
  snprintf(name, sizeof name, "%s/%s", to->stream, to->shard);
  const json_t *old = json_object_get(lanes, name);
  json_object_del(notes, name);
  if (to->flags & ETL_CURSOR_FORGET)
    return forget_lane(l, j, lanes, name);
  if ((uint64_t)json_integer_value(json_object_get(old, "epoch")) + 1 != to->epoch)
    return fail(l, ETL_E_FENCED, "the lane is not at the epoch before this one");
  json_t *lane = json_pack("{s:s, s:s, s:I, s:s%, s:I, s:I, s:b}", "stream", to->stream, "shard", to->shard, "epoch", (json_int_t)to->epoch, "cursor",
                           (const char *)to->cursor.p, (size_t)to->cursor.n, "rows",
                           json_integer_value(json_object_get(old, "rows")) + l->rows, "sum",
                           (json_int_t)((uint64_t)json_integer_value(json_object_get(old, "sum")) + (uint64_t)l->sum), "finished",
                           (to->flags & ETL_CURSOR_FINISHED) != 0);
  if (to->note)
    json_object_set_new(notes, name, json_string(to->note));
  return lane && json_object_set_new(lanes, name, lane) == 0 ? ETL_OK : fail(l, ETL_E_PERMANENT, "out of memory");
}
static int32_t ledger_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct ledger *l = self;
  int fd = lock(l);
  if (fd < 0)
    return fail(l, ETL_E_RETRYABLE, strerror(errno));
  json_t *j = load(l);
  int32_t status = ETL_OK;
  if ((uint64_t)json_integer_value(json_object_get(j, "owner")) != l->owner)
    status = fail(l, ETL_E_FENCED, "a newer run owns it");
  for (uint64_t i = 0; i < to_n && status == ETL_OK; i++)
    status = commit_lane(l, j, to[i]);
  if (status == ETL_OK && store(l, j) < 0)
    status = fail(l, ETL_E_RETRYABLE, strerror(errno));
  json_decref(j);
  close(fd);
  l->rows = l->sum = 0;
  return status;
}
static int32_t ledger_abort(void *self) {
  struct ledger *l = self;
  l->rows = l->sum = 0;
  return ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = ledger_open, .close = ledger_close};
static const struct etl_loader loader = {.struct_size = sizeof loader, .claim = ledger_claim, .committed = ledger_committed,
                                         .prepare = ledger_prepare, .begin = ledger_begin, .write = ledger_write, .commit = ledger_commit,
                                         .abort = ledger_abort};
static const struct etl_connector connector = {.struct_size = sizeof connector, .kind = ETL_KIND_LOADER,
                                               .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR, .name = "ledger", .version = "1",
                                               .summary = "Counts rows in a file", .options = options, .common = &common, .api = &loader};
static const struct etl_plugin plugin = {.magic = ETL_MAGIC, .struct_size = sizeof plugin, .abi_major = ETL_ABI_MAJOR,
                                         .abi_minor = ETL_ABI_MINOR, .name = "ledger", .version = "1", .license = "MIT",
                                         .connectors = (const struct etl_connector *const[]){&connector, NULL}};
const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  (void)host_minor;
  return host_major == ETL_ABI_MAJOR ? &plugin : NULL;
}
