/* One case in a process of its own: loads the connector, runs the case, and tells the outcome on KIT_RESULT_FD as a word, what, and where
 * the ABI says so, a line each. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/source.h"
#include "kit/kit.h"
#include "plugin/registry.h"

enum {
  CODE_FAILED = 10,
  CODE_SKIPPED = 11
};

/* What a connector said may hold anything. */
static void make_plain(char *s) {
  bool utf8 = text_is_utf8(s, strlen(s));
  for (; *s; s++)
    if ((unsigned char)*s < ' ' || (!utf8 && *s & 0x80))
      *s = '?';
}

static void tell(const char *word, const char *what, const char *where) {
  char text[4096];
  snprintf(text, 3000, "%s\n%s", word, what);
  make_plain(text + strlen(word) + 1);
  size_t n = strlen(text);
  snprintf(text + n, sizeof text - n, "\n%s\n", where ? where : "");
  ssize_t written = write(KIT_RESULT_FD, text, strlen(text));
  if (written < 0)
    perror("etl plugin check");
}

void kit_fail(struct kit *k, const char *where, const char *fmt, ...) {
  char what[2048];
  va_list ap;
  (void)k;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  tell("failed", what, where);
  _exit(CODE_FAILED); /* at once: other threads may still be in the connector */
}

void kit_misuse(const char *fmt, ...) {
  char what[2048];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  tell("misuse", what, NULL);
  _exit(CODE_FAILED);
}

void kit_skip(struct kit *k, const char *fmt, ...) {
  char what[1024];
  va_list ap;
  (void)k;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  tell("skipped", what, "");
  _exit(CODE_SKIPPED);
}

uint64_t kit_random(struct kit *k, uint64_t below) {
  k->random ^= k->random << 13;
  k->random ^= k->random >> 7;
  k->random ^= k->random << 17;
  return below ? (k->random >> 11) % below : 0;
}

struct elsewhere {
  void (*fn)(void *);
  void *arg;
};
static void *elsewhere(void *p) {
  struct elsewhere *e = p;
  e->fn(e->arg);
  return NULL;
}
void kit_elsewhere(void (*fn)(void *), void *arg) {
  pthread_t t;
  struct elsewhere e = {fn, arg};
  if (pthread_create(&t, NULL, elsewhere, &e) != 0)
    abort();
  pthread_join(t, NULL);
}

void kit_pause_us(uint64_t us) {
  struct timespec t = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  while (nanosleep(&t, &t) < 0 && errno == EINTR)
    ;
}

/* --option name=value over what --config has. */
static const struct conf_node *settings(struct kit *k, const struct kit_request *r) {
  struct conf_node *root = NULL, *all = arena_alloc(k->arena, sizeof *all);
  struct diags d = {0};
  const char *path = r->config ? text_absolute(k->arena, r->config) : NULL;
  size_t n = 0;
  if (r->config && (!path || source_read(path, text_dirname(k->arena, path), k->arena, &d, &root) < 0))
    kit_misuse("%s", d.n ? d.list[0].text : r->config);
  diags_fini(&d);
  while (r->options[n])
    n++;
  *all = (struct conf_node){.kind = CONF_GROUP, .origin = "the check"};
  all->kids = arena_alloc(k->arena, (n + (root ? root->kids_n : 0) + 1) * sizeof *all->kids);
  for (size_t i = 0; i < n; i++) {
    const char *equals = strchr(r->options[i], '=');
    struct conf_node *value = NULL;
    if (!equals)
      kit_misuse("--option wants NAME=VALUE, and \"%s\" is none", r->options[i]);
    if (!strchr("[({", equals[1]) || source_read_value(equals + 1, k->arena, &value) < 0) {
      value = arena_alloc(k->arena, sizeof *value);
      *value = (struct conf_node){.kind = CONF_STRING, .text = equals + 1};
    }
    value->name = arena_memdup(k->arena, r->options[i], (size_t)(equals - r->options[i]));
    value->origin = "--option";
    value->base_dir = text_absolute(k->arena, ".");
    all->kids[all->kids_n++] = value;
  }
  for (size_t i = 0; root && i < root->kids_n; i++)
    if (!conf_node_find(all, root->kids[i]->name))
      all->kids[all->kids_n++] = root->kids[i];
  return all;
}

static void take_api(struct kit *k, const char *kind) {
  struct err e;
  if (plugin_load(k->file, &e, &k->plugin) < 0)
    kit_fail(k, "struct etl_plugin", "%s", e.message);
  for (uint32_t i = ETL_KIND_EXTRACTOR; i <= ETL_KIND_LOADER; i++)
    if (strcmp(plugin_kind_name(i), kind) == 0)
      k->c = plugin_connector(k->plugin, i);
  kit_must(k, k->c, "struct etl_note: kinds", "the note announces a %s, and there is none in the file", kind);
  k->extractor = k->c->kind == ETL_KIND_EXTRACTOR ? k->c->api : NULL;
  k->transformer = k->c->kind == ETL_KIND_TRANSFORMER ? k->c->api : NULL;
  k->loader = k->c->kind == ETL_KIND_LOADER ? k->c->api : NULL;
}

static void limit_child(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setvbuf(stdout, NULL, _IOLBF, 0);
}

int kit_child(const struct kit_request *r, const char *kind, const char *case_name) {
  struct kit *k = xcalloc(1, sizeof *k);
  limit_child();
  *k = (struct kit){.file = r->file, .case_name = case_name, .seed = r->seed, .random = r->seed * 2654435761u + 88172645463325252u, .columns = r->columns,
                    .arena = arena_new()};
  atomic_store(&k->budget, -1);
  k->doing = mmap(NULL, KIT_DOING_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, KIT_DOING_FD, 0);
  if (k->doing == MAP_FAILED)
    k->doing = xcalloc(1, KIT_DOING_ROOM);
  fcntl(KIT_RESULT_FD, F_SETFD, FD_CLOEXEC);
  k->settings = settings(k, r);
  for (const struct kit_case *c = kit_cases; c->name; c++)
    if (strcmp(c->name, case_name) == 0) {
      snprintf(k->doing, KIT_DOING_ROOM, "loading the file");
      take_api(k, kind);
      c->run(k);
      snprintf(k->doing, KIT_DOING_ROOM, "the end of the process");
      tell("ok", "", "");
    }
  kit_forget_buffers(k);
  secrets_fini(&k->secrets);
  arena_free(k->arena);
  free(k);
  return 0;
}
