/* `etl plugin check FILE.so`: the rules of the interface, tried on a connector; and the child process that a case runs in. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "kit/kit.h"

static const char *const *all_of(const struct cli_args *a, const char *name, struct arena *arena) {
  size_t n = cli_opt_n(a, name);
  const char **list = arena_alloc(arena, (n + 1) * sizeof *list);
  for (size_t i = 0; i < n; i++)
    list[i] = cli_opt_at(a, name, i);
  return list;
}

static uint64_t seed_of(const struct cli_args *a) {
  const char *text = cli_opt(a, "seed");
  uint32_t seed;
  if (text)
    return strtoull(text, NULL, 10);
  return getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed ? seed % 1000000 : 1;
}

static void put_all(const struct cli_args *a, const char *name, char **argv, size_t *n, struct arena *arena) {
  for (size_t i = 0; i < cli_opt_n(a, name); i++) {
    argv[(*n)++] = arena_printf(arena, "--%s", name);
    argv[(*n)++] = arena_strdup(arena, cli_opt_at(a, name, i));
  }
}

static struct kit_request request(const struct cli_args *a, struct arena *arena) {
  struct kit_request r = {.file = cli_word(a, 0), .kind = cli_opt(a, "kind"), .config = cli_opt(a, "config"), .options = all_of(a, "option", arena),
                          .columns = all_of(a, "column", arena), .seed = seed_of(a)};
  char **argv = arena_alloc(arena, (2 * (cli_opt_n(a, "option") + cli_opt_n(a, "column")) + 12) * sizeof *argv);
  size_t n = 0;
  argv[n++] = arena_strdup(arena, "etl");
  argv[n++] = arena_strdup(arena, "_check");
  argv[n++] = arena_printf(arena, "--seed=%" PRIu64, r.seed);
  put_all(a, "option", argv, &n, arena);
  put_all(a, "column", argv, &n, arena);
  if (r.config)
    argv[n++] = arena_printf(arena, "--config=%s", r.config);
  argv[n] = arena_strdup(arena, r.file);
  r.argv = argv;
  return r;
}

int cmd_plugin_check(const struct cli_args *a) {
  struct arena *arena = arena_new();
  struct kit_request r = request(a, arena);
  struct err e;
  unsigned failed = 0;
  r.only = all_of(a, "only", arena);
  int status = kit_check(&r, &e, &failed) < 0 ? cli_report(&e) : failed ? CLI_FAILED : CLI_OK;
  arena_free(arena);
  return status;
}

int cmd_check_case(const struct cli_args *a) {
  struct arena *arena = arena_new();
  struct kit_request r = request(a, arena);
  int status = kit_child(&r, cli_word(a, 1), cli_word(a, 2));
  arena_free(arena);
  return status;
}
