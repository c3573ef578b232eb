/* The run's specification: from the configuration, to JSON and back.  Plain fields are in one table. */
#include "engine/spec.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/member.h"
#include "conf/late.h"

enum field_type { FIELD_INT, FIELD_BOOL, FIELD_TEXT };
static const struct { const char *name; enum field_type type; size_t offset; } fields[] = {
#define FIELD(type_, name_) {#name_, type_, offsetof(struct spec, name_)}
#define LIMIT(name_) {#name_, FIELD_INT, offsetof(struct spec, limits.name_)}
#define CAPTURE(type_, name_) {"capture_" #name_, type_, offsetof(struct spec, capture.name_)}
#define RETRY(type_, name_) {#name_, type_, offsetof(struct spec, retry.name_)}
  FIELD(FIELD_TEXT, pipeline),       FIELD(FIELD_TEXT, run),           FIELD(FIELD_TEXT, cache_dir),
  FIELD(FIELD_INT, epoch_rows),      FIELD(FIELD_INT, epoch_bytes),    FIELD(FIELD_INT, epoch_time_ns),
  FIELD(FIELD_INT, batch_rows),      FIELD(FIELD_INT, batch_bytes),    FIELD(FIELD_INT, memory_bytes),
  FIELD(FIELD_INT, stall_timeout_ns), FIELD(FIELD_INT, limit_rows),    FIELD(FIELD_BOOL, full_refresh),
  FIELD(FIELD_BOOL, keep_staging),   FIELD(FIELD_BOOL, dry_run),        RETRY(FIELD_INT, max_retries),    RETRY(FIELD_INT, retry_delay_ns),
  RETRY(FIELD_INT, max_retry_delay_ns), RETRY(FIELD_INT, retry_timeout_ns), RETRY(FIELD_INT, jitter_ns), RETRY(FIELD_BOOL, exponential_backoff),
  FIELD(FIELD_INT, parallelism),     LIMIT(sessions),                  LIMIT(rows_per_second),
  LIMIT(bytes_per_second),           FIELD(FIELD_TEXT, range_from),    FIELD(FIELD_TEXT, range_to),
  FIELD(FIELD_TEXT, window),         FIELD(FIELD_BOOL, accept_change), FIELD(FIELD_BOOL, repair),      FIELD(FIELD_BOOL, interval),
  FIELD(FIELD_TEXT, quarantine_dir), FIELD(FIELD_INT, owner), FIELD(FIELD_BOOL, defer_retries), CAPTURE(FIELD_BOOL, raw), CAPTURE(FIELD_BOOL, transformed),
  CAPTURE(FIELD_TEXT, raw_table), CAPTURE(FIELD_TEXT, transformed_table), CAPTURE(FIELD_INT, keep_ns), {"max_bad_rows", FIELD_INT, offsetof(struct spec, quarantine.max_rows)},
  FIELD(FIELD_INT, max_files), FIELD(FIELD_INT, max_cpu_ns), FIELD(FIELD_INT, max_memory_bytes), FIELD(FIELD_BOOL, no_core),
  {"max_bad_percent", FIELD_INT, offsetof(struct spec, quarantine.max_percent)}};
enum { FIELDS = sizeof fields / sizeof *fields, RUN_ID_CHARS = 16, CONNECTION_MEMORY_BYTES = 64 << 20 };

/* Base 36: nine characters of time in milliseconds, so that runs sort by start, and seven of chance. */
const char *spec_run_id(struct arena *a) {
  static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  char *id = arena_alloc(a, RUN_ID_CHARS + 1);
  uint64_t ms = (uint64_t)clock_wall_ns() / 1000000, chance = 0;
  if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
    chance = (uint64_t)clock_mono_ns();
  for (int i = 8; i >= 0; i--, ms /= 36)
    id[i] = digits[ms % 36];
  for (int i = 9; i < RUN_ID_CHARS; i++, chance /= 36)
    id[i] = digits[chance % 36];
  return id;
}

static int find_stage(const struct registry *r, enum etl_kind kind, const struct conf_stage *from, struct err *e,
                      struct spec_stage *ret_stage) {
  struct err why;
  const struct plugin_file *f = registry_find(r, kind, from->plugin, &why);
  if (!f) {
    *e = why;
    char text[sizeof why.message];
    snprintf(text, sizeof text, "%s: %.1900s", from->origin, why.message);
    memcpy(e->message, text, sizeof text);
    return -1;
  }
  *ret_stage = (struct spec_stage){.conf = *from, .path = f->path, .mark = f->mark};
  return 0;
}

static struct spec *spec_empty(void) {
  struct arena *a = arena_new();
  struct spec *s = arena_alloc(a, sizeof *s);
  s->arena = a;
  return s;
}

/* Values of the run's own variables, where nobody has given any. */
static json_t *own_values(const struct spec *s, const json_t *values) {
  json_t *all = json_pack("{s:s}", "run.id", s->run);
  if (values)
    json_object_update(all, (json_t *)(uintptr_t)values); /* jansson takes it without const, and only reads it */
  return all;
}

static int fill_stages(struct spec *s, const json_t *values, struct err *e) {
  json_t *all = own_values(s, values);
  int rc = late_fill(&s->extract.conf, all, s->arena, e, &s->extract.conf);
  for (size_t i = 0; rc == 0 && i < s->transforms_n; i++)
    rc = late_fill(&s->transforms[i].conf, all, s->arena, e, &s->transforms[i].conf);
  if (rc == 0)
    rc = late_fill(&s->load.conf, all, s->arena, e, &s->load.conf);
  json_decref(all);
  return rc;
}

int spec_new(const struct conf *c, const struct conf_pipeline *p, const struct registry *r, struct err *e, struct spec **ret_spec) {
  return spec_new_with(c, p, r, NULL, e, ret_spec);
}

int spec_new_with(const struct conf *c, const struct conf_pipeline *p, const struct registry *r, const json_t *values, struct err *e,
                  struct spec **ret_spec) {
  struct spec *s = spec_empty();
  s->command = SPEC_RUN;
  s->pipeline = p->name;
  s->run = spec_run_id(s->arena);
  s->cache_dir = c->cache_dir;
  s->epoch_rows = p->epoch_rows;
  s->epoch_bytes = p->epoch_bytes;
  s->epoch_time_ns = p->epoch_time_ns;
  s->batch_rows = p->batch_rows;
  s->batch_bytes = p->batch_bytes;
  s->memory_bytes = p->memory_bytes;
  s->stall_timeout_ns = p->stall_timeout_ns;
  s->parallelism = p->parallelism;
  s->limits = p->limits;
  s->retry = p->retry;
  s->quarantine = p->quarantine;
  s->capture = p->capture;
  s->quarantine_dir = c->quarantine_dir;
  s->transforms = arena_alloc(s->arena, (p->transforms_n + 1) * sizeof *s->transforms);
  int rc = find_stage(r, ETL_KIND_EXTRACTOR, &p->extract, e, &s->extract);
  for (; rc == 0 && s->transforms_n < p->transforms_n; s->transforms_n++)
    rc = find_stage(r, ETL_KIND_TRANSFORMER, &p->transforms[s->transforms_n], e, &s->transforms[s->transforms_n]);
  if (rc == 0)
    rc = find_stage(r, ETL_KIND_LOADER, &p->load, e, &s->load);
  if (rc == 0)
    rc = fill_stages(s, values, e);
  if (rc < 0) {
    spec_free(s);
    return -1;
  }
  *ret_spec = s;
  return 0;
}

int spec_for_connection(const struct conf *c, const struct conf_stage *connection, enum etl_kind kind, const struct registry *r, struct err *e,
                        struct spec **ret_spec) {
  struct spec *s = spec_empty();
  s->command = SPEC_CONNECTION;
  s->pipeline = connection->connection;
  s->run = spec_run_id(s->arena);
  s->cache_dir = c->cache_dir;
  s->quarantine_dir = c->quarantine_dir;
  s->memory_bytes = CONNECTION_MEMORY_BYTES;
  s->transforms = arena_alloc(s->arena, sizeof *s->transforms);
  s->shards = arena_alloc(s->arena, sizeof *s->shards);
  if (find_stage(r, kind, connection, e, &s->extract) < 0 || fill_stages(s, NULL, e) < 0) {
    spec_free(s);
    return -1;
  }
  s->load = s->extract;
  *ret_spec = s;
  return 0;
}

void spec_free(struct spec *s) {
  if (!s)
    return;
  json_decref(s->ask);
  json_decref(s->retries);
  json_decref(s->cursors);
  arena_free(s->arena);
}

static json_t *stage_to_json(const struct spec_stage *s) {
  json_t *j = json_object();
  json_object_set_new(j, "conf", conf_stage_to_json(&s->conf));
  json_object_set_new(j, "path", json_string(s->path));
  json_object_set_new(j, "mark", json_pack("[I, I, I, I, I]", (json_int_t)s->mark.device, (json_int_t)s->mark.inode, (json_int_t)s->mark.bytes,
                                           (json_int_t)s->mark.written_ns, (json_int_t)s->mark.changed_ns));
  return j;
}

static json_t *names_to_json(const char *const *names, size_t n) {
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++)
    json_array_append_new(list, json_string(names[i]));
  return list;
}

static const char **names_from_json(const json_t *list, struct arena *a, size_t *ret_n) {
  const char **names = arena_alloc(a, (json_array_size(list) + 1) * sizeof *names);
  for (*ret_n = 0; *ret_n < json_array_size(list); (*ret_n)++)
    names[*ret_n] = arena_strdup(a, json_string_value(json_array_get(list, *ret_n)));
  return names;
}

json_t *spec_to_json(const struct spec *s) {
  json_t *j = json_object(), *transforms = json_array();
  json_object_set_new(j, "command", json_integer(s->command));
  for (size_t i = 0; i < FIELDS; i++) {
    const char *at = (const char *)s + fields[i].offset;
    json_object_set_new(j, fields[i].name,
                        fields[i].type == FIELD_INT    ? json_integer(*(const int64_t *)(const void *)at)
                        : fields[i].type == FIELD_BOOL ? json_boolean(*(const bool *)at)
                                                       : json_string(*(const char *const *)(const void *)at));
  }
  json_object_set_new(j, "extract", stage_to_json(&s->extract));
  json_object_set_new(j, "load", stage_to_json(&s->load));
  for (size_t i = 0; i < s->transforms_n; i++)
    json_array_append_new(transforms, stage_to_json(&s->transforms[i]));
  json_object_set_new(j, "transforms", transforms);
  json_object_set_new(j, "shards", names_to_json(s->shards, s->shards_n));
  json_object_set_new(j, "skip_shards", names_to_json(s->skip_shards, s->skip_shards_n));
  json_object_set(j, "ask", s->ask);
  json_object_set(j, "retries", s->retries);
  json_object_set(j, "cursors", s->cursors);
  return j;
}

static int stage_from_json(const json_t *j, struct arena *a, struct spec_stage *ret_stage) {
  const json_t *mark = json_object_get(j, "mark");
  json_int_t n[5];
  for (size_t i = 0; i < 5; i++)
    n[i] = json_integer_value(json_array_get(mark, i));
  ret_stage->path = arena_strdup(a, member_text(j, "path"));
  ret_stage->mark = (struct plugin_mark){(uint64_t)n[0], (uint64_t)n[1], (uint64_t)n[2], n[3], n[4]};
  return ret_stage->path ? conf_stage_from_json(json_object_get(j, "conf"), a, &ret_stage->conf) : -1;
}

int spec_from_json(const json_t *j, struct err *e, struct spec **ret_spec) {
  struct spec *s = spec_empty();
  const json_t *transforms = json_object_get(j, "transforms");
  s->command = (enum spec_command)member_number(j, "command");
  for (size_t i = 0; i < FIELDS; i++) {
    char *at = (char *)s + fields[i].offset;
    const json_t *v = json_object_get(j, fields[i].name);
    if (fields[i].type == FIELD_INT)
      *(int64_t *)(void *)at = json_integer_value(v);
    else if (fields[i].type == FIELD_BOOL)
      *(bool *)at = json_is_true(v);
    else
      *(const char **)(void *)at = arena_strdup(s->arena, json_string_value(v));
  }
  int rc = s->pipeline && s->run && s->cache_dir ? 0 : -1;
  s->transforms = arena_alloc(s->arena, (json_array_size(transforms) + 1) * sizeof *s->transforms);
  s->shards = names_from_json(json_object_get(j, "shards"), s->arena, &s->shards_n);
  s->skip_shards = names_from_json(json_object_get(j, "skip_shards"), s->arena, &s->skip_shards_n);
  if (rc == 0)
    rc = stage_from_json(json_object_get(j, "extract"), s->arena, &s->extract);
  if (rc == 0)
    rc = stage_from_json(json_object_get(j, "load"), s->arena, &s->load);
  for (; rc == 0 && s->transforms_n < json_array_size(transforms); s->transforms_n++)
    rc = stage_from_json(json_array_get(transforms, s->transforms_n), s->arena, &s->transforms[s->transforms_n]);
  s->ask = json_incref(json_object_get(j, "ask"));
  s->retries = json_incref(json_object_get(j, "retries"));
  s->cursors = json_incref(json_object_get(j, "cursors"));
  if (rc < 0) {
    spec_free(s);
    return err_set(e, ETL_E_INTERNAL, "the run's specification does not parse: host and worker differ");
  }
  *ret_spec = s;
  return 0;
}

size_t spec_transform_for(const struct spec *s, size_t from, const char *stream) {
  while (from < s->transforms_n && !conf_stage_takes(&s->transforms[from].conf, stream))
    from++;
  return from;
}
