/* filter.so through its ABI. */
#include "drive.h"
#include "tap.h"

static const char *const people[] = {"1", "ann",  "10.5", "true",  "0", /* id, name, amount, active, day */
                                     "2", "bob",  NULL,   "false", "1",
                                     "3", NULL,   "-3",   "true",  "19754",
                                     "4", "Ann",  "7",    NULL,    NULL};
static const char *const columns[] = {"id", "l", "name", "u", "amount", "g", "active", "b", "day", "tdD", NULL};

/* The ids that a filter lets through: "1,3"; or why it fails. */
static const char *kept(struct drive *d, const char *where) {
  static _Thread_local char ids[2048];
  struct ArrowSchema s;
  struct ArrowArray rows;
  size_t n = 0;
  drive_schema(&s, columns);
  ids[0] = 0;
  int32_t rc = drive_open(d, "filter", (const char *const[]){"where", where, NULL});
  if (rc == ETL_OK)
    rc = drive_bind(d, &s, NULL);
  if (rc == ETL_OK) {
    drive_batch(d, &s, people, 4, &rows);
    rc = drive_process(d, &rows);
  }
  for (int64_t i = 0; rc == ETL_OK && d->out[0].rows.release && i < d->out[0].rows.length; i++)
    n += (size_t)snprintf(ids + n, sizeof ids - n, "%s%s", i ? "," : "", drive_cell(d, i, "id"));
  if (rc != ETL_OK)
    snprintf(ids, sizeof ids, "%s", d->t.message);
  s.release(&s);
  return ids;
}

static void keeps(struct tap *t, const char *where, const char *want) {
  struct drive d;
  const char *got = kept(&d, where);
  tap_check(t, strcmp(got, want) == 0 && d.t.bad_n == 0, __FILE__, __LINE__, "%s keeps %s", where, want);
  if (strcmp(got, want) != 0)
    printf("# got %s\n", got);
  drive_close(&d);
}

static void refuses(struct tap *t, const char *where, const char *message, const char *remedy) {
  struct drive d;
  const char *got = kept(&d, where);
  bool ok = strstr(got, message) && strstr(d.t.remedy, remedy) && d.t.error.error_class == ETL_E_CONFIG && strcmp(d.t.option, "where") == 0;
  tap_check(t, ok, __FILE__, __LINE__, "%s is refused: %s", where, message);
  if (!ok)
    printf("# got %s; %s\n", got, d.t.remedy);
  drive_close(&d);
}

static void expressions(struct tap *t) {
  keeps(t, "id > 2", "3,4");
  keeps(t, "1", "1,2,3,4");
  keeps(t, "0", "");
  keeps(t, "NULL", "");
  keeps(t, "name = 'ann'", "1");
  keeps(t, "lower(name) = 'ann' AND this.id < 4 -- a remark", "1");
  keeps(t, "amount IS NULL", "2");
  keeps(t, "amount > 7.5 OR amount < 0", "1,3");
  keeps(t, "active", "1,3");
  keeps(t, "NOT active", "2");
  keeps(t, "day = '1970-01-02'", "2");
  keeps(t, "strftime('%Y', day) = '2024'", "3");
  keeps(t, "name REGEXP '^[aA]n+$'", "1,4");
  keeps(t, "\"id\" IN (1, 4)", "1,4");
  keeps(t, "(SELECT sum(value) FROM json_each('[1,2]')) = id", "3");
}

static void mistakes(struct tap *t) {
  refuses(t, "nmae = 'x'", "no such column: nmae", "did you mean \"name\"?");
  refuses(t, "name = \"x\"", "no such column: x", "'single quotes'");
  refuses(t, "name = ", "syntax error", "the columns at this stage are: id, name, amount, active, day");
  refuses(t, "nofunction(id)", "no such function: nofunction", "");
  refuses(t, "id > (SELECT avg(id) FROM batch)", "no such table: batch", "use the transformer sql");
  refuses(t, "id > (SELECT avg(id) FROM this)", "its own row only", "");
  refuses(t, "1) OR (1", "closes a parenthesis", "");
  refuses(t, "(1", "a parenthesis without an end", "");
  refuses(t, "'1", "without an end", "");
  refuses(t, "1; SELECT 2", "must be one expression", "");
  refuses(t, "  ", "is empty", "");
  refuses(t, "load_extension('x')", "not authorized", "");
  refuses(t, "name REGEXP '('", "regexp: missing closing parenthesis", "");
  refuses(t, "EXISTS (SELECT 1 FROM pragma_database_list)", "not authorized", "");
  refuses(t, "id = ?", "", "");
}

/* Rows whose expression fails are set aside, the others are treated as ever. */
static void bad_rows(struct tap *t) {
  struct drive d;
  CHECK_TEXT(t, kept(&d, "CASE id WHEN 2 THEN abs(-9223372036854775807 - 1) WHEN 3 THEN json_extract('{' || id, '$.a') ELSE id > 1 END"), "4");
  CHECK(t, d.t.bad_n == 2 && d.t.bad[0].row == 1 && d.t.bad[1].row == 2);
  CHECK_HAS(t, d.t.bad[0].message, "integer overflow");
  CHECK_HAS(t, d.t.bad[1].message, "malformed JSON");
  CHECK_HAS(t, d.t.bad[0].raw, "\"name\": \"bob\"");
  drive_close(&d);
}

static void cancelling(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, columns);
  CHECK(t, drive_open(&d, "filter", (const char *const[]){"where",
                          "(WITH RECURSIVE n(i) AS (SELECT id UNION ALL SELECT i + 1 FROM n WHERE i > 0) SELECT count(*) FROM n) > 0", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK);
  drive_batch(&d, &s, people, 4, &rows);
  testhost_cancel(&d.t);
  CHECK(t, drive_process(&d, &rows) == ETL_STOPPED);
  drive_close(&d);
  s.release(&s);
}

/* Decimals compare as numbers, whatever their digits. */
static void decimals(struct tap *t) {
  static const char *const wheres[] = {"v > 9", "v BETWEEN 100 AND 101", "coalesce(v, 0) > 9", "v = 100.25", "typeof(v) = 'text'"};
  static const int64_t kept_rows[] = {2, 1, 2, 1, 1};
  for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    struct etl_batch b;
    const __int128 values[] = {9000, 100250, (__int128)12345678901234567 * 1000 + 891}; /* 9.000, 100.250, 12345678901234567.891 */
    drive_schema(&s, (const char *const[]){"v", "d:38,3", NULL});
    bool ok = drive_open(&d, "filter", (const char *const[]){"where", wheres[i], NULL}) == ETL_OK && drive_bind(&d, &s, NULL) == ETL_OK &&
              etl_batch_init(&b, &d.t.host, &s, 3) == 0;
    for (size_t k = 0; ok && k < 3; k++) {
      ok = etl_batch_row(&b) == 0;
      etl_batch_fixed(&b, 0, &values[k]);
    }
    ok = ok && etl_batch_finish(&b, &rows) == 0 && drive_process(&d, &rows) == ETL_OK && d.out[0].rows.length == kept_rows[i];
    tap_check(t, ok, __FILE__, __LINE__, "decimals: %s", wheres[i]);
    etl_batch_fini(&b);
    drive_close(&d);
    s.release(&s);
  }
}

/* Without memory it fails and leaks nothing. */
static void memory(struct tap *t) {
  for (int64_t n = 0; n < 20; n++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    drive_schema(&s, columns);
    bool ok = drive_open(&d, "filter", (const char *const[]){"where", "id <> 2", NULL}) == ETL_OK && drive_bind(&d, &s, NULL) == ETL_OK;
    drive_batch(&d, &s, people, 4, &rows);
    d.allocs_left = n;
    int32_t rc = drive_process(&d, &rows);
    ok = ok && (rc == ETL_OK ? d.out[0].rows.length == 3 : d.t.error.error_class == ETL_E_PERMANENT);
    drive_close(&d);
    s.release(&s);
    ok = ok && testhost_buffers() == 0 && (n > 0 || rc == ETL_FAILED) && (n < 19 || rc == ETL_OK);
    tap_check(t, ok, __FILE__, __LINE__, "with %lld buffers", (long long)n);
  }
}

/* Two names that differ by case, and a column that no statement can hold. */
static void schemas(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  drive_schema(&s, (const char *const[]){"v", "l", "V", "l", NULL});
  CHECK(t, drive_open(&d, "filter", (const char *const[]){"where", "1", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_UNSUPPORTED);
  CHECK_HAS(t, d.t.message, "\"v\" and \"V\"");
  s.release(&s);
  testhost_clear(&d.t);
  drive_schema(&s, (const char *const[]){"say \"hi\"", "l", "n", "l", NULL}); /* bound anew */
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK);
  s.release(&s);
  drive_close(&d);
}

int main(void) {
  struct tap t = {0};
  expressions(&t);
  mistakes(&t);
  bad_rows(&t);
  cancelling(&t);
  decimals(&t);
  memory(&t);
  schemas(&t);
  return tap_end(&t);
}
