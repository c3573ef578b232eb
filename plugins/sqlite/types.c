/* What a declared type means.  SQLite itself derives no more than an affinity from it; the names below are those that people use, and
 * those that this connector declares.  DECIMAL_TEXT and JSON_TEXT have TEXT in them because SQLite would turn what looks like a number
 * into one, and lose digits, in a column of DECIMAL or JSON. */
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "text.h"
#include "types.h"

enum {
  DOUBLE_DIGITS = 15, /* decimals of so many survive as floating point */
  INT_DIGITS = 18
};

/* ---- declared types to Arrow ------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name, *format, *extension;
} names[] = {
    {"BOOL", "b", NULL},           {"BOOLEAN", "b", NULL},         {"DATE", "tdD", NULL},
    {"TIME", "ttu", NULL},         {"DATETIME", "tsu:", NULL},     {"TIMESTAMP", "tsu:", NULL},
    {"TIMESTAMPTZ", "tsu:UTC", NULL}, {"TIMESTAMP_NS", "tsn:", NULL}, {"TIMESTAMPTZ_NS", "tsn:UTC", NULL},
    {"TIME_NS", "ttn", NULL},      {"UUID", "w:16", "arrow.uuid"}, {"UNIQUEIDENTIFIER", "w:16", "arrow.uuid"},
    {"JSON", "u", "arrow.json"},   {"JSON_TEXT", "u", "arrow.json"},
};
/* By SQLite's own rules, in their order. */
static const struct {
  const char *part, *format;
} parts[] = {{"INT", "l"}, {"CHAR", "u"}, {"CLOB", "u"}, {"TEXT", "u"}, {"BLOB", "z"}, {"BINARY", "z"}, {"REAL", "g"}, {"FLOA", "g"}, {"DOUB", "g"}};

bool type_of_declared(const char *declared, char ret_format[TYPE_BYTES], const char **ret_extension) {
  char upper[TYPE_BYTES];
  size_t n = 0;
  int precision, scale = 0;
  *ret_extension = NULL;
  for (; declared && declared[n] && n + 1 < sizeof upper; n++)
    upper[n] = declared[n] >= 'a' && declared[n] <= 'z' ? (char)(declared[n] - 'a' + 'A') : declared[n];
  upper[n] = 0;
  size_t base = strcspn(upper, "( ");
  bool decimal = (base == 7 && (strncmp(upper, "DECIMAL", base) == 0 || strncmp(upper, "NUMERIC", base) == 0)) ||
                 (base == 12 && strncmp(upper, "DECIMAL_TEXT", base) == 0);
  if (decimal && sscanf(upper + base, " ( %d , %d )", &precision, &scale) >= 1 && precision >= 1 && precision <= TEXT_DIGITS && scale >= 0 &&
      scale <= precision) {
    snprintf(ret_format, TYPE_BYTES, "d:%d,%d", precision, scale);
    return true;
  }
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strlen(names[i].name) == base && strncmp(names[i].name, upper, base) == 0) {
      snprintf(ret_format, TYPE_BYTES, "%s", names[i].format);
      *ret_extension = names[i].extension;
      return true;
    }
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strstr(upper, parts[i].part)) {
      snprintf(ret_format, TYPE_BYTES, "%s", parts[i].format);
      return true;
    }
  return false;
}

/* ---- Arrow to declared types ------------------------------------------------------------------------------------------------------- */

bool type_declared(const struct ArrowSchema *column, char ret[TYPE_BYTES]) {
  struct etl_format f;
  const char *name = NULL;
  if (etl_format_parse(column, &f) < 0)
    return false;
  switch (f.logical) {
  case ETL_L_BOOL: name = "BOOLEAN"; break;
  case ETL_L_INT: name = f.width == 8 ? "BIGINT" : f.width == 4 ? "INTEGER" : "SMALLINT"; break;
  case ETL_L_UINT: name = f.width == 8 ? "DECIMAL_TEXT(20,0)" : "BIGINT"; break;
  case ETL_L_FLOAT: name = f.width == 4 ? "REAL" : "DOUBLE"; break;
  case ETL_L_DECIMAL: {
    bool number = f.scale >= 0 && f.precision <= (f.scale == 0 ? INT_DIGITS : DOUBLE_DIGITS);
    snprintf(ret, TYPE_BYTES, "%s(%d,%d)", number ? "DECIMAL" : "DECIMAL_TEXT", f.scale < 0 ? f.precision - f.scale : f.precision,
             f.scale < 0 ? 0 : f.scale);
    return true;
  }
  case ETL_L_STRING: name = "TEXT"; break;
  case ETL_L_BINARY: name = "BLOB"; break;
  case ETL_L_UUID: name = "UUID"; break;
  case ETL_L_JSON: name = "JSON_TEXT"; break;
  case ETL_L_DATE: name = "DATE"; break;
  case ETL_L_TIME: name = f.per_second > 1000000 ? "TIME_NS" : "TIME"; break;
  case ETL_L_TIMESTAMP: name = f.per_second > 1000000 ? (f.tz ? "TIMESTAMPTZ_NS" : "TIMESTAMP_NS") : f.tz ? "TIMESTAMPTZ" : "TIMESTAMP"; break;
  }
  snprintf(ret, TYPE_BYTES, "%s", name);
  return true;
}

int type_bind(sqlite3_stmt *stmt, int i, const struct etl_view *v, int64_t row) {
  char buf[TEXT_BYTES];
  struct etl_bytes b;
  if (etl_view_null(v, row))
    return sqlite3_bind_null(stmt, i);
  switch (v->f.logical) {
  case ETL_L_BOOL: return sqlite3_bind_int(stmt, i, etl_view_bool(v, row));
  case ETL_L_UINT:
    if (v->f.width == 8)
      return sqlite3_bind_text(stmt, i, buf, snprintf(buf, sizeof buf, "%llu", (unsigned long long)etl_view_i64(v, row)), SQLITE_TRANSIENT);
    return sqlite3_bind_int64(stmt, i, etl_view_i64(v, row));
  case ETL_L_INT: return sqlite3_bind_int64(stmt, i, etl_view_i64(v, row));
  case ETL_L_FLOAT: return isnan(etl_view_f64(v, row)) ? SQLITE_MISMATCH : sqlite3_bind_double(stmt, i, etl_view_f64(v, row));
  case ETL_L_STRING:
  case ETL_L_JSON:
    b = etl_view_bytes(v, row);
    return sqlite3_bind_text64(stmt, i, b.n ? b.p : "", b.n, SQLITE_STATIC, SQLITE_UTF8);
  case ETL_L_BINARY:
    b = etl_view_bytes(v, row);
    return sqlite3_bind_blob64(stmt, i, b.n ? b.p : "", b.n, SQLITE_STATIC);
  default: return sqlite3_bind_text(stmt, i, buf, (int)text_print(v, row, buf), SQLITE_TRANSIENT);
  }
}

/* ---- values of a row ----------------------------------------------------------------------------------------------------------------- */

struct cell {
  sqlite3_stmt *stmt;
  int i, kind;
  const struct etl_format *f;
  struct etl_batch *b;
  int64_t col;
  bool no_memory;
};

static struct etl_bytes text_of(const struct cell *c) {
  const void *p = sqlite3_column_text(c->stmt, c->i);
  return (struct etl_bytes){p ? p : "", (uint64_t)sqlite3_column_bytes(c->stmt, c->i)};
}

static const char *put_bytes(struct cell *c, struct etl_bytes v) {
  c->no_memory = etl_batch_bytes(c->b, c->col, v.p, v.n) < 0;
  return NULL;
}

static const char *read_bool(struct cell *c) {
  int64_t v = sqlite3_column_int64(c->stmt, c->i);
  struct etl_bytes t = c->kind == SQLITE_TEXT ? text_of(c) : (struct etl_bytes){"", 0};
  bool yes = t.n && (strcasecmp(t.p, "true") == 0 || strcasecmp(t.p, "t") == 0), no = t.n && (strcasecmp(t.p, "false") == 0 || strcasecmp(t.p, "f") == 0);
  if (c->kind == SQLITE_INTEGER ? v != 0 && v != 1 : !yes && !no)
    return "is none of 0, 1, true and false";
  etl_batch_bool(c->b, c->col, c->kind == SQLITE_INTEGER ? v == 1 : yes);
  return NULL;
}

static const char *read_int(struct cell *c) {
  if (c->kind != SQLITE_INTEGER)
    return "is no integer";
  etl_batch_i64(c->b, c->col, sqlite3_column_int64(c->stmt, c->i));
  return NULL;
}

static const char *read_float(struct cell *c) {
  double v = sqlite3_column_double(c->stmt, c->i);
  int64_t whole = sqlite3_column_int64(c->stmt, c->i), limit = INT64_C(1) << 53;
  if (c->kind == SQLITE_INTEGER && (whole > limit || whole < -limit))
    return "is an integer that floating point cannot hold";
  if (c->kind != SQLITE_FLOAT && c->kind != SQLITE_INTEGER)
    return "is no number";
  etl_batch_f64(c->b, c->col, v);
  return NULL;
}

static const char *read_decimal(struct cell *c) {
  __int128 n = 0, limit = 1;
  if (c->kind == SQLITE_BLOB)
    return "is a blob, not a number";
  const char *why = text_scan_decimal(text_of(c), c->f->scale, &n);
  for (int32_t i = 0; i < c->f->precision; i++)
    limit *= 10;
  if (!why && (n >= limit || n <= -limit))
    why = "out of the type's range";
  if (!why)
    etl_batch_fixed(c->b, c->col, &n);
  return why;
}

static const char *read_text(struct cell *c) {
  if (c->kind == SQLITE_BLOB)
    return "is a blob, not text";
  struct etl_bytes v = text_of(c);
  return c->kind != SQLITE_TEXT || text_is_utf8(v) ? put_bytes(c, v) : "is not UTF-8";
}

static const char *read_blob(struct cell *c) {
  const void *p = sqlite3_column_blob(c->stmt, c->i);
  if (c->kind != SQLITE_BLOB && c->kind != SQLITE_TEXT)
    return "is a number, not a blob";
  return put_bytes(c, (struct etl_bytes){p ? p : "", (uint64_t)sqlite3_column_bytes(c->stmt, c->i)});
}

static const char *read_uuid(struct cell *c) {
  uint8_t uuid[16];
  if (c->kind == SQLITE_BLOB && sqlite3_column_bytes(c->stmt, c->i) == 16) {
    etl_batch_fixed(c->b, c->col, sqlite3_column_blob(c->stmt, c->i));
    return NULL;
  }
  const char *why = c->kind == SQLITE_TEXT ? text_scan_uuid(text_of(c), uuid) : "is neither the text of a uuid nor 16 bytes";
  if (!why)
    etl_batch_fixed(c->b, c->col, uuid);
  return why;
}

static const char *read_temporal(struct cell *c) {
  int64_t t = 0;
  bool zoned = false;
  const char *why = c->kind == SQLITE_TEXT ? NULL : "is not text (a query can make it of numbers: datetime(x, 'unixepoch'))";
  if (!why && c->f->logical == ETL_L_DATE)
    why = text_scan_date(text_of(c), &t);
  else if (!why && c->f->logical == ETL_L_TIME)
    why = text_scan_time(text_of(c), c->f->per_second, &t);
  else if (!why)
    why = text_scan_stamp(text_of(c), c->f->per_second, &t, &zoned);
  if (!why && zoned && !c->f->tz)
    why = "has a time zone, which the type does not have";
  if (!why)
    etl_batch_fixed(c->b, c->col, &t); /* its low bytes come first */
  return why;
}

const char *type_read(sqlite3_stmt *stmt, int i, const struct etl_format *f, struct etl_batch *b, int64_t col, bool *ret_no_memory) {
  static const char *(*const readers[])(struct cell *) = {
      [ETL_L_BOOL] = read_bool,     [ETL_L_INT] = read_int,   [ETL_L_FLOAT] = read_float, [ETL_L_DECIMAL] = read_decimal,
      [ETL_L_STRING] = read_text,   [ETL_L_JSON] = read_text, [ETL_L_BINARY] = read_blob, [ETL_L_UUID] = read_uuid,
      [ETL_L_DATE] = read_temporal, [ETL_L_TIME] = read_temporal, [ETL_L_TIMESTAMP] = read_temporal};
  struct cell c = {.stmt = stmt, .i = i, .kind = sqlite3_column_type(stmt, i), .f = f, .b = b, .col = col};
  const char *why = NULL;
  if (c.kind == SQLITE_NULL)
    c.no_memory = etl_batch_null(b, col) < 0;
  else
    why = readers[f->logical](&c);
  *ret_no_memory = c.no_memory;
  return why;
}
