/* The three files of a new pipeline. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/copy_url.h"
#include "cli/generate.h"
#include "conf/stage.h"

static bool given(const char *text) { return text && *text; }

/* ---- NAME.conf ---------------------------------------------------------------------------------------------------------------------- */

static void put_text(const char *name, const char *text, FILE *to) {
  fprintf(to, "  %s = ", name);
  place_quote(text, to);
  fputs(";\n", to);
}

static void put_list(const char *name, const char *commas, FILE *to) {
  fprintf(to, "  %s = [ ", name);
  for (const char *p = commas; *p; p += strcspn(p, ","), p += *p == ',') {
    const char *q = p + strspn(p, " ");
    cleanup_free char *one = xasprintf("%.*s", (int)strcspn(q, " ,"), q);
    if (p != commas)
      fputs(", ", to);
    place_quote(one, to);
  }
  fputs(" ];\n", to);
}

static void put_extract(const struct plan_of_pipeline *p, FILE *to) {
  fputs("extract = {\n", to);
  put_text("connection", p->from, to);
  put_text(p->from_files ? "path" : "table", p->table, to);
  if (p->from_files) {
    fputs("\n  # Each file is read once; those that come later are the next run's.\n", to);
  } else if (given(p->cursor)) {
    fputs("\n  # Only rows behind the last one of the run before are read, in this order; an index on these columns makes it fast.\n", to);
    put_list("cursor", p->cursor, to);
  } else {
    fputs("\n  # There is no cursor: each run reads the whole table.\n", to);
  }
  fputs("};\n\n# What is changed on the way; `etl plugin list` shows the transformers.\n"
        "# transforms = ( { plugin = \"columns\"; rename = { old_name = \"new_name\"; }; } );\n\n",
        to);
}

static void put_load(const struct plan_of_pipeline *p, FILE *to) {
  fputs("load = {\n", to);
  put_text("connection", p->to, to);
  if (!p->to_files)
    fputs("  # Made by the first run if it is not there.\n", to);
  put_text(p->to_files ? "path" : "table", p->target, to);
  if (given(p->mode))
    put_text("mode", p->mode, to);
  if (given(p->key))
    put_list("key", p->key, to);
  fputs("};\n", to);
}

char *generate_text(const struct plan_of_pipeline *p) {
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  fprintf(f, "# %s of %s, into %s of %s.\n#\n#   etl preview %s    shows the first rows\n#   etl plan %s       shows what a run would do\n"
             "#   etl run %s        moves what is new since the last run\n",
          p->table, p->from, p->target, p->to, p->name, p->name, p->name);
  cleanup_free char *description = xasprintf("%s to %s", p->table, p->target);
  fputs("description = ", f);
  place_quote(description, f);
  fputs(";\n", f);
  if (given(p->schedule)) {
    fputs("\n# For the long-running host; `etl run` ignores it.\nschedule = ", f);
    place_quote(p->schedule, f);
    fputs(";\n", f);
  }
  fputc('\n', f);
  put_extract(p, f);
  put_load(p, f);
  fclose(f);
  return text;
}

/* ---- NAME.env.example --------------------------------------------------------------------------------------------------------------- */

struct variables {
  char **names;
  size_t n;
};

static void add_variable(struct variables *v, const char *name, size_t n) {
  for (size_t i = 0; i < v->n; i++)
    if (strlen(v->names[i]) == n && memcmp(v->names[i], name, n) == 0)
      return;
  v->names = xrealloc(v->names, (v->n + 1) * sizeof *v->names);
  v->names[v->n++] = xasprintf("%.*s", (int)n, name);
}

/* ${NAME} and ${NAME:-...}; neither $${ nor ${file:...}. */
static void find_variables(struct variables *v, const struct conf_node *n) {
  for (const char *p = n->text ? n->text : ""; (p = strstr(p, "${")); p += 2) {
    size_t length = strspn(p + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    bool escaped = p > n->text && p[-1] == '$', file = strncmp(p + 2, "file:", 5) == 0;
    if (!escaped && !file && length)
      add_variable(v, p + 2, length);
  }
  for (size_t i = 0; i < n->kids_n; i++)
    find_variables(v, n->kids[i]);
}

/* Read anew: in conf they may have been looked up already. */
static struct variables variables_of(const struct plan_of_pipeline *p, const struct conf *conf) {
  struct variables v = {0};
  struct diags d = {0};
  struct conf *raw = NULL;
  if (conf_load_main(conf->file, &d, &raw) == 0 && raw->connections->group)
    for (size_t i = 0; i < raw->connections->group->kids_n; i++) {
      const struct conf_node *k = raw->connections->group->kids[i];
      if (strcmp(k->name, p->from) == 0 || strcmp(k->name, p->to) == 0)
        find_variables(&v, k);
    }
  conf_free(raw);
  diags_fini(&d);
  return v;
}

static char *env_text(const struct plan_of_pipeline *p, const struct variables *v) {
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  fprintf(f, "# Variables that pipeline %s needs: those of the connections %s and %s in etl.conf.\n# Copy it, fill it in, and keep it from others.\n",
          p->name, p->from, p->to);
  for (size_t i = 0; i < v->n; i++)
    fprintf(f, "%s=\n", v->names[i]);
  if (v->n == 0)
    fputs("# There are none.\n", f);
  fclose(f);
  return text;
}

/* ---- NAME.README.md ----------------------------------------------------------------------------------------------------------------- */

static char *readme_text(const struct plan_of_pipeline *p, const struct variables *v) {
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  fprintf(f, "# %s\n\nMoves `%s` of the connection `%s` into `%s` of `%s`%s%s%s.\n\n", p->name, p->table, p->from, p->target, p->to,
          given(p->mode) ? " (mode `" : "", given(p->mode) ? p->mode : "", given(p->mode) ? "`)" : "");
  fputs(p->from_files      ? "Each run reads the files, or the parts of them, that no run has read yet.\n\n"
        : given(p->cursor) ? "Each run moves what is new since the last one; where that stands is kept in the target, together with the rows.\n\n"
                         : "Each run reads the whole table.\n\n",
        f);
  fprintf(f, "| | |\n|---|---|\n| `etl conns test %s %s` | do both ends answer? |\n| `etl preview %s` | the first rows as they would be loaded |\n"
             "| `etl plan %s` | what a run would do; writes nothing |\n| `etl run %s` | a run |\n"
             "| `etl quarantine list %s` | rows that could not be taken |\n\n",
          p->from, p->to, p->name, p->name, p->name, p->name);
  fprintf(f, "`%s.conf` is the pipeline, `etl check` looks for mistakes in it.", p->name);
  if (v->n)
    fprintf(f, "  `%s.env.example` names the %zu environment variable%s that its connections use.", p->name, v->n, v->n == 1 ? "" : "s");
  fputc('\n', f);
  fclose(f);
  return text;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

struct made {
  char *path, *text;
};

static int write_one(const struct made *m, bool force, struct err *e) {
  int fd = open(m->path, O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL), 0644);
  size_t n = strlen(m->text);
  bool good = fd >= 0 && write(fd, m->text, n) == (ssize_t)n;
  int reason = errno;
  if (fd >= 0)
    good &= close(fd) == 0;
  if (good) {
    printf("%s\n", m->path);
    return 0;
  }
  err_set(e, ETL_E_PERMANENT, "%s cannot be written: %s", m->path, strerror(reason));
  return err_remedy(e, "look at the folder and its rights, or name another with --dir");
}

static int refuse_existing(const struct made *list, size_t n, struct err *e) {
  struct stat st;
  for (size_t i = 0; i < n; i++)
    if (lstat(list[i].path, &st) == 0) {
      err_set(e, ETL_E_CONFIG, "%s is there already; nothing was written", list[i].path);
      return err_remedy(e, "take another --name, or --force to write it anew");
    }
  return 0;
}

int generate_files(const struct plan_of_pipeline *p, const struct conf *conf, const char *dir, bool force, struct err *e) {
  struct variables v = variables_of(p, conf);
  struct made list[] = {{xasprintf("%s/%s.conf", dir, p->name), generate_text(p)},
                        {xasprintf("%s/%s.env.example", dir, p->name), env_text(p, &v)},
                        {xasprintf("%s/%s.README.md", dir, p->name), readme_text(p, &v)}};
  size_t n = sizeof list / sizeof *list;
  int rc = force ? 0 : refuse_existing(list, n, e);
  if (rc == 0 && mkdir(dir, 0755) < 0 && errno != EEXIST)
    rc = err_set(e, ETL_E_PERMANENT, "the folder %s cannot be made: %s", dir, strerror(errno));
  for (size_t i = 0; i < n; i++) {
    if (rc == 0)
      rc = write_one(&list[i], force, e);
    free(list[i].path);
    free(list[i].text);
  }
  for (size_t i = 0; i < v.n; i++)
    free(v.names[i]);
  free(v.names);
  return rc;
}
