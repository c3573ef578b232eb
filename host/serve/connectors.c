/* Two registries, side by side: what they say of a file is told once, when it changes. */
#include "serve/connectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { TOLD_ONE_BY_ONE = 1000 /* pipelines */ };

/* ---- looking -------------------------------------------------------------------------------------------------------------------------------- */

static const struct plugin_file *file_at(const struct registry *r, const char *path) {
  for (size_t i = 0; i < r->files_n; i++)
    if (strcmp(r->files[i].path, path) == 0)
      return &r->files[i];
  return NULL;
}

static bool same_registry(const struct registry *a, const struct registry *b) {
  if (a->files_n != b->files_n || !text_same(a->refused, b->refused))
    return false;
  for (size_t i = 0; i < a->files_n; i++)
    if (strcmp(a->files[i].path, b->files[i].path) != 0 || !plugin_mark_same(&a->files[i].mark, &b->files[i].mark) ||
        !text_same(a->files[i].bad, b->files[i].bad))
      return false;
  return true;
}

struct generation *connectors_look(struct generation *g, struct describes *describes) {
  struct registry *r = registry_scan_others(g->conf->plugin_dirs);
  describes_refuse(describes, r);
  if (!same_registry(g->registry, r))
    return generation_again(g, r, describes);
  registry_free(r);
  return NULL;
}

/* The file that a run would use, or would if it were not refused. */
static const struct plugin_file *file_for(const struct registry *r, enum etl_kind kind, const char *name) {
  struct err ignored;
  const struct plugin_file *f = registry_find(r, kind, name, &ignored);
  for (size_t i = 0; !f && i < r->files_n; i++)
    if (strcmp(r->files[i].id, name) == 0 && r->files[i].mark.inode) /* else it could not be opened */
      f = &r->files[i];
  return f;
}

int connectors_current(const struct registry *r, const struct conf_pipeline *p, struct err *e) {
  for (size_t i = 0; i < p->transforms_n + 2; i++) {
    const struct conf_stage *s = i == 0 ? &p->extract : i == 1 ? &p->load : &p->transforms[i - 2];
    enum etl_kind kind = i == 0 ? ETL_KIND_EXTRACTOR : i == 1 ? ETL_KIND_LOADER : ETL_KIND_TRANSFORMER;
    struct plugin_mark now;
    const struct plugin_file *f = file_for(r, kind, s->plugin);
    if (f && (plugin_mark(f->path, &now) < 0 || !plugin_mark_same(&f->mark, &now)))
      return err_set(e, ETL_E_RETRYABLE, "the connector '%s' is being replaced: its file %s is another one than before, and was not looked at yet", s->plugin, f->path);
  }
  return 0;
}

/* ---- telling -------------------------------------------------------------------------------------------------------------------------------- */

static void tell_file(struct serve *s, const struct plugin_file *old, const struct plugin_file *now) {
  if (now->bad && (!old || !text_same(old->bad, now->bad)))
    serve_tell(s, LEVEL_WARNING, "plugin", "refused", "the connector file %s is refused: %s", now->path, now->bad);
  else if (!now->bad && (!old || old->bad))
    serve_tell(s, LEVEL_INFO, "plugin", "added", "the connector %s %s can be used from now on: %s", now->id, now->version, now->path);
  else if (!now->bad && !plugin_mark_same(&old->mark, &now->mark))
    serve_tell(s, LEVEL_INFO, "plugin", "replaced", "the connector %s %s was replaced by %s %s, which the next runs use: %s", old->id, old->version, now->id,
               now->version, now->path);
}

static void tell_files(struct serve *s, const struct registry *old, const struct registry *now) {
  if (now->refused && !text_same(old->refused, now->refused))
    serve_tell(s, LEVEL_ERROR, "plugin", "refused", "%s", now->refused);
  for (size_t i = 0; i < now->files_n; i++)
    tell_file(s, file_at(old, now->files[i].path), &now->files[i]);
  for (size_t i = 0; i < old->files_n; i++)
    if (!file_at(now, old->files[i].path))
      serve_tell(s, LEVEL_INFO, "plugin", "removed", "the connector %s %s is gone: %s", old->files[i].id, old->files[i].version, old->files[i].path);
}

static void tell_pipeline(struct serve *s, const char *pipeline, const char *problem) {
  cleanup_free char *message = problem ? xasprintf("the pipeline cannot run with its connectors as they are: %s", problem) : xstrdup("the pipeline can run again");
  serve_event(s, &(struct serve_event){.level = problem ? LEVEL_ERROR : LEVEL_INFO,
                                       .kind = "plugin",
                                       .name = problem ? "unusable" : "usable",
                                       .pipeline = pipeline,
                                       .message = message});
}

/* Of many the first ones are told, and how many there are. */
static void tell_pipelines(struct serve *s, const struct generation *old, const struct generation *now) {
  size_t worse = 0, better = 0;
  for (size_t i = 0; i < now->conf->pipelines_n; i++) {
    const char *name = now->by_name[i]->name, *was = generation_problem(old, name), *is = now->problems ? now->problems[i] : NULL;
    if (text_same(was, is))
      continue;
    if (worse + better < TOLD_ONE_BY_ONE)
      tell_pipeline(s, name, is);
    worse += is && !was;
    better += was && !is;
  }
  if (worse > 1)
    serve_tell(s, LEVEL_ERROR, "plugin", "unusable", "%zu pipeline%s cannot run any more until their connectors are back", worse, worse == 1 ? "" : "s");
  if (better > 1)
    serve_tell(s, LEVEL_INFO, "plugin", "usable", "%zu pipeline%s can run again", better, better == 1 ? "" : "s");
}

void connectors_tell(struct serve *s, const struct generation *old, const struct generation *now) {
  tell_files(s, old->registry, now->registry);
  tell_pipelines(s, old, now);
}
