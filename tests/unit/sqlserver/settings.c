/* Options that cannot be right are refused without a connection. */
#include <criterion/criterion.h>

#include "settings.h"
#include "testhost.h"

static struct testhost host;
static struct testopts *opts;

static void begin(void) {
  testhost_init(&host);
  opts = testopts_new(&host, sqlserver_options);
}

static void end(void) {
  testopts_free(opts);
  testhost_fini(&host);
}

TestSuite(settings, .init = begin, .fini = end);

static struct settings s;

/* settings_init() by way of testopts_open(), which makes the struct etl_open. */
static int32_t take(const struct etl_open *o, void **self) {
  *self = &s;
  return settings_init(&s, o);
}

static int32_t open_settings(void) {
  static const struct etl_common common = {.struct_size = sizeof common, .open = take};
  static const struct etl_connector connector = {.struct_size = sizeof connector, .common = &common};
  void *self;
  return testopts_open(opts, &connector, "p", "r1", NULL, 0, &self);
}

static void set(const char *name, const char *text) { testopts_set(opts, name, text); }

static void good(void) {
  set("host", "db1");
  set("user", "etl");
  set("table", "dbo.logins");
}

static void expect_refused(const char *option, const char *part) {
  cr_expect_eq(open_settings(), ETL_FAILED);
  cr_expect_eq(host.error.error_class, ETL_E_CONFIG);
  cr_expect_str_eq(host.option, option);
  cr_expect_not_null(strstr(host.message, part), "\"%s\" does not say \"%s\"", host.message, part);
  settings_fini(&s);
}

Test(settings, the_connection_is_the_one_shard) {
  good();
  cr_assert_eq(open_settings(), ETL_OK, "%s", host.message);
  cr_expect_eq(s.shards_n, 1);
  cr_expect_str_eq(s.shards[0].id, "0");
  cr_expect_eq(s.shards[0].port, 1433);
  cr_expect_str_eq(s.stream, "dbo.logins");
  settings_fini(&s);
}

Test(settings, shards_take_what_they_do_not_say_from_above) {
  good();
  set("port", "1500");
  struct testopts *a = testopts_group(opts, "shards"), *b = testopts_group(opts, "shards");
  testopts_set(a, "id", "eu1");
  testopts_set(b, "id", "eu2");
  testopts_set(b, "host", "db2");
  testopts_set(b, "port", "1600");
  testopts_set(b, "encryption", "off");
  cr_assert_eq(open_settings(), ETL_OK, "%s", host.message);
  cr_expect_str_eq(s.shards[0].host, "db1");
  cr_expect_eq(s.shards[0].port, 1500);
  cr_expect_eq(s.shards[0].encryption, ENCRYPTION_REQUEST);
  cr_expect_str_eq(s.shards[1].host, "db2");
  cr_expect_eq(s.shards[1].port, 1600);
  cr_expect_eq(s.shards[1].encryption, ENCRYPTION_OFF);
  cr_expect_str_neq(s.shards[0].section, s.shards[1].section);
  cr_expect_eq(settings_shard(&s, "eu2"), &s.shards[1]);
  cr_expect_null(settings_shard(&s, "eu3"));
  settings_fini(&s);
}

Test(settings, table_names) {
  static const struct {
    const char *text, *schema, *table;
  } cases[] = {{"logins", "dbo", "logins"},
               {"app.logins", "app", "logins"},
               {"[my schema].[a]]b]", "my schema", "a]b"},
               {"\"a.b\".\"c\"\"d\"", "a.b", "c\"d"}};
  good();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    set("table", cases[i].text);
    cr_assert_eq(open_settings(), ETL_OK, "%s", host.message);
    cr_expect_str_eq(s.schema, cases[i].schema);
    cr_expect_str_eq(s.table, cases[i].table);
    settings_fini(&s);
  }
}

static void refuse_table(const char *text) {
  good();
  set("table", text);
  expect_refused("table", "is not a table name");
}

Test(settings, a_table_of_three_parts) { refuse_table("db.dbo.logins"); }
Test(settings, an_open_bracket) { refuse_table("[dbo.logins"); }
Test(settings, an_empty_part) { refuse_table("dbo."); }
Test(settings, text_behind_a_bracket) { refuse_table("[dbo]x.logins"); }

Test(settings, table_and_query) {
  good();
  set("query", "SELECT 1 AS a");
  expect_refused("table", "more than one of table, tables and query");
}

Test(settings, neither_table_nor_query) {
  set("host", "db1");
  set("user", "etl");
  expect_refused("table", "neither table nor tables nor query");
}

Test(settings, a_shard_without_host) {
  set("user", "etl");
  set("table", "t");
  testopts_set(testopts_group(opts, "shards"), "id", "eu1");
  expect_refused("host", "shard \"eu1\" (test.conf:1) has no host");
}

Test(settings, two_shards_with_one_id) {
  good();
  testopts_set(testopts_group(opts, "shards"), "id", "eu1");
  testopts_set(testopts_group(opts, "shards"), "id", "eu1");
  expect_refused("shards", "two shards have the id \"eu1\"");
}

Test(settings, no_user) {
  set("host", "db1");
  set("table", "t");
  expect_refused("user", "has no user");
}

Test(settings, a_cursor_that_is_not_read) {
  good();
  set("columns", "a|b");
  set("cursor", "b|c");
  expect_refused("columns", "cursor column \"c\"");
}

Test(settings, a_column_twice) {
  good();
  set("cursor", "a|a");
  expect_refused("cursor", "there twice");
}

Test(settings, an_authority_that_checks_nothing) {
  good();
  set("ca_file", "system");
  expect_refused("ca_file", "checks nothing unless encryption is required");
}

Test(settings, where_with_a_query) {
  set("host", "db1");
  set("user", "etl");
  set("query", "SELECT 1 AS a");
  set("where", "a = 1");
  expect_refused("where", "goes with table");
}

Test(settings, a_host_that_freetds_would_misread) {
  good();
  set("host", "db1 # comment");
  expect_refused("host", "is not a host name");
}

Test(settings, an_environment_that_overrides) {
  good();
  setenv("TDSHOST", "elsewhere", 1);
  expect_refused("host", "TDSHOST");
}

Test(settings, every_option_is_documented) {
  for (size_t i = 0; sqlserver_options[i]; i++)
    cr_expect(sqlserver_options[i]->doc && *sqlserver_options[i]->doc, "%s", sqlserver_options[i]->name);
}
