/* upper: a transformer that turns the text of one column into capital letters (A to Z only), and hands on everything else untouched.
 *
 * Arrow arrays are immutable, so the column is built anew; the others are moved, not copied. */
#include <stdlib.h>

#include <etl/sdk.h>

enum { OPT_COLUMN, OPT_N };
static const struct etl_option *const options[] = {
    [OPT_COLUMN] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_STRING, .name = "column", .dflt = "\"text\"",
                                              .doc = "The column to change; rows without it pass as they are.", .example = "\"name\""},
    [OPT_N] = NULL};

struct upper {
  const struct etl_host *host;
  char *column;
  int64_t at; /* index of the column; -1: this stream has none */
  struct ArrowSchema schema; /* of the rows, as told by bind() */
  struct etl_batch batch;    /* builds the one column */
};

static int32_t no_memory(const struct etl_host *h) { return etl_failf(h, &ETL_ERROR(ETL_E_PERMANENT), "upper: out of memory"); }

static int32_t upper_open(const struct etl_open *o, void **self) {
  struct upper *u = calloc(1, sizeof *u);
  if (!u || !(u->column = strdup(etl_opt_str(o, OPT_COLUMN))))
    return free(u), no_memory(o->host);
  u->host = o->host;
  *self = u;
  return ETL_OK;
}
static void forget(struct upper *u) {
  etl_batch_fini(&u->batch);
  etl_schema_release(&u->schema);
  memset(&u->batch, 0, sizeof u->batch);
}
static void upper_close(void *self) {
  struct upper *u = self;
  forget(u);
  free(u->column);
  free(u);
}

/* Comes again whenever the schema changes: what was known is forgotten. */
static int32_t upper_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  struct upper *u = self;
  struct ArrowSchema one = {0};
  forget(u);
  if (etl_schema_copy(in->schema, &u->schema) < 0)
    return no_memory(u->host);
  u->at = etl_schema_find(in->schema, u->column);
  if (u->at >= 0) {
    struct etl_format f;
    if (etl_format_parse(in->schema->children[u->at], &f) < 0 || f.logical != ETL_L_STRING || f.phys != ETL_P_VAR32) {
      struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
      e.column = (int32_t)u->at, e.option = "column", e.remedy = "name a column that is text";
      return etl_failf(u->host, &e, "upper: the column %s is not text (Arrow format %s)", u->column, in->schema->children[u->at]->format);
    }
    int status = etl_schema_init(&one, 1);
    if (status == 0 && (status = etl_schema_set(&one, 0, "c", "u", true, NULL, NULL)) == 0)
      status = etl_batch_init(&u->batch, u->host, &one, 1000);
    etl_schema_release(&one);
    if (status < 0)
      return no_memory(u->host);
  }
  return out(arg, in); /* same stream, same schema */
}

static int raise_text(struct upper *u, const struct ArrowArray *rows, struct ArrowArray *ret) {
  struct etl_view v;
  if (etl_view_init(&v, &u->schema, rows, u->at) < 0)
    return -1;
  for (int64_t i = 0; i < rows->length; i++) {
    struct etl_bytes text = etl_view_bytes(&v, i);
    if (etl_batch_row(&u->batch) < 0)
      return -1;
    bool null = etl_view_null(&v, i);
    uint8_t *to = null ? NULL : etl_batch_bytes_room(&u->batch, 0, text.n);
    if (null ? etl_batch_null(&u->batch, 0) < 0 : !to)
      return -1;
    for (uint64_t k = 0; to && k < text.n; k++) {
      uint8_t c = ((const uint8_t *)text.p)[k];
      to[k] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
    if (to)
      etl_batch_bytes_done(&u->batch, 0, text.n);
  }
  return etl_batch_finish_column(&u->batch, ret);
}

/* Takes in->rows, also when it fails. */
static int32_t upper_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct upper *u = self;
  if (u->at < 0 || in->rows.length == 0)
    return sink->emit(sink, in); /* moves the rows away */
  int64_t n = in->rows.n_children, length = in->rows.length;
  struct ArrowArray *cols = calloc((size_t)n, sizeof *cols), changed = {0};
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  if (!cols || raise_text(u, &in->rows, &changed) < 0) {
    free(cols);
    etl_array_release(&in->rows);
    return no_memory(u->host);
  }
  for (int64_t i = 0; i < n; i++)
    if (i == u->at)
      etl_array_move(&changed, &cols[i]);
    else
      etl_array_take(&in->rows, i, &cols[i]);
  int status = etl_array_assemble(&in->rows, cols, n, length, &m.rows); /* releases what is left of in->rows */
  free(cols);
  return status < 0 ? no_memory(u->host) : sink->emit(sink, &m);
}

static const struct etl_common common = {.struct_size = sizeof common, .open = upper_open, .close = upper_close};
static const struct etl_transformer api = {.struct_size = sizeof api, .bind = upper_bind, .process = upper_process};
ETL_CONNECTOR(ETL_KIND_TRANSFORMER, "upper", "1.0", "MIT", .summary = "Capital letters in a column",
              .options = options, .common = &common, .api = &api);
