/* Quarantine in files: one object a line, written beside and renamed. */
#include "engine/quarantine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

/* A name as part of a file name: everything unusual as %XX. */
static char *escape(const char *name) {
  char *text = xcalloc(3 * strlen(name) + 1, 1), *to = text;
  for (const unsigned char *p = (const unsigned char *)name; *p; p++)
    if (isalnum(*p) || strchr("_.@#", *p))
      *to++ = (char)*p;
    else
      to += snprintf(to, 4, "%%%02X", *p);
  return text;
}

static json_t *text_json(const char *text) {
  json_t *j = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  return j ? j : json_string(text);
}

static void set(json_t *j, const char *key, const char *text) {
  if (text)
    json_object_set_new(j, key, json_string(text));
}

static json_t *line_of(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, uint64_t seq, const struct reject *r) {
  json_t *j = json_object();
  set(j, "pipeline", spec->pipeline);
  set(j, "run", spec->run);
  set(j, "stream", stream);
  set(j, "shard", shard);
  json_object_set_new(j, "epoch", json_integer((json_int_t)epoch));
  json_object_set_new(j, "seq", json_integer((json_int_t)seq));
  set(j, "stage", r->stage);
  set(j, "connector", r->connector);
  set(j, "table_stream", r->stream ? r->stream : stream);
  set(j, "column", r->column);
  if (r->row >= 0)
    json_object_set_new(j, "row", json_integer(r->row));
  set(j, "class", err_class_name(r->error_class));
  if (r->vendor_code)
    json_object_set_new(j, "vendor_code", json_integer(r->vendor_code));
  set(j, "vendor_state", r->vendor_state);
  set(j, "message", r->message);
  json_object_set_new(j, "raw", text_json(r->raw));
  if (r->columns)
    json_object_set_new(j, "columns", text_json(r->columns));
  return j;
}

static int write_lines(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, const struct rejects *rows, FILE *f) {
  uint64_t seq = 0;
  for (const struct reject *r = rows->first; r; r = r->next) {
    json_t *j = line_of(spec, stream, shard, epoch, ++seq, r);
    int rc = json_dumpf(j, f, JSON_COMPACT);
    json_decref(j);
    if (rc < 0 || fputc('\n', f) == EOF)
      return -1;
  }
  return fflush(f) == 0 && fsync(fileno(f)) == 0 ? 0 : -1;
}

/* The folder of the pipeline, made if it is not there, and its name made durable in the folder above. */
static int folder(const char *dir) {
  for (const char *p = strchr(dir + 1, '/');; p = strchr(p + 1, '/')) {
    cleanup_free char *part = p ? xasprintf("%.*s", (int)(p - dir), dir) : xstrdup(dir);
    if (mkdir(part, 0700) < 0 && errno != EEXIST)
      return -1;
    if (!p)
      return 0;
  }
}

int quarantine_sync(const char *dir) {
  int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc = fd < 0 ? -1 : fsync(fd);
  if (fd >= 0)
    close(fd);
  return rc;
}

static int fail(struct err *e, const char *path) {
  int reason = errno;
  err_set(e, reason == ENOSPC || reason == EDQUOT || reason == EIO ? ETL_E_RETRYABLE : ETL_E_CONFIG,
          "rows that were set aside cannot be kept in %s: %s; nothing of their epoch was committed", path, strerror(reason));
  return err_remedy(e, "make room or the folder writable, or name another as quarantine_dir in etl.conf");
}

char *quarantine_folder(const struct spec *spec) {
  cleanup_free char *pipeline = escape(spec->pipeline);
  return xasprintf("%s/%s", spec->quarantine_dir, pipeline);
}

/* What a file is called that is seen only once its run has ended well. */
static char *aside_ending(const struct spec *spec) {
  cleanup_free char *run = escape(spec->run);
  return xasprintf(".%s" QUARANTINE_ASIDE, run);
}

static int remove_if_there(const char *path) { return unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR ? -1 : 0; }

int quarantine_store(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, bool aside, const struct rejects *rows,
                     struct err *e) {
  cleanup_free char *dir = quarantine_folder(spec), *from = escape(stream), *of = escape(shard), *hidden = aside_ending(spec);
  cleanup_free char *stem = xasprintf("%s/%s-%s-%" PRIu64, dir, from, of, epoch);
  cleanup_free char *path = xasprintf("%s%s", stem, aside ? hidden : QUARANTINE_FILE);
  cleanup_free char *settled = xasprintf("%s" QUARANTINE_SETTLED, stem), *beside = xasprintf("%s.tmp", path);
  if (!aside && remove_if_there(settled) < 0) /* of a backfill before, that is made again */
    return fail(e, settled);
  if (rows->n == 0)
    return remove_if_there(path) < 0 ? fail(e, path) : 0;
  FILE *f = folder(dir) < 0 ? NULL : fopen(beside, "we");
  if (!f)
    return fail(e, beside);
  int rc = write_lines(spec, stream, shard, epoch, rows, f);
  if (fclose(f) != 0 || rc < 0 || rename(beside, path) < 0 || quarantine_sync(dir) < 0) {
    int reason = errno;
    unlink(beside);
    errno = reason;
    return fail(e, path);
  }
  return 0;
}

/* ---- at the end of a run ------------------------------------------------------------------------------------------------------------ */

bool quarantine_ends(const char *name, const char *ending) {
  size_t n = strlen(name), end = strlen(ending);
  return n > end && strcmp(name + n - end, ending) == 0;
}

static int fail_at_end(struct err *e, const char *dir) {
  err_set(e, ETL_E_CONFIG, "the files in %s with rows that were set aside cannot be brought into their places: %s", dir, strerror(errno));
  return err_remedy(e, "make the folder writable, or name another as quarantine_dir in etl.conf; the rows themselves were loaded");
}

/* For each file of the folder: 0, or -1 with errno. */
static int each_file(const char *dir, int (*fn)(const char *dir, const char *name, const void *arg), const void *arg) {
  struct dirent **list = NULL;
  int n = scandir(dir, &list, NULL, NULL), rc = 0;
  if (n < 0)
    return errno == ENOENT ? 0 : -1;
  for (int i = 0; i < n; i++) {
    if (rc == 0)
      rc = fn(dir, list[i]->d_name, arg);
    free(list[i]);
  }
  free(list);
  return rc < 0 || quarantine_sync(dir) < 0 ? -1 : 0;
}

struct ending {
  const char *mine; /* of the files of this run that are aside */
  bool ok, replaces;
};

static int remove_old(const char *dir, const char *name, const void *arg) {
  const struct ending *end = arg;
  bool aside = quarantine_ends(name, QUARANTINE_ASIDE);
  bool old = aside ? !end->ok || !quarantine_ends(name, end->mine) : end->ok && end->replaces && quarantine_ends(name, QUARANTINE_FILE);
  cleanup_free char *path = xasprintf("%s/%s", dir, name);
  return old ? remove_if_there(path) : 0;
}

static int show_one(const char *dir, const char *name, const void *arg) {
  const struct ending *end = arg;
  cleanup_free char *path = xasprintf("%s/%s", dir, name);
  cleanup_free char *shown = xasprintf("%.*s" QUARANTINE_FILE, (int)(strlen(path) - strlen(end->mine)), path);
  return quarantine_ends(name, end->mine) ? rename(path, shown) : 0;
}

int quarantine_end(const struct spec *spec, bool ok, bool replaces, struct err *e) {
  cleanup_free char *dir = quarantine_folder(spec), *mine = aside_ending(spec);
  struct ending end = {mine, ok, replaces};
  if (each_file(dir, remove_old, &end) < 0 || (ok && each_file(dir, show_one, &end) < 0))
    return fail_at_end(e, dir);
  return 0;
}

/* Of a lane, "STREAM-SHARD-" is what their names begin with. */
static int settle_one(const char *dir, const char *name, const void *arg) {
  const char *lane = arg;
  size_t n = strlen(lane);
  cleanup_free char *path = xasprintf("%s/%s", dir, name);
  cleanup_free char *settled = xasprintf("%.*s" QUARANTINE_SETTLED, (int)(strlen(path) - strlen(QUARANTINE_FILE)), path);
  bool ours = strncmp(name, lane, n) == 0 && name[n + strspn(name + n, "0123456789")] == '.' && quarantine_ends(name, QUARANTINE_FILE);
  return ours ? rename(path, settled) : 0;
}

int quarantine_settle(const struct spec *spec, const char *stream, const char *shard, struct err *e) {
  cleanup_free char *dir = quarantine_folder(spec), *from = escape(stream), *of = escape(shard), *lane = xasprintf("%s-%s-", from, of);
  return each_file(dir, settle_one, lane) < 0 ? fail_at_end(e, dir) : 0;
}
