/* A message as mail, by SMTP.  The server's answers are listened to, since libcurl tells their codes alone, and nothing of single
 * recipients that were refused while others were not. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "serve/curl.h"
#include "serve/deliver.h"
#include "serve/mail.h"

struct talk {
  char command[300]; /* the last one that names a recipient */
  char last[300];    /* the server's last line, before we took our leave */
  bool over;
  char refused[400]; /* recipients, with what the server said of them */
  unsigned refused_n;
};

static void keep_line(char *to, size_t room, const char *data, size_t n) {
  while (n > 0 && (data[n - 1] == '\r' || data[n - 1] == '\n'))
    n--;
  cleanup_free char *line = text_mended(data, n < room - 1 ? n : room - 1);
  strncpy(to, line, room - 1);
  to[room - 1] = 0;
  to[text_end(to)] = 0;
}

/* What we say is looked at for recipients alone: the rest may be a password. */
static int on_talk(CURL *c, curl_infotype type, char *data, size_t n, void *arg) {
  struct talk *t = arg;
  (void)c;
  if (type == CURLINFO_HEADER_OUT) {
    t->command[0] = 0;
    t->over |= n >= 4 && memcmp(data, "QUIT", 4) == 0;
    if (n > 8 && memcmp(data, "RCPT TO:", 8) == 0)
      keep_line(t->command, sizeof t->command, data + 8, n - 8);
  }
  if (type != CURLINFO_HEADER_IN || n < 4 || t->over)
    return 0;
  keep_line(t->last, sizeof t->last, data, n);
  if (t->command[0] && t->last[0] >= '4' && t->last[3] == ' ') {
    size_t at = strlen(t->refused);
    snprintf(t->refused + at, sizeof t->refused - at, "%s%s: %s", at ? "; " : "", t->command, t->last);
    t->refused[text_end(t->refused)] = 0;
    t->refused_n++;
  }
  return 0;
}

struct upload {
  const char *data;
  size_t n;
};

static size_t give(char *to, size_t size, size_t many, void *arg) {
  struct upload *u = arg;
  size_t n = u->n < size * many ? u->n : size * many;
  memcpy(to, u->data, n);
  u->data += n;
  u->n -= n;
  return n;
}

static int explain(const struct curl_api *api, CURLcode code, const char *errors, const struct conf_notify *t, const struct talk *talk,
                   struct err *e) {
  cleanup_free char *where = xasprintf("mail server %s", t->server);
  curl_explain(api, code, errors, where, e);
  bool refused = talk->last[0] == '4' || talk->last[0] == '5';
  if (code == CURLE_LOGIN_DENIED || !refused)
    return -1;
  const char *said = talk->refused_n ? talk->refused : talk->last;
  err_set(e, talk->last[0] == '4' ? ETL_E_RETRYABLE : ETL_E_PERMANENT, "mail server %s refuses: %s", t->server, said);
  return err_remedy(e, "look at 'from' and 'to', and whether the server wants a login");
}

static struct curl_slist *recipients(const struct curl_api *api, const struct conf_notify *t) {
  struct curl_slist *list = NULL;
  for (const char *const *r = t->to; *r; r++) {
    cleanup_free char *address = mail_address(*r);
    list = api->slist_append(list, address);
  }
  return list;
}

static void set_options(const struct curl_api *api, CURL *c, const struct conf_notify *t, struct upload *u, struct talk *talk) {
  static const long ssl[] = {[NOTIFY_TLS_REQUIRED] = CURLUSESSL_ALL, [NOTIFY_TLS_IF_OFFERED] = CURLUSESSL_TRY, [NOTIFY_TLS_NONE] = CURLUSESSL_NONE};
  api->setopt(c, CURLOPT_URL, t->server);
  api->setopt(c, CURLOPT_USE_SSL, ssl[t->tls]);
  if (t->user) {
    api->setopt(c, CURLOPT_USERNAME, t->user);
    api->setopt(c, CURLOPT_PASSWORD, t->password);
  }
  api->setopt(c, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  api->setopt(c, CURLOPT_UPLOAD, 1L);
  api->setopt(c, CURLOPT_READFUNCTION, give);
  api->setopt(c, CURLOPT_READDATA, u);
  api->setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)u->n);
  api->setopt(c, CURLOPT_VERBOSE, 1L);
  api->setopt(c, CURLOPT_DEBUGFUNCTION, on_talk);
  api->setopt(c, CURLOPT_DEBUGDATA, talk);
}

int deliver_mail(struct delivery *d, struct err *e) {
  const struct conf_notify *t = &d->target;
  struct curl_api api;
  char errors[CURL_ERROR_SIZE];
  if (curl_load(&api, e) < 0)
    return -1;
  CURL *c = curl_handle(&api, t, "smtp,smtps", errors);
  cleanup_free char *mail = mail_write(t, d->message, clock_wall_ns());
  cleanup_free char *from = mail_address(t->from);
  struct curl_slist *to = recipients(&api, t);
  struct upload u = {mail, strlen(mail)};
  struct talk talk = {0};
  if (!c || !to)
    return err_set(e, ETL_E_RETRYABLE, "there is no memory for a mail");
  set_options(&api, c, t, &u, &talk);
  api.setopt(c, CURLOPT_MAIL_FROM, from);
  api.setopt(c, CURLOPT_MAIL_RCPT, to);
  CURLcode code = api.perform(c);
  int rc = code == CURLE_OK ? 0 : explain(&api, code, errors, t, &talk, e);
  if (rc == 0)
    snprintf(d->said, sizeof d->said, "%s%s", talk.refused_n ? "but not for all recipients: " : "", talk.refused);
  api.slist_free_all(to);
  api.cleanup(c);
  return rc;
}
