/* Statements.  A bound is such that no row below it can still appear: for a clock that counts in steps (a date: a day) the step
 * that is still going on is left out. */
#include "source_query.h"

#include <stdio.h>
#include <stdlib.h>

int32_t source_begin(struct session *s, const char *snapshot) {
  struct text sql = {0};
  text_add(&sql, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  if (snapshot) {
    text_add(&sql, "; SET TRANSACTION SNAPSHOT ");
    text_add_literal(&sql, snapshot);
  }
  text_add(&sql, "; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = 'postgres'; "
                 "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'");
  int32_t rc = sql.failed ? source_no_memory(s->host) : session_run(s, "beginning to read", text_str(&sql));
  text_fini(&sql);
  return rc;
}

static const char *and_or_where(bool *any) {
  const char *word = *any ? " AND " : " WHERE ";
  *any = true;
  return word;
}

static void literal(struct text *sql, const char *value, const char *type) {
  text_add_literal(sql, value);
  text_addf(sql, "::%s", type);
}

void query_compare(struct text *sql, bool *any, const char *column, const char *op, const char *value, const char *type) {
  text_add(sql, and_or_where(any));
  text_add_name(sql, column);
  text_addf(sql, " %s ", op);
  literal(sql, value, type);
}

static void compare_first(struct text *sql, bool *any, const struct source_table *t, const char *op, const char *value) {
  query_compare(sql, any, cursor_field(t, 0)->name, op, value, cursor_field(t, 0)->declared);
}

static void add_where(struct text *sql, bool *any, const struct source_table *t) {
  if (t->settings->where)
    text_addf(sql, "%s(%s\n)", and_or_where(any), t->settings->where);
}

void query_nulls(struct text *sql, const struct source_table *t) {
  bool any = false, first = true;
  for (size_t i = 0; i < t->cursor_n; i++) {
    if (!cursor_field(t, i)->nullable)
      continue;
    if (first) {
      text_addf(sql, "SELECT count(*) FROM %s", t->from);
      add_where(sql, &any, t);
      text_addf(sql, "%s(", and_or_where(&any));
    }
    text_add(sql, first ? "" : " OR ");
    text_add_name(sql, cursor_field(t, i)->name);
    text_add(sql, " IS NULL");
    first = false;
  }
  text_add(sql, first ? "" : ")");
}

/* (a, b) > (A, B): a tuple as the server compares it, for which an index is sought in. */
static void behind(struct text *sql, bool *any, const struct source_table *t, const struct position *p) {
  text_add(sql, and_or_where(any));
  for (size_t i = 0; i < t->cursor_n; i++) {
    text_add(sql, i ? ", " : "(");
    text_add_name(sql, cursor_field(t, i)->name);
  }
  for (size_t i = 0; i < t->cursor_n; i++) {
    text_add(sql, i ? ", " : ") > (");
    literal(sql, p->values[i], cursor_field(t, i)->declared);
  }
  text_add(sql, ")");
}

static void conditions(struct text *sql, const struct source_table *t, const struct position *p, const struct bounds *b) {
  bool any = false;
  add_where(sql, &any, t);
  for (size_t i = 0; i < t->cursor_n; i++)
    if (cursor_field(t, i)->nullable) {
      text_add(sql, and_or_where(&any));
      text_add_name(sql, cursor_field(t, i)->name);
      text_add(sql, " IS NOT NULL");
    }
  if (p->n)
    behind(sql, &any, t, p);
  else if (p->from)
    compare_first(sql, &any, t, ">=", p->from);
  if (p->until)
    compare_first(sql, &any, t, "<", p->until);
  if (b->upper[0])
    compare_first(sql, &any, t, "<", b->upper);
  if (b->from)
    query_compare(sql, &any, b->range_column, ">=", b->from, b->range_type);
  if (b->to)
    query_compare(sql, &any, b->range_column, "<", b->to, b->range_type);
  if (p->snapshot)
    text_addf(sql, "%sctid >= '(%lld,0)'::tid", and_or_where(&any), (long long)p->block_from);
  if (p->snapshot && p->block_until >= 0)
    text_addf(sql, "%sctid < '(%lld,0)'::tid", and_or_where(&any), (long long)p->block_until);
}

void query_data(struct text *sql, const struct source_table *t, const struct position *p, const struct bounds *b,
                uint64_t limit_rows) {
  text_add(sql, "COPY (SELECT ");
  for (size_t i = 0; i < t->n; i++) {
    text_add(sql, i ? ", " : "");
    text_add_name(sql, t->fields[i].name);
    text_add(sql, t->fields[i].as_text ? "::text" : "");
  }
  text_addf(sql, " FROM %s", t->from);
  conditions(sql, t, p, b);
  for (size_t i = 0; i < t->cursor_n; i++) {
    text_add(sql, i ? ", " : " ORDER BY ");
    text_add_name(sql, cursor_field(t, i)->name);
  }
  if (limit_rows)
    text_addf(sql, " FETCH FIRST %llu ROWS %s", (unsigned long long)limit_rows, t->cursor_n ? "WITH TIES" : "ONLY");
  text_add(sql, ") TO STDOUT (FORMAT binary)");
}

/* ---- bounds --------------------------------------------------------------------------------------------------------- */

/* now() is when the transaction began: before its snapshot.  A type with fewer digits rounds, so one step more is left out. */
static void add_upper(struct text *sql, const struct source_table *t) {
  const struct field *c = cursor_field(t, 0);
  const struct source_settings *set = t->settings;
  bool date = strcmp(c->type->format, "tdD") == 0, zone = strcmp(c->type->format, "tsu:UTC") == 0;
  int64_t step = 1;
  for (int i = c->scale; i < 6 && !date; i++)
    step *= 10;
  text_addf(sql, ", ((now() - interval '%lld microseconds')", (long long)(set->delay_us + (step > 1 ? step : 0)));
  if (!zone)
    text_add(sql, set->clock == SOURCE_CLOCK_LOCAL ? " AT TIME ZONE z.name" : " AT TIME ZONE 'UTC'");
  text_add(sql, date ? ")::date::text" : ")::text");
}

static int32_t ask_clock(struct bounds *b, const struct source_table *t, struct session *s) {
  struct text sql = {0};
  PGresult *r = NULL;
  bool time = t->cursor_n && cursor_field(t, 0)->type->counts_time;
  text_add(&sql,
           "SELECT (extract(epoch FROM now()) * 1000000)::int8, (extract(epoch FROM now() AT TIME ZONE z.name) * 1000000)::int8");
  if (time)
    add_upper(&sql, t);
  text_add(&sql, " FROM (SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'TimeZone') AS z(name)");
  int32_t rc = sql.failed ? source_no_memory(s->host) : session_query(s, "asking the server's clock", text_str(&sql), 0, NULL, &r);
  if (rc == ETL_OK) {
    b->utc_us = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    b->local_us = strtoll(PQgetvalue(r, 0, 1), NULL, 10);
    snprintf(b->upper, sizeof b->upper, "%s", time ? PQgetvalue(r, 0, 2) : "");
  }
  PQclear(r);
  text_fini(&sql);
  return rc;
}

/* A mistyped bound is the user's to correct, whatever class the server's error has. */
static int32_t check_bound(const struct bounds *b, struct session *s, const char *verb, const char *value) {
  struct text sql = {0};
  text_addf(&sql, "SELECT $1::%s", b->range_type);
  s->trying = true;
  int32_t rc = sql.failed ? source_no_memory(s->host)
                          : session_query(s, "looking at the range", text_str(&sql), 1, (const char *const[]){value}, NULL);
  s->trying = false;
  text_fini(&sql);
  if (rc == ETL_FAILED && s->trouble.message) {
    rc = source_refuse(s->host, NULL, "write it as the column's type is written",
                       "the range %s at \"%s\", which is no %s as column \"%s\" is", verb, value, b->range_type, b->range_column);
    trouble_fini(&s->trouble);
  }
  return rc;
}

static int32_t range_init(struct bounds *b, const struct source_table *t, struct session *s) {
  size_t i = t->cursor_n ? t->cursor[0] : 0;
  if (!t->cursor_n && !t->key)
    return source_refuse(s->host, "cursor", "name the column in `cursor`",
                         "%s has no cursor and no primary key: a range has no column to go by", t->stream);
  while (!t->cursor_n && i < t->n && strcmp(t->fields[i].name, t->key[0]) != 0)
    i++;
  if (i == t->n)
    return source_refuse(s->host, "columns", "read it too, or name another column in `cursor`",
                         "%s: a range goes by the primary key, but \"%s\" is not read", t->stream, t->key[0]);
  b->range_column = t->fields[i].name;
  b->range_type = t->fields[i].declared;
  int32_t rc = b->from ? check_bound(b, s, "begins", b->from) : ETL_OK;
  return rc == ETL_OK && b->to ? check_bound(b, s, "ends", b->to) : rc;
}

int32_t bounds_init(struct bounds *b, const struct source_table *t, struct session *s, const char *range_from,
                    const char *range_to) {
  *b = (struct bounds){.from = range_from, .to = range_to};
  int32_t rc = ask_clock(b, t, s);
  return rc == ETL_OK && (range_from || range_to) ? range_init(b, t, s) : rc;
}
