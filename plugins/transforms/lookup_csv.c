/* The table of a lookup out of a CSV file; and finding columns by name, for all sources. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "csv.h"
#include "lookup.h"

enum {
  FILE_MAX_BYTES = INT32_MAX,
  LIST_BYTES = 1024
};

int32_t lookup_find_columns(const struct lookup_reader *r, const char *(*name)(void *, int64_t), void *table, int64_t n,
                            int64_t *at) {
  char list[LIST_BYTES] = "";
  for (size_t i = 0; i < r->names_n; i++) {
    at[i] = -1;
    for (int64_t k = 0; k < n && at[i] < 0; k++)
      at[i] = strcmp(name(table, k), r->names[i]) == 0 ? k : -1;
    if (at[i] >= 0)
      continue;
    for (int64_t k = 0; k < n; k++)
      snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", k ? ", " : "", name(table, k));
    char remedy[LIST_BYTES + 64];
    snprintf(remedy, sizeof remedy, "name one of its columns: %s", list);
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = i < r->o->keys_n ? "key_columns" : "columns";
    e.remedy = remedy;
    return etl_failf(r->host, &e, "lookup: option %s: the table has no column \"%s\"", e.option, r->names[i]);
  }
  return ETL_OK;
}

static const char *header_name(void *table, int64_t i) { return ((char **)table)[i]; }

static int32_t read_header(const struct lookup_reader *r, struct csv *c, int64_t *at) {
  size_t n = c->fields_n;
  char **names = calloc(n + 1, sizeof *names);
  bool whole = names != NULL;
  for (size_t i = 0; whole && i < n; i++)
    whole = (names[i] = strndup(c->fields[i].p ? c->fields[i].p : "", c->fields[i].n)) != NULL;
  int32_t rc = whole ? lookup_find_columns(r, header_name, names, (int64_t)n, at) : transformer_no_memory(r->host, "lookup");
  for (size_t i = 0; names && i < n; i++)
    free(names[i]);
  free(names);
  return rc;
}

static int32_t bad_file(const struct lookup_reader *r, const struct csv *c, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "file";
  e.remedy = "correct the file: a first line with the names, then as many fields in each";
  return etl_failf(r->host, &e, "lookup: %s, line %lld: %s", r->o->file, (long long)c->line, why);
}

static int32_t read_rows(const struct lookup_reader *r, struct csv *c, int64_t *at, struct etl_bytes *cells) {
  int got = csv_next(c);
  if (got <= 0)
    return bad_file(r, c, got ? c->why : "the file is empty");
  size_t fields = c->fields_n;
  int32_t rc = read_header(r, c, at);
  while (rc == ETL_OK && (got = csv_next(c)) == 1) {
    if (r->host->cancelled(r->host))
      return ETL_STOPPED;
    if (c->fields_n != fields)
      return bad_file(r, c, c->fields_n < fields ? "fewer fields than names" : "more fields than names");
    for (size_t i = 0; i < r->names_n; i++)
      cells[i] = c->fields[at[i]];
    rc = r->row(r->arg, cells, c->line);
  }
  return rc == ETL_OK && got < 0 ? bad_file(r, c, c->why) : rc;
}

int32_t lookup_read_csv(const struct lookup_reader *r) {
  struct csv c;
  if (csv_open(&c, r->o->file, r->o->delimiter, FILE_MAX_BYTES) < 0) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.vendor_code = errno;
    e.option = "file";
    e.remedy = "name a CSV file of at most 2 GiB that can be read";
    return etl_failf(r->host, &e, "lookup: %s: %s", r->o->file, strerror(errno));
  }
  int64_t *at = calloc(r->names_n, sizeof *at);
  struct etl_bytes *cells = calloc(r->names_n, sizeof *cells);
  int32_t rc = at && cells ? read_rows(r, &c, at, cells) : transformer_no_memory(r->host, "lookup");
  free(at);
  free(cells);
  csv_close(&c);
  return rc;
}
