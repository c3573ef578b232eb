/* Quarantine in files: one object a line, written beside and renamed. */
#include "engine/quarantine.h"

#include <ctype.h>
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

static int sync_folder(const char *dir) {
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

int quarantine_store(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, const struct rejects *rows, struct err *e) {
  cleanup_free char *dir = quarantine_folder(spec), *from = escape(stream), *of = escape(shard);
  cleanup_free char *path = xasprintf("%s/%s-%s-%" PRIu64 ".jsonl", dir, from, of, epoch);
  cleanup_free char *beside = xasprintf("%s.tmp", path);
  if (rows->n == 0)
    return unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR ? fail(e, path) : 0;
  FILE *f = folder(dir) < 0 ? NULL : fopen(beside, "we");
  if (!f)
    return fail(e, beside);
  int rc = write_lines(spec, stream, shard, epoch, rows, f);
  if (fclose(f) != 0 || rc < 0 || rename(beside, path) < 0 || sync_folder(dir) < 0) {
    int reason = errno;
    unlink(beside);
    errno = reason;
    return fail(e, path);
  }
  return 0;
}
