/* The end of a run that replaces: what its lanes wrote becomes the files, in one step for all of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "load.h"

struct body { /* a part, or some of it */
  const char *part, *columns;
  uint64_t from, to;
};

static int copy_range(int from, int to, uint64_t at, uint64_t end, const char *path, struct failure *f) {
  uint8_t bytes[64 * 1024];
  while (at < end) {
    ssize_t got = pread(from, bytes, end - at < sizeof bytes ? (size_t)(end - at) : sizeof bytes, (off_t)at);
    if (got <= 0)
      return failure_errno(f, got < 0 ? errno : EIO, "read", path);
    for (ssize_t put = 0; put < got;) {
      ssize_t n = write(to, bytes + put, (size_t)(got - put));
      if (n < 0)
        return failure_errno(f, errno, "written", path);
      put += n;
    }
    at += (uint64_t)got;
  }
  return 0;
}

static int add_body(struct loader *l, int to, const struct body *b, struct failure *f) {
  char *path = manifest_part(&l->manifest, b->part);
  int from = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  int rc = from < 0 ? failure_errno(f, errno, "read", path ? path : b->part) : copy_range(from, to, b->from, b->to, path, f);
  if (from >= 0)
    close(from);
  free(path);
  return rc;
}

/* One part out of several: the header of the first, the rows of all. */
static int join(struct loader *l, const char *part, const struct body *bodies, size_t n, struct failure *f) {
  char *path = manifest_part(&l->manifest, part);
  int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : -1;
  int rc = fd < 0 ? failure_errno(f, errno, "created", path ? path : part) : 0;
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = add_body(l, fd, &bodies[i], f);
  if (rc == 0 && fsync(fd) < 0)
    rc = failure_errno(f, errno, "written to the disk", path);
  if (fd >= 0)
    close(fd);
  free(path);
  return rc;
}

/* Everything in the scope that goes into the file `name`, in the order of its lanes.  The count; -1: f. */
static ssize_t bodies_of(struct loader *l, const char *name, struct body **ret, struct failure *f) {
  const json_t *lane, *file;
  size_t i, k, n = 0;
  struct body *list = NULL;
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane) {
    if (strcmp(json_string_value(json_object_get(lane, "scope")), loader_scope(l)) != 0)
      continue;
    json_array_foreach(json_object_get(lane, "files"), k, file) {
      if (strcmp(json_string_value(json_object_get(file, "name")), name) != 0)
        continue;
      struct body *grown = realloc(list, (n + 1) * sizeof *list);
      if (!grown) {
        free(list);
        return failure_memory(f, "the swap");
      }
      list = grown;
      list[n] = (struct body){.part = json_string_value(json_object_get(file, "part")),
                                .columns = json_string_value(json_object_get(file, "columns")),
                                .from = n ? (uint64_t)json_integer_value(json_object_get(file, "head")) : 0,
                                .to = (uint64_t)json_integer_value(json_object_get(file, "bytes"))};
      n++;
    }
  }
  *ret = list;
  return (ssize_t)n;
}

static int add_move(json_t *moves, struct loader *l, const char *name, struct failure *f) {
  struct body *bodies = NULL;
  char part[96];
  ssize_t n = check_place(name, f) < 0 ? -1 : bodies_of(l, name, &bodies, f);
  int rc = n < 0 ? -1 : 0;
  for (ssize_t i = 1; i < n && rc == 0; i++)
    if (strcmp(bodies[i].columns, bodies[0].columns) != 0)
      rc = failure_set(f, ETL_E_SCHEMA, "path", "write {stream} or {shard} into `path`; or make the columns the same with the transformer columns",
                       "lanes with different columns would go into %s", name);
  snprintf(part, sizeof part, "joined-%zu-%.60s.part", json_array_size(moves), l->run);
  if (rc == 0 && n > 1)
    rc = join(l, part, bodies, (size_t)n, f);
  if (rc == 0 && json_array_append_new(moves, json_pack("{s:s, s:s}", "part", n > 1 ? part : bodies[0].part, "name", name)) < 0)
    rc = failure_memory(f, "the swap");
  free(bodies);
  return rc;
}

static int make_moves(struct loader *l, json_t *moves, struct failure *f) {
  const json_t *lane, *file;
  size_t i, k;
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane) {
    if (strcmp(json_string_value(json_object_get(lane, "scope")), loader_scope(l)) != 0)
      continue;
    json_array_foreach(json_object_get(lane, "files"), k, file) {
      const char *name = json_string_value(json_object_get(file, "name"));
      if (!manifest_moves_to(moves, name) && add_move(moves, l, name, f) < 0)
        return -1;
    }
  }
  return 0;
}

/* A source without rows and columns leaves an empty file, not the old one. */
static int add_empty(struct loader *l, json_t *moves, const char *name, struct failure *f) {
  char part[96];
  struct output o = {.fd = -1};
  snprintf(part, sizeof part, "empty-%zu-%.60s.part", json_array_size(moves), l->run);
  char *path = manifest_part(&l->manifest, part);
  int rc = !path ? failure_memory(f, "the swap") : check_place(name, f) < 0 ? -1 : output_open(&o, path, l->settings.compression, 0, f);
  o.begun = true; /* also nothing is a member */
  if (rc == 0 && (output_end_member(&o, f) < 0 || output_sync(&o, f) < 0))
    rc = -1;
  output_close(&o);
  free(path);
  if (rc == 0 && json_array_append_new(moves, json_pack("{s:s, s:s}", "part", part, "name", name)) < 0)
    rc = failure_memory(f, "the swap");
  return rc;
}

static int add_empties(struct loader *l, json_t *moves, struct failure *f) {
  const json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane) {
    if (strcmp(json_string_value(json_object_get(lane, "scope")), loader_scope(l)) != 0 || json_array_size(json_object_get(lane, "files")) > 0)
      continue;
    char *name =
        write_name(&l->settings, json_string_value(json_object_get(lane, "stream")), json_string_value(json_object_get(lane, "shard")), l->run, 1, 1);
    int rc = !name ? failure_memory(f, "a name") : manifest_moves_to(moves, name) ? 0 : add_empty(l, moves, name, f);
    free(name);
    if (rc < 0)
      return -1;
  }
  return 0;
}

/* Files of the last swap that this one does not make anew were of streams and lanes that are gone.  Names with {run} stay: each run has its own. */
static int add_gone(struct loader *l, json_t *moves, struct failure *f) {
  const json_t *last = json_object_get(l->manifest.root, "replaced"), *move, *name;
  const char *path = json_string_value(json_object_get(last, "path"));
  json_t *names = json_array();
  int rc = names ? 0 : -1;
  size_t i;
  json_array_foreach(moves, i, move)
    rc |= json_array_append(names, json_object_get(move, "name"));
  if (path && strcmp(path, l->settings.path) == 0 && !l->settings.by_run)
    json_array_foreach(json_object_get(last, "names"), i, name)
      if (!manifest_moves_to(moves, json_string_value(name)))
        rc |= json_array_append_new(moves, json_pack("{s:s, s:s, s:b}", "part", "", "name", json_string_value(name), "gone", 1));
  rc |= json_object_set_new(l->manifest.root, "replaced", json_pack("{s:s, s:o}", "path", l->settings.path, "names", names));
  return rc < 0 ? failure_memory(f, "the swap") : 0;
}

/* The lanes of the run are the lanes of the files from now on. */
static int adopt_lanes(struct loader *l, struct failure *f) {
  json_t *lane;
  size_t i;
  manifest_drop_lanes(&l->manifest, "", false);
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane) {
    if (strcmp(json_string_value(json_object_get(lane, "scope")), loader_scope(l)) != 0)
      continue;
    if (json_object_set_new(lane, "scope", json_string("")) < 0 || json_object_set_new(lane, "files", json_array()) < 0)
      return failure_memory(f, "the swap");
  }
  return 0;
}

static bool has_lanes(const struct loader *l) {
  const json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(l->manifest.root, "lanes"), i, lane)
    if (strcmp(json_string_value(json_object_get(lane, "scope")), loader_scope(l)) == 0)
      return true;
  return false;
}

int run_swap(struct loader *l, struct failure *f) {
  if (l->swapped || !has_lanes(l)) { /* done before, or the run committed nothing */
    l->swapped = true;
    return 0;
  }
  json_t *moves = json_array();
  if (!moves || make_moves(l, moves, f) < 0 || add_empties(l, moves, f) < 0 || add_gone(l, moves, f) < 0) {
    json_decref(moves);
    return -1;
  }
  if (json_object_set_new(l->manifest.root, "moves", moves) < 0)
    return failure_memory(f, "the swap");
  if (adopt_lanes(l, f) < 0 || manifest_store(&l->manifest, f) < 0)
    return -1;
  l->swapped = true;
  if (manifest_move(&l->manifest, f) < 0 || manifest_store(&l->manifest, f) < 0)
    return -1;
  return manifest_sweep(&l->manifest, f);
}
