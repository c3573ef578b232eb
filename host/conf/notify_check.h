/* conf/notify_check.h: looks at single texts of a target of `notify`.  0, or -1 with an error that never shows a text that may be secret. */
#ifndef HOST_CONF_NOTIFY_CHECK_H
#define HOST_CONF_NOTIFY_CHECK_H

#include "base/err.h"

int notify_check_kind(const char *text, struct err *e);
int notify_check_name(const char *text, struct err *e);
int notify_check_tls(const char *text, struct err *e);
int notify_check_server(const char *text, struct err *e);
int notify_check_url(const char *text, struct err *e);
int notify_check_address(const char *text, struct err *e); /* "a@b" or "Name <a@b>" */
int notify_check_header(const char *text, struct err *e);  /* "Name: value" */

#endif
