/* URLs of databases and names of files. */
#include "cli/copy_url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct url { /* parts are decoded; NULL: not there */
  char *user, *password, *host, *port, *path, *query;
};

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1; }

/* n bytes of text with %XX decoded. */
static char *decoded(struct arena *a, const char *text, size_t n) {
  char *out = arena_alloc(a, n + 1), *to = out;
  for (size_t i = 0; i < n; i++) {
    bool escaped = text[i] == '%' && i + 2 < n && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    *to++ = escaped ? (char)(hex(text[i + 1]) << 4 | hex(text[i + 2])) : text[i];
    i += escaped ? 2 : 0;
  }
  return out;
}

/* From behind "://" to the @ before the host; NULL: no user is named. */
static const char *end_of_user(const char *authority) {
  const char *at = NULL;
  for (const char *p = authority; *p && !strchr("/?#", *p); p++)
    if (*p == '@')
      at = p;
  return at;
}

static struct url url_split(struct arena *a, const char *text) {
  struct url u = {0};
  const char *p = strstr(text, "://") + 3, *at = end_of_user(p);
  if (at) {
    size_t user = strcspn(p, ":@");
    u.user = decoded(a, p, user);
    if (p[user] == ':')
      u.password = decoded(a, p + user + 1, (size_t)(at - p) - user - 1);
    p = at + 1;
  }
  size_t host = *p == '[' ? strcspn(p, "]") + 1 : strcspn(p, ":/?#");
  u.host = *p == '[' ? decoded(a, p + 1, host - 2) : decoded(a, p, host);
  p += host;
  if (*p == ':') {
    size_t port = strcspn(p, "/?#");
    u.port = decoded(a, p + 1, port - 1);
    p += port;
  }
  if (*p == '/') {
    size_t path = strcspn(p, "?#");
    u.path = decoded(a, p + 1, path - 1);
    p += path;
  }
  if (*p == '?')
    u.query = arena_memdup(a, p + 1, strcspn(p + 1, "#"));
  return u;
}

void place_hide(char *url) {
  char *p = strstr(url, "://"), *at = p ? strrchr(p, '@') : NULL;
  char *colon = at ? memchr(p + 3, ':', (size_t)(at - p - 3)) : NULL;
  for (char *c = colon ? colon + 1 : NULL; c && c < at; c++)
    *c = '*';
  char *query = p ? strchr(at ? at : p, '?') : NULL;
  for (char *c = query ? query + 1 : ""; *c; c += *c == '&')
    for (c += strcspn(c, "=&"), c += *c == '='; *c && *c != '&'; c++)
      *c = '*';
}

static const char *shown_url(struct arena *a, const char *text) {
  const char *p = strstr(text, "://") + 3, *at = end_of_user(p), *rest = at ? at + 1 : p;
  return arena_printf(a, "%.*s%.*s", (int)(p - text), text, (int)strcspn(rest, "?#"), rest);
}

static bool is_secret(const char *name) {
  static const char *const parts[] = {"pass", "pwd", "secret", "token"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcasestr(name, parts[i]))
      return true;
  return false;
}

/* User, host, path, and the query without what is secret in it. */
static const char *url_identity(struct arena *a, const char *text) {
  struct url u = url_split(a, text);
  const char *shown = shown_url(a, text), *all = arena_printf(a, "%s user=%s", shown, u.user ? u.user : "");
  for (const char *p = u.query ? u.query : ""; *p; p += strcspn(p, "&"), p += *p == '&')
    if (!is_secret(decoded(a, p, strcspn(p, "=&"))))
      all = arena_printf(a, "%s&%.*s", all, (int)strcspn(p, "&"), p);
  return all;
}

/* A file is the same wherever it is named from. */
static const char *file_identity(struct arena *a, const char *plugin, const char *path) {
  cleanup_free char *whole = realpath(path, NULL), *here = getcwd(NULL, 0);
  if (whole || *path == '/' || strcmp(path, "-") == 0)
    return arena_printf(a, "%s:%s", plugin, whole ? whole : path);
  return arena_printf(a, "%s:%s/%s", plugin, here ? here : ".", path);
}

void place_quote(const char *text, FILE *to) {
  fputc('"', to);
  for (; *text; text++)
    if (*text == '"' || *text == '\\')
      fprintf(to, "\\%c", *text);
    else if ((unsigned char)*text < ' ')
      fprintf(to, "\\x%02x", (unsigned char)*text);
    else
      fputc(*text, to);
  fputc('"', to);
}

static void put(FILE *to, const char *name, const char *value) {
  if (!value || !*value)
    return;
  fprintf(to, "%s = ", name);
  place_quote(value, to);
  fputs("; ", to);
}

/* A URL that is read in another way than it was meant would show a part of the password as its host or its path. */
static int check_url(const char *text, struct err *e) {
  const char *p = strstr(text, "://") + 3, *at = end_of_user(p);
  size_t authority = strcspn(p, "/?#");
  if (strchr(p + authority, '@')) {
    err_set(e, ETL_E_CONFIG, "a URL of %.*s has an '@' behind its host", (int)(p - 3 - text), text);
    return err_remedy(e, "write in names, passwords and values %%2F for '/', %%3F for '?', %%23 for '#', %%40 for '@'");
  }
  bool inside = false;
  for (const char *c = at ? at + 1 : p; c < p + authority; c++) {
    inside = *c == '[' || (inside && *c != ']');
    size_t digits = *c == ':' && !inside ? strspn(c + 1, "0123456789") : 0;
    if (*c == ':' && !inside && c[1 + digits] && !strchr(",/?#", c[1 + digits])) {
      err_set(e, ETL_E_CONFIG, "what is behind the ':' of a URL of %.*s is no port", (int)(p - 3 - text), text);
      return err_remedy(e, "write %.*s://USER:PASSWORD@HOST:PORT/DATABASE", (int)(p - 3 - text), text);
    }
  }
  return 0;
}

/* ---- kinds of places ---------------------------------------------------------------------------------------------------------------- */

static int read_postgres(const char *text, struct arena *a, FILE *to, struct err *e) {
  (void)a;
  (void)e;
  put(to, "url", text);
  return 0;
}

/* Further options of the connector: ?encryption=require&ca_file=... */
static int put_query(const char *query, struct arena *a, FILE *to, struct err *e) {
  for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&') {
    size_t n = strcspn(p, "&"), name = strcspn(p, "=&");
    for (size_t i = 0; i < name; i++)
      if (!islower((unsigned char)p[i]) && !isdigit((unsigned char)p[i]) && p[i] != '_')
        return err_set(e, ETL_E_CONFIG, "'%.*s' in a URL is no option of a connector", (int)name, p);
    if (name && name < n)
      put(to, arena_memdup(a, p, name), decoded(a, p + name + 1, n - name - 1));
  }
  return 0;
}

static int read_sqlserver(const char *text, struct arena *a, FILE *to, struct err *e) {
  struct url u = url_split(a, text);
  char *end = NULL;
  long port = u.port ? strtol(u.port, &end, 10) : 0;
  put(to, "host", u.host);
  if (u.port && (*end || port < 1 || port > 65535))
    return err_set(e, ETL_E_CONFIG, "'%s' in a URL is no port", u.port);
  if (u.port)
    fprintf(to, "port = %ld; ", port);
  put(to, "user", u.user);
  put(to, "password", u.password);
  put(to, "database", u.path);
  return u.query ? put_query(u.query, a, to, e) : 0;
}

static int read_file(const char *text, struct arena *a, FILE *to, struct err *e) {
  (void)a;
  (void)e;
  put(to, "path", text);
  return 0;
}

static const struct scheme {
  const char *name; /* "x://" begins a URL, "x:" a path, ".x" ends one */
  const char *plugin;
  bool tables;
  int (*read)(const char *text, struct arena *a, FILE *to, struct err *e);
} schemes[] = {{"postgres://", "postgres", true, read_postgres}, {"postgresql://", "postgres", true, read_postgres},
               {"sqlserver://", "sqlserver", true, read_sqlserver}, {"mssql://", "sqlserver", true, read_sqlserver},
               {"csv:", "csv", false, read_file},                {"jsonl:", "jsonl", false, read_file},
               {"sqlite:", "sqlite", true, read_file},           {".csv", "csv", false, read_file},
               {".csv.gz", "csv", false, read_file},             {".csv.zst", "csv", false, read_file},
               {".jsonl", "jsonl", false, read_file},            {".jsonl.gz", "jsonl", false, read_file},
               {".jsonl.zst", "jsonl", false, read_file},        {".ndjson", "jsonl", false, read_file},
               {".sqlite", "sqlite", true, read_file},           {".db", "sqlite", true, read_file}};

bool place_has_tables(const char *plugin) {
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
    if (strcmp(schemes[i].plugin, plugin) == 0)
      return schemes[i].tables;
  return true;
}

static bool fits(const struct scheme *s, const char *text) {
  size_t n = strlen(s->name), length = strlen(text);
  return *s->name == '.' ? length > n && !strstr(text, "://") && strcmp(text + length - n, s->name) == 0 : strncmp(text, s->name, n) == 0;
}

int place_read(const char *text, struct arena *a, FILE *to, struct place *ret, struct err *e) {
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    const struct scheme *s = &schemes[i];
    if (!fits(s, text))
      continue;
    bool url = strstr(s->name, "://") != NULL;
    if (url && check_url(text, e) < 0)
      return -1;
    const char *rest = !url && *s->name != '.' ? text + strlen(s->name) : text;
    *ret = (struct place){.plugin = s->plugin,
                          .shown = url ? shown_url(a, text) : arena_strdup(a, text),
                          .identity = url ? url_identity(a, text) : file_identity(a, s->plugin, rest),
                          .tables = s->tables,
                          .standard = strcmp(rest, "-") == 0};
    fprintf(to, "plugin = \"%s\"; ", s->plugin);
    return s->read(rest, a, to, e);
  }
  if (strcmp(text, "-") == 0) {
    *ret = (struct place){.plugin = "csv", .shown = "-", .identity = "-", .standard = true};
    fputs("plugin = \"csv\"; ", to);
    return read_file(text, a, to, e);
  }
  bool url = strstr(text, "://") != NULL;
  if (url && check_url(text, e) < 0)
    return -1;
  if (!url && strchr(text, '@')) /* a URL that lacks its slashes, perhaps */
    err_set(e, ETL_E_CONFIG, "'%.*s...' names nothing that can be copied", (int)strcspn(text, ":@"), text);
  else
    err_set(e, ETL_E_CONFIG, "'%s' names nothing that can be copied", url ? shown_url(a, text) : text);
  return err_remedy(e, "write sqlserver://user@host/database, postgresql://user@host/database, csv:PATH, jsonl:PATH, "
                       "sqlite:PATH, a file's name, or - for CSV from or to a pipe");
}
