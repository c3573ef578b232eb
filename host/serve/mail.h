/* serve/mail.h: a message as the text that goes to a mail server: pure ASCII, lines of CRLF. */
#ifndef HOST_SERVE_MAIL_H
#define HOST_SERVE_MAIL_H

#include <stdint.h>
#include <stdio.h>

#include "conf/notify.h"

/* The address alone of "Name <a@b>", as <a@b>.  To be freed. */
char *mail_address(const char *text);
/* A header whose value may be any UTF-8: encoded (RFC 2047) and folded as needed. */
void mail_put_header(const char *name, const char *value, FILE *to);
/* The whole: headers of t, the message's id, subject and text; the body in quoted-printable.  To be freed. */
char *mail_write(const struct conf_notify *t, const json_t *message, int64_t now_ns);

#endif
