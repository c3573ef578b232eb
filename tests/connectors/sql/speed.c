/* How many rows a second one core takes through the transformers that speak SQL: meson test --benchmark.  It prints figures and checks
 * nothing but that the rows come out. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "drive.h"

enum {
  ROWS = 8192,
  BATCHES = 250
};
static const struct {
  const char *connector, *what;
  const char *option, *text; /* derive: expression and type */
} cases[] = {
    {"filter", "all rows stay", "where", "id > 0"},
    {"filter", "half of them stay", "where", "amount >= 500"},
    {"filter", "text, a tenth stays", "where", "country = 'DE'"},
    {"filter", "regexp", "where", "name REGEXP '^customer number 1'"},
    {"filter", "dates", "where", "at >= '2024-01-01'"},
    {"derive", "product", "amount * id", "float64"},
    {"derive", "decimal", "amount * 1.19", "decimal(12,2)"},
    {"derive", "text", "upper(country) || '-' || id", "text"},
    {"sql", "two columns", "query", "SELECT id, country FROM batch WHERE amount >= 500"},
    {"sql", "grouped", "query", "SELECT country, count(*) AS n, sum(amount) AS total FROM batch GROUP BY country"},
};

static void fill(struct drive *d, const struct ArrowSchema *s, struct ArrowArray *ret) {
  static const char *const countries[] = {"DE", "FR", "US", "GB", "IT", "ES", "NL", "PL", "JP", "BR"};
  struct etl_batch b;
  char name[64];
  int rc = etl_batch_init(&b, &d->t.host, s, ROWS);
  for (int64_t i = 0; rc == 0 && i < ROWS; i++) {
    rc = etl_batch_row(&b);
    etl_batch_i64(&b, 0, i + 1);
    rc |= etl_batch_bytes(&b, 1, name, (uint64_t)snprintf(name, sizeof name, "customer number %lld", (long long)i));
    rc |= etl_batch_bytes(&b, 2, countries[i % 10], 2);
    etl_batch_f64(&b, 3, (double)(i % 1000));
    etl_batch_i64(&b, 4, 1700000000000000 + i * 1000000000);
  }
  if (rc != 0 || etl_batch_finish(&b, ret) < 0)
    abort();
  etl_batch_fini(&b);
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void) {
  struct ArrowSchema s;
  drive_schema(&s, (const char *const[]){"id", "l", "name", "u", "country", "u", "amount", "g", "at", "tsu:UTC", NULL});
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct drive d;
    double spent = 0;
    int64_t out = 0;
    bool derive = strcmp(cases[i].connector, "derive") == 0;
    drive_begin(&d, cases[i].connector, derive ? NULL : (const char *const[]){cases[i].option, cases[i].text, NULL});
    if (derive)
      drive_group(&d, "columns", (const char *const[]){"name", "x", "expr", cases[i].option, "type", cases[i].text, NULL});
    int32_t rc = drive_start(&d);
    if (rc == ETL_OK)
      rc = drive_bind(&d, &s, NULL);
    for (int n = 0; n < BATCHES && rc == ETL_OK; n++) {
      struct ArrowArray rows;
      fill(&d, &s, &rows);
      double from = seconds();
      rc = drive_process(&d, &rows);
      spent += seconds() - from;
      out += d.out[0].rows.length;
    }
    if (rc != ETL_OK || out == 0) {
      printf("%s, %s: failed: %s\n", cases[i].connector, cases[i].what, d.t.message);
      return 1;
    }
    printf("%-7s %-20s %6.2f million rows/s  %s\n", cases[i].connector, cases[i].what, ROWS * (double)BATCHES / spent / 1e6,
           derive ? cases[i].option : cases[i].text);
    drive_close(&d);
  }
  s.release(&s);
  return 0;
}
