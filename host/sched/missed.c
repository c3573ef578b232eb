/* The newest times are looked for from now backwards, in steps that double: a host that was down for a year is not to count minutes, and one that
 * has ten thousand pipelines is not to count a week of them for each. */
#include "sched/missed.h"

#include <string.h>
#include <xxhash.h>

#include "base/units.h"
#include "sched/next.h"

/* The due times after from_ns; of more than SCHED_MISSED_MAX the newest stay in the ring.  How many there were. */
static size_t collect(const struct conf_pipeline *p, int64_t from_ns, int64_t now_ns, int64_t ring[SCHED_MISSED_MAX]) {
  size_t n = 0;
  for (int64_t at = sched_pipeline_next_ns(p, from_ns); at <= now_ns && at != SCHED_NEVER; at = sched_pipeline_next_ns(p, at))
    ring[n++ % SCHED_MISSED_MAX] = at;
  return n;
}

void sched_missed(const struct conf_pipeline *p, int64_t last_ns, int64_t now_ns, struct arena *a, struct sched_missed *ret) {
  int64_t *ring = xcalloc(SCHED_MISSED_MAX, sizeof *ring), from_ns = now_ns, step = 60 * NS_PER_SEC;
  bool all = p->interval || p->catch_up == CATCH_UP_ALL;
  size_t n = 0, most = all ? SCHED_MISSED_MAX : SCHED_MISSED_COUNTED;
  while (from_ns > last_ns && n < most) {
    from_ns = step < now_ns - last_ns ? now_ns - step : last_ns;
    n = collect(p, from_ns, now_ns, ring);
    step = step > INT64_MAX / 2 ? INT64_MAX : step * 2;
  }
  size_t kept = n < most ? n : most;
  *ret = (struct sched_missed){.passed = kept, .n = kept, .more = n > kept || (kept && sched_pipeline_next_ns(p, last_ns) < ring[(n - kept) % SCHED_MISSED_MAX])};
  if (!all)
    ret->n = p->catch_up == CATCH_UP_LATEST && kept;
  int64_t *due = arena_alloc(a, (ret->n + 1) * sizeof *due);
  for (size_t i = 0; i < ret->n; i++)
    due[i] = ring[(n - ret->n + i) % SCHED_MISSED_MAX];
  ret->due_ns = due;
  mem_free_ptr(&ring);
}

int64_t sched_jitter_ns(const char *name, int64_t due_ns, int64_t jitter_ns) {
  return jitter_ns > 0 ? (int64_t)(XXH64(name, strlen(name), (XXH64_hash_t)due_ns) % (uint64_t)jitter_ns) : 0;
}
