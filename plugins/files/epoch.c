/* The rows of an epoch on their way into parts, and the commit.
 *   append   a part for each stream of the epoch; the commit names them in "moves", and they are renamed at once
 *   replace  a part for each stream of the lane, which grows with every epoch; the manifest has the length that is committed, and what is
 *            behind it is cut off when the part is opened again
 * Standard output has no parts: what is written is gone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "load.h"

enum {
  FLUSH_BYTES = 256 * 1024
};

const char *loader_scope(const struct loader *l) { return l->settings.replace && !l->swapped ? l->run : ""; }

/* ---- targets ------------------------------------------------------------------------------------------------------------------ */

int target_find(struct loader *l, const char *stream, struct target **ret, struct failure *f) {
  for (struct target *t = l->targets; t; t = t->next)
    if (strcmp(t->stream, stream) == 0) {
      *ret = t;
      return 0;
    }
  struct target *t = calloc(1, sizeof *t);
  if (!t || !(t->stream = strdup(stream))) {
    free(t);
    return failure_memory(f, "a stream");
  }
  t->out.fd = -1;
  t->next = l->targets;
  l->targets = *ret = t;
  return 0;
}

static void target_close(struct target *t) {
  output_close(&t->out);
  t->text.n = 0;
  free(t->part);
  free(t->path);
  free(t->name);
  t->part = t->path = t->name = NULL;
}

void targets_fini(struct loader *l) {
  for (struct target *t = l->targets, *next; t; t = next) {
    next = t->next;
    target_close(t);
    etl_schema_release(&t->schema);
    text_fini(&t->head);
    text_fini(&t->columns);
    text_fini(&t->text);
    free(t->stream);
    free(t);
  }
  l->targets = NULL;
}

int target_set_schema(struct loader *l, struct target *t, const struct ArrowSchema *schema, struct failure *f) {
  struct write_settings named = l->settings;
  struct text head = {0}, columns = {0};
  named.header = true; /* also where it is not written */
  l->format->head(&l->settings, schema, &head);
  l->format->head(&named, schema, &columns);
  bool other = t->schema.release && (columns.n != t->columns.n || (columns.n && memcmp(columns.p, t->columns.p, columns.n) != 0));
  if (other && (l->settings.replace || l->settings.standard_output)) {
    text_fini(&head);
    text_fini(&columns);
    return failure_set(f, ETL_E_SCHEMA, NULL, "leave columns out with the transformer columns; or set mode = \"append\", which begins a new file",
                       "the columns of %s changed in the middle of a file", t->stream);
  }
  text_fini(&t->head);
  text_fini(&t->columns);
  t->head = head;
  t->columns = columns;
  etl_schema_release(&t->schema);
  return head.failed || columns.failed || etl_schema_copy(schema, &t->schema) < 0 ? failure_memory(f, "a schema") : 0;
}

/* ---- parts -------------------------------------------------------------------------------------------------------------------- */

/* Different for all (lane, stream), however their names look as part of a file's name. */
static uint64_t hash_names(const struct loader *l, const char *stream) {
  const char *names[] = {l->lane_stream, l->lane_shard, stream};
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < 3; i++)
    for (const char *p = names[i];; p++) {
      h = (h ^ (uint8_t)*p) * UINT64_C(1099511628211);
      if (!*p)
        break;
    }
  return h;
}

static int name_part(struct loader *l, struct target *t, struct failure *f) {
  uint64_t hash = hash_names(l, t->stream), once = 0;
  if (!l->settings.replace && getrandom(&once, sizeof once, 0) < 0) /* "moves" may still name a part that is gone: no other gets its name */
    return failure_errno(f, errno, "named", "a part");
  int n = l->settings.replace ? asprintf(&t->part, "%016llx-%s.part", (unsigned long long)hash, l->run)
                              : asprintf(&t->part, "%016llx-%llu-%016llx.part", (unsigned long long)hash, (unsigned long long)l->epoch,
                                         (unsigned long long)once);
  t->part = n < 0 ? NULL : t->part;
  t->path = t->part ? manifest_part(&l->manifest, t->part) : NULL;
  t->name = write_name(&l->settings, t->stream, l->lane_shard, l->run, l->epoch, 1);
  if (!t->path || !t->name)
    return failure_memory(f, "a name");
  return l->settings.replace ? check_place(t->name, f) : 0;
}

static json_t *find_file(json_t *lane, const char *part) {
  json_t *file;
  size_t i;
  json_array_foreach(json_object_get(lane, "files"), i, file)
    if (strcmp(json_string_value(json_object_get(file, "part")), part) == 0)
      return file;
  return NULL;
}

/* How much of the part is committed. */
static int committed_bytes(struct loader *l, struct target *t, uint64_t *ret, struct failure *f) {
  *ret = 0;
  if (!l->settings.replace)
    return 0;
  if (manifest_lock(&l->manifest, true, f) < 0)
    return -1;
  const json_t *file = find_file(manifest_lane(&l->manifest, loader_scope(l), l->lane_stream, l->lane_shard), t->part);
  *ret = (uint64_t)json_integer_value(json_object_get(file, "bytes"));
  t->head_bytes = (uint64_t)json_integer_value(json_object_get(file, "head"));
  manifest_unlock(&l->manifest);
  return 0;
}

static int target_open(struct loader *l, struct target *t, struct failure *f) {
  uint64_t keep;
  if (t->path)
    return 0;
  if (name_part(l, t, f) < 0 || committed_bytes(l, t, &keep, f) < 0 || make_folders(t->path, f) < 0 ||
      output_open(&t->out, t->path, l->settings.compression, keep, f) < 0)
    return -1;
  if (keep > 0)
    return 0;
  if (output_write(&t->out, t->head.p, t->head.n, f) < 0 || output_end_member(&t->out, f) < 0)
    return -1;
  t->head_bytes = t->out.bytes;
  return 0;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------- */

static int flush(const struct loader *l, struct target *t, struct failure *f) {
  if (l->settings.standard_output)
    return target_print(t, f);
  int rc = output_write(&t->out, t->text.p, t->text.n, f);
  t->text.n = 0;
  return rc;
}

static int32_t refuse_row(struct loader *l, const struct target *t, const struct ArrowArray *rows, int64_t i, int32_t column, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  const char *name = column >= 0 ? t->schema.children[column]->name : "";
  e.row = i;
  e.column = column;
  if (l->careful)
    return etl_reject(l->host, &e, t->stream, &t->schema, rows, i, "%s: column \"%s\": %s", l->format->name, name, why);
  return etl_failf(l->host, &e, "%s: column \"%s\": %s", l->format->name, name, why);
}

static int32_t write_rows(struct loader *l, struct target *t, const struct ArrowArray *rows, const struct etl_view *views, struct failure *f) {
  for (int64_t i = 0; i < rows->length; i++) {
    int32_t column = -1;
    const char *why = NULL;
    if (l->format->row(&l->settings, &t->schema, views, i, &t->text, &column, &why) < 0) {
      int32_t rc = refuse_row(l, t, rows, i, column, why);
      if (rc != ETL_OK)
        return rc;
    }
    if (t->text.failed)
      return failure_memory(f, "rows as text");
    if (t->text.n >= FLUSH_BYTES && flush(l, t, f) < 0)
      return ETL_FAILED;
  }
  return ETL_OK;
}

int32_t target_write(struct loader *l, struct target *t, const struct ArrowArray *rows, struct failure *f) {
  int64_t n = t->schema.n_children;
  struct etl_view *views = calloc((size_t)n + 1, sizeof *views);
  int32_t rc = views ? ETL_OK : failure_memory(f, "a batch");
  for (int64_t i = 0; i < n && rc == ETL_OK; i++)
    if (etl_view_init(&views[i], &t->schema, rows, i) < 0)
      rc = failure_set(f, ETL_E_SCHEMA, NULL, "cast the column with the transformer columns, or leave it out",
                       "column \"%s\" has the type %s, which %s cannot hold", t->schema.children[i]->name, t->schema.children[i]->format,
                       l->format->name);
  if (rc == ETL_OK && !l->settings.standard_output)
    rc = target_open(l, t, f);
  if (rc == ETL_OK)
    rc = write_rows(l, t, rows, views, f);
  free(views);
  return rc;
}

/* ---- the commit --------------------------------------------------------------------------------------------------------------- */

static int finish_parts(struct loader *l, struct failure *f) {
  for (struct target *t = l->targets; t; t = t->next) {
    if (l->settings.replace && t->schema.release && target_open(l, t, f) < 0)
      return -1; /* a table without rows replaces the old one too */
    bool printed = l->settings.standard_output && t->schema.release; /* its header, if it has no rows */
    if ((printed || (t->path && t->text.n)) && flush(l, t, f) < 0)
      return -1;
    if (t->path && (output_end_member(&t->out, f) < 0 || output_sync(&t->out, f) < 0))
      return -1;
  }
  return 0;
}

/* The parts that a lane has so far. */
static json_t *files_before(const struct loader *l, const char *stream, const char *shard) {
  const json_t *lane = manifest_lane(&l->manifest, loader_scope(l), stream, shard);
  return lane ? json_deep_copy(json_object_get(lane, "files")) : json_array();
}

/* All parts of the lane: the ones before, with the new lengths of those that are open.  NULL: they cannot be told in the manifest. */
static json_t *lane_files(const struct loader *l) {
  json_t *files = files_before(l, l->lane_stream, l->lane_shard);
  for (const struct target *t = l->targets; t && files; t = t->next) {
    if (!t->path)
      continue;
    size_t at = 0;
    while (at < json_array_size(files) && strcmp(json_string_value(json_object_get(json_array_get(files, at), "part")), t->part) != 0)
      at++;
    json_t *file = json_pack("{s:s, s:s, s:I, s:I, s:s%}", "part", t->part, "name", t->name, "bytes", (json_int_t)t->out.bytes, "head",
                             (json_int_t)t->head_bytes, "columns", t->columns.n ? t->columns.p : "", t->columns.n);
    int rc = at < json_array_size(files) ? json_array_set_new(files, at, file) : json_array_append_new(files, file);
    if (rc < 0) {
      json_decref(files);
      files = NULL;
    }
  }
  return files;
}

/* A lane that was forgotten counts its epochs from 1 again, and others may write to the same folder: no file is overwritten. */
static int choose_name(struct loader *l, struct target *t, struct failure *f) {
  unsigned again = 1;
  while (access(t->name, F_OK) == 0) {
    free(t->name);
    t->name = write_name(&l->settings, t->stream, l->lane_shard, l->run, l->epoch, ++again);
    if (!t->name)
      return failure_memory(f, "a name");
  }
  if (again > 1)
    etl_logf(l->host, ETL_LOG_WARN, "there is a file of epoch %llu of lane %s already, so this one is called %s", (unsigned long long)l->epoch,
             l->lane_shard, t->name);
  return 0;
}

/* The parts of an append, with the names that they will have. */
static int set_moves(struct loader *l, struct failure *f) {
  json_t *moves = json_array();
  int rc = moves ? 0 : failure_memory(f, "the manifest");
  for (struct target *t = l->targets; t && rc == 0; t = t->next) {
    if (!t->path)
      continue;
    rc = choose_name(l, t, f);
    if (rc == 0 && manifest_moves_to(moves, t->name))
      rc = failure_set(f, ETL_E_CONFIG, "path", "write {stream} into `path`", "two streams would both be written to %s", t->name);
    if (rc == 0 && json_array_append_new(moves, json_pack("{s:s, s:s, s:b}", "part", t->part, "name", t->name, "fresh", 1)) < 0)
      rc = failure_memory(f, "the manifest");
  }
  if (rc < 0) {
    json_decref(moves);
    return -1;
  }
  return json_object_set_new(l->manifest.root, "moves", moves) < 0 ? failure_memory(f, "the manifest") : 0;
}

static int check_epoch(const struct loader *l, const struct etl_cursor *to, struct failure *f) {
  const json_t *lane = manifest_lane(&l->manifest, loader_scope(l), to->stream, to->shard);
  uint64_t now = (uint64_t)json_integer_value(json_object_get(lane, "epoch"));
  if ((to->flags & ETL_CURSOR_FORGET) || now + 1 == to->epoch)
    return 0;
  return failure_set(f, ETL_E_FENCED, NULL, "let the other run finish", "lane %s of %s is at epoch %llu in %s, so epoch %llu cannot follow",
                     to->shard, to->stream, (unsigned long long)now, l->manifest.folder, (unsigned long long)to->epoch);
}

/* Under the lock. */
static int commit_locked(struct loader *l, const struct etl_cursor *const *to, uint64_t to_n, struct failure *f) {
  if (manifest_check_owner(&l->manifest, l->owner, f) < 0 || manifest_move(&l->manifest, f) < 0)
    return -1;
  for (uint64_t i = 0; i < to_n; i++) {
    bool own = strcmp(to[i]->stream, l->lane_stream) == 0 && strcmp(to[i]->shard, l->lane_shard) == 0;
    json_t *files = own && l->settings.replace ? lane_files(l) : files_before(l, to[i]->stream, to[i]->shard);
    if (!files)
      return failure_set(f, ETL_E_SCHEMA, "path", "rename the column with the transformer columns, or choose another `path`",
                         "lane %s of %s: the name of a file or of a column is not UTF-8", l->lane_shard, l->lane_stream);
    if (check_epoch(l, to[i], f) < 0) {
      json_decref(files);
      return -1;
    }
    if (manifest_set_lane(&l->manifest, loader_scope(l), to[i], files, f) < 0)
      return -1;
  }
  if (!l->settings.replace && set_moves(l, f) < 0)
    return -1;
  if (manifest_store(&l->manifest, f) < 0) {
    f->error_class = f->error_class == ETL_E_RETRYABLE ? ETL_E_INDOUBT : f->error_class; /* the rename may be there, and not yet on the disk */
    return -1;
  }
  if (l->settings.replace || manifest_move(&l->manifest, f) == 0)
    return 0;
  f->error_class = ETL_E_INDOUBT; /* it is committed; committed() goes on renaming */
  return -1;
}

int epoch_commit(struct loader *l, const struct etl_cursor *const *to, uint64_t to_n, struct failure *f) {
  if (finish_parts(l, f) < 0)
    return -1;
  if (l->settings.standard_output)
    return 0;
  if (manifest_lock(&l->manifest, true, f) < 0)
    return -1;
  int rc = commit_locked(l, to, to_n, f);
  manifest_unlock(&l->manifest);
  if (rc == 0 && !l->settings.replace)
    for (struct target *t = l->targets; t; t = t->next)
      target_close(t);
  return rc;
}

/* A part that the manifest may name by now is left to the next claim. */
void epoch_abort(struct loader *l) {
  for (struct target *t = l->targets; t; t = t->next)
    target_close(t);
}
