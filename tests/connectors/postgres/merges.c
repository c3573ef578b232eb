/* Merging: which of several rows with one key stays, and which keys there may be. */
#include <stdlib.h>

#include "sink.h"

#define MERGE ((const char *const[]){"table", "t", "mode", "merge", "key", "id", NULL})

static void fresh(const char *sql) {
  sink_sql("DROP TABLE IF EXISTS t CASCADE; DROP SCHEMA IF EXISTS etl CASCADE");
  sink_sql(sql);
}

static void enter(struct tap *t, struct sink *s, const char *const *options, const char *const *columns) {
  sink_open(s, "r1", "eu1", 0, options);
  CHECK(t, sink_claim(s) == ETL_OK);
  CHECK(t, sink_prepare(s, columns) == ETL_OK);
}

/* Short rows go into the room that long ones left in earlier pages of a table: where a row lies does not tell when it came. */
static void the_last_row_wins_whatever_its_length(struct tap *t) {
  enum { ROWS = 4000, KEYS = 1000, LENGTH = 1900 };
  static const char *cells[3 * ROWS + 1];
  static char keys[KEYS][8], numbers[ROWS][8], *texts[ROWS];
  struct sink s;
  unsigned random = 12345;
  fresh("");
  enter(t, &s, MERGE, (const char *const[]){"id", "i", "n", "i", "v", "?u", NULL});
  for (int i = 0; i < ROWS; i++) {
    random = random * 1103515245 + 12345;
    size_t length = (random >> 16) % 2 ? LENGTH : (random >> 17) % 200;
    texts[i] = malloc(length + 1);
    memset(texts[i], 'x', length);
    texts[i][length] = 0;
    snprintf(keys[i % KEYS], sizeof *keys, "%d", i % KEYS);
    snprintf(numbers[i], sizeof *numbers, "%d", i);
    cells[3 * i] = keys[i % KEYS], cells[3 * i + 1] = numbers[i], cells[3 * i + 2] = texts[i];
  }
  cells[3 * ROWS] = END;
  for (uint64_t epoch = 0; epoch < 3; epoch++) {
    CHECK(t, sink_epoch(&s, epoch, cells) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT count(*), count(*) FILTER (WHERE n = id + 3000) FROM t"), "1000|1000");
  }
  for (int i = 0; i < ROWS; i++)
    free(texts[i]);
  sink_close(&s);
}

static void a_key_that_is_null(struct tap *t) {
  struct sink s;
  fresh("");
  enter(t, &s, (const char *const[]){"table", "t", "mode", "merge", "key", "id|part", NULL},
        (const char *const[]){"id", "?i", "part", "?u", "v", "?u", NULL});
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "a", "x", "2", NULL, "x", "3", NULL, "x", END}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_DATA);
  CHECK_HAS(t, s.host.message, "public.t: row 2 of the epoch has NULL in the key column \"part\"");
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "a", "x", "1", "b", "y", END}) == ETL_OK); /* the epoch begins anew */
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "2");
  sink_close(&s);
}

/* newest_by of any type: equal values go to the row read last; NULL is the smallest. */
static void the_newest_of_any_type(struct tap *t) {
  static const struct {
    const char *format, *less, *more;
  } cases[] = {{"?l", "-5", "4"}, {"?d:9,2", "-100", "-1"}, {"?tsu:", "-10", "10"}, {"?tsu:UTC", "5", "50"}, {"?tdD", "-1", "1"}, {"?u", "a", "b"},
               {"?g", "-inf", "0"}, {"?z", "00ff", "01"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *less = cases[i].less, *more = cases[i].more;
    struct sink s;
    fresh("");
    enter(t, &s, (const char *const[]){"table", "t", "mode", "merge", "key", "id", "newest_by", "at", NULL},
          (const char *const[]){"id", "i", "at", cases[i].format, "v", "?u", NULL});
    CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", more, "first", "1", less, "stale", "1", more, "last", "1", NULL, "none", END}) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT v FROM t"), "last");
    CHECK(t, sink_epoch(&s, 1, (const char *const[]){"1", less, "stale", END}) == ETL_OK);
    CHECK(t, sink_epoch(&s, 2, (const char *const[]){"1", NULL, "none", END}) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT v FROM t"), "last");
    CHECK(t, sink_epoch(&s, 3, (const char *const[]){"1", more, "again", END}) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT v FROM t"), "again");
    sink_close(&s);
  }
}

static void nothing_but_the_key(struct tap *t) {
  struct sink s;
  fresh("");
  enter(t, &s, MERGE, (const char *const[]){"id", "i", NULL});
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "1", "2", END}) == ETL_OK);
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"2", "3", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT id FROM t ORDER BY id"), "1;2;3");
  sink_close(&s);
}

/* Only the columns that come are touched; partitions take what is theirs. */
static void into_partitions(struct tap *t) {
  struct sink s;
  fresh("CREATE TABLE t (id int PRIMARY KEY, v text, kept text DEFAULT 'd') PARTITION BY RANGE (id); "
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20); "
        "INSERT INTO t VALUES (1, 'old', 'mine')");
  enter(t, &s, MERGE, (const char *const[]){"id", "i", "v", "?u", NULL});
  CHECK(t, sink_epoch(&s, 0, (const char *const[]){"1", "new", "11", "other", END}) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT * FROM t1"), "1|new|mine");
  CHECK_TEXT(t, sink_sql("SELECT * FROM t2"), "11|other|d");
  CHECK(t, sink_epoch(&s, 1, (const char *const[]){"20", "nowhere", END}) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_DATA);
  CHECK_TEXT(t, s.host.vendor_state, "23514");
  sink_close(&s);
}

int main(void) {
  struct tap t = {0};
  the_last_row_wins_whatever_its_length(&t);
  a_key_that_is_null(&t);
  the_newest_of_any_type(&t);
  nothing_but_the_key(&t);
  into_partitions(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
