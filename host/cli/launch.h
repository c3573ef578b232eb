/* cli/launch.h: what commands with a worker share: from the configuration to a worker that is listened to until it has ended. */
#ifndef HOST_CLI_LAUNCH_H
#define HOST_CLI_LAUNCH_H

#include "cli/cli.h"
#include "conf/conf.h"
#include "engine/supervise.h"

struct launch {
  struct conf *conf;
  struct registry *registry;
  struct spec *spec; /* borrows from the other two, and from the arguments */
};
/* The pipeline that the first word names, checked as `etl check` does it, and the shards that --shard names.  CLI_OK, or an exit
 * status after telling the user why.  To be ended with launch_fini() in both cases. */
int launch_init(struct launch *l, const struct cli_args *a);
/* The same for a pipeline of a configuration that is loaded already, mistakes of which are in d; conf NULL: it could not be.  Takes conf. */
int launch_init_conf(struct launch *l, const struct cli_args *a, struct conf *conf, const char *pipeline, struct diags *d);
void launch_fini(struct launch *l);

/* Somebody who listens to the worker. */
struct listener {
  supervise_fn *event;
  void (*stopping)(void *arg, enum stop_mode mode); /* a signal asked for it */
  void *arg;
};
/* Starts the worker and waits for its end, on an event loop of its own.  SIGINT or SIGTERM: STOP_FINISH at first, STOP_NOW when it
 * comes again.  The exit status. */
int launch_worker(const struct launch *l, const struct listener *to);

/* cli/run.c: whether "-" stands in its path: the standard streams, which connectors get at in this case alone, and in a run alone. */
bool stage_is_standard(const struct conf_stage *stage);
/* cli/run.c: --range FROM,TO; NULL: no such bound.  CLI_OK, or an exit status after telling the user what is wrong with it, or with --window. */
int run_take_range(const struct cli_args *a, struct arena *arena, const char **ret_from, const char **ret_to);
/* cli/run.c: runs l->spec with the options of `etl run` that a has, and reports it. */
int run_launched(const struct cli_args *a, struct launch *l);

/* cli/copy.c: the pipeline that the options of `etl copy` make, for act(); name: how it has to be called, NULL or "copy": it does not matter.  What act()
 * returns, or an exit status after telling the user why there is no such pipeline. */
typedef int copy_act(const struct cli_args *a, struct launch *l, void *arg);
int copy_launch(const struct cli_args *a, const char *name, copy_act *act, void *arg);
/* Is it the name of such a pipeline? */
bool copy_is_name(const char *name);

#endif
