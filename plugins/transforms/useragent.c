/* useragent: adds browser, operating system and device of a User-Agent text, after uap-core's regexes.yaml.  Options, life cycle
 * and descriptor; the work is in derive.c (columns), ua_rules.c (expressions) and ua_match.c (parsing).  One instance a lane, used
 * by one thread at a time; the expressions are shared by all of them. */
#include <stdio.h>
#include <stdlib.h>

#include "derive.h"
#include "transformer.h"
#include "ua_match.h"

enum {
  OPT_COLUMN,
  OPT_INTO,
  OPT_REGEXES,
  OPT_FIELDS,
  OPT_AS,
  OPT_CACHE_SIZE,
  OPT_MAX_LENGTH
};

static const char *const as_choices[] = {"json", "columns", NULL};
static const struct etl_option *const options[] = {
    [OPT_COLUMN] = OPTION("column", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "user_agent",
                          .doc = "Text column with the agent; NULL gives NULL."),
    [OPT_INTO] =
        OPTION("into", ETL_T_STRING, .dflt = "device",
               .doc = "Name of the new column (as = json), or what the names of the new columns begin with: device_browser, "
                      "device_os ... (as = columns)."),
    [OPT_REGEXES] = OPTION("regexes", ETL_T_PATH, .dflt = "/usr/share/uap-core/regexes.yaml",
                           .doc = "The regexes.yaml of uap-core; it is read when the run starts, once for all lanes."),
    [OPT_FIELDS] =
        OPTION("fields", ETL_T_LIST,
               .dflt = "[ \"browser\", \"browser_version\", \"os\", \"os_version\", \"device\", \"brand\", \"model\" ]",
               .example = "[ \"browser\", \"os\", \"os_version\" ]",
               .doc = "What to add, all of it text: browser, browser_major, browser_minor, browser_patch, browser_version; os, "
                      "os_major, os_minor, os_patch, os_patch_minor, os_version; device, brand, model."),
    [OPT_AS] = OPTION("as", ETL_T_ENUM, .dflt = "json", .choices = as_choices,
                      .doc = "json: one JSON column with the fields that are known; columns: one text column a field."),
    [OPT_CACHE_SIZE] =
        OPTION("cache_size", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "16384", .min = 0, .max = 16777216,
               .doc = "Agents of a lane whose answer is kept (about 400 bytes each), least recently used out first; 0 "
                      "keeps none."),
    [OPT_MAX_LENGTH] = OPTION("max_length", ETL_T_SIZE, .flags = ETL_OPT_ADVANCED, .dflt = "2048", .min = 64, .max = 1048576,
                              .doc = "Of a longer agent only so many bytes are looked at."),
    NULL,
};

enum {
  PART_VERSION = UA_PARTS
}; /* major.minor.patch */
static const struct known {
  const char *name;
  enum ua_parser parser;
  unsigned part;
} known[] = {
    {"browser", UA_BROWSER, 0},
    {"browser_major", UA_BROWSER, 1},
    {"browser_minor", UA_BROWSER, 2},
    {"browser_patch", UA_BROWSER, 3},
    {"browser_version", UA_BROWSER, PART_VERSION},
    {"os", UA_OS, 0},
    {"os_major", UA_OS, 1},
    {"os_minor", UA_OS, 2},
    {"os_patch", UA_OS, 3},
    {"os_patch_minor", UA_OS, 4},
    {"os_version", UA_OS, PART_VERSION},
    {"device", UA_DEVICE, 0},
    {"brand", UA_DEVICE, 1},
    {"model", UA_DEVICE, 2},
};
enum {
  KNOWN_N = sizeof known / sizeof *known
};

struct useragent {
  struct derive derive;
  struct derive_field fields[KNOWN_N];
  const struct known *wanted[KNOWN_N];
  bool parsers[UA_PARSERS]; /* needed for the wanted fields */
  struct ua_rules *rules;
  struct ua_matcher *matcher;
  uint64_t max_length;
  struct ua_value values[UA_PARSERS][UA_PARTS + 1];
};

static void useragent_close(void *self) {
  struct useragent *u = self;
  ua_matcher_free(u->matcher);
  ua_rules_put(u->rules);
  derive_fini(&u->derive);
  free(u);
}

static int32_t bad_field(const struct etl_host *h, const char *name, const char *why) {
  char remedy[512];
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  int n = snprintf(remedy, sizeof remedy, "the fields are");
  for (size_t i = 0; i < KNOWN_N; i++)
    n += snprintf(remedy + n, sizeof remedy - (size_t)n, "%s %s", i ? "," : "", known[i].name);
  e.option = "fields";
  e.remedy = remedy;
  return etl_failf(h, &e, "useragent: field \"%s\": %s", name, why);
}

static void want(struct useragent *u, const struct known *k) {
  u->wanted[u->derive.fields_n] = k;
  u->fields[u->derive.fields_n++] = (struct derive_field){.name = k->name, .kind = CELL_TEXT};
  u->parsers[k->parser] = true;
}

static int32_t open_fields(struct useragent *u, const struct etl_open *o) {
  u->derive.fields = u->fields;
  for (uint64_t i = 0; i < etl_opt_list_n(o, OPT_FIELDS); i++) {
    const char *name = etl_opt_list(o, OPT_FIELDS, i);
    size_t k = 0;
    while (k < KNOWN_N && strcmp(known[k].name, name) != 0)
      k++;
    if (k == KNOWN_N)
      return bad_field(o->host, name, "there is no such field");
    for (size_t j = 0; j < u->derive.fields_n; j++)
      if (u->wanted[j] == &known[k])
        return bad_field(o->host, name, "it is there twice");
    want(u, &known[k]);
  }
  return u->derive.fields_n ? ETL_OK : bad_field(o->host, "", "at least one is needed");
}

static int32_t useragent_open(const struct etl_open *o, void **self) {
  struct useragent *u = calloc(1, sizeof *u);
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  if (!u)
    return etl_failf(o->host, &e, "useragent: no memory");
  int32_t rc = derive_init(&u->derive, o->host, "useragent", etl_opt_str(o, OPT_COLUMN), etl_opt_str(o, OPT_INTO),
                           etl_opt_int(o, OPT_AS), (size_t)etl_opt_int(o, OPT_CACHE_SIZE));
  if (rc == ETL_OK)
    rc = open_fields(u, o);
  if (rc == ETL_OK)
    rc = ua_rules_get(o->host, etl_opt_str(o, OPT_REGEXES), &u->rules);
  u->max_length = (uint64_t)etl_opt_int(o, OPT_MAX_LENGTH);
  if (rc == ETL_OK && !(u->matcher = ua_matcher_new(u->rules, u->max_length)))
    rc = etl_failf(o->host, &e, "useragent: no memory");
  if (rc != ETL_OK) {
    useragent_close(u);
    return rc;
  }
  *self = u;
  return ETL_OK;
}

static int32_t useragent_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *),
                              void *arg) {
  struct useragent *u = self;
  return derive_bind(&u->derive, in, out, arg);
}

/* "major.minor.patch", as far as the parts are known; no value has more than UA_VALUE_BYTES. */
static void join_version(struct ua_value *parts) {
  struct ua_value *v = &parts[PART_VERSION];
  v->n = 0;
  for (unsigned i = 1; i < UA_PARTS && parts[i].n && v->n + parts[i].n < sizeof v->p; i++) {
    if (i > 1)
      v->p[v->n++] = '.';
    memcpy(v->p + v->n, parts[i].p, parts[i].n);
    v->n += parts[i].n;
  }
}

/* One agent; what is looked at of it is also the cache's key. */
static int32_t useragent_text(void *self, struct etl_bytes agent, int64_t row, const struct packed **ret_packed) {
  struct useragent *u = self;
  const struct etl_host *h = u->derive.host;
  (void)row;
  if (agent.n > u->max_length)
    agent.n = u->max_length;
  const struct packed *p = lru_get(u->derive.cache, agent);
  if (!p) {
    struct cell cells[KNOWN_N] = {0};
    unsigned over = 0;
    ua_matcher_agent(u->matcher, agent);
    for (enum ua_parser i = 0; i < UA_PARSERS; i++)
      if (u->parsers[i]) {
        over += ua_matcher_parse(u->matcher, i, u->values[i]);
        join_version(u->values[i]);
      }
    if (over)
      h->count(h, "useragent_over_limit", over);
    for (size_t i = 0; i < u->derive.fields_n; i++) {
      const struct ua_value *v = &u->values[u->wanted[i]->parser][u->wanted[i]->part];
      if (v->n)
        cells[i] = (struct cell){.kind = CELL_TEXT, .text = {v->p, v->n}};
    }
    p = derive_pack(&u->derive, agent, cells);
  }
  *ret_packed = p;
  return p ? ETL_OK : derive_out_of_memory(&u->derive);
}

static int32_t useragent_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct useragent *u = self;
  return derive_process(&u->derive, in, sink, useragent_text, u);
}

static const struct etl_common common = {.struct_size = sizeof common, .open = useragent_open, .close = useragent_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = useragent_bind, .process = useragent_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "useragent", ETL_VERSION, "MIT",
    .summary = "Adds browser, operating system and device of a User-Agent text, after uap-core",
    .doc = "Follows the specification of uap-core; browser, os and device are \"Other\" when no expression matches. A field that "
           "is not "
           "known is left out of the JSON object, or NULL in its column. An expression that takes too many steps on an agent "
           "counts as not "
           "matching it (metric useragent_over_limit).",
    .options = options, .common = &common, .api = &transformer);
