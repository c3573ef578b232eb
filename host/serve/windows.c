/* Windows of pipelines with interval = true: each run covers the time from the end of the last window that succeeded to its due time, less the
 * delay behind which the source's rows are complete.  A full refresh is a window from the beginning.  A window that failed is therefore part of the next one; a retry keeps its own,
 * less what a run that overtook it has covered. */
#include "serve/windows.h"

#include <string.h>
#include <time.h>

#include "base/member.h"
#include "base/units.h"

/* Of the stage as written, else the connector's default; 0: it knows no such thing. */
static int64_t delay_of(struct running *r) {
  const struct conf_stage *stage = &r->conf->extract;
  const struct conf_node *n = conf_node_find(stage->options, "consistency_delay");
  const char *text = n ? n->text : NULL;
  struct err e;
  int64_t ns = 0;
  const struct plugin_file *f = text ? NULL : registry_find(r->gen->registry, ETL_KIND_EXTRACTOR, stage->plugin, &e);
  const struct description *d = f ? describes_get(r->serve->describes, f->path, &e) : NULL;
  const struct etl_connector *c = d ? d->connectors[ETL_KIND_EXTRACTOR] : NULL;
  for (size_t i = 0; c && c->options && c->options[i]; i++)
    if (strcmp(c->options[i]->name, "consistency_delay") == 0)
      text = c->options[i]->dflt;
  if (!text || units_parse_duration(text, &ns) < 0)
    ns = 0;
  describes_put(r->serve->describes, d);
  return ns;
}

/* From the store, since another host may have done the last one. */
static int last_end(struct running *r, int64_t *ret_ns, struct err *e) {
  struct arena *a = arena_new();
  struct store_pipeline *list;
  size_t n = 0;
  int rc = store_pipelines(r->serve->store, &(struct store_names){&r->run.pipeline, 1}, a, &list, &n, e);
  *ret_ns = rc == 0 && n ? list->window_to_ns : 0;
  arena_free(a);
  return rc;
}

int window_choose(struct running *r, struct err *e) {
  bool all = member_true(r->options, "full_refresh");
  int64_t end = 0;
  if (!r->conf->interval || json_object_get(r->options, "range"))
    return 0;
  if (!all && last_end(r, &end, e) < 0)
    return -1;
  if (end > r->run.window_from_ns)
    r->run.window_from_ns = end;
  int64_t due = r->run.due_ns ? r->run.due_ns : r->started_ns;
  if (!r->run.window_to_ns)
    r->run.window_to_ns = due - delay_of(r);
  return 0;
}

bool window_is_empty(const struct running *r) { return r->run.window_to_ns && r->run.window_to_ns <= r->run.window_from_ns; }

const char *window_moment(struct arena *a, int64_t ns) {
  struct tm tm;
  time_t seconds = (time_t)(ns / NS_PER_SEC);
  char head[24];
  gmtime_r(&seconds, &tm);
  strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &tm);
  return ns % NS_PER_SEC ? arena_printf(a, "%s.%06d", head, (int)(ns % NS_PER_SEC / 1000)) : arena_strdup(a, head);
}

void window_put(const struct running *r, struct spec *spec) {
  if (!r->run.window_to_ns)
    return;
  spec->interval = true;
  spec->range_from = r->run.window_from_ns ? window_moment(spec->arena, r->run.window_from_ns) : NULL;
  spec->range_to = window_moment(spec->arena, r->run.window_to_ns);
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------------------------- */

bool window_leaves_out(const struct running *r, const json_t *shards) {
  const json_t *lane, *one;
  bool retry = json_object_get(r->options, "retries") || json_object_get(r->options, "read_again"); /* else a user has chosen */
  size_t i, k;
  if (json_array_size(json_object_get(r->summary, "left_out")) || member_true(r->options, "left_out") || (json_object_get(r->options, "shards") && !retry))
    return true;
  json_array_foreach(json_object_get(r->summary, "lanes"), i, lane) {
    const char *status = member_text(lane, "status"), *shard = member_text(lane, "shard");
    bool chosen = strcmp(status, "success") == 0;
    json_array_foreach(shards, k, one)
      chosen |= strlen(json_string_value(one)) == strcspn(shard, "#@") && strncmp(json_string_value(one), shard, strcspn(shard, "#@")) == 0;
    if (!chosen)
      return true;
  }
  return false;
}
