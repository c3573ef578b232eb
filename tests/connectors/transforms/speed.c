/* How many rows a second one core takes through the transformers: meson test --benchmark --verbose transforms_speed.  It prints
 * figures as JSON and checks nothing but that rows come out.  Agents and addresses repeat as visitors do: few are seen often, many
 * seldom. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "drive.h"

enum {
  ROWS = 8192,
  BATCHES = 100,
  AGENTS = 4000,
  ADDRESSES = 200000,
  TABLE_ROWS = 1000000,
  PAIRS_MAX = 16
};
struct speed_case {
  const char *connector, *what;
  const char *options[PAIRS_MAX];
  const char *group; /* option of groups */
  const char *groups[3][PAIRS_MAX];
};
static const char table_file[] = "speed-table.csv";
#define TABLE "TABLE" /* stands for table_file */
#define MMDB  "MMDB"
static const struct speed_case cases[] = {
    {"geoip", "as json", {"column", "ip", "database", MMDB}, NULL, {{0}}},
    {"geoip", "as columns", {"column", "ip", "database", MMDB, "as", "columns"}, NULL, {{0}}},
    {"useragent", "as json", {"column", "agent"}, NULL, {{0}}},
    {"useragent", "as columns", {"column", "agent", "as", "columns"}, NULL, {{0}}},
    {"columns", "cast and mask", {"cast", "amount=decimal(12,2)", "mask", "ip=ip"}, NULL, {{0}}},
    {"split", "two streams", {0}, "outputs", {{"stream", "a", "columns", "id|ip"}, {"stream", "b", "columns", "id|agent"}}},
    {"split", "distinct", {0}, "outputs", {{"stream", "a", "columns", "country", "distinct", "country"}, {"stream", "b"}}},
    {"validate", "range", {0}, "rules", {{"column", "amount", "min", "0", "max", "1e6"}}},
    {"validate", "regex", {0}, "rules", {{"column", "ip", "regex", "^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+$"}}},
    {"validate", "list", {0}, "rules", {{"column", "country", "in", "DE|FR|US|GB|IT|ES|NL|PL|JP|BR"}}},
    {"validate", "unique", {0}, "rules", {{"column", "id", "unique", "true"}}},
    {"lookup",
     "integer key",
     {"file", TABLE, "key", "user_id", "key_columns", "id"},
     "columns",
     {{"column", "n", "type", "int64"}}},
    {"lookup",
     "text key",
     {"file", TABLE, "key", "country", "key_columns", "code", "on_duplicate", "first"},
     "columns",
     {{"column", "label"}}},
    {"lua",
     "arithmetic",
     {"script", "function process(row) row.x = row.amount * 2 return row end"},
     "columns",
     {{"name", "x", "type", "float64"}}},
    {"lua",
     "text",
     {"script", "function process(row) row.x = row.country .. '-' .. row.id return row end"},
     "columns",
     {{"name", "x"}}},
};

static uint64_t random_of(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  return *state ^= *state << 17;
}

/* 0..n-1, the first ones most often. */
static uint64_t seldom(uint64_t *state, uint64_t n) {
  double u = (double)(random_of(state) >> 11) / 9007199254740992.0;
  return (uint64_t)exp(u * log((double)n)) % n;
}

static size_t agent(uint64_t i, char *to, size_t size) {
  static const char *const forms[] = {
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%u.0.%u.%u Safari/537.36",
      "Mozilla/5.0 (iPhone; CPU iPhone OS %u_%u like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%u.0 Mobile/15E148 "
      "Safari/604.1",
      "Mozilla/5.0 (X11; Linux x86_64; rv:%u.%u) Gecko/20100101 Firefox/%u.0",
      "Mozilla/5.0 (Linux; Android %u; SM-G99%uB) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%u.0.0.0 Mobile Safari/537.36"};
  return (size_t)snprintf(to, size, forms[i % 4], 60 + (unsigned)(i / 4 % 60), (unsigned)(i % 97), (unsigned)(i / 240));
}

static void fill(struct drive *d, const struct ArrowSchema *s, uint64_t *state, struct ArrowArray *ret) {
  static const char *const countries[] = {"DE", "FR", "US", "GB", "IT", "ES", "NL", "PL", "JP", "BR"};
  struct etl_batch b;
  char text[256];
  int rc = etl_batch_init(&b, &d->t.host, s, ROWS);
  for (int64_t i = 0; rc == 0 && i < ROWS; i++) {
    uint64_t address = seldom(state, ADDRESSES);
    rc = etl_batch_row(&b);
    etl_batch_i64(&b, 0, (int64_t)(random_of(state) >> 20));
    etl_batch_i64(&b, 1, (int64_t)(random_of(state) % TABLE_ROWS));
    rc |= etl_batch_bytes(
        &b, 2, text,
        (uint64_t)snprintf(text, sizeof text, "192.0.%u.%u", (unsigned)(address >> 8 & 255), (unsigned)(address & 255)));
    rc |= etl_batch_bytes(&b, 3, text, agent(seldom(state, AGENTS), text, sizeof text));
    rc |= etl_batch_bytes(&b, 4, countries[i % 10], 2);
    etl_batch_f64(&b, 5, (double)(i % 100000) / 4);
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

static const char *const *options_of(const struct speed_case *c, const char *mmdb, const char *ret[PAIRS_MAX]) {
  for (size_t i = 0; i < PAIRS_MAX; i++)
    ret[i] = !c->options[i]                      ? NULL
             : strcmp(c->options[i], TABLE) == 0 ? table_file
             : strcmp(c->options[i], MMDB) == 0  ? mmdb
                                                 : c->options[i];
  return ret;
}

static int run_case(const struct speed_case *c, const struct ArrowSchema *s, const char *mmdb, bool first) {
  struct drive d;
  const char *options[PAIRS_MAX];
  double spent = 0, bound;
  uint64_t state = 88172645463325252u;
  int64_t out = 0;
  drive_begin(&d, c->connector, options_of(c, mmdb, options));
  for (size_t i = 0; i < 3 && c->groups[i][0]; i++)
    drive_group(&d, c->group, c->groups[i]);
  bound = seconds();
  int32_t rc = drive_start(&d);
  if (rc == ETL_OK)
    rc = drive_bind(&d, s, NULL);
  bound = seconds() - bound;
  for (int n = 0; n < BATCHES && rc == ETL_OK; n++) {
    struct ArrowArray rows;
    fill(&d, s, &state, &rows);
    double from = seconds();
    rc = drive_process(&d, &rows);
    spent += seconds() - from;
    out += d.out[0].rows.length;
  }
  if (rc == ETL_OK && out)
    printf("%s  {\"connector\": \"%s\", \"case\": \"%s\", \"rows_per_second\": %.0f, \"bind_seconds\": %.3f}", first ? "" : ",\n",
           c->connector, c->what, ROWS * (double)BATCHES / spent, bound);
  else
    fprintf(stderr, "%s, %s: failed: %s\n", c->connector, c->what, d.t.message);
  drive_close(&d);
  return rc == ETL_OK && out ? 0 : 1;
}

static void write_table(void) {
  FILE *f = fopen(table_file, "w");
  static const char *const codes[] = {"DE", "FR", "US", "GB", "IT"};
  if (!f || fputs("id,code,label,n\n", f) < 0)
    abort();
  for (int64_t i = 0; i < TABLE_ROWS; i++)
    fprintf(f, "%lld,%s,label of %lld,%lld\n", (long long)i, codes[i % 5], (long long)i, (long long)(i * 7));
  if (fclose(f) != 0)
    abort();
}

int main(void) {
  struct ArrowSchema s;
  char mmdb[4096];
  const char *folder = getenv("ETL_TEST_MMDB");
  int failed = 0;
  bool first = true;
  write_table();
  snprintf(mmdb, sizeof mmdb, "%s/all.mmdb", folder ? folder : "");
  drive_schema(&s, (const char *const[]){"id", "l", "user_id", "l", "ip", "u", "agent", "u", "country", "u", "amount", "g", NULL});
  printf("[\n");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (strcmp(cases[i].connector, "geoip") == 0 && !folder)
      continue; /* no mmdb file could be made here */
    failed |= run_case(&cases[i], &s, mmdb, first);
    first = false;
  }
  printf("\n]\n");
  s.release(&s);
  unlink(table_file);
  return failed;
}
