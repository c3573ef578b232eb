/* Before anything moves: connectors loaded, options bound, instances opened, sources listed.  Whatever is wrong with the configuration shows
 * here, before the sink is touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "engine/bind.h"
#include "engine/identity.h"
#include "engine/outside.h"
#include "engine/ranges.h"
#include "engine/writer.h"

#define BUDGET_WAIT_NS (30 * NS_PER_SEC) /* nothing was freed for so long: the lanes hold each other up */

void run_init(struct run *r, const struct spec *spec, int fd, struct calls *calls) {
  *r = (struct run){.spec = spec, .arena = arena_new(), .left_out = json_array(), .started_ns = clock_mono_ns()};
  report_init(&r->report, fd);
  metrics_init(&r->metrics);
  r->services = (struct run_services){
    .report = &r->report, .budget = budget_new(spec->memory_bytes, BUDGET_WAIT_NS), .calls = calls, .metrics = &r->metrics, .limit = &r->limit};
  r->limit = (struct reject_limit){.max_rows = spec->quarantine.max_rows, .max_percent = spec->quarantine.max_percent};
  stop_init(&r->stop, NULL);
  pthread_mutex_init(&r->lock, NULL);
  pthread_cond_init(&r->lane_ended, NULL);
}

static void part_fini(struct part *p) {
  if (p->stage)
    turn_fini(&p->turn);
  secrets_fini(&p->secrets);
}

void run_fini(struct run *r) {
  for (size_t i = 0; i < r->lanes_n; i++)
    lane_fini(&r->lanes[i]);
  free(r->lanes);
  for (size_t i = 0; r->transformers && i < r->spec->transforms_n; i++)
    instance_close(&r->transformers[i]);
  instance_close(&r->extractor);
  part_fini(&r->extract);
  part_fini(&r->load);
  for (size_t i = 0; r->transforms && i < r->spec->transforms_n; i++)
    part_fini(&r->transforms[i]);
  json_decref(r->left_out);
  json_decref(r->identity);
  governor_free(r->governor);
  budget_unref(r->services.budget);
  metrics_fini(&r->metrics);
  report_fini(&r->report);
  stop_fini(&r->stop);
  pthread_mutex_destroy(&r->lock);
  pthread_cond_destroy(&r->lane_ended);
  arena_free(r->arena);
}

int run_fail(struct run *r, const struct err *e, const struct part *p) {
  pthread_mutex_lock(&r->lock);
  if (!r->err.error_class) {
    r->err = *e;
    r->err_stage = p ? p->stage : "engine";
    r->err_connector = p && p->conn ? p->conn->name : NULL;
  }
  pthread_mutex_unlock(&r->lock);
  return -1;
}

int run_fail_exit(const struct run *r) { return r->err.error_class == ETL_E_CONFIG ? RUN_EXIT_USAGE : RUN_EXIT_FAILED; }

uint32_t run_loader_flags(const struct run *r) {
  uint32_t flags = (r->spec->full_refresh ? ETL_OPEN_FULL_REFRESH : 0) | (r->spec->keep_staging ? ETL_OPEN_KEEP_STAGING : 0);
  return r->spec->dry_run || r->spec->command == SPEC_PLAN || r->drain ? flags | ETL_OPEN_TEST : flags;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------------------ */

static int load_part(struct run *r, struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage) {
  struct err e;
  if (part_load(p, s, kind, stage, r->spec->cache_dir, r->arena, &e) < 0)
    return run_fail(r, &e, p);
  report_mask(&r->report, &p->secrets);
  return 0;
}

static int load_parts(struct run *r) {
  const struct spec *s = r->spec;
  r->transforms = arena_alloc(r->arena, (s->transforms_n + 1) * sizeof *r->transforms);
  int rc = load_part(r, &r->extract, &s->extract, ETL_KIND_EXTRACTOR, "extract");
  for (size_t i = 0; rc == 0 && i < s->transforms_n; i++)
    rc = load_part(r, &r->transforms[i], &s->transforms[i], ETL_KIND_TRANSFORMER, arena_printf(r->arena, "transform %zu", i + 1));
  return rc == 0 ? load_part(r, &r->load, &s->load, ETL_KIND_LOADER, "load") : rc;
}

static int open_instances(struct run *r) {
  struct err e;
  if (instance_open(&r->extractor, &r->extract, &r->services, r->spec, NULL, 0, &r->stop, &e) < 0)
    return run_fail(r, &e, &r->extract);
  r->transformers = arena_alloc(r->arena, (r->spec->transforms_n + 1) * sizeof *r->transformers);
  for (size_t i = 0; i < r->spec->transforms_n; i++)
    if (instance_open(&r->transformers[i], &r->transforms[i], &r->services, r->spec, NULL, 0, &r->stop, &e) < 0)
      return run_fail(r, &e, &r->transforms[i]);
  return 0;
}

/* ---- sources ---------------------------------------------------------------------------------------------------------------------- */

struct listing {
  struct run *r;
  struct source *first, **tail;
  struct etl_stream stream; /* whose shards are being told */
  struct etl_stream *streams;
  size_t streams_n;
  struct err e; /* class 0: all shards can be taken */
};

static bool wanted(const struct spec *s, const char *shard) {
  for (size_t i = 0; i < s->shards_n; i++)
    if (strcmp(s->shards[i], shard) == 0)
      return true;
  return s->shards_n == 0;
}

/* '#' parts a shard from its piece in the names of lanes, '@' from a range. */
static int32_t refuse_name(struct listing *l, const char *shard) {
  err_set(&l->e, ETL_E_CONFIG,
          "the shard '%.500s' of %.500s cannot be read under this name: '#' and '@' stand in names of pieces and ranges of a shard", shard, l->stream.name);
  err_remedy(&l->e, "give the shard a name without '#' and '@' in the pipeline's configuration");
  return ETL_FAILED;
}

/* Names go into messages, states and files as text; it is said of what: "shard" or "stream". */
static bool is_text(struct listing *l, const char *what, const char *name) {
  if (text_is_utf8(name, strlen(name)))
    return true;
  cleanup_free char *shown = text_mended(name, strlen(name));
  err_set(&l->e, ETL_E_CONFIG, "the source has a %s '%.500s', which is not UTF-8", what, shown);
  err_remedy(&l->e, "give it a name in UTF-8; a connector has to encode what its source names in another way");
  return false;
}

static int32_t list_shard(void *arg, const struct etl_shard *shard) {
  struct listing *l = arg;
  struct arena *a = l->r->arena;
  if (!is_text(l, "shard", shard->id))
    return ETL_FAILED;
  if (strpbrk(shard->id, "#@"))
    return refuse_name(l, shard->id);
  struct source *f = arena_alloc(a, sizeof *f);
  f->stream = l->stream;
  f->shard = (struct etl_shard){.struct_size = sizeof f->shard, .id = arena_strdup(a, shard->id), .est_rows = shard->est_rows};
  if (shard->token.p)
    f->shard.token = (struct etl_bytes){arena_memdup(a, shard->token.p, shard->token.n), shard->token.n};
  *l->tail = f;
  l->tail = &f->next;
  return ETL_OK;
}

static int32_t list_stream(void *arg, const struct etl_stream *stream) {
  struct listing *l = arg;
  if (!is_text(l, "stream", stream->name))
    return ETL_FAILED;
  l->streams = xrealloc(l->streams, (l->streams_n + 1) * sizeof *l->streams);
  l->streams[l->streams_n++] =
    (struct etl_stream){.struct_size = sizeof *stream,
                        .flags = stream->flags,
                        .name = arena_strdup(l->r->arena, stream->name),
                        .key = key_copy(l->r->arena, stream->key)};
  return ETL_OK;
}

static int list_sources(struct run *r, struct listing *l) {
  const struct etl_extractor *api = part_extractor(&r->extract);
  struct err e;
  int32_t rc = CALL(&r->extractor.svc, "discover", api->discover(r->extractor.self, list_stream, l));
  for (size_t i = 0; rc == ETL_OK && i < l->streams_n; i++) {
    l->stream = l->streams[i];
    if (api->plan)
      rc = CALL(&r->extractor.svc, "plan", api->plan(r->extractor.self, &l->stream, list_shard, l));
    else
      list_shard(l, &(struct etl_shard){.struct_size = sizeof(struct etl_shard), .id = "0", .est_rows = -1, .est_bytes = -1});
  }
  if (l->e.error_class)
    return run_fail(r, &l->e, &r->extract);
  if (rc == ETL_OK)
    return 0;
  services_take_err(&r->extractor.svc, &e);
  return run_fail(r, &e, &r->extract);
}

static int refuse_shard(struct run *r, const struct listing *l, const char *shard) {
  char ids[1024];
  size_t n = 0;
  struct err e;
  for (const struct source *f = l->first; f && n < sizeof ids; f = f->next)
    if (strcmp(f->stream.name, l->first->stream.name) == 0)
      n += (size_t)snprintf(ids + n, sizeof ids - n, "%s%s", n ? ", " : "", f->shard.id);
  err_set(&e, ETL_E_CONFIG, "there is no shard '%s' in pipeline '%s'; its shards are: %s", shard, r->spec->pipeline, ids);
  return run_fail(r, &e, NULL);
}

/* Keeps those that were asked for. */
static int choose_sources(struct run *r, const struct listing *l) {
  struct err e;
  for (size_t i = 0; i < r->spec->shards_n; i++) {
    const struct source *s = l->first;
    while (s && strcmp(s->shard.id, r->spec->shards[i]) != 0)
      s = s->next;
    if (!s)
      return refuse_shard(r, l, r->spec->shards[i]);
  }
  if (!l->first) {
    err_set(&e, ETL_E_CONFIG, "the extractor %s of pipeline '%s' has nothing to read: it names no stream or shard", r->extract.conn->name,
            r->spec->pipeline);
    return run_fail(r, &e, &r->extract);
  }
  struct source **tail = &r->sources;
  for (struct source *s = l->first; s; s = s->next)
    if (wanted(r->spec, s->shard.id)) {
      *tail = s;
      tail = &s->next;
    }
  *tail = NULL;
  return 0;
}

/* True: it was there. */
static bool leave_out(struct run *r, const char *shard) {
  bool any = false;
  for (struct source **at = &r->sources; *at;) {
    if (strcmp((*at)->shard.id, shard) != 0) {
      at = &(*at)->next;
      continue;
    }
    *at = (*at)->next;
    any = true;
  }
  return any;
}

int run_leave_out(struct run *r) {
  const struct spec *s = r->spec;
  struct err e;
  for (size_t i = 0; !(r->loader_caps & ETL_CAP_REPLACE) && i < s->skip_shards_n; i++)
    if (leave_out(r, s->skip_shards[i]))
      json_array_append_new(r->left_out, json_string(s->skip_shards[i]));
  if (r->sources)
    return 0;
  err_set(&e, ETL_E_PERMANENT, "all shards of pipeline '%s' are left out of this run: there is nothing to do", r->spec->pipeline);
  err_remedy(&e, "`etl breaker %s` shows why their circuit breakers are open, `etl breaker %s reset` closes them", r->spec->pipeline, r->spec->pipeline);
  return run_fail(r, &e, NULL);
}

struct lane *run_lanes(struct run *r, size_t *ret_n) {
  pthread_mutex_lock(&r->lock);
  struct lane *lanes = r->lanes;
  *ret_n = r->lanes_n;
  pthread_mutex_unlock(&r->lock);
  return lanes;
}

int run_prepare(struct run *r) {
  struct listing l = {.r = r};
  l.tail = &l.first;
  int rc = load_parts(r);
  if (rc == 0)
    rc = open_instances(r);
  if (rc == 0)
    rc = ranges_check(r);
  if (rc == 0)
    r->identity = identity_of(r);
  if (rc == 0)
    rc = list_sources(r, &l);
  if (rc == 0)
    rc = choose_sources(r, &l);
  free(l.streams);
  return rc;
}

/* ---- the loader's instance of the run ----------------------------------------------------------------------------------------------- */

int run_reopen_control(struct run *r, struct err *e) {
  if (instance_open(&r->control, &r->load, &r->services, r->spec, NULL, run_loader_flags(r), &r->stop, e) < 0)
    return -1;
  if (captures_open(r, &r->control, e) < 0) {
    instance_close(&r->control);
    return -1;
  }
  pthread_mutex_lock(&r->lock);
  r->control_open = true;
  pthread_mutex_unlock(&r->lock);
  return 0;
}

int run_open_control(struct run *r) {
  struct err e;
  const struct etl_loader *api = part_loader(&r->load);
  if (r->spec->command == SPEC_RUN && !r->spec->dry_run && !r->drain)
    r->capture = r->spec->capture;
  if (run_reopen_control(r, &e) < 0)
    return run_fail(r, &e, &r->load);
  r->loader_caps = r->load.conn->caps;
  if (api->caps && services_enter(&r->control.svc, "caps") == 0) {
    r->loader_caps = api->caps(r->control.self);
    services_leave(&r->control.svc, ETL_OK);
  }
  r->outside = outside_applies(r);
  return 0;
}

void run_close_control(struct run *r) {
  pthread_mutex_lock(&r->lock);
  r->control_open = false;
  pthread_mutex_unlock(&r->lock);
  instance_close(&r->control);
}

static int32_t committed_each(void *arg, const struct etl_cursor *c) {
  struct run *r = arg;
  struct kept *k = arena_alloc(r->arena, sizeof *k);
  *k = (struct kept){.stream = arena_strdup(r->arena, c->stream), .shard = arena_strdup(r->arena, c->shard), .epoch = c->epoch};
  if (c->cursor.p)
    k->cursor = (struct etl_bytes){arena_memdup(r->arena, c->cursor.p, c->cursor.n), c->cursor.n};
  k->finished = c->flags & ETL_CURSOR_FINISHED;
  if (ETL_HAS(c, etl_cursor, note))
    k->note = arena_strdup(r->arena, c->note);
  struct kept **tail = &r->kept;
  while (*tail)
    tail = &(*tail)->next;
  *tail = k;
  return ETL_OK;
}

int run_ask_committed(struct run *r) {
  const struct etl_loader *api = part_loader(&r->load);
  struct err e;
  if (r->outside)
    return outside_read(r);
  if (!api->committed || CALL(&r->control.svc, "committed", api->committed(r->control.self, committed_each, r)) == ETL_OK)
    return 0;
  services_take_err(&r->control.svc, &e);
  return run_fail(r, &e, &r->load);
}
