/* dedup.so through its ABI. */
#include "drive.h"
#include "tap.h"

static const char *const columns[] = {"id", "l", "user", "u", NULL};

static void open_with(struct tap *t, struct drive *d, struct ArrowSchema *s, const char *keep, const char *window) {
  drive_schema(s, columns);
  CHECK(t, drive_open(d, "dedup", (const char *const[]){"key", "user", "keep", keep, "window", window, NULL}) == ETL_OK);
  CHECK(t, drive_bind(d, s, NULL) == ETL_OK);
}

static void ids(struct drive *d, char *to, size_t size) {
  size_t n = 0;
  to[0] = 0;
  for (int64_t i = 0; d->out[0].rows.release && i < d->out[0].rows.length; i++)
    n += (size_t)snprintf(to + n, size - n, "%s%s", i ? "," : "", drive_cell(d, i, "id"));
}

static void feed(struct tap *t, struct drive *d, const struct ArrowSchema *s, const char *const *cells, size_t rows, const char *want) {
  struct ArrowArray batch;
  char got[256];
  drive_batch(d, s, cells, rows, &batch);
  CHECK(t, drive_process(d, &batch) == ETL_OK);
  ids(d, got, sizeof got);
  CHECK_TEXT(t, got, want);
}

static const char *const one[] = {"1", "ann", "2", "bob", "3", "ann", "4", NULL, "5", NULL};
static const char *const two[] = {"6", "bob", "7", "kim"};
static const char *const three[] = {"8", "ann"};

static void first(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  open_with(t, &d, &s, "first", "100");
  feed(t, &d, &s, one, 5, "1,2,4,5");
  feed(t, &d, &s, two, 2, "7");
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK); /* a schema told again: keys are remembered */
  feed(t, &d, &s, three, 1, "");
  CHECK(t, testhost_counter(&d.t, "dedup_dropped") == 3);
  drive_close(&d);
  s.release(&s);
}

/* With room for one key the one used longest ago is forgotten. */
static void window(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  open_with(t, &d, &s, "first", "1");
  feed(t, &d, &s, one, 5, "1,2,3,4,5");
  feed(t, &d, &s, three, 1, "");
  drive_close(&d);
  s.release(&s);
}

static _Atomic int64_t clock_ns;
static int64_t fake_now(const struct etl_host *h, uint32_t which) {
  (void)h;
  (void)which;
  return clock_ns;
}

static void forgetting(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  drive_schema(&s, columns);
  drive_begin(&d, "dedup", (const char *const[]){"key", "user", "forget_after", "10s", NULL});
  d.t.host.now_ns = fake_now;
  CHECK(t, drive_start(&d) == ETL_OK && drive_bind(&d, &s, NULL) == ETL_OK);
  feed(t, &d, &s, three, 1, "8");
  clock_ns += INT64_C(10000000000);
  feed(t, &d, &s, three, 1, ""); /* just in time, and seen again */
  clock_ns += INT64_C(10000000000);
  feed(t, &d, &s, three, 1, "");
  clock_ns += INT64_C(10000000001);
  feed(t, &d, &s, three, 1, "8");
  drive_close(&d);
  s.release(&s);
  CHECK(t, drive_open(&d, "dedup", (const char *const[]){"key", "user", "keep", "last", "forget_after", "10s", NULL}) == ETL_FAILED);
  CHECK_TEXT(t, d.t.option, "forget_after");
  drive_close(&d);
}

static void last(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  char got[256];
  open_with(t, &d, &s, "last", "100");
  feed(t, &d, &s, one, 5, "");
  CHECK(t, drive_flush(&d) == ETL_OK);
  ids(&d, got, sizeof got);
  CHECK_TEXT(t, got, "2,3,4,5");
  feed(t, &d, &s, three, 1, ""); /* the window begins anew */
  CHECK(t, drive_flush(&d) == ETL_OK);
  ids(&d, got, sizeof got);
  CHECK_TEXT(t, got, "8");
  CHECK(t, drive_flush(&d) == ETL_OK && !d.out[0].rows.release);
  CHECK(t, testhost_counter(&d.t, "dedup_dropped") == 1);
  drive_close(&d);
  s.release(&s);
  open_with(t, &d, &s, "last", "5"); /* full with the fifth row */
  feed(t, &d, &s, one, 5, "2,3,4,5");
  drive_close(&d);
  s.release(&s);
}

/* Over batches: one of which nothing is left. */
static void last_over_batches(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  char got[256];
  static const char *const again[] = {"9", "ann"};
  open_with(t, &d, &s, "last", "100");
  feed(t, &d, &s, three, 1, "");
  feed(t, &d, &s, again, 1, "");
  CHECK(t, drive_flush(&d) == ETL_OK);
  ids(&d, got, sizeof got);
  CHECK_TEXT(t, got, "9");
  drive_close(&d);
  s.release(&s);
}

static void changes(struct tap *t) {
  struct drive d;
  struct ArrowSchema s, other;
  open_with(t, &d, &s, "last", "100");
  feed(t, &d, &s, three, 1, "");
  drive_schema(&other, (const char *const[]){"id", "l", "user", "u", "more", "l", NULL});
  CHECK(t, drive_bind(&d, &other, NULL) == ETL_FAILED && d.t.error.error_class == ETL_E_RETRYABLE);
  drive_close(&d);
  other.release(&other);
  s.release(&s);
}

static void mistakes(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  drive_schema(&s, columns);
  CHECK(t, drive_open(&d, "dedup", (const char *const[]){"key", "usr", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_FAILED);
  CHECK_HAS(t, d.t.remedy, "\"user\"");
  drive_close(&d);
  s.release(&s);
}

/* Without memory it fails and leaks nothing. */
static void memory(struct tap *t) {
  for (int64_t n = 0; n < 12; n++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    drive_schema(&s, columns);
    bool ok = drive_open(&d, "dedup", (const char *const[]){"key", "user", "keep", n % 2 ? "last" : "first", NULL}) == ETL_OK &&
              drive_bind(&d, &s, NULL) == ETL_OK;
    drive_batch(&d, &s, one, 5, &rows);
    d.allocs_left = n;
    int32_t rc = drive_process(&d, &rows);
    if (n % 2 && rc == ETL_OK)
      rc = drive_flush(&d);
    ok = ok && (rc == ETL_OK ? d.out[0].rows.length == 4 : d.t.error.error_class == ETL_E_PERMANENT);
    drive_close(&d);
    s.release(&s);
    ok = ok && testhost_buffers() == 0 && (n > 1 || rc == ETL_FAILED) && (n < 10 || rc == ETL_OK);
    tap_check(t, ok, __FILE__, __LINE__, "with %lld buffers", (long long)n);
  }
}

int main(void) {
  struct tap t = {0};
  first(&t);
  window(&t);
  forgetting(&t);
  last(&t);
  last_over_batches(&t);
  changes(&t);
  mistakes(&t);
  memory(&t);
  return tap_end(&t);
}
