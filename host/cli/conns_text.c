/* Connections in words. */
#include "cli/conns_text.h"

#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/event_text.h"
#include "conf/late.h"
#include "plugin/describe.h"

/* ---- where -------------------------------------------------------------------------------------------------------------------------- */

/* A URL without user, password and query: these may hold secrets. */
static const char *url_where(struct arena *a, const char *url) {
  const char *host = strstr(url, "://");
  if (!host)
    return "(secret)";
  host += 3;
  size_t authority = strcspn(host, "/?#");
  for (size_t i = authority; i > 0; i--)
    if (host[i - 1] == '@') {
      host += i;
      authority -= i;
      break;
    }
  size_t rest = authority + strcspn(host + authority, "?#");
  return arena_printf(a, "%.*s%.*s", (int)(strstr(url, "://") + 3 - url), url, (int)rest, host);
}

static const char *value_where(struct arena *a, const struct etl_option *o, const struct conf_node *n) {
  if (o->type == ETL_T_URL && n->kind == CONF_STRING)
    return url_where(a, late_shown(n->text, a));
  if (o->flags & ETL_OPT_SECRET || n->secret)
    return NULL;
  if (n->kind == CONF_LIST || n->kind == CONF_GROUP)
    return arena_printf(a, "%zu", n->kids_n);
  return n->text ? late_shown(n->text, a) : NULL;
}

const char *conns_where(struct arena *a, const struct registry *r, const struct conf_stage *connection) {
  struct err e;
  struct description *d = NULL;
  const struct plugin_file *f = registry_find(r, 0, connection->plugin, &e);
  const char *text = "";
  if (!f)
    return arena_printf(a, "(there is no connector %s)", connection->plugin);
  if (describe(f->path, &e, &d) < 0)
    return "(its connector cannot be asked: see etl plugin info)";
  const struct etl_connector *c = d->connectors[ETL_KIND_EXTRACTOR] ? d->connectors[ETL_KIND_EXTRACTOR] : d->connectors[ETL_KIND_LOADER];
  for (const struct etl_option *const *o = c ? c->options : NULL; o && *o; o++) {
    const struct conf_node *n = conf_node_find(connection->options, (*o)->name);
    bool says_where = ((*o)->flags & ETL_OPT_CONNECTION || (*o)->type == ETL_T_PATH) && !((*o)->flags & ETL_OPT_ADVANCED);
    const char *value = n && says_where ? value_where(a, *o, n) : NULL;
    if (value)
      text = arena_printf(a, "%s%s%s %s", text, *text ? ", " : "", (*o)->name, words_clean(a, value));
  }
  description_free(d);
  return text;
}

/* ---- lists -------------------------------------------------------------------------------------------------------------------------- */

static const char *joined(struct arena *a, const json_t *texts) {
  const char *all = "";
  for (size_t i = 0; i < json_array_size(texts); i++)
    all = arena_printf(a, "%s%s%s", all, i ? ", " : "", words_clean(a, json_string_value(json_array_get(texts, i))));
  return all;
}

void conns_print_list(const json_t *list, const char *file, FILE *to) {
  static const char *const heads[] = {"NAME", "PLUGIN", "WHERE", "PIPELINES", NULL};
  if (json_array_size(list) == 0) {
    fprintf(to, "%s has no connections; `etl settings` shows how to write one.\n", file ? file : "etl.conf");
    return;
  }
  struct arena *a = arena_new();
  struct table *t = table_new(heads);
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *j = json_array_get(list, i);
    table_cell(t, "%s", member_text(j, "name"));
    table_cell(t, "%s", words_clean(a, member_text(j, "plugin")));
    table_cell(t, "%s", words_clean(a, member_text(j, "where")));
    table_cell(t, "%s", joined(a, json_object_get(j, "pipelines")));
  }
  table_print(t, to);
  table_free(t);
  arena_free(a);
}

static void print_columns(struct arena *a, const json_t *stream, FILE *to) {
  static const char *const heads[] = {"  COLUMN", "TYPE", "NULLABLE", "KEY", NULL};
  const json_t *columns = json_object_get(stream, "columns"), *key = json_object_get(stream, "key");
  struct table *t = table_new(heads);
  for (size_t i = 0; i < json_array_size(columns); i++) {
    const json_t *c = json_array_get(columns, i);
    const char *name = member_text(c, "name"), *type = member_text(c, "source_type");
    bool in_key = false;
    for (size_t k = 0; k < json_array_size(key); k++)
      in_key |= strcmp(json_string_value(json_array_get(key, k)), name) == 0;
    table_cell(t, "  %s", words_clean(a, name));
    table_cell(t, "%s", words_clean(a, type && *type ? type : member_text(c, "format")));
    table_cell(t, "%s", member_true(c, "nullable") ? "yes" : "no");
    table_cell(t, "%s", in_key ? "key" : "");
  }
  table_print(t, to);
  table_free(t);
}

void conns_print_streams(const json_t *streams, const char *pattern, bool columns, FILE *to) {
  const char *heads[] = {"NAME", "KEY", NULL, NULL};
  if (json_array_size(streams) == 0) {
    fputs(pattern ? "There is nothing of that name.\n" : "There is nothing there: no table, and no file.\n", to);
    return;
  }
  for (size_t i = 0; i < json_array_size(streams); i++)
    if (member_text(json_array_get(streams, i), "doc"))
      heads[2] = "WHAT";
  struct arena *a = arena_new();
  struct table *t = table_new(heads);
  for (size_t i = 0; i < json_array_size(streams); i++) {
    const json_t *j = json_array_get(streams, i);
    const char *name = words_clean(a, member_text(j, "stream"));
    if (columns) {
      fprintf(to, "%s%s\n", i ? "\n" : "", name);
      print_columns(a, j, to);
      continue;
    }
    table_cell(t, "%s", name);
    table_cell(t, "%s", joined(a, json_object_get(j, "key")));
    if (heads[2])
      table_cell(t, "%s", words_clean(a, member_text(j, "doc")));
  }
  if (!columns)
    table_print(t, to);
  table_free(t);
  arena_free(a);
}

void conns_dump_streams(json_t *streams, FILE *to) {
  size_t i;
  json_t *j;
  json_array_foreach(streams, i, j) {
    json_object_set(j, "name", json_object_get(j, "stream"));
    json_object_del(j, "stream");
    json_object_del(j, "event");
  }
  json_dumpf(streams, to, JSON_INDENT(2));
  fputc('\n', to);
}
