/* cli/check.h: what `etl check` looks at, for the commands that look at it before they go on. */
#ifndef HOST_CLI_CHECK_H
#define HOST_CLI_CHECK_H

#include "base/diag.h"
#include "conf/conf.h"
#include "plugin/registry.h"

/* The connectors in conf's plugin directories.  NULL: d says why. */
struct registry *check_registry(const struct conf *conf, struct diags *d);
/* Every stage of every pipeline of conf against the options of its connector, asked of the connector in a process of its own. */
void check_connectors(const struct conf *conf, const struct registry *r, struct diags *d);
/* Prints d to stderr, with the number of errors.  The exit status. */
int check_report(const struct diags *d);

#endif
