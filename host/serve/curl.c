/* Loading libcurl, and its errors as ours. */
#include "serve/curl.h"

#include <dlfcn.h>

#include "base/units.h"

int curl_load(struct curl_api *ret, struct err *e) {
  static const struct {
    const char *name;
    size_t at;
  } functions[] = {
      {"curl_global_init", offsetof(struct curl_api, global_init)},   {"curl_easy_init", offsetof(struct curl_api, init)},
      {"curl_easy_setopt", offsetof(struct curl_api, setopt)},        {"curl_easy_getinfo", offsetof(struct curl_api, getinfo)},
      {"curl_easy_perform", offsetof(struct curl_api, perform)},      {"curl_easy_cleanup", offsetof(struct curl_api, cleanup)},
      {"curl_easy_strerror", offsetof(struct curl_api, strerror)},    {"curl_slist_append", offsetof(struct curl_api, slist_append)},
      {"curl_slist_free_all", offsetof(struct curl_api, slist_free_all)},
  };
  struct curl_api api;
  void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  for (size_t i = 0; lib && i < sizeof functions / sizeof *functions; i++) {
    void *function = dlsym(lib, functions[i].name);
    if (!function)
      lib = NULL;
    *(void **)(void *)((char *)&api + functions[i].at) = function;
  }
  if (!lib || api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    const char *why = dlerror();
    err_set(e, ETL_E_CONFIG, "libcurl cannot be loaded: %s", why ? why : "it does not start");
    return err_remedy(e, "install the package libcurl4");
  }
  *ret = api;
  return 0;
}

CURL *curl_handle(const struct curl_api *api, const struct conf_notify *t, const char *protocols, char *errors) {
  CURL *c = api->init();
  if (!c)
    return NULL;
  *errors = 0;
  api->setopt(c, CURLOPT_PROTOCOLS_STR, protocols);
  api->setopt(c, CURLOPT_ERRORBUFFER, errors);
  api->setopt(c, CURLOPT_NOSIGNAL, 1L);
  api->setopt(c, CURLOPT_TIMEOUT_MS, (long)(t->timeout_ns / NS_PER_MS));
  api->setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (t->ca_file)
    api->setopt(c, CURLOPT_CAINFO, t->ca_file);
  return c;
}

int curl_explain(const struct curl_api *api, CURLcode code, const char *errors, const char *where, struct err *e) {
  static const struct {
    CURLcode code;
    uint32_t error_class;
    const char *remedy;
  } known[] = {
      {CURLE_COULDNT_RESOLVE_HOST, ETL_E_RETRYABLE, "look whether the name is right and the name server answers"},
      {CURLE_COULDNT_RESOLVE_PROXY, ETL_E_RETRYABLE, "look at the environment variables http_proxy and https_proxy"},
      {CURLE_COULDNT_CONNECT, ETL_E_RETRYABLE, "look whether the server runs, and whether a firewall is between"},
      {CURLE_OPERATION_TIMEDOUT, ETL_E_RETRYABLE, "look whether the server answers, or raise 'timeout'"},
      {CURLE_USE_SSL_FAILED, ETL_E_CONFIG, "the server offers no STARTTLS: use another port, smtps://, or tls = \"if_offered\" if it may be in clear"},
      {CURLE_PEER_FAILED_VERIFICATION, ETL_E_CONFIG, "give the authority that signed its certificate as 'ca_file', and use the name in the certificate"},
      {CURLE_SSL_CACERT_BADFILE, ETL_E_CONFIG, "'ca_file' must be a readable file of certificates in PEM"},
      {CURLE_SSL_CONNECT_ERROR, ETL_E_RETRYABLE, "look whether the port speaks TLS from the start; STARTTLS is for smtp:// alone"},
      {CURLE_LOGIN_DENIED, ETL_E_AUTH, "look at 'user' and 'password'"},
      {CURLE_URL_MALFORMAT, ETL_E_CONFIG, "look at the address"},
      {CURLE_UNSUPPORTED_PROTOCOL, ETL_E_CONFIG, "install a libcurl that has it"},
  };
  err_set(e, ETL_E_RETRYABLE, "%s: %s", where, *errors ? errors : api->strerror(code));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].code == code) {
      e->error_class = known[i].error_class;
      err_remedy(e, "%s", known[i].remedy);
    }
  return -1;
}
