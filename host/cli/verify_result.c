/* From two sides that were read to what is printed of them. */
#include "cli/verify_result.h"

#include <string.h>

#include "base/member.h"
#include "cli/event_text.h"

static const char *const kinds[] = {[DIFF_MISSING] = "missing", [DIFF_EXTRA] = "extra", [DIFF_CHANGED] = "changed"};

static void add_one(json_t *j, const char *key) { json_object_set_new(j, key, json_integer(member_number(j, key) + 1)); }

static json_t *group_named(const struct verify_stream *s, const char *name) {
  json_t *groups = json_object_get(s->result, "shards");
  for (size_t i = 0; i < json_array_size(groups); i++)
    if (strcmp(member_text(json_array_get(groups, i), "shard"), name) == 0)
      return json_array_get(groups, i);
  return NULL;
}

static void take_difference(void *arg, const struct compare_row *row) {
  struct verify_stream *s = arg;
  const json_t *columns = json_object_get(s->ask, "columns");
  json_t *group = group_named(s, row->group), *names;
  add_one(s->result, kinds[row->kind]);
  if (group)
    add_one(group, kinds[row->kind]);
  if (s->ranges)
    ranges_add_difference(s->ranges, row->kind, row->key, row->group);
  if (s->shown == 0)
    return;
  s->shown--;
  json_t *key = json_loads(row->key, 0, NULL);
  json_t *j = json_pack("{s:s, s:s, s:o}", "kind", kinds[row->kind], "shard", row->group, "key", key ? key : json_string(row->key));
  json_array_append_new(json_object_get(s->result, "differences"), j);
  if (row->kind != DIFF_CHANGED)
    return;
  json_object_set_new(j, "columns", names = json_array());
  for (size_t i = 0; i < row->columns_n; i++)
    if (row->source[i] != row->target[i])
      json_array_append(names, json_object_get(json_array_get(columns, i), "name"));
}

static void take_same(void *arg, const char *key, const char *group) { ranges_add_same(arg, key, group); }

/* The first of them, as many as rows that are shown. */
static void set_ranges(struct verify_stream *s, size_t limit) {
  compare_same(s->compare, take_same, s->ranges);
  json_t *list = ranges_list(s->ranges);
  json_object_set_new(s->result, "ranges_n", json_integer((json_int_t)json_array_size(list)));
  while (json_array_size(list) > limit)
    json_array_remove(list, json_array_size(list) - 1);
  json_object_set_new(s->result, "ranges", list);
}

bool verify_settle(struct verify_stream *s, size_t limit) {
  json_t *groups = json_array();
  for (size_t i = 0; i < compare_groups(s->compare); i++) {
    struct compare_group g = compare_group(s->compare, i);
    json_array_append_new(groups, json_pack("{s:s, s:I, s:I}", "shard", g.name, "source_rows", (json_int_t)g.rows[SIDE_SOURCE], "target_rows",
                                            (json_int_t)g.rows[SIDE_TARGET]));
  }
  json_object_set_new(s->result, "shards", groups);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    json_object_set_new(s->result, kinds[i], json_integer(0));
  s->shown = limit;
  s->ranges = ranges_new(s->ask);
  struct compare_left left;
  size_t differences = compare_differences(s->compare, take_difference, s, &left);
  if (s->ranges)
    set_ranges(s, limit);
  ranges_free(s->ranges);
  s->ranges = NULL;
  json_object_set_new(s->result, "older", json_integer((json_int_t)left.older));
  json_object_set_new(s->result, "pending", json_integer((json_int_t)left.pending));
  s->same = differences == 0 && member_number(s->result, "buckets_left") == 0;
  return s->same;
}
