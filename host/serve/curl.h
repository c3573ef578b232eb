/* serve/curl.h: libcurl, for the process that delivers, and what mail and webhook have in common.  One thread. */
#ifndef HOST_SERVE_CURL_H
#define HOST_SERVE_CURL_H

#define CURL_DISABLE_TYPECHECK /* its macros want the functions by name */
#include <curl/curl.h>

#include "base/err.h"
#include "conf/notify.h"

/* It is loaded when a message is to be sent: with its thirty libraries in the executable each worker would start 5 ms later. */
struct curl_api {
  __typeof__(curl_global_init) *global_init;
  __typeof__(curl_easy_init) *init;
  __typeof__(curl_easy_setopt) *setopt;
  __typeof__(curl_easy_getinfo) *getinfo;
  __typeof__(curl_easy_perform) *perform;
  __typeof__(curl_easy_cleanup) *cleanup;
  __typeof__(curl_easy_strerror) *strerror;
  __typeof__(curl_slist_append) *slist_append;
  __typeof__(curl_slist_free_all) *slist_free_all;
};
/* 0, or -1: it is not installed. */
int curl_load(struct curl_api *ret, struct err *e);
/* A handle with the target's timeout and certificates; protocols: "smtp,smtps".  errors: CURL_ERROR_SIZE bytes that live as long.  NULL: no memory. */
CURL *curl_handle(const struct curl_api *api, const struct conf_notify *t, const char *protocols, char *errors);
/* What a code of curl means for who waits: whether it passes, and what to do.  where: "mail server smtp://h:25".  Returns -1. */
int curl_explain(const struct curl_api *api, CURLcode code, const char *errors, const char *where, struct err *e);

#endif
