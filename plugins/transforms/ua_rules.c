/* Loaded regexes.yaml files, one a path, counted by their users.  There is an instance of useragent a lane, and a set takes
 * megabytes, so the lanes of a process share it: this is why the list below is process-wide.  It is guarded by its mutex. */
#include <stdlib.h>

#include "ua_pattern.h"
#include "ua_rules.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ua_rules *list;

static void rules_free(struct ua_rules *r) {
  for (size_t i = 0; i < r->n; i++) {
    pcre2_code_free(r->rules[i].code);
    free(r->rules[i].regex);
  }
  for (size_t i = 0; i < r->texts_n; i++)
    free(r->texts[i]);
  ua_scan_free(r->scan);
  pthread_mutex_destroy(&r->jit);
  free(r->rules);
  free(r->texts);
  free(r->always);
  free(r->path);
  free(r);
}

/* Notes the literals of rule i; its text is not needed any more. */
static int scan_add(struct ua_rules *r, struct ua_arena *arena, size_t i) {
  const struct ua_literals *set = ua_pattern_literals(arena, r->rules[i].regex);
  if (!set)
    r->always[i >> 6] |= (uint64_t)1 << (i & 63);
  for (size_t k = 0; set && k < set->n; k++)
    if (ua_scan_add(r->scan, set->v[k].p, set->v[k].n, (uint32_t)i) < 0)
      return -1;
  free(r->rules[i].regex);
  r->rules[i].regex = NULL;
  return 0;
}

static int scan_build(struct ua_rules *r) {
  struct ua_arena *arena = ua_arena_new();
  r->scan = ua_scan_new();
  r->always = calloc(ua_rules_words(r), sizeof *r->always);
  int rc = arena && r->scan && r->always ? 0 : -1;
  for (size_t i = 0; rc == 0 && i < r->n; i++)
    rc = scan_add(r, arena, i);
  ua_arena_free(arena);
  return rc == 0 ? ua_scan_finish(r->scan) : rc;
}

static int32_t rules_load(const struct etl_host *h, const char *path, struct ua_rules **ret_rules) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  struct ua_rules *r = calloc(1, sizeof *r);
  if (!r || !(r->path = strdup(path))) {
    free(r);
    return etl_failf(h, &e, "useragent: no memory to load %s", path);
  }
  pthread_mutex_init(&r->jit, NULL);
  int32_t rc = ua_yaml_load(h, r);
  if (rc == ETL_OK && scan_build(r) < 0)
    rc = etl_failf(h, &e, "useragent: no memory to load %s", path);
  if (rc != ETL_OK) {
    rules_free(r);
    return rc;
  }
  *ret_rules = r;
  return ETL_OK;
}

int32_t ua_rules_get(const struct etl_host *h, const char *path, struct ua_rules **ret_rules) {
  pthread_mutex_lock(&list_lock);
  struct ua_rules *r = list;
  int32_t rc = ETL_OK;
  while (r && strcmp(r->path, path) != 0)
    r = r->next;
  if (!r && (rc = rules_load(h, path, &r)) == ETL_OK) {
    r->next = list;
    list = r;
  }
  if (rc == ETL_OK) {
    r->users++;
    *ret_rules = r;
  }
  pthread_mutex_unlock(&list_lock);
  return rc;
}

void ua_rules_put(struct ua_rules *r) {
  if (!r)
    return;
  pthread_mutex_lock(&list_lock);
  bool last = --r->users == 0;
  struct ua_rules **at = &list;
  while (*at != r)
    at = &(*at)->next;
  if (last)
    *at = r->next;
  pthread_mutex_unlock(&list_lock);
  if (last)
    rules_free(r);
}

const pcre2_code *ua_rule_code(struct ua_rules *r, struct ua_rule *rule) {
  if (atomic_load_explicit(&rule->ready, memory_order_acquire))
    return rule->code;
  pthread_mutex_lock(&r->jit);
  if (!atomic_load_explicit(&rule->ready, memory_order_relaxed)) {
    (void)pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE); /* without it the interpreter matches, under the same limits */
    atomic_store_explicit(&rule->ready, true, memory_order_release);
  }
  pthread_mutex_unlock(&r->jit);
  return rule->code;
}
