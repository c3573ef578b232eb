/* A stage to JSON and back: the worker sees what the host saw. */
#include "loading.h"

TestSuite(stage, .init = loading_init, .fini = tmpdir_leave);

static void expect_same(const struct conf_node *a, const struct conf_node *b) {
  cr_expect_eq(a->kind, b->kind);
  cr_expect_eq(a->secret, b->secret);
  cr_expect_eq(a->i, b->i);
  cr_expect_float_eq(a->f, b->f, 1e-15);
  cr_expect(a->name == b->name || strcmp(a->name, b->name) == 0);
  cr_expect_str_eq(a->origin, b->origin);
  cr_expect_str_eq(a->base_dir, b->base_dir);
  cr_expect(a->text == b->text || strcmp(a->text, b->text) == 0);
  cr_assert_eq(a->kids_n, b->kids_n);
  for (size_t i = 0; i < a->kids_n; i++)
    expect_same(a->kids[i], b->kids[i]);
}

Test(stage, there_and_back) {
  tmpdir_write("pw", "s3cret\n");
  tmpdir_write("etl.conf", "connections = { c = { plugin = \"p\"; password = \"${file:pw}\"; big = 5000000000L; }; };\n");
  tmpdir_write("pipelines.d/p.conf",
               "extract = { connection = \"c\"; yes = true; ratio = 0.1; name = \"Grüße \\\"x\\\"\"; list = [ \"a\", \"b\" ];\n"
               "  groups = ( { id = 1; }, { id = 2; sub = { x = \"y\"; }; } ); };\nload = { plugin = \"l\"; };\n");
  struct conf *c;
  char *said = load_and_say("etl.conf", NULL, &c);
  cr_assert_str_eq(said, "");
  free(said);
  const struct conf_stage *s = &c->pipelines[0].extract;
  json_t *j = conf_stage_to_json(s);
  char *text = json_dumps(j, 0); /* as it travels */
  json_decref(j);
  j = json_loads(text, 0, NULL);
  free(text);
  struct arena *a = arena_new();
  struct conf_stage back;
  cr_assert_eq(conf_stage_from_json(j, a, &back), 0);
  json_decref(j);
  cr_expect_str_eq(back.plugin, "p");
  cr_expect_str_eq(back.connection, "c");
  cr_expect_str_eq(back.origin, s->origin);
  cr_expect_str_eq(back.base_dir, s->base_dir);
  expect_same(s->options, back.options);
  cr_expect(conf_node_find(back.options, "password")->secret);
  cr_expect_str_eq(conf_node_find(back.options, "password")->base_dir, tmpdir_path);
  arena_free(a);
  conf_free(c);
}

Test(stage, json_that_is_none) {
  static const char *const bad[] = {"{}",
                                    "[]",
                                    "{\"plugin\": \"x\"}",
                                    "{\"plugin\": \"x\", \"options\": {\"kind\": 1, \"text\": \"a\"}}",
                                    "{\"plugin\": \"x\", \"options\": {\"kind\": 6, \"kids\": [{\"kind\": 1, \"name\": \"a\"}]}}",
                                    "{\"plugin\": \"x\", \"options\": {\"kind\": 6, \"kids\": [{\"kind\": 1, \"text\": \"a\"}]}}",
                                    "{\"plugin\": \"x\", \"options\": {\"kind\": 99}}"};
  struct arena *a = arena_new();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    json_t *j = json_loads(bad[i], 0, NULL);
    struct conf_stage s;
    cr_expect_eq(conf_stage_from_json(j, a, &s), -1, "%s", bad[i]);
    json_decref(j);
  }
  arena_free(a);
}

Test(stage, what_the_host_wants_of_extract_is_no_option) {
  struct conf *c;
  tmpdir_write("etl.conf", "\n");
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"e\"; table = \"t\"; parallelism = 8; limits = { sessions = 4; bytes_per_second = \"20MiB\"; }; };\n"
                                     "load = { plugin = \"l\"; parallelism = 8; };\n");
  tmpdir_write("pipelines.d/q.conf", GOOD_PIPELINE);
  char *said = load_and_say("etl.conf", NULL, &c);
  cr_assert_str_eq(said, "");
  free(said);
  const struct conf_pipeline *p = conf_pipeline_find(c, "p"), *q = conf_pipeline_find(c, "q");
  cr_expect_eq(p->parallelism, 8);
  cr_expect_eq(p->limits.sessions, 4);
  cr_expect_eq(p->limits.bytes_per_second, 20 << 20);
  cr_expect_eq(p->limits.rows_per_second, 0);
  cr_expect_eq(p->extract.options->kids_n, 1);
  cr_expect_eq(p->load.options->kids_n, 1, "of other stages it is an option of the connector");
  cr_expect_eq(q->parallelism, 1);
  cr_expect_eq(q->limits.sessions, 0);
  conf_free(c);
}

Test(stage, what_the_host_wants_of_extract_is_checked) {
  tmpdir_write("etl.conf", "\n");
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"e\"; parallelism = 65; limits = { session = 4; }; };\nload = { plugin = \"l\"; };\n");
  expect_said("etl.conf", NULL, "pipelines.d/p.conf:1: error: 'parallelism' must be 1 to 64, and 65 is not\n"
                                "pipelines.d/p.conf:1: error: unknown setting 'session' in 'limits'; did you mean 'sessions'?\n");
}
