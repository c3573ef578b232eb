/* Pieces.  A stream with a cursor is cut at values of its first column, which the server's statistics know or a sample of a few
 * pages tells; all of them lie below the upper bound, so that nothing can appear in a piece that has an end.  What goes on for good
 * begins at that bound, or at the greatest value there is: it is read behind the others, and should be small.  A whole table is cut
 * into ranges of its blocks, which makes every row be in one piece only within one snapshot: it is exported once for each shard and
 * held, with a lock that keeps the rows where they are, until the instance is closed. */
#include "source_split.h"

#include <stdio.h>
#include <stdlib.h>

#include "source_query.h"

enum {
  SAMPLE_PAGES = 30,       /* for each piece */
  TID_RANGES_FROM = 140000 /* the server's version that seeks a block */
};
struct cutting {
  struct source_instance *in;
  struct source_shard *shard;
  struct source_table table;
  uint64_t n;
  int32_t (*each)(void *arg, const struct etl_part *);
  void *arg;
};

static int32_t tell_part(const struct cutting *c, const char *id, const struct position *p, int64_t est_rows, const char *text) {
  struct text json = {0};
  int32_t rc;
  if (position_json(&json, &c->table, p) < 0) {
    rc = source_no_memory(c->in->host);
  } else {
    struct etl_part part = {
        .struct_size = sizeof part, .id = id, .cursor = {text_str(&json), json.n}, .est_rows = est_rows, .text = text};
    rc = c->each(c->arg, &part);
  }
  text_fini(&json);
  return rc;
}

/* What the server thinks of the size: pages, and rows (-1: it does not know). */
static int32_t ask_size(const struct cutting *c, int64_t *ret_pages, int64_t *ret_rows) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", c->table.oid);
  int32_t rc = session_query(
      &c->in->session, "asking the table's size",
      "SELECT sum(pg_relation_size(coalesce(p.relid, c.oid)) / current_setting('block_size')::int8)::int8, max(c.reltuples)::int8 "
      "FROM pg_catalog.pg_class c LEFT JOIN LATERAL pg_partition_tree(c.oid) p ON c.relkind = 'p' WHERE c.oid = $1::oid",
      1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  *ret_pages = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
  *ret_rows = strtoll(PQgetvalue(r, 0, 1), NULL, 10);
  PQclear(r);
  return ETL_OK;
}

/* ---- by values of the cursor ---------------------------------------------------------------------------------------- */

static void below_upper(struct text *sql, const struct bounds *b, const struct field *first) {
  text_add(sql, " WHERE b < ");
  text_add_literal(sql, b->upper);
  text_addf(sql, "::%s", first->declared);
}

/* n - 1 values that cut the histogram into n parts. */
static void histogram_sql(struct text *sql, const struct cutting *c, const struct bounds *b) {
  const struct field *first = cursor_field(&c->table, 0);
  text_addf(sql,
            "SELECT DISTINCT h.b, h.b::text AS told FROM (SELECT b, row_number() OVER (ORDER BY b) AS i, count(*) OVER () AS c "
            "FROM (SELECT DISTINCT "
            "unnest(s.histogram_bounds::text::%s[]) AS b FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_namespace n ON n.nspname = "
            "s.schemaname "
            "JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid AND t.relname = s.tablename WHERE t.oid = %u AND s.inherited = "
            "(t.relkind = 'p') "
            "AND s.attname = ",
            first->declared, c->table.oid);
  text_add_literal(sql, first->name);
  text_add(sql, ") AS d");
  below_upper(sql, b, first);
  text_addf(sql, ") AS h JOIN generate_series(1, %llu) AS k ON h.i = 1 + (h.c - 1) * k / %llu WHERE h.i > 1 ORDER BY h.b",
            (unsigned long long)c->n - 1, (unsigned long long)c->n);
}

static void sample_sql(struct text *sql, const struct cutting *c, const struct bounds *b, int64_t pages) {
  const struct field *first = cursor_field(&c->table, 0);
  double percent = pages > 0 ? 100.0 * SAMPLE_PAGES * (double)c->n / (double)pages : 100;
  text_add(sql, "SELECT DISTINCT b, b::text AS told FROM (SELECT unnest(percentile_disc(ARRAY(SELECT k::float8 / ");
  text_addf(sql, "%llu FROM generate_series(1, %llu) AS k)) WITHIN GROUP (ORDER BY ", (unsigned long long)c->n,
            (unsigned long long)c->n - 1);
  text_add_name(sql, first->name);
  text_addf(sql, ")) AS b FROM %s TABLESAMPLE SYSTEM (%.6f) WHERE ", c->table.from, percent < 100 ? percent : 100);
  text_add_name(sql, first->name);
  text_add(sql, " IS NOT NULL) AS x");
  below_upper(sql, b, first);
  text_add(sql, " ORDER BY b");
}

/* Lowers the bound to the greatest value there is: a source whose clock lags may still bring any above it.  None: nothing is there. */
static int32_t find_end(const struct cutting *c, struct bounds *b) {
  const struct field *first = cursor_field(&c->table, 0);
  struct session *s = &c->in->session;
  struct text sql = {0}, name = {0};
  PGresult *r = NULL;
  text_add_name(&name, first->name);
  text_addf(&sql, "SELECT least(%s", text_str(&name));
  if (b->upper[0]) {
    text_add(&sql, ", ");
    text_add_literal(&sql, b->upper);
    text_addf(&sql, "::%s", first->declared);
  }
  text_addf(&sql, ")::text FROM %s WHERE %s IS NOT NULL ORDER BY %s DESC LIMIT 1", c->table.from, text_str(&name), text_str(&name));
  int32_t rc =
      sql.failed || name.failed ? source_no_memory(s->host) : session_query(s, "asking the greatest value", text_str(&sql), 0, NULL, &r);
  bool fits = rc == ETL_OK && PQntuples(r) && (size_t)PQgetlength(r, 0, 0) < sizeof b->upper;
  if (rc == ETL_OK)
    snprintf(b->upper, sizeof b->upper, "%s", fits ? PQgetvalue(r, 0, 0) : "");
  PQclear(r);
  text_fini(&sql);
  text_fini(&name);
  return rc;
}

static int32_t tell_ranges(const struct cutting *c, PGresult *r, char *upper, int64_t rows, const char *by) {
  const char *name = cursor_field(&c->table, 0)->name;
  int cuts = PQntuples(r), n = cuts ? cuts + 1 : 0;
  int32_t rc = ETL_OK;
  for (int i = 0; n && i <= n && rc == ETL_OK; i++) {
    struct position p = {.from = !i ? NULL : i <= cuts ? PQgetvalue(r, i - 1, 1) : upper,
                         .until = i < cuts ? PQgetvalue(r, i, 1) : i < n ? upper : NULL};
    struct text text = {0};
    char id[24] = "";
    if (i < n)
      snprintf(id, sizeof id, "%d", i + 1);
    text_addf(&text, "%s%s%s%s%s (%s)", p.from ? p.from : "", p.from ? " <= " : "", name, p.until ? " < " : "",
              p.until ? p.until : "", by);
    rc = tell_part(c, id, &p, rows < 0 ? -1 : i <= cuts ? rows / (cuts + 1) : 0, text_str(&text));
    text_fini(&text);
  }
  return rc;
}

static int32_t cut_by_values(const struct cutting *c) {
  struct session *s = &c->in->session;
  struct text sql = {0};
  struct bounds b;
  PGresult *r = NULL;
  int64_t pages = 0, rows = -1;
  const char *by = "by statistics";
  int32_t rc = bounds_init(&b, &c->table, s, NULL, NULL);
  if (rc == ETL_OK)
    rc = find_end(c, &b);
  if (rc != ETL_OK || !b.upper[0])
    return rc;
  rc = ask_size(c, &pages, &rows);
  if (rc == ETL_OK) {
    histogram_sql(&sql, c, &b);
    rc = sql.failed ? source_no_memory(s->host) : session_query(s, "asking the statistics", text_str(&sql), 0, NULL, &r);
  }
  if (rc == ETL_OK && PQntuples(r) == 0) {
    PQclear(r);
    r = NULL;
    text_clear(&sql);
    sample_sql(&sql, c, &b, pages);
    by = "by a sample";
    rc = sql.failed ? source_no_memory(s->host) : session_query(s, "taking a sample", text_str(&sql), 0, NULL, &r);
  }
  if (rc == ETL_OK)
    rc = tell_ranges(c, r, b.upper, rows, by);
  PQclear(r);
  text_fini(&sql);
  return rc;
}

/* ---- by blocks, in a snapshot --------------------------------------------------------------------------------------- */

static int32_t make_snapshot(struct source_shard *shard) {
  struct session *s = &shard->snapshot;
  PGresult *r = NULL;
  free(shard->snapshot_id);
  shard->snapshot_id = NULL;
  session_rollback(s);
  int32_t rc = session_connect(s);
  if (rc == ETL_OK)
    rc = source_begin(s, NULL);
  if (rc == ETL_OK)
    rc = session_query(s, "exporting a snapshot", "SELECT pg_export_snapshot()", 0, NULL, &r);
  if (rc == ETL_OK && !(shard->snapshot_id = strdup(PQgetvalue(r, 0, 0))))
    rc = source_no_memory(s->host);
  PQclear(r);
  return rc;
}

/* Looking at the table in the snapshot locks it against being rewritten.  A snapshot that was there may be gone with its
 * connection, which only shows now: then there is a new one. */
static int32_t hold_snapshot(const struct cutting *c) {
  struct source_shard *shard = c->shard;
  struct text sql = {0};
  bool had = shard->snapshot_id && PQtransactionStatus(shard->snapshot.conn) == PQTRANS_INTRANS; /* an error ends it */
  text_addf(&sql, "SELECT 1 FROM %s LIMIT 0", c->table.from);
  int32_t rc = sql.failed ? source_no_memory(c->in->host) : had ? ETL_OK : make_snapshot(shard);
  if (rc == ETL_OK)
    rc = session_run(&shard->snapshot, "locking the table", text_str(&sql));
  if (rc == ETL_FAILED && had && session_lost(&shard->snapshot)) {
    rc = make_snapshot(shard);
    if (rc == ETL_OK)
      rc = session_run(&shard->snapshot, "locking the table", text_str(&sql));
  }
  text_fini(&sql);
  return rc;
}

struct leaves { /* the tables that really hold the rows: partitions, or the one */
  int64_t *pages;
  size_t n;
  bool cuttable; /* all of them have blocks that can be sought, on a server that exports snapshots */
};

static int32_t ask_leaves(const struct cutting *c, struct leaves *ret) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", c->table.oid);
  int32_t rc = session_query(
      &c->in->session, "asking the sizes of the table",
      "SELECT coalesce(pg_relation_size(l.oid) / current_setting('block_size')::int8, 0)::int8, "
      "l.relkind IN ('r', 'm') AND coalesce(m.amname = 'heap', false) AND NOT pg_is_in_recovery() "
      "FROM pg_catalog.pg_class l LEFT JOIN pg_catalog.pg_am m ON m.oid = l.relam "
      "WHERE (l.oid = $1::oid AND l.relkind <> 'p') OR l.oid IN (SELECT relid FROM pg_partition_tree($1::oid) WHERE isleaf)",
      1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  ret->n = (size_t)PQntuples(r);
  ret->pages = calloc(ret->n + 1, sizeof *ret->pages);
  ret->cuttable = ret->n > 0 && PQserverVersion(c->in->session.conn) >= TID_RANGES_FROM;
  for (size_t i = 0; ret->pages && i < ret->n; i++) {
    ret->pages[i] = strtoll(PQgetvalue(r, (int)i, 0), NULL, 10);
    ret->cuttable &= *PQgetvalue(r, (int)i, 1) == 't';
  }
  PQclear(r);
  return ret->pages ? ETL_OK : source_no_memory(c->in->host);
}

/* How many blocks have a number below `block`. */
static int64_t blocks_below(const struct leaves *l, int64_t block) {
  int64_t sum = 0;
  for (size_t i = 0; i < l->n; i++)
    sum += l->pages[i] < block ? l->pages[i] : block;
  return sum;
}

/* The least block number that at least `wanted` blocks are below. */
static int64_t block_at(const struct leaves *l, int64_t wanted) {
  int64_t low = 0, high = INT32_MAX;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (blocks_below(l, middle) >= wanted)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

static int32_t tell_blocks(const struct cutting *c, const struct leaves *l, int64_t rows) {
  int64_t pages = blocks_below(l, INT32_MAX), n = pages < (int64_t)c->n ? pages : (int64_t)c->n, from = 0;
  int32_t rc = ETL_OK;
  for (int64_t i = 1, id = 1; n > 1 && i <= n && rc == ETL_OK; i++) {
    struct position p = {
        .snapshot = c->shard->snapshot_id, .block_from = from, .block_until = i < n ? block_at(l, pages * i / n) : -1};
    char name[24], text[100];
    if (p.block_until == from) /* partitions of a few blocks each give no more */
      continue;
    snprintf(name, sizeof name, "%lld", (long long)id++);
    snprintf(text, sizeof text, "about %lld of %lld blocks, from number %lld on", (long long)(pages / n), (long long)pages,
             (long long)from);
    rc = tell_part(c, name, &p, rows < 0 ? -1 : rows / n, text);
    from = p.block_until;
  }
  return rc;
}

/* The blocks of all partitions are cut at the same numbers. */
static int32_t cut_by_blocks(const struct cutting *c) {
  struct leaves l = {.n = 0};
  int64_t pages, rows = -1;
  int32_t rc = ask_leaves(c, &l);
  if (rc == ETL_OK && l.cuttable)
    rc = hold_snapshot(c);
  if (rc == ETL_OK && l.cuttable)
    rc = ask_size(c, &pages, &rows);
  if (rc == ETL_OK && l.cuttable)
    rc = tell_blocks(c, &l, rows);
  free(l.pages);
  return rc;
}

int32_t source_split(void *self, const struct etl_stream *stream, const struct etl_shard *shard, uint64_t n,
                     int32_t (*each)(void *arg, const struct etl_part *), void *arg) {
  struct source_instance *in = self;
  struct cutting c = {.in = in, .shard = source_shard_find(&in->settings, shard->id), .n = n, .each = each, .arg = arg};
  if (!c.shard)
    return source_refuse(in->host, "shards", NULL, "there is no shard \"%s\"", shard->id);
  if (n < 2 || in->settings.query)
    return ETL_OK;
  int32_t rc = source_connect(in, c.shard);
  if (rc == ETL_OK)
    rc = source_begin(&in->session, NULL);
  if (rc == ETL_OK)
    rc = source_table_init(&c.table, &in->session, &in->settings, stream->name);
  if (rc == ETL_OK && c.table.cursor_n && source_table_is_table(&c.table) && c.table.index_first)
    rc = cut_by_values(&c);
  else if (rc == ETL_OK && !c.table.cursor_n && source_table_is_table(&c.table))
    rc = cut_by_blocks(&c);
  source_table_fini(&c.table);
  session_disconnect(&in->session);
  return rc;
}
