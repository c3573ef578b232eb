/* Rows set aside that are kept in files, an object a line.  A row's id is its file's name without .jsonl, and its number in it. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/member.h"
#include "engine/quarantine.h"
#include "engine/shelf.h"

struct visit { /* one line of one file */
  const char *stem, *line, *id;
  int64_t at_ns;
  json_t *row;
};
typedef int visit_fn(void *arg, const struct visit *v); /* 1: enough, -1: failed */

static int fail(struct err *e, const char *path) {
  err_set(e, ETL_E_CONFIG, "rows that were set aside in %s cannot be read: %s", path, strerror(errno));
  return err_remedy(e, "look at the file and its rights; quarantine_dir of etl.conf says where they are");
}

static int broken(struct err *e, const char *path, size_t line) {
  err_set(e, ETL_E_DATA, "line %zu of %s is no row that was set aside", line, path);
  return err_remedy(e, "correct or delete the line: somebody has changed the file");
}

static const char *text_or_none(const json_t *j, const char *key) { return member_text(j, key) ? member_text(j, key) : ""; }

static char *stem_of(const char *name) {
  const char *ending = quarantine_ends(name, QUARANTINE_SETTLED) ? QUARANTINE_SETTLED : QUARANTINE_FILE;
  return xasprintf("%.*s", (int)(strlen(name) - strlen(ending)), name);
}

/* Whether the sink has the epoch of a row: it may have been written for a commit that never was. */
static bool holds(const struct shelf *s, const char *name, const json_t *row) {
  if (!s->by_epoch || quarantine_ends(name, QUARANTINE_SETTLED))
    return true;
  for (const struct kept *k = s->r->kept; k; k = k->next)
    if (strcmp(k->stream, text_or_none(row, "stream")) == 0 && strcmp(k->shard, text_or_none(row, "shard")) == 0)
      return (uint64_t)member_number(row, "epoch") <= k->epoch;
  return false;
}

static int visit_file(const struct shelf *s, const char *dir, const char *name, visit_fn *fn, void *arg, struct err *e) {
  cleanup_free char *path = xasprintf("%s/%s", dir, name), *stem = stem_of(name), *line = NULL;
  struct stat st;
  size_t room = 0;
  int rc = 0;
  FILE *f = fopen(path, "re");
  if (!f || fstat(fileno(f), &st) < 0) {
    rc = fail(e, path);
    if (f)
      fclose(f);
    return rc;
  }
  for (size_t n = 1; rc == 0 && getline(&line, &room, f) > 0; n++) {
    json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
    json_int_t seq = member_number(row, "seq");
    if (!json_is_object(row) || seq < 1)
      rc = broken(e, path, n);
    cleanup_free char *id = xasprintf("%s:%" JSON_INTEGER_FORMAT, stem, seq);
    struct visit v = {stem, line, id, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec, row};
    if (rc == 0 && holds(s, name, row))
      rc = fn(arg, &v);
    json_decref(row);
  }
  fclose(f);
  return rc;
}

static int is_ours(const struct dirent *d) { return quarantine_ends(d->d_name, QUARANTINE_FILE); }

static bool among(const char *id, const char *const *ids, size_t n) {
  for (size_t i = 0; ids && i < n; i++)
    if (strcmp(ids[i], id) == 0)
      return true;
  return !ids;
}

/* Whether a row that is wanted may be in the file; an id begins with its file's stem. */
static bool may_have(const char *name, const char *const *ids, size_t n) {
  cleanup_free char *stem = stem_of(name);
  size_t stem_n = strlen(stem);
  for (size_t i = 0; ids && i < n; i++)
    if (strncmp(ids[i], stem, stem_n) == 0 && ids[i][stem_n] == ':')
      return true;
  return !ids;
}

/* Each file that may have rows of these ids, by its name.  fn: as a visit_fn. */
static int each_file(const char *dir, const char *const *ids, size_t n, int (*fn)(void *arg, const char *name, struct err *e), void *arg,
                     struct err *e) {
  struct dirent **list = NULL;
  int files = scandir(dir, &list, is_ours, versionsort), rc = 0;
  if (files < 0)
    return errno == ENOENT ? 0 : fail(e, dir);
  for (int i = 0; i < files; i++) {
    if (rc == 0 && may_have(list[i]->d_name, ids, n))
      rc = fn(arg, list[i]->d_name, e);
    free(list[i]);
  }
  free(list);
  return rc < 0 ? -1 : 0;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------ */

struct telling {
  const struct shelf *shelf;
  const char *dir;
  const struct shelf_wanted *w;
  int (*each)(void *arg, const struct shelved *);
  void *arg;
  uint64_t told;
};

/* Whether a row comes behind the one with this id, which may be gone by now. */
static bool is_behind(const struct visit *v, const char *id) {
  const char *colon = strrchr(id, ':');
  size_t n = colon ? (size_t)(colon - id) : strlen(id);
  cleanup_free char *file = xasprintf("%.*s" QUARANTINE_FILE, (int)n, id), *here = xasprintf("%s" QUARANTINE_FILE, v->stem);
  int order = strverscmp(here, file);
  return order > 0 || (order == 0 && member_number(v->row, "seq") > strtoll(colon ? colon + 1 : "0", NULL, 10));
}

static int tell(void *arg, const struct visit *v) {
  struct telling *t = arg;
  if ((t->w->after && !is_behind(v, t->w->after)) || !among(v->id, t->w->ids, t->w->ids_n))
    return 0;
  const json_t *j = v->row, *raw = json_object_get(j, "raw"), *row = json_object_get(j, "row"), *columns = json_object_get(j, "columns");
  /* a row that the parser of the file could not hold is kept as the text of its object */
  bool as_text = columns && json_is_string(raw);
  cleanup_free char *raw_text = as_text ? xstrdup(json_string_value(raw)) : json_dumps(raw, JSON_ENCODE_ANY);
  cleanup_free char *columns_text = columns ? json_dumps(columns, 0) : NULL;
  struct shelved s = {.id = v->id, .run = text_or_none(j, "run"), .at_ns = v->at_ns};
  s.row = (struct etl_rejected){.struct_size = sizeof s.row,
                                .error_class = err_class_from_name(text_or_none(j, "class")),
                                .stream = text_or_none(j, "stream"),
                                .shard = text_or_none(j, "shard"),
                                .epoch = (uint64_t)member_number(j, "epoch"),
                                .seq = (uint64_t)member_number(j, "seq"),
                                .stage = text_or_none(j, "stage"),
                                .connector = text_or_none(j, "connector"),
                                .table_stream = text_or_none(j, "table_stream"),
                                .column = member_text(j, "column"),
                                .row = row ? json_integer_value(row) : -1,
                                .vendor_code = member_number(j, "vendor_code"),
                                .vendor_state = member_text(j, "vendor_state"),
                                .message = text_or_none(j, "message"),
                                .raw = raw_text ? raw_text : "null",
                                .columns = columns_text};
  bool enough = t->each(t->arg, &s) != 0 || ++t->told == t->w->limit;
  return enough ? 1 : 0;
}

static int tell_file(void *arg, const char *name, struct err *e) {
  const struct telling *t = arg;
  return visit_file(t->shelf, t->dir, name, tell, arg, e);
}

int shelf_files_list(const struct shelf *s, const struct shelf_wanted *w, int (*each)(void *arg, const struct shelved *), void *arg, struct err *e) {
  cleanup_free char *dir = quarantine_folder(s->r->spec);
  struct telling t = {.shelf = s, .dir = dir, .w = w, .each = each, .arg = arg};
  return each_file(dir, w->ids, w->ids_n, tell_file, &t, e);
}

/* ---- dropping ----------------------------------------------------------------------------------------------------------------------- */

struct dropping {
  const struct shelf *shelf;
  const char *dir;
  const char *const *ids;
  size_t n;
  uint64_t *dropped;
  uint64_t here; /* of this file */
  FILE *kept;    /* its other lines; NULL: rows are only counted */
};

static int sort_line(void *arg, const struct visit *v) {
  struct dropping *d = arg;
  bool goes = among(v->id, d->ids, d->n);
  d->here += goes && !d->kept;
  return !goes && d->kept && fputs(v->line, d->kept) == EOF ? -1 : 0;
}

/* Writes the lines that stay beside the file.  *ret_empty: there are none. */
static int keep_rest(struct dropping *d, const char *name, const char *beside, bool *ret_empty, struct err *e) {
  d->kept = fopen(beside, "we");
  if (!d->kept)
    return fail(e, beside);
  e->message[0] = 0;
  int rc = visit_file(d->shelf, d->dir, name, sort_line, d, e);
  *ret_empty = ftell(d->kept) == 0;
  if (rc == 0 && (fflush(d->kept) != 0 || fsync(fileno(d->kept)) < 0))
    rc = -1;
  if (rc < 0 && !e->message[0])
    fail(e, beside);
  fclose(d->kept);
  d->kept = NULL;
  return rc;
}

static int drop_in(void *arg, const char *name, struct err *e) {
  struct dropping *d = arg;
  cleanup_free char *path = xasprintf("%s/%s", d->dir, name), *beside = xasprintf("%s.tmp", path);
  bool empty = false;
  d->here = 0;
  if (visit_file(d->shelf, d->dir, name, sort_line, d, e) < 0)
    return -1;
  if (d->here == 0)
    return 0;
  int rc = keep_rest(d, name, beside, &empty, e);
  if (rc == 0 && (empty ? unlink(path) : rename(beside, path)) < 0)
    rc = fail(e, path);
  if (rc < 0 || empty)
    unlink(beside);
  if (rc == 0)
    *d->dropped += d->here;
  return rc;
}

int shelf_files_drop(const struct shelf *s, const char *const *ids, size_t n, uint64_t *ret_dropped, struct err *e) {
  cleanup_free char *dir = quarantine_folder(s->r->spec);
  struct dropping d = {.shelf = s, .dir = dir, .ids = ids, .n = n, .dropped = ret_dropped};
  *ret_dropped = 0;
  if (each_file(dir, ids, n, drop_in, &d, e) < 0)
    return -1;
  /* also of what an attempt before has dropped: the mark of a replay moves on, and says nothing of it any more */
  return quarantine_sync(dir) < 0 && errno != ENOENT ? fail(e, dir) : 0;
}
