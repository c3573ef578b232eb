/* Rows set aside that the sink keeps. */
#include "engine/shelf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int shelf_open(struct run *r, struct shelf *ret) {
  const struct etl_common *c = r->load.conn->common;
  const struct etl_loader *api = part_loader(&r->load);
  bool keeps = api->reject, asks = (r->loader_caps & ETL_CAP_STORES_CURSOR) && !(r->loader_caps & ETL_CAP_ASIDE);
  struct err e;
  *ret = (struct shelf){r, keeps && c->ext ? c->ext(r->control.self, ETL_EXT_QUARANTINE) : NULL, !keeps && asks};
  if (!keeps || ret->sink)
    return shelf_ask(ret);
  err_set(&e, ETL_E_UNSUPPORTED, "the connector %s keeps rows that were set aside itself, and has no way to show them", r->load.conn->name);
  err_remedy(&e, "see its documentation: `etl plugin info %s`", r->load.conn->name);
  return run_fail(r, &e, &r->load);
}

int shelf_ask(const struct shelf *s) {
  s->r->kept = NULL;
  return s->by_epoch ? run_ask_committed(s->r) : 0;
}

static int read_id(const char *text, uint64_t *ret, struct err *e) {
  char *end;
  errno = 0;
  *ret = strtoull(text, &end, 10);
  if (isdigit((unsigned char)*text) && *text != '0' && !*end && !errno) /* so no two texts are the same row */
    return 0;
  err_set(e, ETL_E_CONFIG, "'%.200s' is no id of a row in quarantine; it is a number", text);
  return err_remedy(e, "`etl quarantine list` shows them");
}

struct telling {
  int (*each)(void *arg, const struct shelved *);
  void *arg;
  const uint64_t *only; /* NULL: any */
  bool ended;
};

/* The copy has every field, whatever the size of the connector's struct. */
static int32_t tell(void *arg, const struct etl_kept *k) {
  struct telling *t = arg;
  char id[24];
  snprintf(id, sizeof id, "%" PRIu64, k->id);
  struct shelved s = {.id = id, .run = k->run, .at_ns = k->at_ns};
  if (t->ended || (t->only && k->id != *t->only))
    return ETL_OK;
  memcpy(&s.row, k->rejected, k->rejected->struct_size < sizeof s.row ? k->rejected->struct_size : sizeof s.row);
  t->ended = t->each(t->arg, &s) != 0;
  return ETL_OK;
}

static int list_from(const struct shelf *s, uint64_t after, uint64_t limit, struct telling *t, struct err *e) {
  struct instance *in = &s->r->control;
  if (CALL(&in->svc, "quarantine list", s->sink->list(in->self, after, limit, tell, t)) != ETL_OK)
    return services_take_err(&in->svc, e);
  return 0;
}

int shelf_list(const struct shelf *s, const struct shelf_wanted *w, int (*each)(void *arg, const struct shelved *), void *arg, struct err *e) {
  struct telling t = {.each = each, .arg = arg};
  uint64_t id = 0;
  if (!s->sink)
    return shelf_files_list(s, w, each, arg, e);
  if (w->after && read_id(w->after, &id, e) < 0)
    return -1;
  if (!w->ids)
    return list_from(s, id, w->limit, &t, e);
  for (size_t i = 0; i < w->ids_n && !t.ended; i++) {
    if (read_id(w->ids[i], &id, e) < 0)
      return -1;
    t.only = &id;
    if (id > 0 && list_from(s, id - 1, 1, &t, e) < 0)
      return -1;
  }
  return 0;
}

int shelf_drop(const struct shelf *s, struct instance *in, const char *const *ids, size_t n, uint64_t *ret_dropped, struct err *e) {
  if (!s->sink)
    return shelf_files_drop(s, ids, n, ret_dropped, e);
  struct arena *a = arena_new();
  uint64_t *numbers = ids ? arena_alloc(a, (n + 1) * sizeof *numbers) : NULL;
  int rc = 0;
  for (size_t i = 0; ids && i < n && rc == 0; i++)
    rc = read_id(ids[i], &numbers[i], e);
  if (rc == 0 && CALL(&in->svc, "quarantine drop", s->sink->drop(in->self, numbers, n, ret_dropped)) != ETL_OK)
    rc = services_take_err(&in->svc, e);
  arena_free(a);
  return rc;
}
