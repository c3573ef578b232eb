/* Pieces of a shard: ranges of the first cursor column or, for a table that is read whole, of its primary key's first.  The bounds come from the
 * statistics of the index that leads with it; where there are none, least and greatest value are cut evenly.  No bound lies above the upper
 * bound of the reading, so that nothing can still appear in a piece that has an end.  What goes on for good begins at that bound, or at
 * the greatest value there is: it is read behind the others, and should be small. */
#include "split.h"

#include <stdio.h>

#include "convert.h"
#include "query.h"
#include "tables.h"

enum { STEPS_MAX = 256 }; /* of a histogram; the server makes 201 at most */

struct step {
  const char *value;
  int64_t rows;
};
struct cutting {
  const struct settings *settings; /* of the stream */
  struct conn conn;
  struct source src;
  struct bounds bounds;
  size_t column; /* by which it is cut */
  struct step steps[STEPS_MAX];
  size_t steps_n;
  const char *cuts[STEPS_MAX]; /* pieces are below and from these on */
  size_t cuts_n, wanted;
  const char *end; /* what goes on for good begins here; NULL: at the last cut */
  int64_t least, greatest; /* of what is counted */
  const char *how;
};

static const struct column *cut_column(const struct cutting *x) { return &x->src.columns[x->column]; }

/* Whole numbers and times can be cut evenly, and compared here. */
static bool is_counted(const struct column *c) { return c->type->kind == KIND_INT || c->type->counts_time; }

static int64_t count_of(const struct column *c, struct conn *conn, int column) {
  return c->type->kind == KIND_INT ? conn_int(conn, column) : convert_ticks(c, dbdata(conn->db, column));
}

static bool below_end(const struct cutting *x, int64_t count, const char *text) {
  return !x->end || (is_counted(cut_column(x)) ? count < x->greatest : strcmp(text, x->end) < 0); /* a rowversion: hex of one length */
}

static void count_text(const struct column *c, int64_t count, char *ret, size_t cap) {
  if (c->type->kind == KIND_INT)
    snprintf(ret, cap, "%lld", (long long)count);
  else
    query_ticks_text(c, count - count % column_tick_step(c), ret, cap);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------ */

static int take_extremes(void *arg, struct conn *conn, struct failure *f) {
  struct cutting *x = arg;
  (void)f;
  if (!dbdata(conn->db, 1) || !dbdata(conn->db, 2)) {
    x->wanted = 1; /* nothing is there */
    return 0;
  }
  x->least = count_of(cut_column(x), conn, 1);
  x->greatest = count_of(cut_column(x), conn, 2);
  return 0;
}

/* A source whose clock lags may still bring any value above the greatest there is. */
static int find_end(struct cutting *x, struct failure *f) {
  const struct column *c = cut_column(x);
  struct text sql = {0};
  if (is_counted(c)) {
    query_extremes(&sql, x->settings, c);
    int rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(&x->conn, "asking the least and greatest value", sql.p, take_extremes, x, f);
    text_fini(&sql);
    if (rc < 0 || x->src.cursor_n == 0)
      return rc;
    if (c->type->counts_time && x->greatest > x->bounds.upper_ticks)
      x->greatest = x->bounds.upper_ticks;
    count_text(c, x->greatest, x->bounds.upper, sizeof x->bounds.upper);
  }
  x->end = x->src.cursor_n && x->bounds.upper[0] ? x->bounds.upper : NULL;
  return 0;
}

/* ---- by statistics ---------------------------------------------------------------------------------------------------------- */

static int take_step(void *arg, struct conn *conn, struct failure *f) {
  struct cutting *x = arg;
  const struct column *c = cut_column(x);
  const uint8_t *p = dbdata(conn->db, 1);
  struct text t = {0};
  if (!p || x->steps_n == STEPS_MAX)
    return 0;
  cursor_value_text(&t, c, p, (size_t)dbdatlen(conn->db, 1));
  bool wanted = below_end(x, is_counted(c) ? count_of(c, conn, 1) : 0, text_str(&t));
  struct step *step = &x->steps[x->steps_n];
  *step = (struct step){.value = pool_strdup(&x->src.pool, text_str(&t)), .rows = conn_int(conn, 2)};
  x->steps_n += wanted && step->value;
  bool failed = t.failed || !step->value;
  text_fini(&t);
  return failed ? failure_out_of_memory(f, "the statistics") : 0;
}

/* A server without the function, or that does not let us see it, is no failure. */
static int ask_statistics(struct cutting *x, struct failure *f) {
  struct failure ignored = {0};
  struct text sql = {0};
  query_histogram(&sql, x->settings, cut_column(x), x->src.leads_id);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(&x->conn, "asking the statistics", sql.p, take_step, x, &ignored);
  text_fini(&sql);
  if (f->error_class)
    return -1;
  if (rc == 0)
    return 0;
  x->steps_n = 0;
  return ignored.error_class == ETL_E_RETRYABLE || ignored.error_class == ETL_E_AUTH
             ? failure_set(f, ignored.error_class, NULL, NULL, "%s", ignored.message)
             : 0;
}

static void cut_steps(struct cutting *x) {
  int64_t total = 0, sum = 0;
  for (size_t i = 0; i < x->steps_n; i++)
    total += x->steps[i].rows;
  for (size_t i = 0; i + 1 < x->steps_n && x->cuts_n + 1 < x->wanted; i++) {
    sum += x->steps[i].rows;
    if (sum >= total / (int64_t)x->wanted * (int64_t)(x->cuts_n + 1))
      x->cuts[x->cuts_n++] = x->steps[i].value;
  }
  x->how = "by statistics";
}

/* ---- evenly ------------------------------------------------------------------------------------------------------------------- */

static int add_even_cut(struct cutting *x, int64_t count, struct failure *f) {
  char text[64];
  count_text(cut_column(x), count, text, sizeof text);
  if (x->cuts_n && strcmp(x->cuts[x->cuts_n - 1], text) == 0)
    return 0;
  const char *kept = pool_strdup(&x->src.pool, text);
  if (!kept)
    return failure_out_of_memory(f, "the pieces");
  x->cuts[x->cuts_n++] = kept;
  return 0;
}

static int cut_evenly(struct cutting *x, struct failure *f) {
  uint64_t width = x->greatest > x->least ? (uint64_t)x->greatest - (uint64_t)x->least : 0;
  int rc = 0;
  x->how = "evenly";
  for (uint64_t i = 1; i < x->wanted && width >= x->wanted && rc == 0; i++)
    rc = add_even_cut(x, (int64_t)((uint64_t)x->least + (uint64_t)((unsigned __int128)width * i / x->wanted)), f);
  return rc;
}

/* ---- telling ---------------------------------------------------------------------------------------------------------------------- */

static int32_t tell_piece(const struct cutting *x, size_t i, int32_t (*each)(void *arg, const struct etl_part *), void *arg, struct failure *f) {
  bool last = i == x->cuts_n + (x->end != NULL);
  struct cursor c = {.bounding = x->column};
  c.from = !i ? NULL : i <= x->cuts_n ? x->cuts[i - 1] : x->end;
  c.until = last ? NULL : i < x->cuts_n ? x->cuts[i] : x->end;
  struct text json = {0}, text = {0};
  char id[24] = "";
  int64_t rows = 0;
  for (size_t k = 0; k < x->steps_n; k++)
    rows += x->steps[k].rows;
  if (!last || x->src.cursor_n == 0) /* the one that goes on for good has no name */
    snprintf(id, sizeof id, "%zu", i + 1);
  text_addf(&text, "%s%s%s%s%s (%s)", c.from ? c.from : "", c.from ? " <= " : "", cut_column(x)->name, c.until ? " < " : "", c.until ? c.until : "", x->how);
  int32_t rc = ETL_FAILED;
  if (cursor_encode(&c, &x->src, &json, f) == 0) {
    struct etl_part part = {.struct_size = sizeof part, .id = id, .cursor = {json.p, json.n}, .text = text_str(&text)};
    part.est_rows = !x->steps_n ? -1 : i <= x->cuts_n ? rows / (int64_t)(x->cuts_n + 1) : 0;
    rc = each(arg, &part);
  }
  text_fini(&json);
  text_fini(&text);
  return rc;
}

static int find_cuts(struct cutting *x, struct failure *f) {
  if (find_end(x, f) < 0 || ask_statistics(x, f) < 0)
    return -1;
  if (x->steps_n > x->wanted)
    cut_steps(x);
  else
    x->steps_n = 0;
  return x->cuts_n ? 0 : cut_evenly(x, f);
}

int32_t sqlserver_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                        int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  const struct instance *in = self;
  const struct shard *sh = settings_shard(&in->settings, shard->id);
  struct cutting x = {.conn = {.wake_fd = -1}, .wanted = n < STEPS_MAX / 2 ? (size_t)n : STEPS_MAX / 2};
  struct failure f = {0};
  int32_t told = ETL_OK;
  x.settings = tables_settings(in, stream->name, &f);
  if (!x.settings)
    return failure_report(in->host, &f);
  if (n < 2 || x.settings->query)
    return ETL_OK;
  int rc = sh ? conn_open(&x.conn, in->host, x.settings, sh, &f) : failure_set(&f, ETL_E_CONFIG, "shards", NULL, "sqlserver: there is no shard \"%s\"", shard->id);
  if (rc == 0)
    rc = source_init(&x.src, &x.conn, &f);
  x.column = x.src.cursor_n ? x.src.cursor[0] : x.src.key_column;
  bool served = rc == 0 && x.src.leads_id != 0 && x.column != SIZE_MAX; /* else each piece would read the whole table */
  if (served && (rc = bounds_init(&x.bounds, &x.src, &x.conn, &f)) == 0)
    rc = find_cuts(&x, &f);
  for (size_t i = 0; rc == 0 && x.cuts_n && i <= x.cuts_n + (x.end != NULL) && told == ETL_OK; i++)
    told = tell_piece(&x, i, each, arg, &f);
  source_fini(&x.src);
  conn_close(&x.conn);
  return f.error_class ? failure_report(in->host, &f) : told;
}
