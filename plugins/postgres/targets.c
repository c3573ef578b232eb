/* Which table a stream goes to: `tables` where it names the stream, else `table` with its placeholders filled in. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

static const char *const placeholders[] = {"{stream}", "{stream_schema}", "{stream_table}"};

bool table_has_placeholder(const char *table) {
  for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
    if (strstr(table, placeholders[i]))
      return true;
  return false;
}

/* A part of a name as a user would have to type it: dots and quotes in it must not take it apart.  inside: it is between quotes already. */
static void add_part(struct text *t, const char *part, bool inside) {
  struct text quoted = {0};
  text_add_name(&quoted, part);
  t->failed |= quoted.failed;
  if (!quoted.failed && inside)
    quoted.p[quoted.n - 1] = 0;
  text_add(t, text_str(&quoted) + (!quoted.failed && inside));
  text_fini(&quoted);
}

static void fill_in(struct text *t, const char *table, const char *stream) {
  const char *last = stream_last(stream), *const parts[][2] = {{stream, stream}, {stream, last > stream ? last - 1 : last}, {last, last + strlen(last)}};
  for (const char *p = table; *p;) {
    struct text part = {0};
    size_t k = 0;
    while (k < 3 && strncmp(p, placeholders[k], strlen(placeholders[k])) != 0)
      k++;
    if (k == 3) {
      char one[2] = {*p++, 0};
      text_add(t, one);
      continue;
    }
    text_add_unquoted(&part, parts[k][0], parts[k][1]);
    t->failed |= part.failed;
    add_part(t, k ? text_str(&part) : stream, p > table && p[-1] == '"');
    text_fini(&part);
    p += strlen(placeholders[k]);
  }
}

static const struct table_settings *settings_of(const struct settings *s, const char *stream) {
  for (size_t i = 0; i < s->tables_n; i++)
    if (strcmp(s->tables[i].stream, stream) == 0)
      return &s->tables[i];
  for (size_t i = 0; i < s->tables_n; i++)
    if (stream_ends(stream, s->tables[i].stream, strlen(s->tables[i].stream)))
      return &s->tables[i];
  return &s->all;
}

const char *targets_only(const struct instance *in) {
  const struct settings *s = &in->settings;
  return s->tables_n == 0 && s->all.table && !table_has_placeholder(s->all.table) ? s->all.table : NULL;
}

static int32_t refuse_shared(const struct target *g, const char *other, const char *stream) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "put {stream_table} into `table`, or name a table for each stream with `tables`";
  return etl_failf(g->in->host, &e, "postgres: the streams %s and %s would both go into %s", other, stream, g->name);
}

/* "name" middle "run"; of a long name the beginning, and a number made from the whole of it. */
static char *run_name(const char *name, const char *middle, const char *run) {
  size_t n = strlen(name), tail = strlen(middle) + strlen(run), size = n + tail + sizeof "_12345678", room = PG_NAME_MAX - tail;
  uint32_t hash = 2166136261u;
  char *ret = malloc(size);
  if (ret && n <= room)
    snprintf(ret, size, "%s%s%s", name, middle, run);
  if (!ret || n <= room)
    return ret;
  for (const char *p = name; *p; p++)
    hash = (hash ^ (uint8_t)*p) * 16777619u;
  for (n = room - 9; n && ((unsigned char)name[n] & 0xC0) == 0x80;)
    n--; /* not within a character */
  snprintf(ret, size, "%.*s_%08" PRIx32 "%s%s", (int)n, name, hash, middle, run);
  return ret;
}

/* The user's statements know where rows go; what there is of a target is its staging table. */
static int32_t name_staging(struct target *g, const char *stream) {
  struct instance *in = g->in;
  g->schema = strdup(in->settings.state_schema);
  g->into_schema = strdup(in->settings.state_schema);
  g->table = run_name(stream, "__", in->run);
  g->into = run_name(stream, "__", in->run);
  g->name = strdup(stream);
  return g->schema && g->into_schema && g->table && g->into && g->name ? ETL_OK : out_of_memory(in);
}

static int32_t refuse_length(const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "name another table for the stream with `tables`";
  return etl_failf(g->in->host, &e, "postgres: the name %s.%s is longer than the %d bytes a part that PostgreSQL takes", g->schema,
                   g->table, PG_NAME_MAX);
}

static int32_t name_target(struct target *g, const struct table_settings *s, const char *stream) {
  struct text t = {0};
  struct instance *in = g->in;
  fill_in(&t, s->table ? s->table : "", stream);
  int32_t rc = t.failed ? out_of_memory(in) : settings_parse_table(in->host, text_str(&t), &g->schema, &g->table);
  text_fini(&t);
  if (rc != ETL_OK)
    return rc;
  if (strlen(g->schema) > PG_NAME_MAX || strlen(g->table) > PG_NAME_MAX)
    return refuse_length(g);
  size_t size = strlen(g->schema) + strlen(g->table) + 2;
  g->name = malloc(size);
  g->into_schema = strdup(in->stages ? in->settings.state_schema : g->schema);
  g->into = in->stages                     ? run_name(stream, "__", in->run)
            : in->replace && !in->testing ? run_name(g->table, "__etl_", in->run)
                                          : strdup(g->table);
  if (!g->name || !g->into || !g->into_schema)
    return out_of_memory(in);
  snprintf(g->name, size, "%s.%s", g->schema, g->table);
  return ETL_OK;
}

int32_t target_take(struct target *g) {
  struct instance *in = g->in;
  bool there = false;
  PGresult *r = NULL;
  int32_t rc = state_exists(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  rc = state_query(in, "noting the target",
                   "INSERT INTO @.targets AS t (pipeline, schema_name, table_name, stream, run) VALUES ($1, $2, $3, $4, $5) "
                   "ON CONFLICT (pipeline, schema_name, table_name) DO UPDATE SET run = excluded.run, "
                   "stream = CASE WHEN t.run = excluded.run THEN t.stream ELSE excluded.stream END RETURNING stream",
                   5, (const char *const[]){in->pipeline, g->schema, g->table, g->stream, in->run}, NULL, NULL, &r);
  if (rc == ETL_OK && strcmp(PQgetvalue(r, 0, 0), g->stream) != 0)
    rc = refuse_shared(g, PQgetvalue(r, 0, 0), g->stream);
  PQclear(r);
  return rc;
}

static void target_free(struct target *g) {
  copy_fini(&g->copy);
  columns_fini(&g->columns);
  etl_schema_release(&g->rows);
  free(g->stream);
  free(g->schema);
  free(g->table);
  free(g->name);
  free(g->into_schema);
  free(g->into);
  free(g->shape);
  free(g);
}

static int32_t target_new(struct instance *in, const char *stream, size_t number, struct target **ret) {
  const struct table_settings *s = settings_of(&in->settings, stream);
  struct target *g = calloc(1, sizeof *g);
  if (!g)
    return out_of_memory(in);
  *g = (struct target){.in = in, .stream = strdup(stream), .mode = s->mode, .key = &s->key, .newest_by = s->newest_by,
                        .deleted_at = s->deleted_at, .staging_definition = s->staging_definition};
  snprintf(g->staging, sizeof g->staging, number ? "etl_staging_%zu" : "etl_staging", number);
  int32_t rc = !g->stream ? out_of_memory(in) : in->settings.commit_sql.n ? name_staging(g, stream) : name_target(g, s, stream);
  for (struct target *other = in->targets; other && rc == ETL_OK; other = other->next)
    if (strcmp(other->name, g->name) == 0)
      rc = refuse_shared(g, other->stream, stream);
  if (rc == ETL_OK)
    *ret = g;
  else
    target_free(g);
  return rc;
}

int32_t target_of(struct instance *in, const char *stream, struct target **ret) {
  struct target **end = &in->targets;
  size_t n = 0;
  for (; *end; end = &(*end)->next, n++)
    if (strcmp((*end)->stream, stream) == 0) {
      *ret = *end;
      return ETL_OK;
    }
  int32_t rc = target_new(in, stream, n, end);
  *ret = *end;
  return rc;
}

void targets_fini(struct instance *in) {
  for (struct target *g = in->targets, *next; g; g = next) {
    next = g->next;
    target_free(g);
  }
  in->targets = NULL;
}
