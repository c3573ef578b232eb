/* heap: a loader for tests without a server, that can do nothing but add: it appends the id of each row as a line to a file when it commits,
 * keeps no cursors, and can undo nothing. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "etl/sdk.h"

enum { OPT_FILE, OPT_N, TEXT_BYTES = 1 << 20 };
static const struct etl_option *const options[] = {
    [OPT_FILE] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_PATH, .name = "file",
                                            .flags = ETL_OPT_REQUIRED, .doc = "Where the lines go."},
    [OPT_N] = NULL};

struct heap {
  const struct etl_host *host;
  char path[4096];
  struct ArrowSchema schema;
  size_t n;
  char text[TEXT_BYTES];
};

static int32_t fail(const struct heap *h, const char *what) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(h->host, &e, "heap %s: %s", h->path, what);
}

static int32_t heap_open(const struct etl_open *o, void **self) {
  struct heap *h = calloc(1, sizeof *h);
  if (!h)
    return ETL_FAILED;
  h->host = o->host;
  snprintf(h->path, sizeof h->path, "%s", etl_opt_str(o, OPT_FILE));
  *self = h;
  return ETL_OK;
}
static void heap_close(void *self) {
  struct heap *h = self;
  etl_schema_release(&h->schema);
  free(h);
}
static int32_t heap_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct heap *h = self;
  (void)stream;
  etl_schema_release(&h->schema);
  return etl_schema_copy(schema, &h->schema) < 0 ? fail(h, "no memory") : ETL_OK;
}
static int32_t heap_begin(void *self, const struct etl_txn *txn) {
  struct heap *h = self;
  (void)txn;
  h->n = 0;
  return ETL_OK;
}
static int32_t heap_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct heap *h = self;
  struct etl_view id;
  (void)stream;
  int rc = etl_view_init(&id, &h->schema, &m->rows, 0);
  for (int64_t i = 0; rc == 0 && i < m->rows.length && h->n + 32 < TEXT_BYTES; i++)
    h->n += (size_t)snprintf(h->text + h->n, 32, "%" PRId64 "\n", etl_view_i64(&id, i));
  etl_array_release(&m->rows);
  return rc < 0 ? fail(h, "a column that is no number") : ETL_OK;
}
static int32_t heap_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct heap *h = self;
  (void)to, (void)to_n;
  int fd = open(h->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  bool done = fd >= 0 && write(fd, h->text, h->n) == (ssize_t)h->n;
  if (fd >= 0)
    close(fd);
  return done ? ETL_OK : fail(h, "cannot be written");
}
static int32_t heap_abort(void *self) {
  (void)self;
  return ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = heap_open, .close = heap_close};
static const struct etl_loader api = {
    .struct_size = sizeof api, .prepare = heap_prepare, .begin = heap_begin, .write = heap_write, .commit = heap_commit, .abort = heap_abort};

ETL_CONNECTOR(ETL_KIND_LOADER, "heap", "1", "MIT", .summary = "Adds ids to a file", .options = options, .common = &common, .api = &api);
