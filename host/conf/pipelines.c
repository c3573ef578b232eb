/* The folder of the pipelines: a file each, which gives it its name. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "conf/digest.h"
#include "conf/expand.h"
#include "conf/late.h"
#include "conf/load.h"
#include "conf/source.h"
#include "conf/tables.h"

/* What no single setting can say: whether they go together. */
static void check_together(struct load *l, const struct conf_pipeline *p, const struct conf_node *root) {
  const struct conf_node *eh = conf_node_find(root, "error_handling");
  if (p->retry.retry_delay_ns > p->retry.max_retry_delay_ns && eh && eh->kind == CONF_GROUP)
    diags_add(l->d, DIAG_ERROR, eh->origin,
              "'retry_delay' is %s, longer than 'max_retry_delay' (%s); make the one shorter or the other longer",
              value_print(WANT_DURATION, p->retry.retry_delay_ns, l->arena),
              value_print(WANT_DURATION, p->retry.max_retry_delay_ns, l->arena));
  if (p->memory_bytes && p->batch_bytes > p->memory_bytes / 4)
    diags_add(l->d, DIAG_ERROR, p->file,
              "'memory' (%s) does not hold four batches of %s; raise 'memory' or lower 'bytes' of 'batch'",
              value_print(WANT_SIZE, p->memory_bytes, l->arena), value_print(WANT_SIZE, p->batch_bytes, l->arena));
  int64_t most = l->conf->serve.worker_memory_bytes;
  if (most && p->memory_bytes >= most)
    diags_add(l->d, DIAG_WARNING, p->file,
              "'memory' (%s) alone reaches 'worker_memory' of 'serve' (%s): a run that fills it is ended; lower the one or raise the other",
              value_print(WANT_SIZE, p->memory_bytes, l->arena), value_print(WANT_SIZE, most, l->arena));
}

static void take_stages(struct load *l, struct pipeline_settings *s) {
  struct conf_pipeline *p = &s->p;
  size_t n = s->transforms ? s->transforms->kids_n : 0;
  keys_read(extract_keys, s->extract, "extract", KEYS_OPEN, s, l->arena, l->d);
  if (s->extract)
    stage_read(s->extract, extract_keys, &l->connections, l->arena, l->d, &p->extract);
  p->transforms = arena_alloc(l->arena, (n + 1) * sizeof *p->transforms);
  for (size_t i = 0; i < n; i++)
    if (stage_read(s->transforms->kids[i], NULL, &l->connections, l->arena, l->d, &p->transforms[p->transforms_n]) == 0)
      p->transforms_n++;
  if (s->load)
    stage_read(s->load, NULL, &l->connections, l->arena, l->d, &p->load);
}

void pipelines_take(struct load *l, const char *name, const char *path, const struct conf_node *root) {
  struct arena *a = l->arena;
  struct pipeline_settings s = {.p.name = name, .p.file = path};
  keys_read(pipeline_keys, root, "a pipeline", KEYS_CLOSED, &s, a, l->d);
  when_read(&s, root, &l->zones, a, l->d);
  check_together(l, &s.p, root);
  take_stages(l, &s);
  late_check(&s.p, a, l->d);
  s.p.digest = conf_digest(&s.p, root);
  l->conf->pipelines[l->conf->pipelines_n++] = s.p;
}

static void load_pipeline(struct load *l, const char *file_name) {
  const char *path = text_join(l->arena, l->shown_pipeline_dir, file_name);
  struct conf_node *root = NULL;
  source_read(path, l->conf->pipeline_dir, l->arena, l->d, &root);
  const char *name = arena_memdup(l->arena, file_name, strlen(file_name) - strlen(".conf"));
  if (!root) {
    l->unread[l->unread_n++] = name;
    return;
  }
  expand_node(root, l->arena, l->d);
  pipelines_take(l, name, path, root);
}

static int is_conf(const struct dirent *e) {
  size_t n = strlen(e->d_name);
  return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static bool valid_name(const char *file_name) {
  for (; *file_name; file_name++)
    if (!isalnum((unsigned char)*file_name) && !strchr("_.-", *file_name))
      return false;
  return true;
}

static void complain_no_pipeline(struct load *l, const char *only, struct dirent **list, int n) {
  const char **names = arena_alloc(l->arena, ((size_t)n + 1) * sizeof *names);
  for (int i = 0; i < n; i++)
    names[i] = arena_memdup(l->arena, list[i]->d_name, strlen(list[i]->d_name) - strlen(".conf"));
  const char *near = diag_nearest(only, names);
  if (near)
    diags_add(l->d, DIAG_ERROR, NULL, "there is no pipeline '%s'; did you mean '%s'?", only, near);
  else
    diags_add(l->d, DIAG_ERROR, NULL, "there is no pipeline '%s': '%s' has no file %s.conf%s%s", only, l->shown_pipeline_dir, only,
              n ? "; one that exists is: " : "", n ? names[0] : "");
}

static int ignoring_case(const void *a, const void *b) {
  const struct dirent *const *x = a, *const *y = b;
  return strcasecmp((*x)->d_name, (*y)->d_name);
}

/* Sinks and state stores know a pipeline by its name, and not all of them tell upper case from lower case. */
static void check_twins(struct load *l, struct dirent **list, size_t n) {
  struct dirent **sorted = arena_alloc(l->arena, (n + 1) * sizeof(struct dirent *));
  memcpy(sorted, list, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, ignoring_case);
  for (size_t i = 1; i < n; i++)
    if (ignoring_case(&sorted[i - 1], &sorted[i]) == 0)
      diags_add(l->d, DIAG_ERROR, text_join(l->arena, l->shown_pipeline_dir, sorted[i]->d_name),
                "there is a pipeline of the same name but for upper and lower case: %s; rename one of both", sorted[i - 1]->d_name);
}

static void load_files(struct load *l, const char *only, struct dirent **list, int n) {
  bool found = false;
  l->conf->unread = l->unread = arena_alloc(l->arena, ((size_t)n + 1) * sizeof *l->unread);
  l->conf->pipelines = arena_alloc(l->arena, (only ? 1 : (size_t)n) * sizeof *l->conf->pipelines);
  if (!only && n)
    check_twins(l, list, (size_t)n);
  for (int i = 0; i < n; i++) {
    const char *name = list[i]->d_name;
    if (only && !(strncmp(name, only, strlen(only)) == 0 && strlen(name) == strlen(only) + strlen(".conf")))
      continue;
    found = true;
    if (valid_name(name))
      load_pipeline(l, name);
    else
      diags_add(l->d, DIAG_ERROR, text_join(l->arena, l->shown_pipeline_dir, name),
                "a pipeline's name may hold letters, digits, '_', '.' and '-' only; rename the file");
  }
  if (only && !found)
    complain_no_pipeline(l, only, list, n);
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

void pipelines_read(struct load *l, const char *only) {
  struct dirent **list = NULL;
  struct stat st;
  int n = scandir(l->conf->pipeline_dir, &list, is_conf, by_name);
  if (n < 0) {
    bool harmless = errno == ENOENT && !only && !l->pipeline_dir_given;
    diags_add(l->d, harmless ? DIAG_WARNING : DIAG_ERROR, l->shown_pipeline_dir,
              "cannot read the folder of the pipelines: %s; create it, or name another as 'pipeline_dir' in '%s'", strerror(errno),
              l->conf->file);
    return;
  }
  if (stat(l->conf->pipeline_dir, &st) < 0 || load_check_dir(l, l->shown_pipeline_dir, &st) == 0)
    load_files(l, only, list, n);
  for (int i = 0; i < n; i++)
    free(list[i]);
  free(list);
}
