/* The folder, and a run's worth of reading. */
#include "desk.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#undef NDEBUG

void desk_init(struct desk *d, const char *connector) {
  memset(d, 0, sizeof *d);
  testhost_init(&d->t);
  d->connector = connector;
  d->want_rows = 1000;
  const char *tmp = getenv("TMPDIR");
  snprintf(d->dir, sizeof d->dir, "%s/etl-files-XXXXXX", tmp && strlen(tmp) < 90 ? tmp : "/tmp");
  if (!mkdtemp(d->dir))
    abort();
  d->rows = calloc(1, 1);
  d->rows_cap = 1;
}

void desk_fini(struct desk *d) {
  desk_shell(d, "rm -rf \"$PWD\"");
  free(d->rows);
  testhost_fini(&d->t);
}

bool desk_try(struct desk *d, const char *command) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (chdir(d->dir) == 0)
      execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  int status = -1;
  return waitpid(child, &status, 0) == child && status == 0;
}

void desk_shell(struct desk *d, const char *command) {
  if (!desk_try(d, command)) {
    fprintf(stderr, "wrong test: %s\n", command);
    exit(99);
  }
}

void desk_write(struct desk *d, const char *name, const void *bytes, size_t n, bool append) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", d->dir, name);
  for (char *slash = strchr(path + strlen(d->dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(path, 0700);
    *slash = '/';
  }
  FILE *f = fopen(path, append ? "a" : "w");
  if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
    abort();
}

char *desk_slurp(struct desk *d, const char *name, size_t *ret_n) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", d->dir, name);
  FILE *f = fopen(path, "r");
  struct stat st;
  if (!f || fstat(fileno(f), &st) < 0)
    return NULL;
  char *text = calloc(1, (size_t)st.st_size + 1);
  size_t n = fread(text, 1, (size_t)st.st_size, f);
  fclose(f);
  if (ret_n)
    *ret_n = n;
  return text;
}

size_t desk_count(struct desk *d) {
  DIR *dir = opendir(d->dir);
  size_t n = 0;
  for (const struct dirent *e; (e = readdir(dir));)
    n += e->d_name[0] != '.';
  closedir(dir);
  return n;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------- */

static void add_row(struct desk *d, const char *json) {
  size_t n = strlen(json);
  if (d->rows_bytes + n + 2 > d->rows_cap) {
    d->rows_cap = (d->rows_bytes + n + 2) * 2;
    d->rows = realloc(d->rows, d->rows_cap);
  }
  memcpy(d->rows + d->rows_bytes, json, n);
  memcpy(d->rows + d->rows_bytes + n, "\n", 2);
  d->rows_bytes += n + 1;
  d->rows_n++;
}

bool desk_has_row(struct desk *d, const char *json) {
  size_t n = strlen(json);
  for (const char *p = d->rows; (p = strstr(p, json)); p++)
    if ((p == d->rows || p[-1] == '\n') && p[n] == '\n')
      return true;
  return false;
}

static void keep_types(struct desk *d, const struct ArrowSchema *s) {
  size_t n = 0;
  for (int64_t i = 0; i < s->n_children; i++)
    n += (size_t)snprintf(d->types + n, sizeof d->types - n, "%s%s:%s", i ? " " : "", s->children[i]->name, s->children[i]->format);
}

static int32_t each_stream(void *arg, const struct etl_stream *s) {
  struct desk *d = arg;
  snprintf(d->stream_name, sizeof d->stream_name, "%s", s->name);
  d->stream = (struct etl_stream){.struct_size = sizeof d->stream, .flags = s->flags, .name = d->stream_name};
  return ETL_OK;
}

struct shards {
  char ids[DESK_LANES][128];
  size_t n;
};
static int32_t each_shard(void *arg, const struct etl_shard *s) {
  struct shards *to = arg;
  if (to->n < DESK_LANES)
    snprintf(to->ids[to->n++], sizeof to->ids[0], "%s", s->id);
  return ETL_OK;
}

static size_t lane_of(struct desk *d, const char *shard) {
  size_t i = 0;
  while (i < d->lanes_n && strcmp(d->lanes[i].shard, shard) != 0)
    i++;
  if (i == d->lanes_n) {
    snprintf(d->lanes[d->lanes_n++].shard, sizeof d->lanes[0].shard, "%s", shard);
    d->lanes[i].cursor_n = 0;
  }
  return i;
}

static void take_message(struct desk *d, size_t lane, struct ArrowSchema *schema, struct etl_msg *m) {
  if (m->flags & ETL_M_SCHEMA) {
    etl_schema_release(schema);
    etl_schema_move(&m->schema, schema);
    keep_types(d, schema);
    d->schemas_n++;
  }
  for (int64_t i = 0; (m->flags & ETL_M_ROWS) && i < m->rows.length; i++) {
    char *json = etl_row_json(schema, &m->rows, i);
    add_row(d, json);
    free(json);
  }
  if (m->flags & ETL_M_ROWS)
    etl_array_release(&m->rows);
  if ((m->flags & ETL_M_CURSOR) && m->cursor.n <= sizeof d->lanes[0].cursor) {
    memcpy(d->lanes[lane].cursor, m->cursor.p, m->cursor.n);
    d->lanes[lane].cursor_n = m->cursor.n;
  }
}

static int32_t read_shard(struct desk *d, const struct etl_extractor *api, void *self, const char *id) {
  size_t lane = lane_of(d, id), before = d->rows_n;
  struct etl_shard shard = {.struct_size = sizeof shard, .id = id, .est_rows = -1, .est_bytes = -1};
  char cursor[sizeof d->lanes[0].cursor];
  struct etl_read read = {.struct_size = sizeof read, .host = &d->t.host, .stream = &d->stream, .shard = &shard, .want_rows = d->want_rows,
                          .range_from = d->range_from, .range_to = d->range_to};
  struct ArrowSchema schema = {0};
  void *reader = NULL;
  if (d->lanes[lane].cursor_n) {
    memcpy(cursor, d->lanes[lane].cursor, d->lanes[lane].cursor_n);
    read.cursor = (struct etl_bytes){cursor, d->lanes[lane].cursor_n};
  }
  int32_t rc = api->reader_open(self, &read, &reader);
  while (rc == ETL_OK || rc == ETL_IDLE) {
    struct etl_msg m = {.struct_size = sizeof m};
    rc = api->next(reader, 100, 0, &m);
    testhost_call_done(&d->t);
    if (rc == ETL_OK || rc == ETL_DONE)
      take_message(d, lane, &schema, &m);
    if (d->between) {
      void (*between)(struct desk *) = d->between;
      d->between = NULL;
      between(d);
    }
    if (d->stop_after && d->rows_n - before >= d->stop_after)
      rc = ETL_DONE;
  }
  if (reader)
    api->reader_close(reader);
  etl_schema_release(&schema);
  return rc == ETL_DONE ? ETL_OK : rc;
}

void desk_expand(struct desk *d, const char *from, char *to, size_t n) {
  size_t at = 0;
  for (*to = 0; *from && at < n; from++)
    at += (size_t)(*from == '@' ? snprintf(to + at, n - at, "%s", d->dir) : snprintf(to + at, n - at, "%c", *from));
}

int32_t desk_read(struct desk *d, const char *const *options) {
  const struct etl_connector *c = testhost_connector(d->connector, ETL_KIND_EXTRACTOR);
  const struct etl_extractor *api = c->api;
  struct testopts *o = testopts_new(&d->t, c->options);
  struct shards shards = {0};
  void *self = NULL;
  for (; *options; options += 2) {
    char text[2048];
    desk_expand(d, options[1], text, sizeof text);
    if (strcmp(options[0], "column") == 0) { /* name type [format], parted by spaces */
      struct testopts *g = testopts_group(o, "columns");
      char *save, *name = strtok_r(text, " ", &save), *type = strtok_r(NULL, " ", &save);
      testopts_set(g, "name", name);
      testopts_set(g, "type", type);
      if (*save)
        testopts_set(g, "format", save);
    } else {
      testopts_set(o, options[0], text);
    }
  }
  testhost_clear(&d->t);
  d->rows_n = d->rows_bytes = d->schemas_n = 0;
  d->rows[0] = d->types[0] = 0;
  int32_t status = testopts_open(o, c, "p", "r1", NULL, 0, &self);
  if (status == ETL_OK)
    status = api->discover(self, each_stream, d);
  if (status == ETL_OK)
    status = api->plan(self, &d->stream, each_shard, &shards);
  for (size_t i = 0; i < shards.n && self; i++) {
    int32_t rc = read_shard(d, api, self, shards.ids[i]);
    status = rc == ETL_OK ? status : rc;
  }
  if (self)
    c->common->close(self);
  testopts_free(o);
  return status;
}

void desk_forget(struct desk *d) { d->lanes_n = 0; }
