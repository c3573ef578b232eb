/* etl/sdk.h: a small static library for connectors, on top of etl/plugin.h: failing with a formatted message, typed access to
 * options, building and reading Arrow batches.  A connector may use any Arrow library instead, or none.
 *
 * Threads: every object here belongs to one thread at a time.  Functions returning int give 0, or -1 after nothing changed
 * (out of budget or an unknown format): the caller then calls etl_failf(). */
#ifndef ETL_SDK_H
#define ETL_SDK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "etl/plugin.h"

/* ---- failing, logging -------------------------------------------------------------------------------------------------- */

/* An error for etl_failf(): ETL_ERROR(ETL_E_PERMANENT), or with more of its fields ETL_ERROR(ETL_E_CONFIG, .option = "path", .remedy = "...").
 * row and column are unknown: set them later. */
#define ETL_ERROR(...) ((struct etl_error){.struct_size = sizeof(struct etl_error), .row = -1, .column = -1, .error_class = __VA_ARGS__})

/* host->fail() with a formatted message (e->message is ignored).  Returns ETL_FAILED. */
__attribute__((format(printf, 3, 4))) int32_t etl_failf(const struct etl_host *h, const struct etl_error *e, const char *fmt, ...);

/* host->bad_row() for a row of a batch, with the row as JSON and a formatted message.  From e: class, vendor code and state, column (its
 * name is found in the schema).  stream NULL: the one in hand.  Returns what bad_row returns. */
__attribute__((format(printf, 7, 8))) int32_t etl_reject(const struct etl_host *h, const struct etl_error *e, const char *stream,
                                                         const struct ArrowSchema *schema, const struct ArrowArray *batch, int64_t row,
                                                         const char *fmt, ...);
/* The same when there is no batch yet: raw as for struct etl_bad_row (a JSON object or any bytes), row counts as the connector says. */
__attribute__((format(printf, 5, 6))) int32_t etl_reject_raw(const struct etl_host *h, const struct etl_error *e, struct etl_bytes raw,
                                                             int64_t row, const char *fmt, ...);
/* One row as a JSON object, malloc()ed and NUL ended; NULL: no memory.  Integers and floats are numbers (NaN and infinities strings);
 * decimals, dates ("2026-01-31"), times and timestamps ("2026-01-31T23:59:59.1234567Z", without Z when there is no zone) and UUIDs
 * are strings; binary is "\x00ff".  Text that is not UTF-8 or holds a NUL is {"$hex": "00ff"}; a value of more than 64 KiB is cut: {"$cut": "its first
 * characters", "$bytes": length}; a type that the SDK does not know is {"$format": "its Arrow format"}. */
char *etl_row_json(const struct ArrowSchema *schema, const struct ArrowArray *batch, int64_t row);
/* All rows likewise, one behind the other, each with its NUL; *ret_bytes: of all of them. */
char *etl_rows_json(const struct ArrowSchema *schema, const struct ArrowArray *batch, uint64_t *ret_bytes);

__attribute__((format(printf, 3, 4))) void etl_logf(const struct etl_host *h, uint32_t level, const char *fmt, ...);

/* A transformer, before it emits rows: see struct etl_origins.  Costs nothing when nobody wants to know. */
static inline void etl_tell_rows(const struct etl_host *h, const int64_t *rows, uint64_t n) {
  const struct etl_origins *o = h->ext ? (const struct etl_origins *)h->ext(h, ETL_EXT_ORIGINS) : NULL;
  if (o)
    o->tell(h, rows, n);
}

/* Does the whole text match: * stands for any characters, ? for any one (byte).  Case is ignored in ASCII alone. */
bool etl_match(const char *pattern, const char *text, bool ignore_case);

/* ---- the civil calendar -------------------------------------------------------------------------------------------------- */

/* A date of the proleptic Gregorian calendar, as Arrow counts days: the year before 1 is 0 (1 BC), the one before that -1. */
struct etl_civil {
  int64_t year;
  int32_t month, day; /* from 1 */
};
struct etl_civil etl_civil_from_days(int64_t days); /* since 1970-01-01; any */
/* Days since 1970-01-01.  A month of 0 or 13 is of the year beside, and a day beyond its month counts on.  |year| up to 2^53. */
int64_t etl_days_from_civil(int64_t year, int64_t month, int64_t day);
bool etl_civil_valid(int64_t year, int64_t month, int64_t day); /* is there such a day? */

/* ---- options: name the indexes with an enum beside the option table -------------------------------------------------------- */

static inline const char *etl_opt_str(const struct etl_open *o, unsigned i) { return o->values[i]->str; }
static inline int64_t etl_opt_int(const struct etl_open *o, unsigned i) { return o->values[i]->i; }
static inline bool etl_opt_bool(const struct etl_open *o, unsigned i) { return o->values[i]->i != 0; }
static inline double etl_opt_float(const struct etl_open *o, unsigned i) { return o->values[i]->f; }
static inline bool etl_opt_set(const struct etl_open *o, unsigned i) { return o->values[i]->is_set != 0; }
static inline uint64_t etl_opt_list_n(const struct etl_open *o, unsigned i) { return o->values[i]->list_n; }
static inline const char *etl_opt_list(const struct etl_open *o, unsigned i, uint64_t k) { return (const char *)o->values[i]->list[k].p; }
static inline uint64_t etl_opt_groups_n(const struct etl_open *o, unsigned i) { return o->values[i]->groups_n; }
static inline const struct etl_group *etl_opt_group(const struct etl_open *o, unsigned i, uint64_t k) { return o->values[i]->groups[k]; }
static inline const char *etl_group_str(const struct etl_group *g, unsigned i) { return g->values[i]->str; }
static inline int64_t etl_group_int(const struct etl_group *g, unsigned i) { return g->values[i]->i; }
static inline bool etl_group_set(const struct etl_group *g, unsigned i) { return g->values[i]->is_set != 0; }

/* The secret behind value v as a NUL ended string, "" if there is none.  Borrowed until close(). */
const char *etl_secret(const struct etl_host *h, const struct etl_value *v);

/* ---- formats ------------------------------------------------------------------------------------------------------------ */

enum etl_phys { /* how values lie in memory */
  ETL_P_BOOL = 1, /* bits */
  ETL_P_FIXED,    /* width bytes each */
  ETL_P_VAR32,    /* int32 offsets and bytes */
  ETL_P_VAR64     /* int64 offsets and bytes: read only, the builder does not make it */
};
enum etl_logical { /* what they mean */
  ETL_L_BOOL = 1,
  ETL_L_INT,       /* signed, width 1, 2, 4, 8 */
  ETL_L_UINT,
  ETL_L_FLOAT,     /* width 4, 8 */
  ETL_L_DECIMAL,   /* decimal128: width 16, two's complement little endian; precision, scale */
  ETL_L_STRING,    /* UTF-8 */
  ETL_L_BINARY,    /* variable or fixed (width) */
  ETL_L_UUID,      /* "w:16" with ETL_META_EXTENSION arrow.uuid */
  ETL_L_JSON,      /* "u" with arrow.json */
  ETL_L_DATE,      /* tdD: int32 days since 1970-01-01 */
  ETL_L_TIME,      /* tts ttm ttu ttn: since midnight in unit */
  ETL_L_TIMESTAMP  /* tss tsm tsu tsn: since 1970-01-01 in unit; tz NULL: local time without a zone, else an instant */
};
struct etl_format {
  enum etl_phys phys;
  enum etl_logical logical;
  uint32_t width;     /* bytes, ETL_P_FIXED only */
  int32_t precision;  /* ETL_L_DECIMAL */
  int32_t scale;
  int64_t per_second; /* ETL_L_TIME, ETL_L_TIMESTAMP: units in a second: 1, 1000, 1000000, 1000000000 */
  const char *tz;     /* borrowed from the schema */
};
/* Reads one column's format (and its extension name).  -1: one that this library does not know, or a dictionary. */
int etl_format_parse(const struct ArrowSchema *column, struct etl_format *ret);

/* ---- schemas ------------------------------------------------------------------------------------------------------------ */

/* A struct schema with n_columns unset columns.  Released by s->release(s). */
int etl_schema_init(struct ArrowSchema *s, int64_t n_columns);
/* Sets column i.  source_type and extension may be NULL (see ETL_META_*). */
int etl_schema_set(struct ArrowSchema *s, int64_t i, const char *name, const char *format, bool nullable, const char *source_type,
                   const char *extension);
int etl_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *ret);
/* Copies one column (with its name and metadata) to column i of s. */
int etl_schema_set_copy(struct ArrowSchema *s, int64_t i, const struct ArrowSchema *column);
bool etl_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b); /* names, formats, nullability, metadata */
int64_t etl_schema_find(const struct ArrowSchema *s, const char *name);          /* index of the column, -1 none; exact case */
/* Metadata value of a column, or NULL; *ret_n gets its length (it is not NUL ended). */
const char *etl_schema_meta(const struct ArrowSchema *column, const char *key, uint64_t *ret_n);

static inline void etl_schema_release(struct ArrowSchema *s) { if (s->release) s->release(s); }
static inline void etl_array_release(struct ArrowArray *a) { if (a->release) a->release(a); }
static inline void etl_schema_move(struct ArrowSchema *from, struct ArrowSchema *to) { *to = *from; from->release = NULL; }
static inline void etl_array_move(struct ArrowArray *from, struct ArrowArray *to) { *to = *from; from->release = NULL; }

/* ---- building batches: for each row etl_batch_row(), one add per column in any order, until etl_batch_finish() ----------- */

struct etl_builder_col {
  struct etl_format f;
  uint8_t *valid;     /* bitmap; NULL while no null was added */
  int32_t *offsets;   /* ETL_P_VAR32: rows + 1 of them */
  uint8_t *data;
  uint64_t data_n;    /* bytes used, ETL_P_VAR32 */
  uint64_t data_cap;  /* bytes */
  int64_t null_count;
};
struct etl_batch {
  const struct etl_host *host;
  struct etl_builder_col *cols;
  int64_t n_cols;
  uint64_t rows;      /* rows begun, the one in hand among them */
  uint64_t rows_cap;
  uint64_t rows_first_cap;
};
/* For columns of schema s (its formats are copied; it may go away, but for time zone names, which are not needed to build).
 * rows_hint: rows wanted in a batch. */
int etl_batch_init(struct etl_batch *b, const struct etl_host *h, const struct ArrowSchema *s, uint64_t rows_hint);
void etl_batch_fini(struct etl_batch *b); /* accepts a zeroed one */
int etl_batch_grow_(struct etl_batch *b);                                   /* internal */
int etl_batch_grow_data_(struct etl_batch *b, int64_t col, uint64_t more);  /* internal */
int etl_batch_null_(struct etl_batch *b, int64_t col);                      /* internal */

/* Begins a row; every column must then be added exactly once. */
static inline int etl_batch_row(struct etl_batch *b) {
  if (b->rows == b->rows_cap && etl_batch_grow_(b) < 0)
    return -1;
  b->rows++;
  return 0;
}
/* Takes back the row in hand, whatever of it was added. */
void etl_batch_undo_row(struct etl_batch *b);

static inline int etl_batch_null(struct etl_batch *b, int64_t col) { return etl_batch_null_(b, col); }
static inline void etl_batch_mark_(struct etl_builder_col *c, uint64_t row) {
  if (c->valid)
    c->valid[row >> 3] = (uint8_t)(c->valid[row >> 3] | 1u << (row & 7));
}
/* A fixed-width value, copied from p (the column's width). */
static inline void etl_batch_fixed(struct etl_batch *b, int64_t col, const void *p) {
  struct etl_builder_col *c = &b->cols[col];
  memcpy(c->data + (b->rows - 1) * c->f.width, p, c->f.width);
  etl_batch_mark_(c, b->rows - 1);
}
#define ETL_BATCH_ADD_(name_, type_)                                                              \
  static inline void etl_batch_##name_(struct etl_batch *b, int64_t col, type_ v) {               \
    struct etl_builder_col *c = &b->cols[col];                                                    \
    memcpy(c->data + (b->rows - 1) * sizeof v, &v, sizeof v);                                     \
    etl_batch_mark_(c, b->rows - 1);                                                              \
  }
/* The caller picks the one that fits the column's width. */
ETL_BATCH_ADD_(i8, int8_t)
ETL_BATCH_ADD_(u8, uint8_t)
ETL_BATCH_ADD_(i16, int16_t)
ETL_BATCH_ADD_(i32, int32_t)
ETL_BATCH_ADD_(i64, int64_t)
ETL_BATCH_ADD_(f32, float)
ETL_BATCH_ADD_(f64, double)
static inline void etl_batch_bool(struct etl_batch *b, int64_t col, bool v) {
  struct etl_builder_col *c = &b->cols[col];
  uint64_t r = b->rows - 1;
  c->data[r >> 3] = (uint8_t)((c->data[r >> 3] & ~(1u << (r & 7))) | (unsigned)v << (r & 7));
  etl_batch_mark_(c, r);
}
/* Room for n bytes of a string or binary value of the row in hand, to be written by the caller; NULL: no room.  Follow with
 * etl_batch_bytes_done() and the bytes really written. */
static inline uint8_t *etl_batch_bytes_room(struct etl_batch *b, int64_t col, uint64_t n) {
  struct etl_builder_col *c = &b->cols[col];
  if (c->data_n + n > c->data_cap && etl_batch_grow_data_(b, col, n) < 0)
    return NULL;
  return c->data + c->data_n;
}
static inline void etl_batch_bytes_done(struct etl_batch *b, int64_t col, uint64_t n) {
  struct etl_builder_col *c = &b->cols[col];
  c->data_n += n;
  c->offsets[b->rows] = (int32_t)c->data_n;
  etl_batch_mark_(c, b->rows - 1);
}
static inline int etl_batch_bytes(struct etl_batch *b, int64_t col, const void *p, uint64_t n) {
  uint8_t *to = etl_batch_bytes_room(b, col, n);
  if (!to)
    return -1;
  if (n)
    memcpy(to, p, n);
  etl_batch_bytes_done(b, col, n);
  return 0;
}
static inline uint64_t etl_batch_rows(const struct etl_batch *b) { return b->rows; }
uint64_t etl_batch_size_bytes(const struct etl_batch *b); /* of the values so far */
/* Moves all rows into *ret (a struct array); the builder is empty and ready for the next batch. */
int etl_batch_finish(struct etl_batch *b, struct ArrowArray *ret);

/* ---- reading batches ------------------------------------------------------------------------------------------------------ */

struct etl_view { /* one column of a batch; borrowed from the array */
  struct etl_format f;
  const uint8_t *valid; /* NULL: no nulls */
  const void *offsets;
  const uint8_t *data;
  int64_t offset; /* of the array (and its parent), to be added to every index */
  int64_t length;
};
/* Column col of a struct array.  -1: a format this library does not know. */
int etl_view_init(struct etl_view *v, const struct ArrowSchema *s, const struct ArrowArray *batch, int64_t col);
static inline bool etl_view_null(const struct etl_view *v, int64_t i) {
  i += v->offset;
  return v->valid && !(v->valid[i >> 3] >> (i & 7) & 1);
}
static inline bool etl_view_bool(const struct etl_view *v, int64_t i) {
  i += v->offset;
  return v->data[i >> 3] >> (i & 7) & 1;
}
/* Pointer to a fixed-width value. */
static inline const uint8_t *etl_view_fixed(const struct etl_view *v, int64_t i) {
  return v->data + (uint64_t)(i + v->offset) * v->f.width;
}
/* Any signed or unsigned integer, date, time or timestamp column. */
static inline int64_t etl_view_i64(const struct etl_view *v, int64_t i) {
  const uint8_t *p = etl_view_fixed(v, i);
  bool u = v->f.logical == ETL_L_UINT;
  switch (v->f.width) {
  case 1: return u ? (int64_t)*p : (int64_t)(int8_t)*p;
  case 2: { uint16_t x; memcpy(&x, p, 2); return u ? (int64_t)x : (int64_t)(int16_t)x; }
  case 4: { uint32_t x; memcpy(&x, p, 4); return u ? (int64_t)x : (int64_t)(int32_t)x; }
  default: { int64_t x; memcpy(&x, p, 8); return x; }
  }
}
static inline double etl_view_f64(const struct etl_view *v, int64_t i) {
  const uint8_t *p = etl_view_fixed(v, i);
  if (v->f.width == 4) { float x; memcpy(&x, p, 4); return (double)x; }
  double x;
  memcpy(&x, p, 8);
  return x;
}
/* String or binary value, variable or fixed width; not NUL ended. */
static inline struct etl_bytes etl_view_bytes(const struct etl_view *v, int64_t i) {
  if (v->f.phys == ETL_P_FIXED)
    return (struct etl_bytes){etl_view_fixed(v, i), v->f.width};
  i += v->offset;
  if (v->f.phys == ETL_P_VAR64) {
    const int64_t *o = (const int64_t *)v->offsets;
    return (struct etl_bytes){v->data + o[i], (uint64_t)(o[i + 1] - o[i])};
  }
  const int32_t *o = (const int32_t *)v->offsets;
  return (struct etl_bytes){v->data + o[i], (uint64_t)(o[i + 1] - o[i])};
}
/* A struct array over columns taken from `in` (their ownership moves; a column of `in` may be taken once) and new ones:
 * cols[i] are moved.  For transformers that add or drop columns without copying the others.  in is released. */
int etl_array_assemble(struct ArrowArray *in, struct ArrowArray *cols, int64_t n_cols, int64_t length, struct ArrowArray *ret);
/* Moves column i out of a struct array, which keeps a released hole there; adds the parent's offset. */
void etl_array_take(struct ArrowArray *in, int64_t i, struct ArrowArray *ret);
/* A finished single column (a struct array's only child) out of a builder with one column. */
int etl_batch_finish_column(struct etl_batch *b, struct ArrowArray *ret);

/* ---- explaining (etl.explain/1) ------------------------------------------------------------------------------------------- */

struct etl_telling { /* items that go to the caller of explain(), until it wants no more */
  int32_t (*each)(void *arg, const struct etl_explain_item *);
  void *arg;
  int32_t rc; /* the first that is not ETL_OK */
};
static inline void etl_tell(struct etl_telling *t, uint32_t kind, uint32_t flags, const char *subject, const char *from, const char *to,
                            const char *text) {
  struct etl_explain_item item = {
    .struct_size = sizeof item, .kind = kind, .flags = flags, .subject = subject, .from = from, .to = to, .text = text};
  if (t->rc == ETL_OK)
    t->rc = t->each(t->arg, &item);
}

/* ---- the end of a connector's source: descriptor, entry point and ELF note of the file ---------------------------------------- */

/* A file with several connectors: ETL_PLUGIN("mine", "1.0", "MIT", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, &reads, &writes);
 * kinds: a bit for the kind of each; then the address of each struct etl_connector. */
#define ETL_PLUGIN(name_, version_, license_, kinds_, ...)                                                                     \
  static const struct etl_connector *const etl_connectors_[] = {__VA_ARGS__, NULL};                                            \
  static const struct etl_plugin etl_plugin_ = {                                                                               \
    .magic = ETL_MAGIC, .struct_size = sizeof etl_plugin_, .abi_major = ETL_ABI_MAJOR, .abi_minor = ETL_ABI_MINOR,             \
    .name = name_, .version = version_, .license = license_, .connectors = etl_connectors_};                                   \
  const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {                                           \
    (void)host_minor;                                                                                                          \
    return host_major == ETL_ABI_MAJOR ? &etl_plugin_ : NULL;                                                                  \
  }                                                                                                                            \
  ETL_NOTE(name_, version_, kinds_, 0)

/* With one: ETL_CONNECTOR(ETL_KIND_LOADER, "mine", "1.0", "MIT", .summary = "...", .options = options, .common = &common, .api = &api); */
#define ETL_CONNECTOR(kind_, name_, version_, license_, ...)                                                                   \
  static const struct etl_connector etl_connector_ = {                                                                         \
    .struct_size = sizeof etl_connector_, .kind = kind_, .name = name_, .version = version_, __VA_ARGS__};                     \
  ETL_PLUGIN(name_, version_, license_, 1u << (kind_), &etl_connector_)

#endif
