/* useragent.so through its ABI: the test files of uap-core itself ($ETL_TEST_UAP is its folder), every case of them; then what that
 * package does not test. */
#include <pthread.h>
#include <stdlib.h>
#include <yaml.h>

#include "drive.h"
#include "tap.h"

enum {
  PARTS = 5,
  PATH_BYTES = 512,
  SHOWN = 10
};

/* What a file tests: the keys of its cases, and the fields that must have their values. */
static const struct kind {
  const char *keys[PARTS];
  const char *fields;
  const char *columns[PARTS];
} browser = {{"family", "major", "minor", "patch"},
             "browser|browser_major|browser_minor|browser_patch",
             {"device_browser", "device_browser_major", "device_browser_minor", "device_browser_patch"}},
  os = {{"family", "major", "minor", "patch", "patch_minor"},
        "os|os_major|os_minor|os_patch|os_patch_minor",
        {"device_os", "device_os_major", "device_os_minor", "device_os_patch", "device_os_patch_minor"}},
  device = {{"family", "brand", "model"}, "device|brand|model", {"device_device", "device_brand", "device_model"}};
static const struct file {
  const char *path;
  const struct kind *kind;
  size_t least; /* cases that must be there: a file read wrongly would pass else */
} files[] = {
    {"tests/test_ua.yaml", &browser, 1000},
    {"test_resources/firefox_user_agent_strings.yaml", &browser, 200},
    {"test_resources/pgts_browser_list.yaml", &browser, 10000},
    {"test_resources/opera_mini_user_agent_strings.yaml", &browser, 200},
    {"test_resources/podcasting_user_agent_strings.yaml", &browser, 100},
    {"tests/test_os.yaml", &os, 400},
    {"test_resources/additional_os_tests.yaml", &os, 20},
    {"tests/test_device.yaml", &device, 10000},
};

struct test_case {
  const char *agent, *want[PARTS]; /* in the document */
};

static const char *value_of(yaml_document_t *doc, yaml_node_t *map, const char *key) {
  for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
    if (strcmp((const char *)yaml_document_get_node(doc, p->key)->data.scalar.value, key) == 0)
      return (const char *)yaml_document_get_node(doc, p->value)->data.scalar.value;
  return "";
}

/* The cases of a loaded document. */
static struct test_case *cases_of(yaml_document_t *doc, const struct kind *k, size_t *ret_n) {
  yaml_node_t *root = yaml_document_get_root_node(doc);
  yaml_node_t *list = root ? yaml_document_get_node(doc, root->data.mapping.pairs.start->value) : NULL;
  size_t n = list ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start) : 0;
  struct test_case *cases = calloc(n + 1, sizeof *cases);
  for (size_t i = 0; cases && i < n; i++) {
    yaml_node_t *map = yaml_document_get_node(doc, list->data.sequence.items.start[i]);
    cases[i].agent = value_of(doc, map, "user_agent_string");
    for (size_t part = 0; part < PARTS && k->keys[part]; part++)
      cases[i].want[part] = value_of(doc, map, k->keys[part]);
  }
  *ret_n = cases ? n : 0;
  return cases;
}

static size_t wrong_cases(struct drive *d, const struct kind *k, const struct test_case *cases, size_t n) {
  size_t wrong = 0;
  for (size_t i = 0; i < n; i++) {
    bool right = true;
    for (size_t part = 0; part < PARTS && k->keys[part]; part++) {
      const char *got = drive_cell(d, (int64_t)i, k->columns[part]);
      if (strcmp(strcmp(got, "NULL") == 0 ? "" : got, cases[i].want[part]) == 0)
        continue;
      right = false;
      if (wrong < SHOWN)
        printf("# %s: %s is %s, must be %s\n", cases[i].agent, k->keys[part], got, cases[i].want[part]);
    }
    wrong += !right;
  }
  return wrong;
}

static void test_file(struct tap *t, const char *dir, const struct file *f) {
  char path[PATH_BYTES];
  yaml_parser_t parser;
  yaml_document_t doc;
  struct drive d;
  size_t n = 0;
  snprintf(path, sizeof path, "%s/%s", dir, f->path);
  FILE *in = fopen(path, "re");
  if (!CHECK(t, in != NULL))
    return;
  yaml_parser_initialize(&parser);
  yaml_parser_set_input_file(&parser, in);
  if (CHECK(t, yaml_parser_load(&parser, &doc))) {
    struct test_case *cases = cases_of(&doc, f->kind, &n);
    const char **agents = calloc(n + 1, sizeof *agents);
    for (size_t i = 0; agents && i < n; i++)
      agents[i] = cases[i].agent;
    CHECK(t, drive_open(&d, "useragent",
                        (const char *const[]){"column", "agent", "as", "columns", "fields", f->kind->fields, NULL}) == ETL_OK);
    if (CHECK(t, agents && drive_texts(&d, "agent", agents, n) == ETL_OK)) {
      size_t wrong = wrong_cases(&d, f->kind, cases, n);
      tap_check(t, wrong == 0 && n >= f->least, __FILE__, __LINE__, "%s: %zu cases, %zu wrong", f->path, n, wrong);
      CHECK(t, testhost_counter(&d.t, "useragent_over_limit") == 0); /* no expression went over its limit */
    }
    drive_close(&d);
    free(agents);
    free(cases);
    yaml_document_delete(&doc);
  }
  yaml_parser_delete(&parser);
  fclose(in);
}

static const char chrome[] =
    "Mozilla/5.0 (Linux; Android 10; SM-G960F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0.4664.45 Mobile Safari/537.36";

static void test_json(struct tap *t) {
  static const char *const agents[] = {
      chrome, NULL, "", "nonsense", chrome, "Firefox/\xff\xfe 7.0", "\xc3\xa9 Firefox/7.0 \xe2\x82"};
  struct drive d;
  CHECK(t, drive_open(&d, "useragent", (const char *const[]){"column", "agent", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "agent", agents, 7) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "device"),
             "{\"browser\":\"Chrome "
             "Mobile\",\"browser_version\":\"96.0.4664\",\"os\":\"Android\",\"os_version\":\"10\",\"device\":\"Samsung SM-G960F\","
             "\"brand\":\"Samsung\",\"model\":\"SM-G960F\"}");
  CHECK_TEXT(t, drive_cell(&d, 1, "device"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 2, "device"), "{\"browser\":\"Other\",\"os\":\"Other\",\"device\":\"Other\"}");
  CHECK_TEXT(t, drive_cell(&d, 3, "device"), drive_cell(&d, 2, "device"));
  CHECK_TEXT(t, drive_cell(&d, 4, "device"), drive_cell(&d, 0, "device"));
  CHECK_HAS(t, drive_cell(&d, 6, "device"), "\"browser\":\"Firefox\",\"browser_version\":\"7.0\"");
  drive_close(&d);
}

/* Agents that make expressions backtrack: whatever comes out, it comes soon, and a full cache goes on working. */
static void test_hostile(struct tap *t) {
  enum {
    AGENTS = 40,
    BYTES = 20000
  };
  char *agents[AGENTS];
  struct drive d;
  for (size_t i = 0; i < AGENTS; i++) {
    static const char *const bricks[] = {"a",         "Opera Mini ", "; HTC_", "bot ",    "Mozilla/5.0 (Linux; Android; ",
                                         "crawler1 ", " Build",      "((((",   "\xc3\xa9"};
    const char *brick = bricks[i % (sizeof bricks / sizeof *bricks)];
    agents[i] = calloc(1, BYTES + 1);
    if (!CHECK(t, agents[i] != NULL))
      return;
    for (size_t n = 0; n + strlen(brick) + 2 < BYTES; n += strlen(brick))
      memcpy(agents[i] + n, brick, strlen(brick));
    agents[i][0] = (char)('A' + i % 26);
  }
  CHECK(t, drive_open(&d, "useragent", (const char *const[]){"column", "agent", "cache_size", "8", "max_length", "8192", NULL}) ==
               ETL_OK);
  CHECK(t, drive_texts(&d, "agent", (const char *const *)agents, AGENTS) == ETL_OK && d.out[0].rows.length == AGENTS);
  for (int64_t i = 0; i < AGENTS; i++)
    if (!strstr(drive_cell(&d, i, "device"), "\"browser\":\""))
      tap_check(t, false, __FILE__, __LINE__, "agent %d has no browser", (int)i);
  drive_close(&d);
  for (size_t i = 0; i < AGENTS; i++)
    free(agents[i]);
}

/* The text in a file of its own in the working directory; the caller removes it. */
static bool regexes_file(char path[static PATH_BYTES], const char *text) {
  snprintf(path, PATH_BYTES, "regexes-XXXXXX");
  int fd = mkstemp(path);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
  return f && fputs(text, f) >= 0 && fclose(f) == 0;
}

/* An expression that takes exponential time is given up, counted, and the next one is tried.  This one would end after about a
 * million steps, which PCRE2 alone would let it have. */
static void test_limit(struct tap *t) {
  static const char *const agents[] = {"bot aaaaaaaaaaaaaaaaaaaa!", "bot aaaa"};
  char path[PATH_BYTES];
  struct drive d;
  if (!CHECK(t, regexes_file(path,
                             "user_agent_parsers:\n  - regex: 'bot (a+)+$'\n  - regex: '(bot) a'\n    v1_replacement: '$1-$2 x '\n"
                             "os_parsers:\n  - regex: 'x'\ndevice_parsers:\n  - regex: 'x'\nfuture: { a: [ 1, { b: c } ] }\n")))
    return;
  CHECK(t, drive_open(&d, "useragent",
                      (const char *const[]){"column", "agent", "regexes", path, "as", "columns", "fields", "browser|browser_major",
                                            NULL}) == ETL_OK);
  CHECK(t, drive_texts(&d, "agent", agents, 2) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "device_browser"), "bot");
  CHECK_TEXT(t, drive_cell(&d, 0, "device_browser_major"), "bot- x");
  CHECK_TEXT(t, drive_cell(&d, 1, "device_browser"), "aaaa");
  CHECK(t, testhost_counter(&d.t, "useragent_over_limit") == 1);
  drive_close(&d);
  remove(path);
}

static void refused(struct tap *t, const char *const *options, const char *option, const char *message) {
  struct drive d;
  CHECK(t, drive_open(&d, "useragent", options) == ETL_FAILED && d.self == NULL && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_TEXT(t, d.t.option, option);
  CHECK_HAS(t, d.t.message, message);
  CHECK(t, d.t.remedy[0]);
  drive_close(&d);
}

static void refused_file(struct tap *t, const char *text, const char *message) {
  char path[PATH_BYTES];
  if (!CHECK(t, regexes_file(path, text)))
    return;
  refused(t, (const char *const[]){"column", "agent", "regexes", path, NULL}, "regexes", message);
  remove(path);
}

static void test_bad_options(struct tap *t) {
  refused(t, (const char *const[]){"column", "agent", "regexes", "/nonexistent/r.yaml", NULL}, "regexes",
          "/nonexistent/r.yaml: No such file");
  refused(t, (const char *const[]){"column", "agent", "fields", "browser|borwser", NULL}, "fields",
          "\"borwser\": there is no such field");
  refused(t, (const char *const[]){"column", "agent", "fields", "os|os", NULL}, "fields", "twice");
  refused_file(t, "", "the file is empty");
  refused_file(t, "user_agent_parsers:\n  - regex: 'a'\n", "the file has no os_parsers");
  refused_file(t, "user_agent_parsers:\n  - regex: 'a'\n  - regex: '(b'\n", ":3: the regular expression has an error");
  refused_file(t, "user_agent_parsers:\n  - family_replacement: 'a'\n", ":2: an entry without regex");
  refused_file(t, "user_agent_parsers: [ [ ]\n", ":1: an entry must be a mapping");
  refused_file(t, "a: b: c\n", "mapping values are not allowed");
}

/* Two instances share the rules; either may go first. */
static void test_shared(struct tap *t) {
  static const char *const agents[] = {chrome};
  struct drive a, b;
  CHECK(t, drive_open(&a, "useragent", (const char *const[]){"column", "agent", NULL}) == ETL_OK);
  CHECK(t, drive_open(&b, "useragent", (const char *const[]){"column", "agent", NULL}) == ETL_OK);
  CHECK(t, drive_texts(&a, "agent", agents, 1) == ETL_OK);
  drive_close(&a);
  CHECK(t, drive_texts(&b, "agent", agents, 1) == ETL_OK);
  CHECK_HAS(t, drive_cell(&b, 0, "device"), "Samsung");
  drive_close(&b);
}

/* Instances of several threads come and go: the rules are loaded, their machine code made, and freed side by side. */
static void *thread_main(void *arg) {
  static const char *const agents[] = {chrome, "Mozilla/5.0 (X11; Linux x86_64; rv:94.0) Gecko/20100101 Firefox/94.0"};
  size_t *good = arg;
  for (int i = 0; i < 5; i++) {
    struct drive d;
    if (drive_open(&d, "useragent", (const char *const[]){"column", "agent", NULL}) == ETL_OK &&
        drive_texts(&d, "agent", agents, 2) == ETL_OK && strstr(drive_cell(&d, 0, "device"), "Chrome Mobile") &&
        strstr(drive_cell(&d, 1, "device"), "\"94.0\""))
      ++*good;
    drive_close(&d);
  }
  return NULL;
}

static void test_threads(struct tap *t) {
  enum {
    THREADS = 4
  };
  pthread_t threads[THREADS];
  size_t good[THREADS] = {0};
  for (int i = 0; i < THREADS; i++)
    CHECK(t, pthread_create(&threads[i], NULL, thread_main, &good[i]) == 0);
  for (int i = 0; i < THREADS; i++)
    CHECK(t, pthread_join(threads[i], NULL) == 0 && good[i] == 5);
}

int main(void) {
  struct tap t = {0};
  const char *dir = getenv("ETL_TEST_UAP");
  dir = dir ? dir : "/usr/share/uap-core";
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    test_file(&t, dir, &files[i]);
  test_json(&t);
  test_hostile(&t);
  test_limit(&t);
  test_bad_options(&t);
  test_shared(&t);
  test_threads(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
