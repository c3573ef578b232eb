/* split.so through its ABI: columns and rows of each output, keys, shared buffers, refusals. */
#include "drive.h"
#include "tap.h"

static const char *const names[] = {"id", "l", "name", "u", "kind", "u", "secret", "u", NULL};
/* id, name, kind, secret */
static const char *const cells[] = {"1",    "ann", "user", "s1",  "2",   "bob", "user", NULL,  "1",  "anna",
                                    "user", "s2",  "3",    "job", "bot", "s3",  "4",    "kim", NULL, "s4"};

static bool bind_and_feed(struct drive *d, const char *const *key) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, names);
  int32_t rc = drive_bind(d, &s, key);
  if (rc == ETL_OK) {
    drive_batch(d, &s, cells, 5, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc == ETL_OK;
}

static bool open_two(struct drive *d) {
  drive_begin(d, "split", NULL);
  drive_group(d, "outputs",
              (const char *const[]){"stream", "identities", "columns", "id|name", "distinct", "id", "where", "kind=user", NULL});
  drive_group(d, "outputs",
              (const char *const[]){"stream", "credentials", "columns", "secret|id", "rename", "id=user_id", "where_not_null",
                                    "secret", NULL});
  return drive_start(d) == ETL_OK;
}

static void test_two(struct tap *t) {
  struct drive d;
  CHECK(t, open_two(&d) && bind_and_feed(&d, (const char *const[]){"id", "secret", NULL}));
  CHECK(t, d.out_n == 2);
  CHECK_TEXT(t, d.out[0].name, "identities");
  CHECK_TEXT(t, d.out[0].key, "id");
  CHECK_TEXT(t, d.out[1].key, "user_id,secret");
  CHECK(t, d.out[0].rows.length == 2 && d.out[0].schema.n_children == 2);
  CHECK_TEXT(t, drive_cell_of(&d, 0, 0, "name"), "bob");
  CHECK_TEXT(t, drive_cell_of(&d, 0, 1, "name"), "anna"); /* the last one of id 1 */
  CHECK(t, d.out[1].rows.length == 4);
  CHECK_TEXT(t, drive_cell_of(&d, 1, 1, "secret"), "s2");
  CHECK_TEXT(t, drive_cell_of(&d, 1, 3, "user_id"), "4");
  drive_close(&d);
}

/* Columns of all rows are not copied, also when both outputs have them; they outlive the instance in any order. */
static void test_shared(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_begin(&d, "split", NULL);
  drive_group(&d, "outputs", (const char *const[]){"stream", "a", NULL});
  drive_group(&d, "outputs", (const char *const[]){"stream", "b", "columns", "name|id|secret", NULL});
  CHECK(t, drive_start(&d) == ETL_OK);
  drive_schema(&s, names);
  CHECK(t, drive_bind(&d, &s, (const char *const[]){"kind", NULL}) == ETL_OK);
  drive_batch(&d, &s, cells, 5, &rows);
  const void *text = rows.children[1]->buffers[2];
  rows.offset = 1;
  rows.length = 3;
  CHECK(t, drive_process(&d, &rows) == ETL_OK);
  CHECK(t, d.out[0].rows.children[1]->buffers[2] == text && d.out[1].rows.children[0]->buffers[2] == text);
  CHECK_TEXT(t, d.out[0].key, "kind");
  CHECK_TEXT(t, d.out[1].key, "-");
  CHECK(t, d.out[1].rows.length == 3);
  CHECK_TEXT(t, drive_cell_of(&d, 1, 0, "name"), "bob");
  CHECK_TEXT(t, drive_cell_of(&d, 1, 0, "secret"), "NULL");
  CHECK_TEXT(t, drive_cell_of(&d, 0, 2, "name"), "job");
  etl_array_release(&d.out[0].rows);
  CHECK_TEXT(t, drive_cell_of(&d, 1, 2, "id"), "3");
  s.release(&s);
  drive_close(&d);
}

/* One output of all rows, and a value that no row has: nothing is emitted for it. */
static void test_none(struct tap *t) {
  struct drive d;
  drive_begin(&d, "split", NULL);
  drive_group(&d, "outputs", (const char *const[]){"stream", "numbers", "where", "id=3", NULL});
  drive_group(&d, "outputs", (const char *const[]){"stream", "none", "where", "id=9", NULL});
  CHECK(t, drive_start(&d) == ETL_OK && bind_and_feed(&d, NULL));
  CHECK(t, d.out[0].rows.length == 1 && !d.out[1].rows.release);
  CHECK_TEXT(t, drive_cell_of(&d, 0, 0, "name"), "job");
  drive_close(&d);
}

static void refused(struct tap *t, const char *const *group, const char *message, const char *remedy) {
  struct drive d;
  drive_begin(&d, "split", NULL);
  drive_group(&d, "outputs", (const char *const[]){"stream", "first", NULL});
  drive_group(&d, "outputs", group);
  CHECK(t, drive_start(&d) == ETL_FAILED || !bind_and_feed(&d, NULL));
  CHECK_TEXT(t, d.t.message, message);
  CHECK_HAS(t, d.t.remedy, remedy);
  drive_close(&d);
}

static void test_refusals(struct tap *t) {
  refused(t, (const char *const[]){"stream", "first", NULL},
          "split: option outputs (test.conf:1): there are two outputs for stream \"first\"", "name of its own");
  refused(t, (const char *const[]){"stream", "b", "columns", "id|nmae", NULL},
          "split: option columns names column \"nmae\", which stream dbo.logins does not have", "did you mean \"name\"");
  refused(t, (const char *const[]){"stream", "b", "columns", "id", "rename", "name=n", NULL},
          "split: output b: column \"name\" is renamed, but not among columns", "add it");
  refused(t, (const char *const[]){"stream", "b", "rename", "id=name", NULL},
          "split: output b: two columns would be named \"name\"", "rename");
  refused(t, (const char *const[]){"stream", "b", "columns", "name", "distinct", "id", NULL},
          "split: output b: a column of distinct is not among columns", "add");
}

static void test_no_memory(struct tap *t) {
  int64_t n = 0;
  for (bool done = false; !done && n < 100; n++) {
    struct drive d;
    open_two(&d);
    d.allocs_left = n;
    done = bind_and_feed(&d, NULL);
    if (!done && d.t.error.error_class != ETL_E_PERMANENT)
      tap_check(t, false, __FILE__, __LINE__, "an error at allocation %d", (int)n);
    drive_close(&d);
  }
  CHECK(t, n > 3 && n < 100);
}

int main(void) {
  struct tap t = {0};
  test_two(&t);
  test_shared(&t);
  test_none(&t);
  test_refusals(&t);
  test_no_memory(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
