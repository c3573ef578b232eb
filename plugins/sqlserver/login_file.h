/* login_file.h: what FreeTDS's db-lib takes from a configuration file alone: host, port, TLS, timeouts. */
#ifndef SQLSERVER_LOGIN_FILE_H
#define SQLSERVER_LOGIN_FILE_H

#include "settings.h"

/* Adds a section for the shard and sets sh->section, the name to give to dbopen(). */
int32_t login_file_add(struct settings *s, const struct etl_open *o, struct shard *sh);

#endif
