/* Where rows of several lanes and streams come together: standard output, and one file of a run. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "shelf.h"
#include "tap.h"

/* Rows of one column that is called so. */
static int32_t write_column(struct shelf *s, const char *shard, const char *name) {
  struct ArrowSchema schema;
  struct ArrowArray rows;
  struct etl_batch b;
  int rc = etl_schema_init(&schema, 1) | etl_schema_set(&schema, 0, name, "l", true, NULL, NULL) | etl_batch_init(&b, &s->d->t.host, &schema, 1);
  rc |= etl_batch_row(&b);
  etl_batch_i64(&b, 0, 1);
  if ((rc | etl_batch_finish(&b, &rows)) != 0)
    abort();
  etl_batch_fini(&b);
  int32_t status = shelf_epoch_write(s, shard, 1, &schema, &rows, SHELF_ALL);
  etl_schema_release(&schema);
  return status;
}

/* All lanes in one text, one header, also without rows, and no cursor; another stream or other columns are refused. */
static void standard_output(struct tap *t) {
  struct desk d;
  struct shelf s;
  char path[200];
  desk_init(&d, "csv");
  snprintf(path, sizeof path, "%s/out", d.dir);
  fflush(stdout);
  int kept = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  bool ok = file >= 0 && dup2(file, STDOUT_FILENO) == STDOUT_FILENO && shelf_begin(&s, &d, "r1", OPTIONS("path", "-")) == ETL_OK;
  ok = ok && s.api->caps(s.control) == 0;
  ok = ok && shelf_rows(&s, "none", 1, SHELF_ALL, CELLS(NULL), 0) == ETL_OK;
  bool header = lseek(file, 0, SEEK_CUR) == 8;
  ok = ok && shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("1", "x"), 1) == ETL_OK && shelf_rows(&s, "b", 1, SHELF_ALL, CELLS("2", "y"), 1) == ETL_OK;
  bool columns = write_column(&s, "a", "other") == ETL_FAILED && strstr(d.t.message, "the columns of t are not those");
  testhost_clear(&d.t);
  s.stream = "u";
  bool streams = shelf_rows(&s, "a", 1, SHELF_ALL, CELLS("3", "z"), 1) == ETL_FAILED && strstr(d.t.message, "those of u would be the second");
  s.stream = NULL;
  ok = ok && shelf_epoch(&s, "a") == 0 && shelf_end(&s, true) == ETL_OK;
  dup2(kept, STDOUT_FILENO);
  close(kept);
  close(file);
  CHECK(t, ok && header);
  CHECK(t, columns);
  CHECK(t, streams);
  desk_shell(&d, "test \"$(cat out | tr '\\n' '|')\" = 'id,name|1,\"x\"|2,\"y\"|'");
  desk_fini(&d);
}

/* Lanes with other columns are not put behind each other, whether a header would tell or not. */
static void other_columns(struct tap *t, const char *header) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "t.csv", "old\n");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv", "mode", "replace", "header", header)) == ETL_OK);
  CHECK(t, write_column(&s, "a", "x") == ETL_OK && write_column(&s, "b", "x") == ETL_OK && write_column(&s, "c", "y") == ETL_OK);
  CHECK(t, shelf_end(&s, true) == ETL_FAILED && d.t.error.error_class == ETL_E_SCHEMA && strstr(d.t.message, "lanes with different columns"));
  desk_shell(&d, "grep -qx old t.csv");
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  standard_output(&t);
  other_columns(&t, "true");
  other_columns(&t, "false");
  return tap_end(&t);
}
