/* lines: an extractor that reads a text file, a row for each line.
 *
 * Its cursor is "1 OFFSET NUMBER": a version, the byte where the next line begins, and how many lines were before.  A line without its
 * newline is not read yet: somebody may be writing it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <etl/sdk.h>

enum { OPT_FILE, OPT_N };
static const struct etl_option *const options[] = {
    [OPT_FILE] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_PATH, .name = "file",
                                            .flags = ETL_OPT_REQUIRED | ETL_OPT_IDENTITY, .doc = "The text file to read.",
                                            .example = "\"/var/log/messages\""},
    [OPT_N] = NULL};

struct lines { /* an instance: one open() */
  const struct etl_host *host;
  char *path;
};
struct lines_reader {
  const struct etl_host *host; /* a reader has a table of its own: see struct etl_read */
  FILE *file;
  const char *path;
  int64_t offset, number;
  uint64_t want, left; /* rows a batch; rows until limit_rows */
  struct ArrowSchema schema;
  struct etl_batch batch;
  char *line; /* grown by getline() */
  size_t line_room;
  bool told_schema;
  char cursor[64]; /* what a message points to lives until the next call */
};

static int32_t no_memory(const struct etl_host *h) { return etl_failf(h, &ETL_ERROR(ETL_E_PERMANENT), "lines: out of memory"); }

static int32_t lines_open(const struct etl_open *o, void **self) {
  struct lines *l = calloc(1, sizeof *l);
  if (!l || !(l->path = strdup(etl_opt_str(o, OPT_FILE)))) /* a string given in lives until the call returns */
    return free(l), no_memory(o->host);
  l->host = o->host;
  *self = l;
  return ETL_OK;
}
static void lines_close(void *self) {
  struct lines *l = self;
  free(l->path);
  free(l);
}
static int32_t lines_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  (void)self;
  return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .name = "lines"});
}

static void lines_reader_close(void *reader) {
  struct lines_reader *r = reader;
  if (r->file)
    fclose(r->file);
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  free(r->line);
  free(r);
}
static int32_t lines_reader_open(void *self, const struct etl_read *read, void **reader) {
  const struct lines *l = self;
  struct lines_reader *r = calloc(1, sizeof *r);
  char cursor[64] = "1 0 0"; /* a cursor is not NUL ended */
  if (!r) return no_memory(read->host);
  *r = (struct lines_reader){.host = read->host, .path = l->path, .want = read->want_rows ? read->want_rows : 1000,
                             .left = read->limit_rows ? read->limit_rows : UINT64_MAX, .file = fopen(l->path, "re")};
  if (read->cursor.p) /* one that is too long for ours becomes none at all, and is refused */
    memcpy(memset(cursor, 0, sizeof cursor), read->cursor.p, read->cursor.n < sizeof cursor ? read->cursor.n : 0);
  int32_t status = ETL_OK;
  if (!r->file)
    status = etl_failf(r->host, &ETL_ERROR(ETL_E_RETRYABLE), "lines: cannot open %s: %s", r->path, strerror(errno));
  else if (sscanf(cursor, "1 %" SCNd64 " %" SCNd64, &r->offset, &r->number) != 2 || fseeko(r->file, (off_t)r->offset, SEEK_SET) < 0)
    status = etl_failf(r->host, &ETL_ERROR(ETL_E_DATA), "lines: there is no way back to the cursor of %s", r->path);
  else if (etl_schema_init(&r->schema, 2) < 0 || etl_schema_set(&r->schema, 0, "number", "l", false, NULL, NULL) < 0 ||
           etl_schema_set(&r->schema, 1, "text", "u", false, NULL, NULL) < 0 || etl_batch_init(&r->batch, r->host, &r->schema, r->want) < 0)
    status = no_memory(r->host);
  if (status != ETL_OK)
    lines_reader_close(r); /* and *reader stays NULL */
  else
    *reader = r;
  return status;
}

static int32_t lines_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct lines_reader *r = reader;
  (void)wait_ms, (void)want_cursor; /* a file does not let us wait, and every batch ends with a cursor */
  ssize_t n = 0;
  while (r->left && etl_batch_rows(&r->batch) < r->want && (n = getline(&r->line, &r->line_room, r->file)) > 0 && r->line[n - 1] == '\n') {
    if (r->host->cancelled(r->host)) return ETL_STOPPED;
    if (etl_batch_row(&r->batch) < 0 || etl_batch_bytes(&r->batch, 1, r->line, (uint64_t)n - 1) < 0)
      return no_memory(r->host);
    etl_batch_i64(&r->batch, 0, ++r->number);
    r->offset += n;
    r->left--;
  }
  if (ferror(r->file))
    return etl_failf(r->host, &ETL_ERROR(ETL_E_RETRYABLE), "lines: cannot read %s: %s", r->path, strerror(errno));
  bool done = etl_batch_rows(&r->batch) < r->want || !r->left;
  if (etl_batch_finish(&r->batch, &m->rows) < 0)
    return no_memory(r->host);
  if (!r->told_schema && etl_schema_copy(&r->schema, &m->schema) < 0)
    return etl_array_release(&m->rows), no_memory(r->host); /* a call that fails leaves nothing in the message */
  m->flags = ETL_M_ROWS | ETL_M_CURSOR | (r->told_schema ? 0 : ETL_M_SCHEMA);
  m->cursor = (struct etl_bytes){r->cursor, (uint64_t)snprintf(r->cursor, sizeof r->cursor, "1 %" PRId64 " %" PRId64, r->offset, r->number)};
  r->told_schema = true;
  return done ? ETL_DONE : ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = lines_open, .close = lines_close};
static const struct etl_extractor api = {.struct_size = sizeof api, .discover = lines_discover, .reader_open = lines_reader_open,
                                         .next = lines_next, .reader_close = lines_reader_close};
ETL_CONNECTOR(ETL_KIND_EXTRACTOR, "lines", "1.0", "MIT", .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS, .summary = "Lines of a text file",
              .options = options, .common = &common, .api = &api);
