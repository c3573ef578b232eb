/* conf/load.h: a configuration on its way from files to struct conf. */
#ifndef HOST_CONF_LOAD_H
#define HOST_CONF_LOAD_H

#include <sys/stat.h>

#include "conf/conf.h"
#include "conf/stage.h"
#include "conf/when.h"

struct load {
  struct arena *arena;
  struct diags *d;
  struct conf *conf;
  const char *shown_dir; /* folder of etl.conf as the user wrote it: for messages */
  const char *base_dir;  /* the same, absolute */
  const char *shown_pipeline_dir;
  bool pipeline_dir_given;
  struct connections connections;
  struct when_zones zones;
  const char **unread;
  size_t unread_n;
};

/* May text in that folder be obeyed?  0, or -1: l->d says why not. */
int load_check_dir(struct load *l, const char *shown, const struct stat *st);

/* ---- conf/pipelines.c */
/* Those of the folder, or only one, into l->conf. */
void pipelines_read(struct load *l, const char *only);
/* A pipeline with mistakes is kept as far as it could be read; conf_load() throws all away then.  There is room for it. */
void pipelines_take(struct load *l, const char *name, const char *path, const struct conf_node *root);

#endif
