/* What is visible, and what is remembered, when a loader's run is cut off anywhere. */
#include <stdlib.h>

#include "shelf.h"
#include "tap.h"

static void append(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/out/t.csv")) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", NULL, "3", "", "4", "a \"b\"\nc", NULL, "123"), 5) == ETL_OK);
  CHECK(t, shelf_rows(&s, "b", 1, SHELF_ALL, CELLS("10", "y"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ABORT, CELLS("99", "gone"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_BEFORE_COMMIT, CELLS("99", "gone"), 1) == ETL_OK);
  CHECK(t, shelf_epoch(&s, "a") == 1 && shelf_epoch(&s, "b") == 1);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("5", "z"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("6", "twice"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_FENCED);
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  char *text = desk_slurp(&d, "out/t-a-000001.csv", NULL);
  CHECK(t, text && strcmp(text, "id,name\n1,\"x\"\n2,\n3,\"\"\n4,\"a \"\"b\"\"\nc\"\n,\"123\"\n") == 0);
  free(text);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/out/*.csv")) == ETL_OK && d.rows_n == 7);
  CHECK(t, desk_has_row(&d, "{\"id\": 4, \"name\": \"a \\\"b\\\"\\nc\"}") && desk_has_row(&d, "{\"id\": 5, \"name\": \"z\"}"));
  CHECK(t, desk_has_row(&d, "{\"id\": 3, \"name\": \"\"}") && desk_has_row(&d, "{\"id\": null, \"name\": \"123\"}"));
  desk_fini(&d);
}

/* A newer run takes over while an older one has an epoch open. */
static void fencing(struct tap *t) {
  struct desk d;
  struct shelf old, new;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&old, &d, "r1", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&old, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, shelf_begin(&new, &d, "r2", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, new.owner > old.owner && shelf_epoch(&new, "a") == 1);
  CHECK(t, shelf_rows(&old, "a", 2, SHELF_ALL, CELLS("2", "late"), 1) == ETL_FAILED && d.t.error.error_class == ETL_E_FENCED);
  CHECK_HAS(t, d.t.message, "run r2");
  CHECK(t, shelf_rows(&new, "a", 2, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  shelf_drop(&old);
  shelf_drop(&new);
  CHECK(t, desk_count(&d) == 2);
  desk_fini(&d);
}

/* The manifest names a part that was not renamed yet: killed between the two.  The next claim does it. */
static void killed_after_commit(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "b", 1, SHELF_BEFORE_COMMIT, CELLS("7", "never"), 1) == ETL_OK);
  shelf_drop(&s);
  desk_shell(
      &d,
      "set -e; part=$(sed -n 's/.*\"part\": \"\\(.*\\)\",*/\\1/p' .etl-p/manifest.json); mv t-a-000001.csv .etl-p/$part; ls .etl-p/*.part | wc -l | "
      "grep -qx 2");
  CHECK(t, desk_count(&d) == 0);
  CHECK(t, shelf_begin(&s, &d, "r2", OPTIONS("path", "@/t.csv")) == ETL_OK && desk_count(&d) == 1);
  CHECK(t, shelf_epoch(&s, "a") == 1 && shelf_epoch(&s, "b") == 0);
  desk_shell(&d, "test -f t-a-000001.csv && ! ls .etl-p/*.part 2>/dev/null");
  shelf_drop(&s);
  desk_fini(&d);
}

static void replace(struct tap *t) {
  struct desk d;
  struct shelf s;
  const char *const *options = OPTIONS("path", "@/t.csv.gz", "mode", "replace");
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", options) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_BEFORE_COMMIT, CELLS("99", "gone"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "b", 1, SHELF_ALL, CELLS("3", "z"), 1) == ETL_OK);
  CHECK(t, desk_count(&d) == 0);
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  CHECK(t, desk_count(&d) == 1);
  desk_shell(&d, "gzip -dc t.csv.gz | tr '\\n' '|' | grep -qxF 'id,name|1,\"x\"|2,\"y\"|3,\"z\"|'");
  desk_shell(&d, "! ls .etl-p/*.part 2>/dev/null");
  CHECK(t, shelf_begin(&s, &d, "r2", options) == ETL_OK && shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("4", "new"), 1) == ETL_OK);
  CHECK(t, shelf_end(&s, false) == ETL_OK);
  desk_shell(&d, "gzip -dc t.csv.gz | grep -q '1,\"x\"' && ! ls .etl-p/*.part 2>/dev/null");
  CHECK(t, shelf_begin(&s, &d, "r3", options) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("5", "newest"), 1) == ETL_OK);
  shelf_drop(&s);
  CHECK(t, shelf_begin(&s, &d, "r4", options) == ETL_OK && shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("6", "last"), 1) == ETL_OK && shelf_end(&s, true) == ETL_OK);
  desk_shell(&d, "gzip -dc t.csv.gz | tr '\\n' '|' | grep -qxF 'id,name|6,\"last\"|' && ! ls .etl-p/*.part 2>/dev/null");
  CHECK(t, desk_count(&d) == 1);
  desk_fini(&d);
}

/* run_end() is called again when its answer was lost, here by another instance and with the new file not in place yet; and the run may commit
 * cursors behind it. */
static void swap_again(struct tap *t) {
  struct desk d;
  struct shelf s;
  const char *const *options = OPTIONS("path", "@/t.csv", "mode", "replace");
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "t", .shard = "a", .epoch = 1}, to = from;
  const struct etl_cursor *froms[] = {&from}, *tos[] = {&to};
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", options) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_OK && desk_count(&d) == 1);
  desk_shell(&d, "part=$(sed -n 's/.*\"part\": \"\\(.*\\)\",*/\\1/p' .etl-p/manifest.json); mv t.csv .etl-p/$part");
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_OK && desk_count(&d) == 1);
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_OK && desk_count(&d) == 1);
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .owner = s.owner, .from = froms, .from_n = 1};
  to.epoch = 2;
  to.cursor = (struct etl_bytes){"c2", 2};
  CHECK(t, s.api->begin(s.control, &txn) == ETL_OK && s.api->commit(s.control, tos, 1) == ETL_OK);
  shelf_drop(&s);
  desk_shell(&d, "grep -q '1,\"x\"' t.csv && grep -q '\"epoch\": 2' .etl-p/manifest.json");
  desk_fini(&d);
}

/* What the manifest cannot hold is not committed, rather than committed without its file. */
static void unnamed(struct tap *t) {
  struct desk d;
  struct shelf s;
  struct ArrowSchema schema;
  struct ArrowArray rows;
  struct etl_batch b;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "t.csv", "old\n");
  CHECK(t, etl_schema_init(&schema, 1) == 0 && etl_schema_set(&schema, 0, "stra\xdf" "e", "l", true, NULL, NULL) == 0);
  CHECK(t, etl_batch_init(&b, &d.t.host, &schema, 1) == 0 && etl_batch_row(&b) == 0);
  etl_batch_i64(&b, 0, 1);
  CHECK(t, etl_batch_finish(&b, &rows) == 0);
  etl_batch_fini(&b);
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv", "mode", "replace")) == ETL_OK);
  CHECK(t, shelf_epoch_write(&s, "a", 1, &schema, &rows, SHELF_ALL) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA);
  CHECK_HAS(t, d.t.message, "is not UTF-8");
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  desk_shell(&d, "grep -qx old t.csv");
  etl_schema_release(&schema);
  desk_fini(&d);
}

static void one_run(struct tap *t, struct desk *d, const char *run, const char *const *options, const char *const *shards) {
  struct shelf s;
  bool ok = shelf_begin(&s, d, run, options) == ETL_OK;
  for (; *shards; shards++)
    ok = ok && shelf_rows(&s, *shards, 1, SHELF_ALL, CELLS("1", run), 1) == ETL_OK;
  tap_check(t, shelf_end(&s, true) == ETL_OK && ok, __FILE__, __LINE__, "run %s: %s", run, d->t.message);
}

/* A file of a shard that is gone goes with the swap that does not name it; what others made stays. */
static void gone_shards(struct tap *t) {
  struct desk d;
  const char *const *options = OPTIONS("path", "@/out/{shard}.csv", "mode", "replace");
  desk_init(&d, "csv");
  one_run(t, &d, "r1", options, OPTIONS("a", "b", "c"));
  desk_shell(&d, "test \"$(ls out | tr '\\n' ' ')\" = 'a.csv b.csv c.csv ' && echo mine > out/z.csv");
  one_run(t, &d, "r2", options, OPTIONS("a", "c"));
  desk_shell(&d, "test \"$(ls out | tr '\\n' ' ')\" = 'a.csv c.csv z.csv ' && echo other > out/b.csv");
  one_run(t, &d, "r3", options, OPTIONS("a", "c"));
  desk_shell(&d, "grep -qx other out/b.csv && rm out/c.csv && mkfifo out/c.csv");
  one_run(t, &d, "r4", options, OPTIONS("a"));
  desk_shell(&d, "test -p out/c.csv && rm out/c.csv");
  one_run(t, &d, "r5", OPTIONS("path", "@/out/new-{shard}.csv", "mode", "replace"), OPTIONS("a"));
  desk_shell(&d, "test -f out/a.csv -a -f out/new-a.csv");
  one_run(t, &d, "r6", OPTIONS("path", "@/runs/{run}.csv", "mode", "replace"), OPTIONS("a"));
  one_run(t, &d, "r7", OPTIONS("path", "@/runs/{run}.csv", "mode", "replace"), OPTIONS("a"));
  desk_shell(&d, "test -f runs/r6.csv -a -f runs/r7.csv");
  desk_fini(&d);
}

/* The manifest says that a file goes, and the process died before it went: the next claim removes it, and only that one. */
static void killed_before_gone(struct tap *t) {
  struct desk d;
  struct shelf s;
  const char *const *options = OPTIONS("path", "@/{shard}.csv", "mode", "replace");
  desk_init(&d, "csv");
  one_run(t, &d, "r1", options, OPTIONS("a", "b"));
  desk_shell(&d,
             "sed -i \"s|\\\"moves\\\": \\[|&"
             "{\\\"part\\\": \\\"\\\", \\\"name\\\": \\\"$PWD/b.csv\\\", \\\"gone\\\": true},|\" .etl-p/manifest.json");
  CHECK(t, shelf_begin(&s, &d, "r2", options) == ETL_OK);
  desk_shell(&d, "test -f a.csv -a ! -e b.csv && ! grep -q gone .etl-p/manifest.json");
  shelf_drop(&s);
  desk_fini(&d);
}

/* A run whose source has neither rows nor columns leaves an empty file. */
static void emptied(struct tap *t) {
  struct desk d;
  struct shelf s;
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "t", .shard = "a"}, to = from;
  const struct etl_cursor *froms[] = {&from}, *tos[] = {&to};
  desk_init(&d, "csv");
  DESK_TEXT(&d, "t.csv.gz", "old");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/{stream}.csv.gz", "mode", "replace")) == ETL_OK);
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .owner = s.owner, .from = froms, .from_n = 1};
  to.epoch = 1;
  to.cursor = (struct etl_bytes){"c1", 2};
  CHECK(t, s.api->begin(s.control, &txn) == ETL_OK && s.api->commit(s.control, tos, 1) == ETL_OK);
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  desk_shell(&d, "test -z \"$(gzip -dc t.csv.gz)\" && ! ls .etl-p/*.part 2>/dev/null");
  desk_fini(&d);
}

/* Rows that no reader could read back are set aside in a careful epoch, and refused in another. */
static void refused_rows(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "\xff", "3", "z"), 3) == ETL_FAILED);
  CHECK(t, d.t.error.error_class == ETL_E_DATA && d.t.error.row == 1 && d.t.error.column == 1);
  s.flags = ETL_TXN_CAREFUL;
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x", "2", "\xff", "3", "z"), 3) == ETL_OK);
  CHECK(t, d.t.bad_n == 1 && d.t.bad[0].row == 1 && strcmp(d.t.bad[0].raw, "{\"id\": 2, \"name\": {\"$hex\": \"ff\"}}") == 0);
  shelf_drop(&s);
  desk_shell(&d, "test \"$(wc -l < t-a-000001.csv)\" = 3");
  desk_fini(&d);
}

/* On a file system of 200 KiB: the epoch that does not fit leaves nothing, and goes on when there is room.  Needs the right to mount. */
static void disk_full(struct tap *t) {
  struct desk d;
  struct shelf s;
  static char big[150000];
  memset(big, 'x', sizeof big - 1);
  desk_init(&d, "csv");
  if (!desk_try(&d, "mkdir small && mount -t tmpfs -o size=200k none small 2>/dev/null")) {
    tap_check(t, true, __FILE__, __LINE__, "a full disk # SKIP no file system can be mounted here");
    desk_fini(&d);
    return;
  }
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/small/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", big), 1) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", big), 1) == ETL_FAILED);
  CHECK(t, d.t.error.error_class == ETL_E_RETRYABLE && strstr(d.t.message, "No space left") && strstr(d.t.remedy, "make room"));
  CHECK(t, shelf_epoch(&s, "a") == 1 && desk_try(&d, "test \"$(ls small)\" = t-a-000001.csv"));
  desk_shell(&d, "mount -o remount,size=1m small");
  CHECK(t, shelf_rows(&s, "a", 2, SHELF_ALL, CELLS("2", big), 1) == ETL_OK && shelf_epoch(&s, "a") == 2);
  shelf_drop(&s);
  desk_shell(&d, "umount small");
  desk_fini(&d);
}

static void refused_options(struct tap *t) {
  static const char *const wrong[][4] = {{"path", "@/t.csv", "quote", ","},          {"path", "@/{date}.csv", "mode", "append"},
                                         {"path", "@/{epoch}.csv", "mode", "replace"}, {"path", "-", "mode", "replace"},
                                         {"path", "@/t.csv", "null", "a,b"},        {"path", "-", "compression", "gzip"}};
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int32_t rc = shelf_begin(&s, &d, "r1", OPTIONS(wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]));
    tap_check(t, rc == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG, __FILE__, __LINE__, "%s %s: %s", wrong[i][1], wrong[i][3], d.t.message);
    shelf_drop(&s);
  }
  DESK_TEXT(&d, "file", "x");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/file/t.csv")) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "file/.etl-p cannot be made: Not a directory");
  shelf_drop(&s);
  desk_fini(&d);
}

/* Nothing that is there is overwritten, be it somebody else's or of a lane that was forgotten. */
static void foreign_file(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "t-a-000001.csv", "mine\n");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  CHECK(t, testhost_logged(&d.t, ETL_LOG_WARN, "is called"));
  desk_shell(&d, "grep -qx mine t-a-000001.csv && grep -q '1,\"x\"' t-a-000001-2.csv");
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "t", .shard = "a", .epoch = 1}, to = from;
  const struct etl_cursor *froms[] = {&from}, *tos[] = {&to};
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .owner = s.owner, .from = froms, .from_n = 1};
  to.flags = ETL_CURSOR_FORGET;
  CHECK(t, s.api->begin(s.control, &txn) == ETL_OK && s.api->commit(s.control, tos, 1) == ETL_OK && shelf_epoch(&s, "a") == 0);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK);
  desk_shell(&d, "grep -q '1,\"x\"' t-a-000001-2.csv && grep -q '2,\"y\"' t-a-000001-3.csv");
  shelf_drop(&s);
  desk_fini(&d);
}

/* What is no regular file is not replaced by one: a pipe, a device, or a link that somebody has set. */
static void no_regular_file(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  desk_shell(&d, "mkfifo t.csv; echo old > real.csv; ln -s real.csv u.csv; ln -s nowhere.csv v.csv");
  static const char *const paths[] = {"@/t.csv", "@/u.csv", "@/v.csv"};
  for (size_t i = 0; i < 3; i++) {
    CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", paths[i], "mode", "replace")) == ETL_FAILED && strcmp(d.t.option, "path") == 0);
    CHECK_HAS(t, d.t.message, "csv is no regular file");
    CHECK(t, s.connector->common->check(s.control) == ETL_FAILED);
    shelf_drop(&s);
  }
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/{stream}.csv", "mode", "replace")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_FAILED && strstr(d.t.message, "t.csv is no regular file"));
  desk_shell(&d, "rm t.csv");
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK);
  desk_shell(&d, "mkfifo t.csv");
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_FAILED && strstr(d.t.message, "t.csv is no regular file"));
  desk_shell(&d, "test -p t.csv && rm t.csv");
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  desk_shell(&d, "grep -q '1,\"x\"' t.csv && grep -qx old real.csv && test -L u.csv -a -L v.csv -a ! -e nowhere.csv");
  desk_fini(&d);
}

/* The same when it comes between the commit and the renaming. */
static void late_pipe(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv", "mode", "replace")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK && s.api->run_end(s.control, "r1", 1) == ETL_OK);
  desk_shell(&d, "part=$(sed -n 's/.*\"part\": \"\\(.*\\)\",*/\\1/p' .etl-p/manifest.json); mv t.csv .etl-p/$part; mkfifo t.csv");
  CHECK(t, s.api->run_end(s.control, "r1", 1) == ETL_FAILED && strstr(d.t.message, "t.csv is no regular file"));
  desk_shell(&d, "test -p t.csv && rm t.csv");
  CHECK(t, shelf_end(&s, true) == ETL_OK);
  desk_shell(&d, "grep -q '1,\"x\"' t.csv");
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  append(&t);
  fencing(&t);
  killed_after_commit(&t);
  replace(&t);
  foreign_file(&t);
  no_regular_file(&t);
  late_pipe(&t);
  swap_again(&t);
  unnamed(&t);
  gone_shards(&t);
  killed_before_gone(&t);
  emptied(&t);
  refused_rows(&t);
  disk_full(&t);
  refused_options(&t);
  return tap_end(&t);
}
