/* The caller works too, on the run's own instance. */
#include "engine/crew.h"

struct crew {
  struct run *r;
  crew_fn *job;
  void *arg;
  size_t n;
  _Atomic size_t next;
};

static void work(struct crew *c, struct instance *extractor) {
  for (size_t i; (i = atomic_fetch_add(&c->next, 1)) < c->n && stop_mode(&c->r->stop) == STOP_NONE;)
    c->job(c->arg, i, extractor);
}

static int32_t take_none(void *arg, const struct etl_stream *stream) {
  (void)arg, (void)stream;
  return ETL_OK;
}

/* An instance that cannot be had, or does not know its streams, has no part in the work: the others do it. */
static void *hand(void *arg) {
  struct crew *c = arg;
  const struct etl_extractor *api = part_extractor(&c->r->extract);
  struct instance extractor;
  struct err ignored;
  if (instance_open(&extractor, &c->r->extract, &c->r->services, c->r->spec, NULL, 0, &c->r->stop, &ignored) < 0)
    return NULL;
  if (CALL(&extractor.svc, "discover", api->discover(extractor.self, take_none, NULL)) == ETL_OK)
    work(c, &extractor);
  else
    services_take_err(&extractor.svc, &ignored);
  instance_close(&extractor);
  return NULL;
}

void crew_work(struct run *r, size_t n, crew_fn *job, void *arg) {
  struct crew c = {.r = r, .job = job, .arg = arg, .n = n};
  pthread_t hands[CREW_MAX - 1];
  size_t hired = 0;
  while (hired + 1 < n && hired < CREW_MAX - 1 && calls_thread(&hands[hired], hand, &c) == 0)
    hired++;
  work(&c, &r->extractor);
  for (size_t i = 0; i < hired; i++)
    pthread_join(hands[i], NULL);
}
