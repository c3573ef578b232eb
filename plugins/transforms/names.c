/* Messages about column names that are not there.  A user who mistyped a column sees the nearest name and the whole list at once.
 * Any thread. */
#include <stdio.h>
#include <strings.h>

#include "names.h"

enum {
  NAME_MAX_BYTES = 128,
  LIST_BYTES = 1024
};

static unsigned distance(const char *a, const char *b) {
  unsigned row[NAME_MAX_BYTES + 1];
  size_t bn = strlen(b);
  if (bn > NAME_MAX_BYTES)
    return NAME_MAX_BYTES;
  for (size_t j = 0; j <= bn; j++)
    row[j] = (unsigned)j;
  for (size_t i = 0; a[i]; i++) {
    unsigned diagonal = row[0]++;
    for (size_t j = 1; j <= bn; j++) {
      unsigned swap = diagonal + (a[i] != b[j - 1]), least = row[j] + 1;
      diagonal = row[j];
      least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
      row[j] = swap < least ? swap : least;
    }
  }
  return row[bn];
}

const char *names_nearest(const struct ArrowSchema *s, const char *name) {
  const char *best = NULL;
  unsigned best_distance = (unsigned)strlen(name) / 3 + 2;
  for (int64_t i = 0; i < s->n_children; i++) {
    const char *candidate = s->children[i]->name;
    unsigned d = strcasecmp(candidate, name) == 0 ? 0 : distance(name, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

static void list(const struct ArrowSchema *s, char *buf, size_t size) {
  size_t n = 0;
  buf[0] = 0;
  for (int64_t i = 0; i < s->n_children && n < size; i++) {
    int w = snprintf(buf + n, size - n, "%s%s", i ? ", " : "", s->children[i]->name);
    n += w > 0 ? (size_t)w : 0;
  }
  if (n >= size)
    memcpy(buf + size - 4, "...", 4);
}

int32_t names_missing(const struct etl_host *h, const struct etl_stream *in, const char *connector, const char *option,
                      const char *name) {
  char all[LIST_BYTES], remedy[NAME_MAX_BYTES * 2 + LIST_BYTES];
  const char *near = names_nearest(in->schema, name);
  list(in->schema, all, sizeof all);
  if (near)
    snprintf(remedy, sizeof remedy, "did you mean \"%.128s\"? the columns at this stage are: %s", near, all);
  else
    snprintf(remedy, sizeof remedy, "name one of the columns at this stage: %s", all);
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = option;
  e.remedy = remedy;
  return etl_failf(h, &e, "%s: option %s names column \"%s\", which stream %s does not have", connector, option, name, in->name);
}
