/* Settings against option tables: values, defaults, mistakes. */
#include "plugin/options.h"

#include "conf/source.h"
#include "samples.h"

#define OPTION(...)                                                                                                                \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), __VA_ARGS__ }
static const char *const choices[] = {"append", "replace", "merge", NULL};
static const struct etl_option *const shard[] = {
    OPTION(.name = "id", .type = ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "eu1", .doc = "Its id."),
    OPTION(.name = "port", .type = ETL_T_INT, .dflt = "1433", .min = 1, .max = 65535),
    OPTION(.name = "password", .type = ETL_T_STRING, .flags = ETL_OPT_SECRET), NULL};
enum {
  TEXT,
  NUMBER,
  RATIO,
  YES,
  TIME,
  SIZE,
  MODE,
  FILE_,
  URL,
  LIST,
  MAP,
  SHARDS,
  PASSWORD,
  OLD,
  NONE,
  DLIST
};
static const struct etl_option *const options[] = {
    [TEXT] =
        OPTION(.name = "table", .type = ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "dbo.logins", .doc = "Which table."),
    [NUMBER] = OPTION(.name = "retries", .type = ETL_T_INT, .dflt = "3", .min = 0, .max = 10),
    [RATIO] = OPTION(.name = "ratio", .type = ETL_T_FLOAT, .dflt = "0.5", .min = 0, .max = 1),
    [YES] = OPTION(.name = "verbose", .type = ETL_T_BOOL, .dflt = "true"),
    [TIME] = OPTION(.name = "timeout", .type = ETL_T_DURATION, .dflt = "10s", .min = 1000000, .max = 3600000000000),
    [SIZE] = OPTION(.name = "packet_size", .type = ETL_T_SIZE, .dflt = "32KiB"),
    [MODE] = OPTION(.name = "mode", .type = ETL_T_ENUM, .choices = choices, .dflt = "append"),
    [FILE_] = OPTION(.name = "file", .type = ETL_T_PATH),
    [URL] = OPTION(.name = "url", .type = ETL_T_URL),
    [LIST] = OPTION(.name = "cursor", .type = ETL_T_LIST),
    [MAP] = OPTION(.name = "rename", .type = ETL_T_MAP),
    [SHARDS] = OPTION(.name = "shards", .type = ETL_T_GROUPS, .members = shard),
    [PASSWORD] = OPTION(.name = "password", .type = ETL_T_STRING, .flags = ETL_OPT_SECRET),
    [OLD] = OPTION(.name = "tabel", .type = ETL_T_STRING, .flags = ETL_OPT_DEPRECATED, .replaced_by = "table"),
    [NONE] = OPTION(.name = "nothing", .type = ETL_T_STRING),
    [DLIST] = OPTION(.name = "columns", .type = ETL_T_LIST, .dflt = "[ \"a\", \"b\" ]"),
    NULL};

static struct {
  struct arena *arena;
  struct secrets secrets;
  struct diags diags;
  struct bound_options bound;
} t;

static void begin(void) {
  tmpdir_enter();
  t.arena = arena_new();
}

static void end(void) {
  diags_fini(&t.diags);
  secrets_fini(&t.secrets);
  arena_free(t.arena);
  tmpdir_leave();
}

TestSuite(options, .init = begin, .fini = end);

static int bind(const char *text) {
  struct conf_node *root = NULL;
  tmpdir_write("p.conf", "%s", text);
  cr_assert_eq(source_read("p.conf", "/base", t.arena, &t.diags, &root), 0, "%s", t.diags.n ? t.diags.list[0].text : "");
  struct conf_stage s = {"sample", NULL, "p.conf:1", "/base", root};
  return options_bind(options, &s, t.arena, &t.secrets, &t.diags, &t.bound);
}

static const struct etl_value *value(unsigned i) { return t.bound.values[i]; }

Test(options, sound_table) {
  struct err e;
  cr_expect_eq(options_check(options, &e), 0, "%s", e.message);
}

Test(options, defaults) {
  cr_assert_eq(bind("table = \"t\";\n"), 0);
  cr_assert_eq(t.bound.n, 16, "always all of them");
  for (unsigned i = 0; i < t.bound.n; i++) {
    cr_expect_eq(value(i)->struct_size, sizeof(struct etl_value));
    cr_expect_eq(value(i)->is_set, i == TEXT);
  }
  cr_expect_str_eq(value(TEXT)->str, "t");
  cr_expect_str_eq(value(TEXT)->origin, "p.conf:1");
  cr_expect_null(value(NUMBER)->origin);
  cr_expect_eq(value(NUMBER)->i, 3);
  cr_expect_float_eq(value(RATIO)->f, 0.5, 1e-12);
  cr_expect_eq(value(YES)->i, 1);
  cr_expect_eq(value(TIME)->i, 10000000000);
  cr_expect_eq(value(SIZE)->i, 32768);
  cr_expect_eq(value(MODE)->i, 0);
  cr_expect_str_eq(value(MODE)->str, "append");
  cr_expect_null(value(FILE_)->str);
  cr_expect_null(value(NONE)->str);
  cr_expect_null(value(PASSWORD)->str);
  cr_expect_eq(value(LIST)->list_n, 0);
  cr_expect_eq(value(SHARDS)->groups_n, 0);
  cr_expect_eq(value(DLIST)->list_n, 2);
  cr_expect_str_eq((const char *)value(DLIST)->list[1].p, "b");
  cr_expect_eq(t.diags.n, 0);
}

Test(options, everything_written) {
  cr_assert_eq(
      bind("table = \"t\"; retries = \"7\"; ratio = 1; verbose = false; timeout = \"1m30s\"; packet_size = 4096;\n"
           "mode = \"merge\"; file = \"data/x.csv\"; url = \"https://h/p\"; cursor = \"one\"; columns = ( \"x\", \"y\", \"z\" );\n"
           "rename = { a = \"b\"; c = \"d\"; };\n"
           "shards = ( { id = \"eu1\"; password = \"p1\"; },\n { id = \"eu2\"; port = 99; } );\npassword = \"hunter2\";\n"),
      0, "%s", t.diags.n ? t.diags.list[0].text : "");
  cr_expect_eq(value(NUMBER)->i, 7);
  cr_expect_float_eq(value(RATIO)->f, 1.0, 1e-12);
  cr_expect_eq(value(YES)->i, 0);
  cr_expect(value(YES)->is_set);
  cr_expect_eq(value(TIME)->i, 90000000000);
  cr_expect_eq(value(SIZE)->i, 4096);
  cr_expect_eq(value(MODE)->i, 2);
  cr_expect_str_eq(value(FILE_)->str, "/base/data/x.csv", "from the folder of the configuration");
  cr_expect_str_eq(value(URL)->str, "https://h/p");
  cr_expect_eq(value(LIST)->list_n, 1, "one text is a list of one");
  cr_expect_eq(value(LIST)->list[0].n, 3);
  cr_expect_str_eq((const char *)value(LIST)->list[0].p, "one");
  cr_expect_eq(value(DLIST)->list_n, 3);
  cr_expect_eq(value(MAP)->list_n, 4);
  cr_expect_str_eq((const char *)value(MAP)->list[2].p, "c");
  cr_expect_str_eq((const char *)value(MAP)->list[3].p, "d");

  cr_assert_eq(value(SHARDS)->groups_n, 2);
  const struct etl_group *g = value(SHARDS)->groups[1];
  cr_expect_eq(g->values_n, 3);
  cr_expect_str_eq(g->origin, "p.conf:5");
  cr_expect_str_eq(g->values[0]->str, "eu2");
  cr_expect_eq(g->values[1]->i, 99);
  cr_expect_eq(value(SHARDS)->groups[0]->values[1]->i, 1433, "a member's default");
  cr_expect_null(g->values[2]->str);

  cr_expect_str_neq(value(PASSWORD)->str, "hunter2");
  cr_expect_str_eq(secrets_get(&t.secrets, value(PASSWORD)->str), "hunter2");
  cr_expect_str_eq(secrets_get(&t.secrets, value(SHARDS)->groups[0]->values[2]->str), "p1");
}

Test(options, references_of_secrets) {
  struct secrets s = {0};
  cr_expect_null(secrets_get(&s, "secret:0"));
  const char *ref = secrets_add(&s, "x", t.arena);
  cr_expect_str_eq(secrets_get(&s, ref), "x");
  static const char *const bad[] = {"secret:1", "secret:", "secret:-1", "secret: 0", "secret:0x", "x", ""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect_null(secrets_get(&s, bad[i]), "%s", bad[i]);
  cr_expect_null(secrets_get(&s, NULL));
  secrets_fini(&s);
}

Test(options, texts_of_files_are_secrets_wherever_they_stand) {
  struct conf_node host = {.kind = CONF_STRING, .name = "table", .text = "from-a-file", .origin = "p.conf:1", .secret = true};
  struct conf_node *kids[] = {&host};
  struct conf_node group = {.kind = CONF_GROUP, .kids = kids, .kids_n = 1};
  struct conf_stage s = {"sample", NULL, "p.conf:1", "/", &group};
  cr_assert_eq(options_bind(options, &s, t.arena, &t.secrets, &t.diags, &t.bound), 0);
  cr_expect_str_eq(value(TEXT)->str, "from-a-file");
  cr_expect_eq(t.secrets.n, 1, "known, so that it can be masked");
}

struct mistake {
  const char *text, *said; /* all findings, one a line */
};
static const struct mistake mistakes[] = {
    {"", "p.conf:1: error: option 'table' of connector 'sample' is missing: Which table. Write for instance: table = "
         "\"dbo.logins\";\n"},
    {"table = \"t\";\nretrise = 5;\nwhatever = 1;\n",
     "p.conf:2: error: connector 'sample' has no option 'retrise' here; did you mean 'retries'?\n"
     "p.conf:3: error: connector 'sample' has no option 'whatever' here; `etl plugin info sample` lists them\n"},
    {"table = 5;\nretries = 11;\nratio = 1.5;\ntimeout = \"2h\";\nverbose = \"yes\";\n",
     "p.conf:1: error: 'table' wants a text, but the number 5 is not one; write for instance: table = \"some text\";\n"
     "p.conf:2: error: 'retries' must be 0 to 10, and 11 is not\n"
     "p.conf:3: error: 'ratio' must be 0 to 1, and 1.5 is not\n"
     "p.conf:4: error: 'timeout' must be 1ms to 1h, and 2h is not\n"
     "p.conf:5: error: 'verbose' wants true or false, but the text \"yes\" is not one; write for instance: verbose = true;\n"},
    {"table = \"t\"; mode = \"merg\"; url = \"no url\"; file = \"\";\n",
     "p.conf:1: error: 'mode' cannot be \"merg\"; did you mean \"merge\"? There are: append, replace, merge\n"
     "p.conf:1: error: 'file' is an empty path; name a file, or leave the option out\n"
     "p.conf:1: error: 'url' wants a URL, which begins with a scheme; write for instance: https://host/path\n"},
    {"table = \"t\"; mode = \"sideways\";\n",
     "p.conf:1: error: 'mode' cannot be \"sideways\"; there are: append, replace, merge\n"},
    {"table = \"t\";\nshards = (\n { id = \"a\"; prot = 5; },\n { port = 0; } );\n",
     "p.conf:3: error: connector 'sample' has no option 'prot' here; did you mean 'port'?\n"
     "p.conf:4: error: option 'id' of connector 'sample' is missing: Its id. Write for instance: id = \"eu1\";\n"
     "p.conf:4: error: 'port' must be 1 to 65535, and 0 is not\n"},
    {"table = \"t\";\npassword = 12345;\n", "p.conf:2: error: 'password' wants a text, but the value given here (not shown, since "
                                            "it may be secret) is not one; write for instance: "
                                            "password = \"some text\";\n"},
    {"table = \"t\";\ncursor = [ 1, 2 ];\nrename = { a = 1; };\n",
     "p.conf:2: error: 'an element' wants a text, but the number 1 is not one; write for instance: \"some text\"\n"
     "p.conf:2: error: 'an element' wants a text, but the number 2 is not one; write for instance: \"some text\"\n"
     "p.conf:3: error: 'a' wants a text, but the number 1 is not one; write for instance: a = \"some text\";\n"},
};

Test(options, mistakes) {
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    diags_fini(&t.diags);
    cr_expect_eq(bind(mistakes[i].text), -1, "%s", mistakes[i].text);
    char *said = NULL;
    size_t n;
    FILE *f = open_memstream(&said, &n);
    diags_print(&t.diags, f);
    fclose(f);
    /* the option without a line of its own stands at the stage's */
    cr_expect_str_eq(said, mistakes[i].said, "said:\n%s\nwanted:\n%s", said, mistakes[i].said);
    free(said);
  }
}

Test(options, deprecated) {
  cr_assert_eq(bind("table = \"t\"; tabel = \"x\";\n"), 0);
  cr_assert_eq(t.diags.n, 1);
  cr_expect_eq(t.diags.list[0].level, DIAG_WARNING);
  cr_expect_str_eq(t.diags.list[0].text, "option 'tabel' of connector 'sample' is deprecated; use 'table' instead");
}
