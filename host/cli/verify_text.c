/* A table of counts for each stream, then the rows that differ. */
#include "cli/verify_text.h"

#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/event_text.h"

/* "2 missing, 1 changed", or "same". */
static const char *status(struct arena *a, const json_t *j) {
  static const char *const kinds[] = {"missing", "extra", "changed"};
  const char *text = NULL;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (member_number(j, kinds[i]))
      text = arena_printf(a, "%s%s%s %s", text ? text : "", text ? ", " : "", words_number(a, member_number(j, kinds[i])), kinds[i]);
  return text ? text : "same";
}

static void print_counts(struct arena *a, const json_t *stream, FILE *to) {
  static const char *const heads[] = {"SHARD", ">SOURCE ROWS", ">TARGET ROWS", "STATUS", NULL};
  const json_t *shards = json_object_get(stream, "shards"), *g;
  size_t i;
  if (json_array_size(shards) == 0) {
    fputs("There is no row on either side.\n", to);
    return;
  }
  struct table *t = table_new(heads);
  json_array_foreach((json_t *)(uintptr_t)shards, i, g) {
    const char *name = words_clean(a, member_text(g, "shard"));
    table_cell(t, "%s", *name ? name : "all");
    table_cell(t, "%s", words_number(a, member_number(g, "source_rows")));
    table_cell(t, "%s", words_number(a, member_number(g, "target_rows")));
    table_cell(t, "%s", status(a, g));
  }
  table_print(t, to);
  table_free(t);
}

static const char *key_text(struct arena *a, const json_t *key) {
  const char *text = "", *name;
  json_t *value;
  if (!json_is_object(key))
    return words_clean(a, json_string_value(key));
  json_object_foreach((json_t *)(uintptr_t)key, name, value) {
    char *v = json_dumps(value, JSON_ENCODE_ANY);
    text = arena_printf(a, "%s%s%s = %s", text, *text ? ", " : "", name, v ? v : "");
    free(v);
  }
  return words_clean(a, text);
}

static void print_difference(struct arena *a, const json_t *d, FILE *to) {
  const json_t *columns = json_object_get(d, "columns"), *c;
  const char *shard = words_clean(a, member_text(d, "shard"));
  size_t i;
  fprintf(to, "  %-8s %s%s%s", member_text(d, "kind"), *shard ? shard : "", *shard ? ": " : "", key_text(a, json_object_get(d, "key")));
  json_array_foreach((json_t *)(uintptr_t)columns, i, c)
    fprintf(to, "%s%s", i ? ", " : "  differs in ", words_clean(a, json_string_value(c)));
  fputc('\n', to);
}

static void print_range(struct arena *a, const json_t *range, FILE *to) {
  const json_t *from = json_object_get(range, "from"), *last = json_object_get(range, "to");
  const char *shard = words_clean(a, member_text(range, "shard"));
  fprintf(to, "  %s%s%s", shard, *shard ? ": " : "", key_text(a, from));
  if (!json_equal((json_t *)(uintptr_t)from, (json_t *)(uintptr_t)last))
    fprintf(to, " to %s", key_text(a, last));
  fprintf(to, ": %s\n", status(a, range));
}

/* Where the rows lie of which not all are shown; rows that are spread over all keys lie nowhere. */
static void print_ranges(struct arena *a, const json_t *stream, int64_t rows, FILE *to) {
  const json_t *ranges = json_object_get(stream, "ranges"), *j;
  int64_t n = member_number(stream, "ranges_n");
  size_t i;
  if (n == 0 || n > rows / 2)
    return;
  fprintf(to, "  in %s of the key:\n", words_count(a, n, "range"));
  json_array_foreach((json_t *)(uintptr_t)ranges, i, j) {
    fputs("  ", to);
    print_range(a, j, to);
  }
  if ((size_t)n > json_array_size(ranges))
    fprintf(to, "    and %s more\n", words_number(a, n - (int64_t)json_array_size(ranges)));
}

static void print_stream(struct arena *a, const json_t *stream, const struct colours *c, FILE *to) {
  const json_t *notes = json_object_get(stream, "notes"), *differences = json_object_get(stream, "differences"), *j;
  int64_t all = member_number(stream, "missing") + member_number(stream, "extra") + member_number(stream, "changed"), left = member_number(stream, "buckets_left");
  size_t i;
  fprintf(to, "%s%s%s -> %s\n", c->bold, words_clean(a, member_text(stream, "stream")), c->off, words_clean(a, member_text(stream, "target")));
  print_counts(a, stream, to);
  json_array_foreach((json_t *)(uintptr_t)differences, i, j)
    print_difference(a, j, to);
  if ((size_t)all > json_array_size(differences))
    fprintf(to, "  and %s more; --limit shows more of them\n", words_number(a, all - (int64_t)json_array_size(differences)));
  if ((size_t)all > json_array_size(differences))
    print_ranges(a, stream, all, to);
  if (member_number(stream, "older"))
    fprintf(to, "%snote: %s of the source beside another one with the same key, which the target has%s\n", c->dim,
            words_count(a, member_number(stream, "older"), "row"), c->off);
  if (member_number(stream, "pending"))
    fprintf(to, "%snote: %s of the source come%s with the next run%s\n", c->dim, words_count(a, member_number(stream, "pending"), "row"),
            member_number(stream, "pending") == 1 ? "s" : "", c->off);
  if (left)
    fprintf(to, "  and more in %s of 4,096 parts of the key's hash, which were too many to look at row by row\n", words_number(a, left));
  json_array_foreach((json_t *)(uintptr_t)notes, i, j)
    fprintf(to, "%snote: %s%s\n", c->dim, words_clean(a, json_string_value(j)), c->off);
}

void verify_print(const json_t *result, const struct colours *c, FILE *to) {
  struct arena *a = arena_new();
  const json_t *streams = json_object_get(result, "streams"), *j;
  bool same = strcmp(member_text(result, "status"), "same") == 0;
  int64_t pending = 0;
  size_t i;
  json_array_foreach((json_t *)(uintptr_t)streams, i, j) {
    pending += member_number(j, "pending");
    print_stream(a, j, c, to);
    fputc('\n', to);
  }
  if (json_object_get(result, "rows_loaded_again"))
    fprintf(to, "%s loaded again.\n", words_count(a, member_number(result, "rows_loaded_again"), "row"));
  fprintf(to, "%s%s%s\n", same ? c->good : c->bad,
          !same     ? "Source and target differ."
          : pending ? "The target has what the source has, but for what comes with the next run."
                    : "The target has what the source has.",
          c->off);
  arena_free(a);
}
