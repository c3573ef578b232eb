/* cli/plugin_cmd.h: what the `plugin` commands share. */
#ifndef HOST_CLI_PLUGIN_CMD_H
#define HOST_CLI_PLUGIN_CMD_H

#include "cli/cli.h"
#include "plugin/registry.h"

/* The registry of the configuration's plugin directories.  0, or an exit status after telling the user why. */
int plugin_cmd_scan(const struct cli_args *a, struct registry **ret);
/* "extractor, loader"; returns buf. */
const char *plugin_cmd_kinds(uint32_t kinds, char *buf, size_t room);

#endif
