/* The statements, and the upper bound of a run.  A bound is such that no row with a value up to it can still appear: for a clock
 * that ticks in steps (a date: a day) the step that is still going on is left out. */
#include "query.h"

#include <stdio.h>

#include "temporal.h"

static void table_name(struct text *t, const struct settings *s) {
  text_identifier(t, s->schema);
  text_add(t, ".");
  text_identifier(t, s->table);
}

static void object_id(struct text *t, const struct settings *s) {
  struct text name = {0};
  table_name(&name, s);
  text_add(t, "OBJECT_ID(");
  text_literal(t, text_str(&name));
  text_add(t, ")");
  t->failed |= name.failed;
  text_fini(&name);
}

void query_object(struct text *t, const struct settings *s) {
  text_add(t, "SELECT type FROM sys.objects WHERE object_id = ");
  object_id(t, s);
  text_add(t, " AND type IN ('U', 'V')");
}

void query_columns(struct text *t, const struct settings *s) {
  text_add(t, "SELECT c.name, b.name, u.name, c.max_length, c.precision, c.scale, c.is_nullable FROM sys.columns AS c "
              "JOIN sys.types AS u ON u.user_type_id = c.user_type_id "
              "LEFT JOIN sys.types AS b ON b.user_type_id = c.system_type_id WHERE c.object_id = ");
  object_id(t, s);
  text_add(t, " ORDER BY c.column_id");
}

void query_indexes(struct text *t, const struct settings *s) {
  text_add(t, "SELECT i.index_id, i.name, i.is_unique, c.name, i.is_primary_key FROM sys.indexes AS i "
              "JOIN sys.index_columns AS k ON k.object_id = i.object_id AND k.index_id = i.index_id "
              "JOIN sys.columns AS c ON c.object_id = k.object_id AND c.column_id = k.column_id "
              "WHERE i.is_disabled = 0 AND i.has_filter = 0 AND i.type IN (1, 2) AND k.key_ordinal > 0 AND i.object_id = ");
  object_id(t, s);
  text_add(t, " ORDER BY i.index_id, k.key_ordinal");
}

static void parameter(struct text *t, size_t i) {
  if (i == 0)
    text_add(t, "@cursor");
  else
    text_addf(t, "@cursor_%zu", i + 1);
}

/* N'@cursor datetime2(7), @cursor_2 bigint, @upper datetime2(7)' */
static void parameter_list(struct text *t, size_t n, const struct source *src, const char *type) {
  struct text list = {0};
  for (size_t i = 0; i < n; i++) {
    parameter(&list, i);
    text_addf(&list, " %s, ", src ? cursor_parameter_type(&src->columns[src->cursor[i]]) : type);
  }
  text_addf(&list, "@upper %s", src ? cursor_parameter_type(&src->columns[src->cursor[0]]) : type);
  text_literal(t, text_str(&list));
  t->failed |= list.failed;
  text_fini(&list);
}

void query_describe(struct text *t, const struct settings *s, const char *parameter_type) {
  text_add(t, "EXEC sp_describe_first_result_set @tsql = ");
  text_literal(t, s->query);
  if (s->cursor_n) {
    text_add(t, ", @params = ");
    parameter_list(t, s->cursor_n, NULL, parameter_type);
  }
}

static const struct column *cursor_column(const struct source *src, size_t i) { return &src->columns[src->cursor[i]]; }

void query_clock(struct text *t, const struct source *src) {
  bool rowversion = src->cursor_n && cursor_column(src, 0)->type->kind == KIND_ROWVERSION;
  text_addf(t, "SELECT SYSUTCDATETIME(), SYSDATETIME()%s", rowversion ? ", MIN_ACTIVE_ROWVERSION()" : "");
}

static const char *and_or_where(bool *any) {
  const char *word = *any ? " AND " : " WHERE ";
  *any = true;
  return word;
}

static void add_where(struct text *t, const struct settings *s, bool *any) {
  if (s->where)
    text_addf(t, "%s(%s)", and_or_where(any), s->where);
}

void query_extremes(struct text *t, const struct settings *s, const struct column *c) {
  bool any = false;
  for (int i = 0; i < 2; i++) {
    text_add(t, i ? "), MAX(" : "SELECT MIN(");
    text_identifier(t, c->name);
  }
  text_add(t, ") FROM ");
  table_name(t, s);
  add_where(t, s, &any);
}

void query_histogram(struct text *t, const struct settings *s, const struct column *c, int64_t stats_id) {
  text_addf(t, "SELECT CONVERT(%s, h.range_high_key), CONVERT(bigint, h.range_rows + h.equal_rows) FROM sys.dm_db_stats_histogram(",
            cursor_parameter_type(c));
  object_id(t, s);
  text_addf(t, ", %lld) AS h WHERE h.range_high_key IS NOT NULL ORDER BY h.step_number", (long long)stats_id);
}

void query_nulls(struct text *t, const struct settings *s, const struct source *src) {
  bool any = false, first = true;
  for (size_t i = 0; i < src->cursor_n && !s->query; i++) {
    if (!cursor_column(src, i)->nullable)
      continue;
    if (first) {
      text_add(t, "SELECT COUNT_BIG(*) FROM ");
      table_name(t, s);
      add_where(t, s, &any);
      text_addf(t, "%s(", and_or_where(&any));
    }
    text_add(t, first ? "" : " OR ");
    text_identifier(t, cursor_column(src, i)->name);
    text_add(t, " IS NULL");
    first = false;
  }
  if (!first)
    text_add(t, ")");
}

/* The rows behind the cursor: [a] > A OR ([a] = A AND [b] > B) ... */
static void behind(struct text *t, const struct source *src, const struct cursor *from, size_t i) {
  const struct column *c = cursor_column(src, i);
  text_identifier(t, c->name);
  text_add(t, " > ");
  cursor_literal(t, c, from->values[i]);
  if (i + 1 == src->cursor_n)
    return;
  text_add(t, " OR (");
  text_identifier(t, c->name);
  text_add(t, " = ");
  cursor_literal(t, c, from->values[i]);
  text_add(t, " AND (");
  behind(t, src, from, i + 1);
  text_add(t, "))");
}

static void compare(struct text *t, const struct column *c, const char *op, const char *value, bool *any) {
  text_add(t, and_or_where(any));
  text_identifier(t, c->name);
  text_add(t, op);
  cursor_literal(t, c, value);
}

/* The first condition on the first column alone is what an index can seek. */
static void conditions(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                       const struct bounds *b) {
  bool any = false;
  add_where(t, s, &any);
  for (size_t i = 0; i < src->cursor_n; i++)
    if (cursor_column(src, i)->nullable) {
      text_add(t, and_or_where(&any));
      text_identifier(t, cursor_column(src, i)->name);
      text_add(t, " IS NOT NULL");
    }
  if (src->cursor_n && from->n) {
    if (src->cursor_n > 1)
      compare(t, cursor_column(src, 0), " >= ", from->values[0], &any);
    text_addf(t, "%s(", and_or_where(&any));
    behind(t, src, from, 0);
    text_add(t, ")");
  }
  if (from->from && !from->n)
    compare(t, &src->columns[from->bounding], " >= ", from->from, &any);
  if (from->until)
    compare(t, &src->columns[from->bounding], " < ", from->until, &any);
  if (src->cursor_n && b->upper[0])
    compare(t, cursor_column(src, 0), " <= ", b->upper, &any);
  if (b->range_from[0])
    compare(t, &src->columns[b->range_column], " >= ", b->range_from, &any);
  if (b->range_to[0])
    compare(t, &src->columns[b->range_column], " < ", b->range_to, &any);
}

static void table_data(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                       const struct bounds *b, uint64_t limit_rows) {
  text_add(t, "SELECT ");
  if (limit_rows)
    text_addf(t, "TOP (%llu) %s", (unsigned long long)limit_rows, src->cursor_n ? "WITH TIES " : "");
  for (size_t i = 0; i < src->columns_n; i++) {
    const struct column *c = &src->columns[i];
    text_add(t, i ? ", " : "");
    if (c->as_bytes && column_is_max(c))
      text_add(t, "CONVERT(varbinary(max), ");
    else if (c->as_bytes)
      text_addf(t, "CONVERT(varbinary(%d), ", c->max_length);
    else if (c->converted)
      text_add(t, "CONVERT(nvarchar(max), ");
    text_identifier(t, c->name);
    if (c->as_bytes || c->converted) {
      text_add(t, ") AS ");
      text_identifier(t, c->name);
    }
  }
  text_add(t, " FROM ");
  table_name(t, s);
  conditions(t, s, src, from, b);
  for (size_t i = 0; i < src->cursor_n; i++) {
    text_add(t, i ? ", " : " ORDER BY ");
    text_identifier(t, cursor_column(src, i)->name);
  }
}

/* EXEC takes constants only, so the values are converted to the parameters' types on their way in. */
static void query_with_parameters(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                                  const struct bounds *b) {
  text_add(t, "EXEC sp_executesql ");
  text_literal(t, s->query);
  text_add(t, ", ");
  parameter_list(t, src->cursor_n, src, NULL);
  for (size_t i = 0; i <= src->cursor_n; i++) {
    bool upper = i == src->cursor_n;
    const char *value = upper ? (b->upper[0] ? b->upper : NULL) : from->n ? from->values[i] : NULL;
    text_add(t, ", ");
    if (upper)
      text_add(t, "@upper");
    else
      parameter(t, i);
    text_add(t, " = ");
    if (value)
      cursor_constant(t, cursor_column(src, upper ? 0 : i), value);
    else
      text_add(t, "NULL");
  }
}

void query_data(struct text *t, const struct settings *s, const struct source *src, const struct cursor *from,
                const struct bounds *b, uint64_t limit_rows) {
  if (!s->query)
    table_data(t, s, src, from, b, limit_rows);
  else if (src->cursor_n)
    query_with_parameters(t, s, src, from, b);
  else {
    text_add(t, "EXEC sp_executesql ");
    text_literal(t, s->query);
  }
}

/* ---- the upper bound ------------------------------------------------------------------------------------------------------ */

struct clock_row {
  struct bounds *bounds;
  bool has_version;
  uint8_t version[8];
};

static int64_t ticks_of(const BYTE *p) {
  DBDATETIMEALL d;
  memcpy(&d, p, sizeof d);
  return temporal_ticks(d.date, (int64_t)d.time);
}

static int take_clock(void *arg, struct conn *c, struct failure *f) {
  struct clock_row *row = arg;
  const BYTE *utc = dbdata(c->db, 1), *local = dbdata(c->db, 2);
  if (!utc || !local || dbcoltype(c->db, 1) != SYBMSDATETIME2 || dbcoltype(c->db, 2) != SYBMSDATETIME2)
    return failure_set(f, ETL_E_UNSUPPORTED, NULL, "SQL Server 2012 or newer is needed",
                       "sqlserver: %s: the server does not tell its clock", c->where);
  row->bounds->utc_ticks = ticks_of(utc);
  row->bounds->local_ticks = ticks_of(local);
  if (dbnumcols(c->db) >= 3 && dbdata(c->db, 3) && dbdatlen(c->db, 3) == 8) {
    memcpy(row->version, dbdata(c->db, 3), 8);
    row->has_version = true;
  }
  return 0;
}

void query_ticks_text(const struct column *c, int64_t ticks, char *ret, size_t cap) {
  char text[TEMPORAL_TEXT_BYTES];
  if (c->type->kind == KIND_DATE) {
    temporal_date_text(ticks, ret, cap);
    return;
  }
  temporal_text(ticks, c->type->kind == KIND_SMALLDATETIME ? 0 : c->type->kind == KIND_DATETIME ? 3 : c->scale, text, sizeof text);
  snprintf(ret, cap, "%s%s", text, c->type->kind == KIND_DATETIMEOFFSET ? "+00:00" : "");
}

static void upper_time(struct bounds *b, const struct settings *s, const struct column *c) {
  bool local = s->cursor_clock == CLOCK_LOCAL && c->type->kind != KIND_DATETIMEOFFSET;
  int64_t step = column_tick_step(c), grid = c->type->kind == KIND_DATETIME ? TICKS_PER_SECOND / 1000 : step;
  int64_t at = (local ? b->local_ticks : b->utc_ticks) - s->consistency_delay_ns / 100;
  at = temporal_floor_div(at, grid) * grid - step;
  b->upper_ticks = at;
  query_ticks_text(c, at, b->upper, sizeof b->upper);
}

int bounds_range(struct bounds *b, const struct source *src, const struct settings *s, const char *from, const char *to, struct failure *f) {
  const char *given[] = {from, to};
  char *const ret[] = {b->range_from, b->range_to};
  b->range_column = src->cursor_n ? src->cursor[0] : src->key_column;
  if (s->query)
    return failure_set(f, ETL_E_UNSUPPORTED, "query", "read a view with `table` instead", "sqlserver: %s: a query cannot be read by range", s->stream);
  if (b->range_column == SIZE_MAX)
    return failure_set(f, ETL_E_CONFIG, "cursor", "name the column in `cursor`",
                       "sqlserver: %s: a range has no column to go by: there is no cursor, and no primary key that is read", s->stream);
  for (size_t i = 0; i < 2; i++)
    if (given[i] && !cursor_user_text(&src->columns[b->range_column], given[i], ret[i], sizeof b->range_from))
      return failure_set(f, ETL_E_CONFIG, i ? "range_to" : "range_from", "write a time as 2024-05-01T10:00:00",
                         "sqlserver: %s: \"%s\" is no %s, which column \"%s\" is", s->stream, given[i], src->columns[b->range_column].declared,
                         src->columns[b->range_column].name);
  return 0;
}

int bounds_init(struct bounds *b, const struct source *src, struct conn *c, struct failure *f) {
  struct clock_row row = {.bounds = b};
  struct text sql = {0};
  *b = (struct bounds){0};
  query_clock(&sql, src);
  int rc =
      sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(c, "asking the server's clock", sql.p, take_clock, &row, f);
  text_fini(&sql);
  if (rc < 0 || src->cursor_n == 0)
    return rc;
  const struct column *first = cursor_column(src, 0);
  if (first->type->counts_time)
    upper_time(b, c->settings, first);
  if (first->type->kind == KIND_ROWVERSION) {
    if (!row.has_version)
      return failure_set(f, ETL_E_UNSUPPORTED, "cursor", NULL,
                         "sqlserver: %s: the server does not tell its least active rowversion", c->where);
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
      v = v << 8 | row.version[i];
    snprintf(b->upper, sizeof b->upper, "0x%016llX", (unsigned long long)v - 1);
  }
  return 0;
}
