/* What single texts of a target of `notify` have to look like.  What goes into a header or a line of SMTP must hold no line break: whoever
 * writes the configuration may take parts of it from the environment. */
#include "conf/notify_check.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"

static int one_of(const char *what, const char *text, const char *const *names, struct err *e) {
  for (const char *const *n = names; *n; n++)
    if (strcmp(text, *n) == 0)
      return 0;
  const char *near = diag_nearest(text, names);
  err_set(e, ETL_E_CONFIG, "\"%.40s\" is no %s", text, what);
  if (near)
    return err_remedy(e, "did you mean \"%s\"?", near);
  return err_remedy(e, "there are: \"%s\", \"%s\", \"%s\"", names[0], names[1], names[2]);
}

int notify_check_kind(const char *text, struct err *e) {
  return one_of("kind of notification", text, (const char *const[]){"mail", "webhook", "command", NULL}, e);
}

int notify_check_tls(const char *text, struct err *e) {
  return one_of("way to use TLS", text, (const char *const[]){"required", "if_offered", "none", NULL}, e);
}

int notify_check_name(const char *text, struct err *e) {
  bool good = *text && strlen(text) <= 60;
  for (const char *c = text; *c; c++)
    good &= isalnum((unsigned char)*c) || strchr("_.-", *c);
  if (good)
    return 0;
  err_set(e, ETL_E_CONFIG, "the name of a target of notify may hold letters, digits, '_', '.' and '-' only, at most 60");
  return err_remedy(e, "choose another name");
}

static bool has_controls(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7f)
      return true;
  return false;
}

/* HOST[:PORT], with brackets around an address of IPv6.  Where it ends; NULL: it is none. */
static const char *after_host(const char *p) {
  size_t n = *p == '[' ? strcspn(p, "]") + 1 : strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
  if (n == 0 || (*p == '[' && p[n - 1] != ']'))
    return NULL;
  p += n;
  if (*p != ':')
    return p;
  char *end;
  long port = strtol(p + 1, &end, 10);
  return isdigit((unsigned char)p[1]) && port > 0 && port < 65536 ? end : NULL;
}

/* 1: has one of the beginnings and a host behind it; *rest is what follows that. */
static bool is_url(const char *text, const char *a, const char *b, const char **rest) {
  const char *p = strncmp(text, a, strlen(a)) == 0 ? text + strlen(a) : strncmp(text, b, strlen(b)) == 0 ? text + strlen(b) : NULL;
  *rest = p ? after_host(p) : NULL;
  return *rest && !has_controls(text);
}

int notify_check_server(const char *text, struct err *e) {
  const char *rest;
  if (is_url(text, "smtp://", "smtps://", &rest) && (!*rest || strcmp(rest, "/") == 0))
    return 0;
  err_set(e, ETL_E_CONFIG, "'server' is no address of a mail server");
  return err_remedy(e, "write \"smtp://HOST:587\" or \"smtps://HOST\"; user and password are settings of their own");
}

int notify_check_url(const char *text, struct err *e) {
  const char *rest;
  if (is_url(text, "https://", "http://", &rest) && (!*rest || strchr("/?", *rest)) && !strpbrk(text, " #"))
    return 0;
  err_set(e, ETL_E_CONFIG, "'url' is no address of a web server");
  return err_remedy(e, "write \"https://HOST/PATH\", without user and password; 'headers' can hold an authorization");
}

/* Name and address are told apart by the last '<'; a quoted name would have to be unquoted first, so there is none. */
int notify_check_address(const char *text, struct err *e) {
  const char *open = strrchr(text, '<'), *begin = open ? open + 1 : text;
  size_t n = strcspn(begin, ">");
  cleanup_free char *address = xasprintf("%.*s", (int)n, begin);
  const char *at = strchr(address, '@');
  bool good = at && at > address && at[1] && !strchr(at + 1, '@') && !strpbrk(address, " <>,;:\"()[]\\") && strlen(text) < 250;
  for (const char *c = address; *c; c++)
    good &= *c > ' ' && *c <= '~';
  good &= open ? strcmp(begin + n, ">") == 0 && !memchr(text, '"', (size_t)(open - text)) : begin[n] == 0;
  if (good && !has_controls(text) && text_is_utf8(text, strlen(text)))
    return 0;
  err_set(e, ETL_E_CONFIG, "\"%.100s\" is no mail address", has_controls(text) ? "(with a line break)" : text);
  return err_remedy(e, "write \"name@example.com\" or \"Some Name <name@example.com>\"");
}

int notify_check_header(const char *text, struct err *e) {
  size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
  if (n > 0 && text[n] == ':' && text[n + 1] && !has_controls(text))
    return 0;
  err_set(e, ETL_E_CONFIG, "an element of 'headers' is no header (not shown, since it may be secret)");
  return err_remedy(e, "write \"Name: value\", on one line");
}
