/* Life of a loader's instance, and the calls of a run. */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void loader_close(void *self) {
  struct loader *l = self;
  targets_fini(l);
  manifest_fini(&l->manifest);
  pool_fini(&l->settings.pool);
  free(l->pipeline);
  free(l->run);
  free(l->lane_stream);
  free(l->lane_shard);
  free(l);
}

int32_t loader_open(const struct write_format *format, const struct etl_open *o, void **self) {
  struct loader *l = calloc(1, sizeof *l);
  struct failure f = {0};
  if (!l) {
    failure_memory(&f, "an instance");
    return failure_report(o->host, &f);
  }
  l->host = o->host;
  l->format = format;
  l->manifest.lock_fd = -1;
  l->testing = o->flags & ETL_OPEN_TEST;
  l->pipeline = strdup(o->pipeline ? o->pipeline : "");
  l->run = strdup(o->run ? o->run : "");
  l->lane_stream = strdup("");
  l->lane_shard = strdup(o->lane ? o->lane : "0");
  int rc = l->pipeline && l->run && l->lane_stream && l->lane_shard ? write_settings_init(&l->settings, o, format->csv, &f)
                                                                    : failure_memory(&f, "an instance");
  if (rc == 0 && l->settings.folder)
    rc = manifest_init(&l->manifest, l->settings.folder, l->pipeline, &f);
  if (rc < 0) {
    loader_close(l);
    return failure_report(o->host, &f);
  }
  *self = l;
  return ETL_OK;
}

/* Where the name says nothing of streams and lanes, it is known from the beginning. */
static int check_target(const struct loader *l, struct failure *f) {
  return l->settings.replace && !strchr(l->settings.path, '{') ? check_place(l->settings.path, f) : 0;
}

/* The nearest folder that is there must take files. */
int32_t loader_check(void *self) {
  struct loader *l = self;
  struct failure f = {0};
  if (!l->settings.folder)
    return ETL_OK;
  char *folder = strdup(l->settings.folder);
  for (char *slash; folder && access(folder, F_OK) < 0 && (slash = strrchr(folder, '/'));)
    *(slash == folder ? slash + 1 : slash) = 0;
  int rc = !folder                                              ? failure_memory(&f, "a path")
           : access(folder, W_OK | X_OK) < 0 && errno != ENOENT ? failure_errno(&f, errno, "written", folder)
                                                                : check_target(l, &f);
  free(folder);
  return rc < 0 ? failure_report(l->host, &f) : ETL_OK;
}

static uint64_t loader_caps(void *self) {
  const struct loader *l = self;
  if (l->settings.standard_output)
    return 0;
  return ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL | (l->settings.replace ? ETL_CAP_ASIDE | ETL_CAP_REPLACE : 0);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------------ */

static int claim(struct loader *l, const struct etl_claim *c, uint64_t *ret_owner, struct failure *f) {
  uint64_t seen = manifest_owner(&l->manifest), owner = c->owner ? c->owner : seen + 1;
  if (owner < seen)
    return manifest_check_owner(&l->manifest, owner, f);
  if (check_target(l, f) < 0)
    return -1;
  if (json_object_set_new(l->manifest.root, "owner", json_integer((json_int_t)owner)) < 0 ||
      json_object_set_new(l->manifest.root, "run", json_string(c->run)) < 0)
    return failure_memory(f, "the manifest");
  manifest_drop_lanes(&l->manifest, c->run, true);
  if (manifest_move(&l->manifest, f) < 0 || manifest_store(&l->manifest, f) < 0 || manifest_sweep(&l->manifest, f) < 0)
    return -1;
  *ret_owner = l->owner = owner;
  return 0;
}

static int32_t loader_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct loader *l = self;
  struct failure f = {0};
  if (l->settings.standard_output) {
    *ret_owner = c->owner ? c->owner : 1;
    return ETL_OK;
  }
  int rc = manifest_lock(&l->manifest, true, &f);
  if (rc == 0)
    rc = claim(l, c, ret_owner, &f);
  manifest_unlock(&l->manifest);
  return rc < 0 ? failure_report(l->host, &f) : ETL_OK;
}

static int32_t loader_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct loader *l = self;
  struct failure f = {0};
  int32_t told = ETL_OK;
  if (!l->settings.folder)
    return ETL_OK;
  int rc = manifest_lock(&l->manifest, false, &f);
  if (rc == 0 && !l->testing)
    rc = manifest_move(&l->manifest, &f);
  if (rc == 0)
    rc = manifest_tell(&l->manifest, loader_scope(l), each, arg, &told, &f);
  manifest_unlock(&l->manifest);
  return rc < 0 ? failure_report(l->host, &f) : told;
}

static int run_end(struct loader *l, bool ok, struct failure *f) {
  const char *newest = json_string_value(json_object_get(l->manifest.root, "run"));
  if (!newest || strcmp(newest, l->run) != 0)
    return failure_set(f, ETL_E_FENCED, NULL, "let the newer run finish", "%s: run %s has taken over", l->manifest.folder, newest ? newest : "");
  if (manifest_move(&l->manifest, f) < 0) /* of a swap that was not answered */
    return -1;
  if (ok)
    return run_swap(l, f);
  manifest_drop_lanes(&l->manifest, loader_scope(l), false);
  return manifest_store(&l->manifest, f) < 0 ? -1 : manifest_sweep(&l->manifest, f);
}

static int32_t loader_run_end(void *self, const char *run, uint32_t ok) {
  struct loader *l = self;
  struct failure f = {0};
  (void)run;
  if (!l->settings.replace)
    return ETL_OK;
  int rc = manifest_lock(&l->manifest, true, &f);
  if (rc == 0)
    rc = run_end(l, ok != 0, &f);
  manifest_unlock(&l->manifest);
  return rc < 0 ? failure_report(l->host, &f) : ETL_OK;
}

/* ---- the epoch ---------------------------------------------------------------------------------------------------------------- */

static int32_t loader_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct loader *l = self;
  struct failure f = {0};
  struct target *t;
  if ((stream->flags & ETL_STREAM_WHOLE) && !l->settings.replace && !l->settings.by_run && !l->settings.standard_output) {
    failure_set(&f, ETL_E_CONFIG, "mode", "set mode = \"replace\", or a cursor at the extractor; or put {run} into `path`, for a file of each run",
                "append without a cursor would write every row again at each run");
    return failure_report(l->host, &f);
  }
  int rc = target_find(l, stream->name, &t, &f);
  if (rc == 0)
    rc = target_set_schema(l, t, schema, &f);
  return rc < 0 ? failure_report(l->host, &f) : ETL_OK;
}

static int32_t loader_begin(void *self, const struct etl_txn *txn) {
  struct loader *l = self;
  struct failure f = {0};
  const struct etl_cursor *from = txn->from_n ? txn->from[0] : NULL;
  l->owner = txn->owner;
  l->careful = txn->flags & ETL_TXN_CAREFUL;
  l->epoch = from ? from->epoch + 1 : 1;
  bool same = from && strcmp(l->lane_stream, from->stream) == 0 && strcmp(l->lane_shard, from->shard) == 0;
  if (same || !from)
    return ETL_OK;
  epoch_abort(l); /* the parts that are open are another lane's */
  free(l->lane_stream);
  free(l->lane_shard);
  l->lane_stream = strdup(from->stream);
  l->lane_shard = strdup(from->shard);
  if (l->lane_stream && l->lane_shard)
    return ETL_OK;
  failure_memory(&f, "an epoch");
  return failure_report(l->host, &f);
}

static int32_t loader_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct loader *l = self;
  struct failure f = {0};
  struct target *t;
  int32_t rc = target_find(l, stream->name, &t, &f);
  if (rc == ETL_OK)
    rc = target_write(l, t, &m->rows, &f);
  etl_array_release(&m->rows);
  return rc != ETL_OK && f.error_class ? failure_report(l->host, &f) : rc;
}

static int32_t loader_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct loader *l = self;
  struct failure f = {0};
  return epoch_commit(l, to, to_n, &f) < 0 ? failure_report(l->host, &f) : ETL_OK;
}

static int32_t loader_abort(void *self) {
  epoch_abort(self);
  return ETL_OK;
}

const struct etl_loader loader_api = {.struct_size = sizeof loader_api,
                                      .claim = loader_claim,
                                      .committed = loader_committed,
                                      .prepare = loader_prepare,
                                      .begin = loader_begin,
                                      .write = loader_write,
                                      .commit = loader_commit,
                                      .abort = loader_abort,
                                      .run_end = loader_run_end,
                                      .caps = loader_caps};
