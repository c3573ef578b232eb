/* conf/tables.h: the host's own settings: where the rows of tables.c put them. */
#ifndef HOST_CONF_TABLES_H
#define HOST_CONF_TABLES_H

#include "conf/keys.h"
#include "conf/notify.h"

struct main_settings {                               /* etl.conf */
  const struct conf_node *plugin_dirs, *connections, *notify; /* NULL: not given */
  const char *pipeline_dir, *cache_dir, *quarantine_dir, *state;
  struct conf_serve serve;
};
struct pipeline_settings { /* a file of pipeline_dir */
  struct conf_pipeline p;
  const struct conf_node *extract, *transforms, *load, *after;
  const char *start_at, *end_at; /* NULL: not given */
};
struct stage_settings { /* extract, load, one of transforms, one of connections */
  const char *plugin, *connection;
  int64_t max_running; /* of a connection */
  const struct conf_node *streams; /* NULL: not given */
};
struct notify_settings { /* one of notify */
  struct conf_notify t;
  const struct conf_node *on, *pipelines, *to, *headers, *command; /* NULL: not given */
  const char *tls;
};
extern const struct conf_key main_keys[], pipeline_keys[], stage_keys[], connection_keys[];
extern const struct conf_key extract_keys[]; /* beside stage_keys; into struct pipeline_settings */
extern const struct conf_key notify_keys[], notify_mail_keys[], notify_webhook_keys[], notify_command_keys[]; /* those of a kind beside notify_keys */

#endif
