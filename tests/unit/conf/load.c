/* Configurations that are right: what becomes of them. */
#include "loading.h"

TestSuite(load, .init = loading_init, .fini = tmpdir_leave);

static struct conf *load(const char *path, const char *only) {
  struct conf *c;
  char *said = load_and_say(path, only, &c);
  cr_assert_str_eq(said, "", "%s", said);
  free(said);
  return c;
}

Test(load, defaults) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/p.conf", GOOD_PIPELINE);
  setenv("XDG_CACHE_HOME", "/some/cache", 1);
  struct conf *c = load("etl.conf", NULL);
  cr_assert_eq(c->pipelines_n, 1);
  const struct conf_pipeline *p = &c->pipelines[0];
  cr_expect_str_eq(p->name, "p");
  cr_expect_str_eq(p->file, "pipelines.d/p.conf");
  cr_expect_str_eq(p->description, "");
  cr_expect_null(p->schedule);
  cr_expect_str_eq(p->timezone, "UTC");
  cr_expect_eq(p->zone, &zone_utc);
  cr_expect_eq(p->when.kind, SCHEDULE_NONE);
  cr_expect_eq(p->start_at_ns, 0);
  cr_expect_eq(p->end_at_ns, 0);
  cr_expect_eq(p->jitter_ns, 0);
  cr_expect_eq(p->catch_up, CATCH_UP_LATEST);
  cr_expect_eq(p->on, ON_SUCCESS);
  cr_expect_eq(p->after_n, 0);
  cr_expect(p->enabled && !p->interval);
  cr_expect_eq(p->retry.jitter_ns, 0);
  cr_expect_eq(p->epoch_bytes, 64 << 20);
  cr_expect_eq(p->epoch_time_ns, 10000000000);
  cr_expect_eq(p->retry.max_retries, 3);
  cr_expect_eq(p->retry.retry_delay_ns, 5000000000);
  cr_expect(p->retry.exponential_backoff);
  cr_expect_eq(p->breaker.threshold, 0);
  cr_expect_eq(p->transforms_n, 0);
  cr_expect_str_eq(c->cache_dir, "/some/cache/etl");
  cr_expect_eq(c->plugin_dirs[0][0], '/', "the installed folder");
  cr_expect_null(c->plugin_dirs[1]);
  cr_expect_str_eq(conf_pipeline_names(c)[0], "p");
  cr_expect_null(conf_pipeline_names(c)[1]);
  cr_expect_eq(conf_pipeline_find(c, "p"), p);
  cr_expect_null(conf_pipeline_find(c, "q"));
  conf_free(c);
}

Test(load, everything_written) {
  setenv("DEPTH", "7", 1);
  setenv("ETL_PLUGIN_PATH", "/first:rel::/second", 1);
  tmpdir_write("etl.conf", "plugin_dirs = [ \"plugins\", \"/third\" ]; cache_dir = \"c\"; state = \"postgresql://h/d\";\n"
                           "connections = { sh = { plugin = \"s\"; user = \"u\"; port = 1; nested = { a = 1; }; }; };\n");
  tmpdir_write(
      "pipelines.d/p.conf",
      "description = \"d\"; schedule = \"*/5 8-18 * * mon-fri\"; timezone = \"Europe/Berlin\";\n"
      "extract = { connection = \"sh\"; port = \"${DEPTH}\"; shards = ( { id = \"a\"; } ); };\n"
      "transforms = ( { plugin = \"t1\"; }, { plugin = \"t2\"; x = 1.5; } );\n"
      "load = { plugin = \"l\"; };\n"
      "epoch = { rows = 5; bytes = \"1MiB\"; time = \"1s\"; };\nbatch = { rows = 10; bytes = \"64KiB\"; };\nmemory = 8388608;\n"
      "stall_timeout = \"0\";\n"
      "error_handling = { max_retries = 0; retry_delay = \"1s\"; max_retry_delay = \"2s\"; exponential_backoff = false; "
      "retry_timeout = \"1h30m\"; };\n"
      "circuit_breaker = { threshold = 3; cooldown = \"5m\"; };\n");
  struct conf *c = load("etl.conf", NULL);
  const struct conf_pipeline *p = &c->pipelines[0];
  cr_expect_str_eq(p->schedule, "*/5 8-18 * * mon-fri");
  cr_expect_eq(p->epoch_rows, 5);
  cr_expect_eq(p->batch_bytes, 65536);
  cr_expect_eq(p->memory_bytes, 8 << 20);
  cr_expect_eq(p->stall_timeout_ns, 0);
  cr_expect_eq(p->retry.max_retries, 0);
  cr_expect_not(p->retry.exponential_backoff);
  cr_expect_eq(p->retry.retry_timeout_ns, 5400ll * 1000000000);
  cr_expect_eq(p->breaker.threshold, 3);
  cr_expect_eq(p->breaker.cooldown_ns, 300ll * 1000000000);
  cr_expect_str_eq(c->state, "postgresql://h/d");

  char want[8192];
  const char *const dirs[] = {"/first", "rel", "/second", "plugins", "/third"};
  for (int i = 0; i < 5; i++) {
    snprintf(want, sizeof want, "%s%s%s", dirs[i][0] == '/' ? "" : tmpdir_path, dirs[i][0] == '/' ? "" : "/", dirs[i]);
    cr_expect_str_eq(c->plugin_dirs[i], want);
  }
  cr_expect_null(c->plugin_dirs[5]);

  cr_expect_str_eq(p->extract.plugin, "s");
  cr_expect_str_eq(p->extract.connection, "sh");
  cr_expect_str_eq(p->extract.origin, "pipelines.d/p.conf:2");
  const struct conf_node *o = p->extract.options;
  cr_expect_eq(o->kids_n, 4);
  cr_expect_str_eq(conf_node_find(o, "user")->text, "u");
  cr_expect_str_eq(conf_node_find(o, "user")->origin, "etl.conf:2");
  cr_expect_str_eq(conf_node_find(o, "user")->base_dir, tmpdir_path, "a path in etl.conf starts at its folder");
  snprintf(want, sizeof want, "%s/pipelines.d", tmpdir_path);
  cr_expect_str_eq(conf_node_find(o, "port")->base_dir, want);
  cr_expect_str_eq(p->extract.base_dir, want);
  cr_expect_str_eq(conf_node_find(o, "port")->text, "7", "the stage's own wins");
  cr_expect_str_eq(conf_node_find(o, "port")->origin, "pipelines.d/p.conf:2");
  cr_expect_eq(conf_node_find(o, "nested")->kind, CONF_GROUP);
  cr_expect_eq(conf_node_find(o, "shards")->kids[0]->kind, CONF_GROUP);
  cr_expect_null(conf_node_find(o, "plugin"));
  cr_assert_eq(p->transforms_n, 2);
  cr_expect_str_eq(p->transforms[1].plugin, "t2");
  cr_expect_str_eq(conf_node_find(p->transforms[1].options, "x")->text, "1.5");
  conf_free(c);
}

Test(load, when_it_runs) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/a.conf", "schedule = \"30 2 * * *\"; timezone = \"Europe/Berlin\"; start_at = \"2026-03-29 02:30\";\n"
                                     "end_at = \"2026-12-31T23:59:59.5-01:30\"; jitter = \"30s\"; catch_up = \"all\"; priority = -5;\n"
                                     "interval = true; enabled = false; run_timeout = \"2h\"; error_handling = { jitter = \"3s\"; };\n" GOOD_PIPELINE);
  tmpdir_write("pipelines.d/b.conf", "after = [ \"a\",\n\"c\" ]; on = \"any\"; timezone = \"Europe/Berlin\";\n" GOOD_PIPELINE);
  tmpdir_write("pipelines.d/c.conf", "after = \"a\";\n" GOOD_PIPELINE);
  struct conf *c = load("etl.conf", NULL);
  const struct conf_pipeline *a = &c->pipelines[0], *b = &c->pipelines[1];
  cr_expect_eq(a->when.kind, SCHEDULE_CRON);
  cr_expect_eq(a->when.hours, 4);
  cr_expect_eq(a->start_at_ns, 1774746000ll * 1000000000, "a time that clocks skip is the end of the gap");
  cr_expect_eq(a->end_at_ns, 1798766999500000000ll);
  cr_expect_eq(a->jitter_ns, 30000000000);
  cr_expect_eq(a->catch_up, CATCH_UP_ALL);
  cr_expect_eq(a->priority, -5);
  cr_expect(a->interval && !a->enabled);
  cr_expect_eq(a->run_timeout_ns, 7200ll * 1000000000);
  cr_expect_eq(a->retry.jitter_ns, 3000000000);
  cr_assert_eq(b->after_n, 2);
  cr_expect_str_eq(b->after[1].name, "c");
  cr_expect_str_eq(b->after[1].origin, "pipelines.d/b.conf:2");
  cr_expect_eq(b->on, ON_ANY);
  cr_expect_eq(a->zone, b->zone, "a zone is read once");
  cr_assert_eq(c->pipelines[2].after_n, 1);
  cr_expect_str_eq(c->pipelines[2].after[0].name, "a");
  conf_free(c);
}

Test(load, only_one_pipeline) {
  tmpdir_write(
      "etl.conf",
      "connections = { used = { plugin = \"a\"; user = \"x\"; }; other = { plugin = \"b\"; user = \"${NOT_SET}\"; }; };\n");
  tmpdir_write("pipelines.d/good.conf", "extract = { connection = \"used\"; }; load = { plugin = \"b\"; };\n");
  tmpdir_write("pipelines.d/bad.conf", "nonsense");
  tmpdir_write("pipelines.d/.hidden.conf", "nonsense");
  tmpdir_write("pipelines.d/good.conf~", "nonsense");
  struct conf *c = load("etl.conf", "good");
  cr_assert_eq(c->pipelines_n, 1, "neither another pipeline's mistakes nor an unused connection's variables matter");
  conf_free(c);
}

Test(load, sorted_by_name_and_found_from_elsewhere) {
  tmpdir_write("sub/etl.conf", "%s", "");
  for (const char *p = "cab"; *p; p++) {
    char name[64];
    snprintf(name, sizeof name, "sub/pipelines.d/%c.conf", *p);
    tmpdir_write(name, GOOD_PIPELINE);
  }
  setenv("ETL_CONF", "sub/etl.conf", 1);
  struct conf *c = load(NULL, NULL);
  cr_assert_eq(c->pipelines_n, 3);
  cr_expect_str_eq(c->pipelines[0].name, "a");
  cr_expect_str_eq(c->pipelines[2].name, "c");
  cr_expect_str_eq(c->pipelines[0].file, "sub/pipelines.d/a.conf");
  conf_free(c);
}

Test(load, usual_places) {
  tmpdir_write("etl.conf", "%s", "");
  struct conf *c = load(NULL, NULL);
  cr_expect_str_eq(c->file, "etl.conf");
  conf_free(c);
  tmpdir_write("conf/etl.conf", "pipeline_dir = \"../pipelines.d\";\n");
  c = load(NULL, NULL);
  cr_expect_str_eq(c->file, "conf/etl.conf", "./conf/etl.conf comes before ./etl.conf");
  conf_free(c);
}

Test(load, nothing_at_all_has_defaults_for_listing_plugins) {
  struct diags d = {0};
  struct conf *c = NULL;
  tmpdir_write("etl.conf", "connections = { x = { user = \"${NOT_SET}\"; }; };\n");
  cr_assert_eq(conf_load_main("etl.conf", &d, &c), 0);
  cr_expect_eq(d.n, 0);
  cr_expect_eq(c->pipelines_n, 0);
  conf_free(c);
}
