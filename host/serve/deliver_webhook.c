/* A message as JSON, by POST.  The signature covers the time and the body, so that neither can be sent again by somebody who saw it
 * once.  A redirect is followed on the same server alone: elsewhere nobody has said that the message, or the headers, may go. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/member.h"
#include "base/units.h"
#include "serve/curl.h"
#include "serve/deliver.h"

enum {
  MAX_HOPS = 3,
  ANSWER_ROOM = 200,
  ANSWER_MAX = 1024 * 1024
};

struct answer {
  char text[ANSWER_ROOM + 1];
  size_t kept, came;
};

static size_t take(char *data, size_t size, size_t many, void *arg) {
  struct answer *a = arg;
  size_t n = size * many, room = ANSWER_ROOM - a->kept;
  for (size_t i = 0; i < (n < room ? n : room); i++)
    a->text[a->kept++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : ' ';
  a->came += n;
  return a->came > ANSWER_MAX ? 0 : n; /* 0 ends it */
}

/* "scheme://host[:port]" of a URL: what may be shown of it. */
static int origin_length(const char *url) {
  const char *host = strstr(url, "://");
  return (int)(host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0);
}

static bool same_server(const char *a, const char *b) {
  int n = origin_length(a);
  return n > 0 && n == origin_length(b) && strncasecmp(a, b, (size_t)n) == 0;
}

static char *signature(const char *secret, const char *body, int64_t seconds) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  char hex[2 * EVP_MAX_MD_SIZE + 1];
  cleanup_free char *covered = xasprintf("%" PRId64 ".%s", seconds, body);
  HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)covered, strlen(covered), sum, &n);
  for (unsigned i = 0; i < n; i++)
    snprintf(hex + (size_t)i * 2, 3, "%02x", sum[i]);
  return xasprintf("X-Etl-Signature: t=%" PRId64 ",v1=%s", seconds, hex);
}

static struct curl_slist *headers_of(const struct curl_api *api, const struct delivery *d, const char *body) {
  static const char *const members[][2] = {{"X-Etl-Event", "event"}, {"X-Etl-Delivery", "id"}};
  struct curl_slist *list = api->slist_append(NULL, "Content-Type: application/json");
  list = api->slist_append(list, "Expect:"); /* no question before the body */
  for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
    const char *value = member_text(d->message, members[i][1]);
    cleanup_free char *line = xasprintf("%s: %s", members[i][0], value ? value : "");
    list = api->slist_append(list, line);
  }
  if (d->target.secret) {
    cleanup_free char *line = signature(d->target.secret, body, clock_wall_ns() / NS_PER_SEC);
    list = api->slist_append(list, line);
  }
  for (const char *const *h = d->target.headers; *h; h++)
    list = api->slist_append(list, *h);
  return list;
}

static int refused(const struct curl_api *api, CURL *c, long status, const char *where, const struct answer *a, struct err *e) {
  curl_off_t wait = 0;
  bool passing = status >= 500 || status == 429 || status == 408;
  err_set(e, passing ? ETL_E_RETRYABLE : status == 401 || status == 403 ? ETL_E_AUTH : ETL_E_PERMANENT, "%s answers with status %ld%s%s", where,
          status, a->kept ? ": " : "", a->text);
  if (passing && api->getinfo(c, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0 && wait <= 86400)
    e->retry_after_ms = (uint32_t)wait * 1000;
  return err_remedy(e, "%s", passing ? "look at the log of that server" : "look at 'url', 'secret' and 'headers'");
}

/* 1: go on at *next, which is to be freed. */
static int judge(const struct curl_api *api, CURL *c, const struct conf_notify *t, const char *where, const struct answer *a, char **next,
                 struct err *e) {
  long status = 0;
  const char *to = NULL;
  api->getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  api->getinfo(c, CURLINFO_REDIRECT_URL, &to);
  if (status >= 200 && status < 300)
    return 0;
  if (!to)
    return refused(api, c, status, where, a, e);
  if (same_server(t->url, to) && (status == 307 || status == 308)) {
    *next = xstrdup(to);
    return 1;
  }
  err_set(e, ETL_E_CONFIG, "%s wants the message elsewhere (status %ld, %.*s)", where, status, origin_length(to), to);
  return err_remedy(e, "write the new address as 'url' if it is the right one; a redirect is followed on the same server with status 307 or 308 alone");
}

static int post(const struct curl_api *api, CURL *c, struct delivery *d, const char *where, char *errors, struct err *e) {
  struct answer a;
  char *next = NULL;
  int rc = 1;
  for (int hops = 0; rc == 1 && hops <= MAX_HOPS; hops++) {
    a = (struct answer){0};
    api->setopt(c, CURLOPT_URL, next ? next : d->target.url);
    api->setopt(c, CURLOPT_WRITEDATA, &a);
    free(next);
    next = NULL;
    CURLcode code = api->perform(c);
    if (code == CURLE_WRITE_ERROR && a.came > ANSWER_MAX) {
      err_set(e, ETL_E_PERMANENT, "%s answers with more than a megabyte", where);
      rc = err_remedy(e, "look whether 'url' is the address of a webhook");
    } else {
      rc = code == CURLE_OK ? judge(api, c, &d->target, where, &a, &next, e) : curl_explain(api, code, errors, where, e);
    }
  }
  free(next);
  if (rc == 1) {
    err_set(e, ETL_E_PERMANENT, "%s sends from one address to the next without an end", where);
    return err_remedy(e, "write the last address as 'url'");
  }
  if (rc == 0)
    snprintf(d->said, sizeof d->said, "%s", a.text);
  return rc;
}

int deliver_webhook(struct delivery *d, struct err *e) {
  const struct conf_notify *t = &d->target;
  struct curl_api api;
  char errors[CURL_ERROR_SIZE];
  if (curl_load(&api, e) < 0)
    return -1;
  CURL *c = curl_handle(&api, t, "http,https", errors);
  cleanup_free char *body = json_dumps(d->message, JSON_COMPACT);
  cleanup_free char *where = xasprintf("webhook %.*s", origin_length(t->url), t->url);
  if (!c || !body)
    return err_set(e, ETL_E_RETRYABLE, "there is no memory for a message");
  struct curl_slist *headers = headers_of(&api, d, body);
  api.setopt(c, CURLOPT_USERAGENT, "etl/" ETL_VERSION);
  api.setopt(c, CURLOPT_HTTPHEADER, headers);
  api.setopt(c, CURLOPT_POSTFIELDS, body);
  api.setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
  api.setopt(c, CURLOPT_WRITEFUNCTION, take);
  int rc = post(&api, c, d, where, errors, e);
  api.slist_free_all(headers);
  api.cleanup(c);
  return rc;
}
