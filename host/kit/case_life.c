/* Cases about the life of instances, the same for every kind. */
#include <dirent.h>
#include <malloc.h>
#include <string.h>

#include "kit/cases.h"

/* All that a connector is for.  ETL_FAILED only when the budget is spent. */
static int32_t whole(struct kit *k, struct kit_instance *i, unsigned n) {
  if (k->extractor)
    return extractor_whole(k, i, n);
  return k->transformer ? transformer_whole(k, i, n) : loader_whole(k, i, n);
}

/* An instance for that. */
static void open_whole(struct kit *k, struct kit_instance *i) { kit_open(k, i, (struct kit_where){.lane = k->loader ? "0" : NULL}); }

void case_open_close(struct kit *k) {
  struct kit_instance i;
  for (int n = 0; n < 3; n++) {
    kit_open(k, &i, (struct kit_where){0});
    kit_close(&i);
  }
  kit_open(k, &i, (struct kit_where){.flags = ETL_OPEN_TEST});
  kit_close(&i);
  kit_must_be_released(k);
}

static void close_it(void *arg) { kit_close(arg); }

void case_instances(struct kit *k) {
  enum { N = 12 };
  struct kit_instance i[N];
  for (int n = 0; n < N; n++) {
    kit_open(k, &i[n], (struct kit_where){.lane = n % 2 ? "a" : NULL});
    for (int m = 0; m < n; m++)
      kit_must(k, i[n].self != i[m].self || !i[n].self, "struct etl_common: open", "two instances have the same *self");
  }
  for (int n = 0; n < N; n++)
    kit_elsewhere(close_it, &i[(n * 5 + (int)(k->seed % N)) % N]);
  kit_must_be_released(k);
}

static void cancel_it(void *arg) {
  struct kit_instance *i = arg;
  i->kit->c->common->cancel(i->self);
}

void case_cancel_idle(struct kit *k) {
  struct kit_instance i;
  if (!k->c->common->cancel)
    kit_skip(k, "it has no cancel()");
  kit_open(k, &i, (struct kit_where){0});
  snprintf(k->doing, KIT_DOING_ROOM, "cancel() of an idle instance");
  kit_elsewhere(cancel_it, &i);
  kit_elsewhere(cancel_it, &i);
  kit_close(&i);
}

void case_extensions(struct kit *k) {
  static const char *const known[] = {ETL_EXT_EXPLAIN, ETL_EXT_CATALOG, ETL_EXT_QUARANTINE};
  struct kit_instance i;
  if (!k->c->common->ext)
    kit_skip(k, "it has no ext()");
  kit_open(k, &i, (struct kit_where){0});
  snprintf(k->doing, KIT_DOING_ROOM, "ext()");
  kit_must(k, !k->c->common->ext(NULL, "no.such.extension/1") && !k->c->common->ext(i.self, "no.such.extension/1"), "struct etl_common: ext",
           "an extension that nobody knows is not answered with NULL");
  for (size_t n = 0; n < sizeof known / sizeof *known; n++) {
    const void *mine = k->c->common->ext(i.self, known[n]), *all = k->c->common->ext(NULL, known[n]);
    uint32_t size = 8;
    kit_must(k, !all || mine, "ext: self may be NULL: what all instances offer", "%s is there without an instance, and not with one", known[n]);
    if (mine)
      memcpy(&size, mine, sizeof size);
    kit_must(k, size >= 8 && size < 4096, "every struct begins with struct_size", "%s has a struct_size of %u", known[n], size);
  }
  kit_close(&i);
}

void case_connect(struct kit *k) {
  struct kit_instance i;
  if (!k->c->common->check)
    kit_skip(k, "it has no check()");
  kit_open(k, &i, (struct kit_where){.flags = ETL_OPEN_TEST});
  KIT_OK(&i.host, "check()", k->c->common->check(i.self));
  KIT_OK(&i.host, "check() again", k->c->common->check(i.self));
  kit_close(&i);
}

void case_growth(struct kit *k) {
  struct kit_instance i;
  k->grow = 72;
  open_whole(k, &i);
  whole(k, &i, 0);
  kit_close(&i);
  kit_must_be_released(k);
}

void case_older_host(struct kit *k) {
  struct kit_instance i;
  k->older = true;
  open_whole(k, &i);
  whole(k, &i, 0);
  kit_close(&i);
  kit_must_be_released(k);
}

static size_t entries(const char *folder) {
  DIR *d = opendir(folder);
  size_t n = 0;
  while (d && readdir(d))
    n++;
  if (d)
    closedir(d);
  return n;
}

struct held {
  size_t bytes, files, threads;
};
static struct held held(void) {
  malloc_trim(0);
  return (struct held){mallinfo2().uordblks + mallinfo2().hblkhd, entries("/proc/self/fd"), entries("/proc/self/task")};
}

/* Allocators and libraries keep something now and then; so only a growth that goes on counts. */
void case_leaks(struct kit *k) {
  enum { ROUNDS = 6, EACH = 4, LITTLE = 24 };
  struct held at[ROUNDS];
  struct kit_instance i;
  k->free_buffers = true;
  for (unsigned n = 0; n < ROUNDS; n++) {
    for (unsigned m = 0; m < EACH; m++) {
      open_whole(k, &i);
      whole(k, &i, EACH * n + m);
      kit_close(&i);
      kit_must_be_released(k);
    }
    at[n] = held();
  }
  kit_must(k, at[ROUNDS - 1].files <= at[1].files, "struct etl_common: close", "open files grew from %zu to %zu", at[1].files, at[ROUNDS - 1].files);
  kit_must(k, at[ROUNDS - 1].threads <= at[1].threads, "struct etl_common: close: joins the connector's threads", "threads grew from %zu to %zu",
           at[1].threads, at[ROUNDS - 1].threads);
  bool grows = true;
  for (unsigned n = 2; n < ROUNDS; n++)
    grows = grows && at[n].bytes >= at[n - 1].bytes + EACH * LITTLE;
  kit_must(k, !grows, "Ownership", "memory grows with every instance: %zu bytes in use after %d of them, %zu after %d", at[1].bytes, 2 * EACH,
           at[ROUNDS - 1].bytes, ROUNDS * EACH);
}

struct beside {
  struct kit *k;
  struct kit_instance i;
  unsigned n;
};
static void *beside(void *arg) {
  struct beside *b = arg;
  for (unsigned m = 0; m < 3; m++)
    whole(b->k, &b->i, b->n * 100 + m);
  return NULL;
}

void case_threads(struct kit *k) {
  struct beside b[2];
  pthread_t t[2];
  if (k->c->caps & ETL_CAP_ONE_AT_A_TIME)
    kit_skip(k, "it has ETL_CAP_ONE_AT_A_TIME");
  if (k->loader) {
    loader_beside(k);
    return;
  }
  for (unsigned n = 0; n < 2; n++) {
    b[n] = (struct beside){.k = k, .n = n};
    kit_open(k, &b[n].i, (struct kit_where){.lane = n ? "b" : "a"});
  }
  for (unsigned n = 0; n < 2; n++)
    kit_must(k, pthread_create(&t[n], NULL, beside, &b[n]) == 0, NULL, "no thread");
  for (unsigned n = 0; n < 2; n++)
    pthread_join(t[n], NULL);
  for (unsigned n = 0; n < 2; n++)
    kit_close(&b[n].i);
  kit_must_be_released(k);
}

/* From nothing upwards, until it is enough. */
void case_no_memory(struct kit *k) {
  struct kit_instance i;
  long budget = 0;
  for (unsigned n = 0; n < 40; n++, budget = budget * 2 + (long)kit_random(k, 3000)) {
    atomic_store(&k->budget, budget);
    open_whole(k, &i);
    int32_t status = whole(k, &i, n);
    kit_close(&i);
    kit_must_be_released(k);
    if (status == ETL_OK && budget > 1 << 28)
      return;
  }
}
