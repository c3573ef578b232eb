/* `etl copy`: a pipeline out of arguments, run once.  Its text never leaves this process but down the worker's socket. */
#include <stdlib.h>
#include <string.h>

#include "cli/copy_url.h"
#include "cli/launch.h"

#define ORIGIN "command line"
#define COPY_NAME "copy-"

struct copy {
  struct arena *arena;
  struct place from, to;
  char *name, *text; /* of the pipeline */
  size_t text_n;
};

static void put_list(const char *name, const char *commas, FILE *to) {
  if (!commas)
    return;
  fprintf(to, "%s = [ ", name);
  for (const char *p = commas; *p; p += strcspn(p, ","), p += *p == ',') {
    cleanup_free char *one = xasprintf("%.*s", (int)strcspn(p, ","), p);
    if (p != commas)
      fputs(", ", to);
    place_quote(one, to);
  }
  fputs(" ]; ", to);
}

static void put_text(const char *name, const char *text, FILE *to) {
  if (!text)
    return;
  fprintf(to, "%s = ", name);
  place_quote(text, to);
  fputs("; ", to);
}

/* The same every time the same is copied, so that a copy by a cursor goes on where it was; the password has no part in it. */
static char *name_of(const struct copy *c, const char *from, const char *to, const struct cli_args *a) {
  uint64_t h = 14695981039346656037u;
  const char *const parts[] = {c->from.identity, from, cli_opt(a, "cursor"), cli_opt(a, "columns"), c->to.identity, to};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    for (const char *p = parts[i] ? parts[i] : ""; *p; p++)
      h = (h ^ (unsigned char)*p) * 1099511628211u;
    h = (h ^ 0xff) * 1099511628211u;
  }
  return xasprintf(COPY_NAME "%016llx", (unsigned long long)h);
}

static int missing_table(const char *side, const struct place *p, struct err *e) {
  err_set(e, ETL_E_CONFIG, "%s does not say which table of %s", side, p->shown);
  return err_remedy(e, "add --table NAME; the first one is read, the second one written");
}

bool copy_is_name(const char *name) {
  size_t n = strlen(COPY_NAME);
  return strncmp(name, COPY_NAME, n) == 0 && strspn(name + n, "0123456789abcdef") == 16 && strlen(name) == n + 16;
}

/* Who gets which --table: those that have tables, in their order; a target that gets none is called like the source's. */
static int share_tables(const struct cli_args *a, const struct copy *c, const char **ret_from, const char **ret_to, struct err *e) {
  size_t at = 0, n = cli_opt_n(a, "table");
  *ret_from = c->from.tables && at < n ? cli_opt_at(a, "table", at++) : NULL;
  *ret_to = c->to.tables && at < n ? cli_opt_at(a, "table", at++) : NULL;
  if (at < n)
    return err_set(e, ETL_E_CONFIG, "--table %s is one too many: a file is a table itself", cli_opt_at(a, "table", at));
  if (c->from.tables && !*ret_from)
    return missing_table("--from", &c->from, e);
  if (c->to.tables && !*ret_to && *ret_from)
    *ret_to = strrchr(*ret_from, '.') ? strrchr(*ret_from, '.') + 1 : *ret_from;
  return c->to.tables && !*ret_to ? missing_table("--to", &c->to, e) : 0;
}

/* NULL: the loader's own.  A file that is written without a cursor is written as a whole. */
static const char *default_mode(const struct cli_args *a, const struct copy *c) {
  if (cli_opt(a, "key"))
    return "merge";
  return c->to.tables || c->to.standard || cli_opt(a, "cursor") ? NULL : "replace";
}

/* Into a table: rows that are read anew each time would be added again.  A file's reader knows what it has read. */
static int check_mode(const struct cli_args *a, const struct copy *c, const char *to_table, struct err *e) {
  if (!(c->from.tables || c->from.standard) || !c->to.tables || cli_opt(a, "mode") || cli_opt(a, "key") || cli_opt(a, "cursor"))
    return 0;
  err_set(e, ETL_E_CONFIG, "'etl copy' wants to know what becomes of rows that %s has already", to_table);
  return err_remedy(e, "--mode replace puts these in their place, --key COLUMN,... merges by that key%s",
                    c->from.standard ? "" : ", --cursor COLUMN,... adds what is new each time");
}

/* A file that is another one by now may be read as a whole where that doubles nothing. */
static bool reads_anew(const struct cli_args *a, const struct copy *c) {
  const char *mode = cli_opt(a, "mode");
  return !c->from.tables && (cli_flag(a, "full-refresh") || (mode ? strcmp(mode, "append") != 0 : default_mode(a, c) != NULL));
}

static int write_text(const struct cli_args *a, struct copy *c, FILE *to, struct err *e) {
  const char *from_table, *to_table, *mode = cli_opt(a, "mode"), *key = cli_opt(a, "key");
  char *load = NULL;
  size_t load_n;
  FILE *f = open_memstream(&load, &load_n);
  int rc = place_read(cli_opt(a, "to"), c->arena, f, &c->to, e);
  fclose(f);
  fputs("extract = { ", to);
  if (rc == 0)
    rc = place_read(cli_opt(a, "from"), c->arena, to, &c->from, e);
  if (rc == 0)
    rc = share_tables(a, c, &from_table, &to_table, e);
  if (rc == 0)
    rc = check_mode(a, c, to_table, e);
  if (rc == 0) {
    put_text("table", from_table, to);
    put_list("cursor", cli_opt(a, "cursor"), to);
    put_text("on_change", reads_anew(a, c) ? "reload" : NULL, to);
    put_list("columns", c->from.tables ? cli_opt(a, "columns") : NULL, to);
    fputs("}; ", to);
    if (!c->from.tables && cli_opt(a, "columns")) { /* a file's reader has no such option: a transformer chooses */
      fputs("transforms = ( { plugin = \"columns\"; ", to);
      put_list("select", cli_opt(a, "columns"), to);
      fputs("} ); ", to);
    }
    fprintf(to, "load = { %s", load);
    put_text("table", to_table, to);
    put_text("mode", mode ? mode : default_mode(a, c), to);
    put_list("key", key, to);
    fputs("};", to);
    c->name = name_of(c, from_table, to_table, a);
  }
  free(load);
  return rc;
}

static int require(const struct cli_args *a, const char *option, const char *what, struct err *e) {
  if (cli_opt(a, option))
    return 0;
  err_set(e, ETL_E_CONFIG, "'etl copy' wants --%s: %s", option, what);
  return err_remedy(e, "see etl copy --help");
}

/* The pipeline whose rows a command asks for is the one that the other arguments make. */
static int check_name(const struct copy *c, const char *name, struct err *e) {
  if (!name || strcmp(name, "copy") == 0 || strcmp(name, c->name) == 0)
    return 0;
  err_set(e, ETL_E_CONFIG, "these are not the arguments of %s: with them a copy is called %s", name, c->name);
  return err_remedy(e, "give --from, --to, --table, --cursor and --columns as that copy had them");
}

static int copy(const struct cli_args *a, struct copy *c, const char *name, copy_act *act, void *arg) {
  struct launch l;
  struct diags d = {0};
  struct conf *conf = NULL;
  struct err e;
  FILE *f = open_memstream(&c->text, &c->text_n);
  int rc = require(a, "from", "where to read", &e) < 0 || require(a, "to", "where to write", &e) < 0 ? -1 : write_text(a, c, f, &e);
  fclose(f);
  if (rc == 0)
    rc = check_name(c, name, &e);
  for (size_t i = 0; i < 2; i++) /* all that were given: the last one holds */
    for (size_t k = 0; cli_opt_at(a, i ? "to" : "from", k); k++)
      place_hide((char *)(uintptr_t)cli_opt_at(a, i ? "to" : "from", k));
  if (rc < 0)
    return cli_report(&e);
  conf_load_text(cli_opt(a, "conf"), c->name, c->text, ORIGIN, &d, &conf);
  int status = launch_init_conf(&l, a, conf, c->name, &d);
  if (status == CLI_OK)
    status = act(a, &l, arg);
  launch_fini(&l);
  diags_fini(&d);
  return status;
}

int copy_launch(const struct cli_args *a, const char *name, copy_act *act, void *arg) {
  struct copy c = {.arena = arena_new()};
  int status = copy(a, &c, name, act, arg);
  if (c.text)
    memset(c.text, 0, c.text_n);
  free(c.text);
  free(c.name);
  arena_free(c.arena);
  return status;
}

static int run(const struct cli_args *a, struct launch *l, void *arg) {
  (void)arg;
  return run_launched(a, l);
}

int cmd_copy(const struct cli_args *a) { return copy_launch(a, NULL, run, NULL); }
