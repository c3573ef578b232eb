/* Cases of a loader: rows of all kinds, of several streams, and in careful epochs. */
#include "kit/cases.h"
#include "kit/epoch.h"

void case_values(struct kit *k) {
  static const int64_t sizes[] = {0, 1, 7, 64, 300};
  static const struct kit_slice slices[] = {{0, 0}, {3, 0}, {0, 5}, {8, 64}};
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  struct ArrowSchema again;
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  epoch_init(&e, &r, &lane, "0");
  kit_must(k, etl_schema_copy(&e.schema, &again) == 0, NULL, "no memory");
  kit_need(&lane.host, "prepare() again", epoch_prepare(&e, &again));
  etl_schema_release(&again);
  for (size_t s = 0; s < sizeof slices / sizeof *slices; s++)
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++)
      epoch_whole(&e, sizes[n], k->seed + s * 100 + n, slices[s], "values");
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  kit_must_be_released(k);
}

/* A loader may want one stream, or a table or file for each, if it says so. */
static void need_two(struct epoch *e, const char *what, int32_t status) {
  uint32_t class = e->i->host.err.error_class;
  if (status == ETL_FAILED && class == ETL_E_DATA)
    kit_skip(e->r->k, "the rows of the check are refused by the sink: give it other columns with --column");
  if (status == ETL_FAILED && (class == ETL_E_CONFIG || class == ETL_E_UNSUPPORTED || class == ETL_E_SCHEMA))
    kit_skip(e->r->k, "it refuses a second stream");
  kit_need(&e->i->host, what, status);
}

/* Of one column, where the check is free to choose. */
static void prepare_other(struct epoch *e) {
  struct kit *k = e->r->k;
  struct ArrowSchema s;
  if (k->narrow)
    kit_schema(k, false, &s);
  else
    kit_must(k, etl_schema_init(&s, 1) == 0 && etl_schema_set(&s, 0, "only", "l", true, NULL, NULL) == 0, NULL, "no memory");
  int32_t status = epoch_prepare(e, &s);
  etl_schema_release(&s);
  need_two(e, "prepare() of a second stream", status);
}

void case_streams(struct kit *k) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  epoch_init(&e, &r, &lane, "0");
  struct epoch other = e;
  other.stream = "others";
  other.schema = (struct ArrowSchema){0};
  prepare_other(&other);
  e.flags = kit_caps(&lane) & ETL_CAP_CAREFUL ? ETL_TXN_CAREFUL : 0;
  for (uint64_t n = 0; n < 2; n++) {
    struct epoch *const turns[] = {&e, &other, &other, &e};
    kit_need(&lane.host, "begin()", kit_epoch_begin(&e));
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
      need_two(&e, "write() of one of two streams", epoch_write(turns[i], 20, k->seed + n, (struct kit_slice){0}));
    need_two(&e, "settle() of two streams", epoch_settle(&e));
    need_two(&e, "commit() of two streams", kit_epoch_commit(&e, "two streams"));
    struct ArrowSchema again;
    kit_must(k, etl_schema_copy(&e.schema, &again) == 0, NULL, "no memory");
    kit_need(&lane.host, "prepare() of the first stream again", epoch_prepare(&e, &again));
    etl_schema_release(&again);
  }
  epoch_fini(&other);
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  kit_must_be_released(k);
}

void case_careful(struct kit *k) {
  struct run r;
  struct kit_instance lane;
  struct epoch e;
  run_start(&r, k, "run1");
  run_lane_open(&r, "0", &lane);
  if (!(kit_caps(&lane) & ETL_CAP_CAREFUL))
    kit_skip(k, "it does not have ETL_CAP_CAREFUL");
  epoch_init(&e, &r, &lane, "0");
  e.flags = ETL_TXN_CAREFUL;
  for (uint64_t n = 0; n < 4; n++) {
    uint64_t before = atomic_load(&lane.host.bad_rows);
    kit_need(&lane.host, "begin() of a careful epoch", kit_epoch_begin(&e));
    kit_need(&lane.host, "write() in a careful epoch", epoch_write(&e, 100, k->seed + n, (struct kit_slice){0}));
    kit_need(&lane.host, "settle() of a careful epoch", epoch_settle(&e));
    uint64_t bad = atomic_load(&lane.host.bad_rows) - before;
    kit_must(k, bad <= 100, "ETL_TXN_CAREFUL: find them and bad_row() each", "of 100 rows %llu were set aside", (unsigned long long)bad);
    kit_need(&lane.host, "commit() of a careful epoch", kit_epoch_commit(&e, "careful"));
  }
  epoch_fini(&e);
  kit_close(&lane);
  run_end(&r);
  kit_must_be_released(k);
}
