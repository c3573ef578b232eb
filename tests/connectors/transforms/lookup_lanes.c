/* lookup.so as lanes use it: instances on threads of their own begin and end at any time, share the table of their run, and each
 * finds its values.  The sanitizer for threads is to be run on it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "drive.h"
#include "tap.h"

enum {
  LANES = 6,
  ROUNDS = 40,
  ROWS = 3
};
static const char table_file[] = "lookup-lanes.csv", broken_file[] = "lookup-lanes-broken.csv";

struct lane {
  pthread_t thread;
  bool broken;    /* its table cannot be read */
  unsigned right; /* rounds that ended as they should */
};

static bool round_of(const struct lane *l) {
  static const char *const keys[ROWS] = {"key 7", "key 1999", "none"};
  struct drive d;
  drive_begin(&d, "lookup", (const char *const[]){"file", l->broken ? broken_file : table_file, "key", "k", NULL});
  drive_group(&d, "columns", (const char *const[]){"column", "v", "type", "int32", NULL});
  int32_t rc = drive_start(&d);
  if (rc == ETL_OK)
    rc = drive_texts(&d, "k", keys, ROWS);
  bool ok = l->broken ? rc == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG
                      : rc == ETL_OK && strcmp(drive_cell(&d, 0, "v"), "14") == 0 && strcmp(drive_cell(&d, 1, "v"), "3998") == 0 &&
                            strcmp(drive_cell(&d, 2, "v"), "NULL") == 0;
  drive_close(&d);
  return ok;
}

static void *run_lane(void *arg) {
  struct lane *l = arg;
  for (unsigned i = 0; i < ROUNDS; i++)
    l->right += round_of(l);
  return NULL;
}

int main(void) {
  struct tap t = {0};
  struct lane lanes[LANES] = {0};
  FILE *f = fopen(table_file, "w");
  bool written = f && fputs("k,v\n", f) >= 0;
  for (int i = 0; written && i < 2000; i++)
    written = fprintf(f, "key %d,%d\n", i, 2 * i) > 0;
  CHECK(&t, written && fclose(f) == 0);
  f = fopen(broken_file, "w");
  CHECK(&t, f && fputs("k,v\na,1\nb,x\n", f) >= 0 && fclose(f) == 0);
  for (size_t i = 0; i < LANES; i++) {
    lanes[i].broken = i >= LANES - 2;
    if (pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]) != 0)
      abort();
  }
  for (size_t i = 0; i < LANES; i++) {
    pthread_join(lanes[i].thread, NULL);
    CHECK(&t, lanes[i].right == ROUNDS);
  }
  unlink(table_file);
  unlink(broken_file);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
