/* broken_extractor: a hundred rows, and one rule broken. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "how.h"

static const char *const hows[] = {"none", "keeps_strings", "one_self", "self_on_failure", "leaks_memory", "leaks_file", "leaks_buffer", "reads_past", "exact_size",
                                   "discover_changes", "same_shard", "no_schema", "bad_offsets", "bad_utf8", "bad_null_count", "bad_length", "row_after_done",
                                   "loses_row", "doubles_row", "limit_ignored", "fails_when_cancelled", "piece_lost", "piece_doubled", "crash_on_cursor",
                                   "no_reason", "two_lines", "strange_status", "frees_twice", "writes_past", "scratch_cursor", "no_memory_crash", "any_extension",
                                   "check_fails", "exits", "flags_lie", "cursor_missing", "bad_metric", "crash_on_cancel", "crash_on_close", NULL};
static const struct etl_option *const options[] = {
  HOW_OPTION(hows),
  &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_STRING, .name = "text", .dflt = "words", .doc = "Text of each row."},
  &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_INT, .name = "size", .dflt = "5", .min = 1, .max = 10, .doc = "Nothing."},
  NULL};
enum {
  ROWS = 100
};

struct ext {
  const struct etl_host *host;
  const char *how, *text;
  char own[64];
  bool testing; /* ETL_OPEN_TEST */
};
struct reader {
  const struct etl_host *host;
  struct ext *x;
  struct ArrowSchema schema;
  struct etl_batch batch;
  int64_t at, end;
  uint64_t want;
  bool told, done;
  char cursor[64];
};
static struct ext *the_one;
static char *the_leak; /* the last of them */
static atomic_int calls;
static bool how(const struct ext *x, const char *name) { return is(x->how, name); }

static int32_t ext_open(const struct etl_open *o, void **self) {
  const char *name = how_of(o, hows);
  if (is(name, "one_self") && the_one)
    return *self = the_one, ETL_OK;
  struct ext *x = calloc(1, sizeof *x);
  *x = (struct ext){.host = o->host, .how = name, .text = etl_opt_str(o, 1), .testing = o->flags & ETL_OPEN_TEST};
  snprintf(x->own, sizeof x->own, "%s", x->text);
  if (!is(name, "keeps_strings"))
    x->text = x->own;
  if (is(name, "self_on_failure") && etl_opt_int(o, 2) == 10)
    return *self = x, etl_failf(o->host, &ETL_ERROR(ETL_E_CONFIG), "ten is too much");
  if (is(name, "leaks_memory"))
    *(char *volatile *)&the_leak = malloc(100);
  if (is(name, "leaks_file"))
    fcntl(1, F_DUPFD, 20);
  if (is(name, "one_self"))
    the_one = x;
  *self = x;
  return ETL_OK;
}
static void ext_close(void *self) {
  struct ext *x = self;
  if (x->testing && how(x, "crash_on_close"))
    abort();
  if (!how(x, "one_self"))
    free(x);
}
static int32_t ext_check(void *self) {
  struct ext *x = self;
  return how(x, "check_fails") ? etl_failf(x->host, &ETL_ERROR(ETL_E_RETRYABLE), "nobody is there") : ETL_OK;
}
static void ext_cancel(void *self) {
  if (how(self, "crash_on_cancel"))
    abort();
}
static const void *ext_ext(void *self, const char *id) {
  static const struct etl_explain explain = {.struct_size = sizeof explain};
  (void)id;
  return self && how(self, "any_extension") ? &explain : NULL;
}

static int32_t ext_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct ext *x = self;
  char name[32] = "rows";
  if (how(x, "discover_changes"))
    snprintf(name, sizeof name, "rows%d", atomic_fetch_add(&calls, 1));
  return each(arg, &(struct etl_stream){.struct_size = sizeof(struct etl_stream), .name = name});
}
static int32_t ext_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  struct etl_shard s = {.struct_size = sizeof s, .id = "0", .est_rows = -1, .est_bytes = -1};
  (void)stream;
  int32_t status = each(arg, &s);
  return status == ETL_OK && how(self, "same_shard") ? each(arg, &s) : status;
}
static int32_t ext_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                         int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  struct etl_part first = {.struct_size = sizeof first, .id = "1", .cursor = {"0..50", 5}, .est_rows = -1}, rest = {.struct_size = sizeof rest, .id = "", .cursor = {"50", 2}, .est_rows = -1};
  (void)stream, (void)shard, (void)n;
  if (how(self, "piece_lost"))
    first.cursor = (struct etl_bytes){"0..49", 5};
  if (how(self, "piece_doubled"))
    rest.cursor = (struct etl_bytes){"49", 2};
  int32_t status = each(arg, &first);
  return status == ETL_OK ? each(arg, &rest) : status;
}

static void ext_reader_close(void *reader) {
  struct reader *r = reader;
  etl_batch_fini(&r->batch);
  etl_schema_release(&r->schema);
  free(r);
}
static int32_t ext_reader_open(void *self, const struct etl_read *read, void **reader) {
  struct ext *x = self;
  struct reader *r = calloc(1, sizeof *r);
  char cursor[64] = "0", *rest;
  *r = (struct reader){.host = read->host, .x = x, .end = ROWS, .want = read->want_rows};
  if (read->cursor.p)
    memcpy(memset(cursor, 0, sizeof cursor), read->cursor.p, read->cursor.n < 64 ? read->cursor.n : 0);
  if (how(x, "crash_on_cursor") && read->cursor.p && read->cursor.n > 1000)
    abort();
  if (how(x, "reads_past"))
    r->want += ((const volatile char *)read)[sizeof *read] == 1;
  if (how(x, "exact_size") && read->struct_size != sizeof *read) {
    free(r);
    return etl_failf(read->host, &ETL_ERROR(ETL_E_UNSUPPORTED), "this host is another one");
  }
  r->at = strtoll(cursor, &rest, 10);
  if (rest == cursor || r->at < 0 || (*rest && strncmp(rest, "..", 2) != 0)) {
    free(r);
    return etl_failf(read->host, &ETL_ERROR(ETL_E_DATA), "this is no cursor");
  }
  if (*rest)
    r->end = strtoll(rest + 2, NULL, 10);
  if (read->limit_rows && r->at + (int64_t)read->limit_rows < r->end && !how(x, "limit_ignored"))
    r->end = r->at + (int64_t)read->limit_rows;
  if (how(x, "loses_row") && r->at > 50)
    r->at++;
  if (how(x, "doubles_row") && r->at > 50)
    r->at--;
  etl_schema_init(&r->schema, 2);
  etl_schema_set(&r->schema, 0, "id", "l", false, NULL, NULL);
  etl_schema_set(&r->schema, 1, "text", "u", true, NULL, NULL);
  if (etl_batch_init(&r->batch, r->host, &r->schema, r->want) < 0 && !how(x, "no_memory_crash")) {
    ext_reader_close(r);
    return etl_failf(read->host, &ETL_ERROR(ETL_E_PERMANENT), "out of memory");
  }
  *reader = r;
  return ETL_OK;
}

static int32_t fill(struct reader *r, struct etl_msg *m) {
  for (uint64_t i = 0; i < r->want && r->at < r->end; i++) {
    int bad = etl_batch_row(&r->batch);
    if (bad == 0)
      etl_batch_i64(&r->batch, 0, ++r->at);
    bad = bad ? bad : r->at % 9 ? etl_batch_bytes(&r->batch, 1, r->x->text, strlen(r->x->text)) : etl_batch_null(&r->batch, 1);
    if (bad < 0 && how(r->x, "no_memory_crash"))
      abort();
    if (bad < 0)
      return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "out of memory");
  }
  if (etl_batch_finish(&r->batch, &m->rows) < 0)
    return etl_failf(r->host, &ETL_ERROR(ETL_E_PERMANENT), "out of memory");
  return ETL_OK;
}

/* Bends a good message. */
static void bend(struct reader *r, struct etl_msg *m) {
  const struct ext *x = r->x;
  struct ArrowArray *text = m->rows.length ? m->rows.children[1] : NULL;
  if (text && how(x, "bad_offsets"))
    ((int32_t *)(uintptr_t)text->buffers[1])[1] = 1 << 20;
  if (text && how(x, "bad_utf8") && text->length > 1)
    ((char *)(uintptr_t)text->buffers[2])[0] = (char)0xff;
  if (text && how(x, "bad_null_count"))
    text->null_count = 77;
  if (text && how(x, "bad_length"))
    text->length -= 1;
  if (how(x, "flags_lie"))
    m->flags &= ~(uint32_t)ETL_M_ROWS;
  if (how(x, "cursor_missing"))
    m->flags &= ~(uint32_t)ETL_M_CURSOR;
  if (how(x, "no_schema") && m->schema.release) {
    etl_schema_release(&m->schema);
    m->flags &= ~(uint32_t)ETL_M_SCHEMA;
  }
}

static void misuse_services(struct reader *r) {
  const struct etl_host *h = r->host;
  const struct ext *x = r->x;
  if (how(x, "leaks_buffer"))
    h->buf_alloc(h, 10);
  if (how(x, "frees_twice")) {
    void *p = h->buf_alloc(h, 10);
    h->buf_free(p);
    h->buf_free(p);
  }
  if (how(x, "writes_past")) {
    char *p = h->buf_alloc(h, 10);
    p[10] = 1;
    h->buf_free(p);
  }
  if (how(x, "bad_metric"))
    h->count(h, "Rows Read", 1);
  if (how(x, "exits"))
    _exit(0);
}

static int32_t ext_next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  struct reader *r = reader;
  const struct ext *x = r->x;
  (void)wait_ms, (void)want_cursor;
  misuse_services(r);
  if (r->host->cancelled(r->host))
    return how(x, "fails_when_cancelled") ? etl_failf(r->host, &ETL_ERROR(ETL_E_RETRYABLE), "interrupted") : ETL_STOPPED;
  if (how(x, "no_reason"))
    return ETL_FAILED;
  if (how(x, "two_lines"))
    return etl_failf(r->host, &ETL_ERROR(ETL_E_DATA), "one\ntwo");
  if (how(x, "strange_status"))
    return 7;
  if (how(x, "fails_when_cancelled"))
    r->host->sleep_ms(r->host, 5);
  if (r->done && how(x, "row_after_done"))
    r->at = r->end - 1;
  int32_t status = fill(r, m);
  if (status != ETL_OK)
    return status;
  m->flags = ETL_M_ROWS | ETL_M_CURSOR | (r->told ? 0 : ETL_M_SCHEMA);
  if (!r->told)
    etl_schema_copy(&r->schema, &m->schema);
  r->told = true;
  char *cursor = how(x, "scratch_cursor") ? r->host->scratch(r->host, 64, 1) : r->cursor;
  int n = snprintf(cursor, 64, "%lld", (long long)r->at);
  m->cursor = (struct etl_bytes){cursor, (uint64_t)n};
  m->lag_ns = -1;
  r->done = r->at >= r->end;
  bend(r, m);
  return r->done ? ETL_DONE : ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = ext_open, .check = ext_check, .cancel = ext_cancel, .close = ext_close, .ext = ext_ext};
static const struct etl_extractor api = {.struct_size = sizeof api, .discover = ext_discover, .plan = ext_plan, .reader_open = ext_reader_open,
                                         .next = ext_next, .reader_close = ext_reader_close, .split = ext_split};
ETL_CONNECTOR(ETL_KIND_EXTRACTOR, "broken_extractor", "1", "MIT", .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS, .summary = "Breaks a rule",
              .options = options, .common = &common, .api = &api);
