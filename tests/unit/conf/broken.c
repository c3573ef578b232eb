/* What users get to read about broken configurations: the whole text, with file and line. */
#include "loading.h"

TestSuite(broken, .init = loading_init, .fini = tmpdir_leave);

struct broken {
  const char *main, *pipeline; /* etl.conf and pipelines.d/p.conf; NULL: a good one */
  const char *said;
};

static const struct broken cases[] = {
    /* names */
    {NULL, "shedule = \"@daily\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: unknown setting 'shedule' in a pipeline; did you mean 'schedule'?\n"},
    {"pluginn_dirs = [];\n\nnonsense = 1;\n", NULL,
     "etl.conf:1: error: unknown setting 'pluginn_dirs' in etl.conf; did you mean 'plugin_dirs'?\n"
     "etl.conf:3: error: unknown setting 'nonsense' in etl.conf; there are: plugin_dirs, pipeline_dir, cache_dir, quarantine_dir, state, "
     "serve, connections, notify\n"},
    {NULL, GOOD_PIPELINE "epoch = { row = 5;\n  bites = \"1MiB\"; };\n",
     "pipelines.d/p.conf:2: error: unknown setting 'row' in 'epoch'; did you mean 'rows'?\n"
     "pipelines.d/p.conf:3: error: unknown setting 'bites' in 'epoch'; did you mean 'bytes'?\n"},
    /* types and ranges */
    {NULL, GOOD_PIPELINE "error_handling = {\n max_retries = \"many\";\n retry_delay = 10;\n exponential_backoff = 1; };\n",
     "pipelines.d/p.conf:3: error: 'max_retries' wants a whole number, but the text \"many\" is not one; write for instance: "
     "max_retries = 10;\n"
     "pipelines.d/p.conf:4: error: 'retry_delay' wants a duration, but the number 10 is not one; write for instance: retry_delay = "
     "\"10s\";\n"
     "pipelines.d/p.conf:5: error: 'exponential_backoff' wants true or false, but the number 1 is not one; write for instance: "
     "exponential_backoff = true;\n"},
    {NULL, GOOD_PIPELINE "epoch = { time = \"1ms\"; };\nbatch = { rows = 0; };\nmemory = \"1KiB\";\n",
     "pipelines.d/p.conf:2: error: 'time' must be 10ms to 1d, and 1ms is not\n"
     "pipelines.d/p.conf:3: error: 'rows' must be 1 to 1000000, and 0 is not\n"
     "pipelines.d/p.conf:4: error: 'memory' must be 4MiB to 1TiB, and 1KiB is not\n"},
    {NULL, "description = ( \"a\", \"b\" );\nextract = [ 1 ];\nload = { plugin = 5; };\n",
     "pipelines.d/p.conf:1: error: 'description' wants a text, but a list is not one; write for instance: description = \"some "
     "text\";\n"
     "pipelines.d/p.conf:2: error: 'extract' wants a group, but a list is not one; write for instance: extract = { name = value; "
     "};\n"
     "pipelines.d/p.conf:3: error: 'plugin' wants a text, but the number 5 is not one; write for instance: plugin = \"some "
     "text\";\n"},
    {NULL, GOOD_PIPELINE "transforms = { plugin = \"x\"; };\n",
     "pipelines.d/p.conf:2: error: 'transforms' wants a list of groups, but a group is not one; write for instance: transforms = ( "
     "{ name = "
     "value; }, { name = value; } );\n"},
    {NULL, GOOD_PIPELINE "epoch = { rows = 3000000000; };\nbatch = { rows = 99999999999999999999; };\n",
     "pipelines.d/p.conf:2: error: the number 3000000000 is past 32 bits and needs the mark L behind it: write 3000000000L\n"
     "pipelines.d/p.conf:3: error: the number 99999999999999999999 does not fit into 64 bits; write a smaller one\n"},
    /* what is missing */
    {NULL, "description = \"x\";\n",
     "pipelines.d/p.conf: error: 'extract' is missing in a pipeline: Where rows come from: extract = { connection = \"...\"; ... "
     "};\n"
     "pipelines.d/p.conf: error: 'load' is missing in a pipeline: Where rows go: load = { connection = \"...\"; ... };\n"},
    {NULL,
     "extract = { plugin = \"a\"; host = \"${NOT_THERE_1}\"; };\nload = { plugin = \"b\";\n  table = \"x_${NOT_THERE_2}\"; };\n",
     "pipelines.d/p.conf:1: error: 'host': the environment variable NOT_THERE_1 is not set; set it (export NOT_THERE_1=...) or "
     "give a default: "
     "${NOT_THERE_1:-value}\n"
     "pipelines.d/p.conf:3: error: 'table': the environment variable NOT_THERE_2 is not set; set it (export NOT_THERE_2=...) or "
     "give a default: "
     "${NOT_THERE_2:-value}\n"},
    {NULL, "extract = { plugin = \"a\"; password = \"${file:/nowhere/pw}\"; };\nload = { plugin = \"b\"; };\n",
     "pipelines.d/p.conf:1: error: 'password': cannot read '/nowhere/pw': No such file or directory; create the file or name "
     "another in "
     "${file:...}\n"},
    /* connections */
    {"connections = { shards = { plugin = \"sqlserver\"; }; };\n", "extract = { connection = \"shrads\"; };\nload = { };\n",
     "pipelines.d/p.conf:1: error: there is no connection \"shrads\"; did you mean \"shards\"?\n"
     "pipelines.d/p.conf:2: error: this stage does not say which connector it uses; add plugin = \"...\"; or connection = "
     "\"...\";\n"},
    {"connections = {\n  shards = { plugin = \"sqlserver\"; };\n  bare = { host = \"x\"; }; };\n",
     "extract = { connection = \"shards\";\n  plugin = \"postgres\"; };\nload = { connection = \"bare\"; };\n",
     "etl.conf:3: error: connection \"bare\" does not say which connector it is for; add plugin = \"...\";\n"
     "pipelines.d/p.conf:2: error: this stage says plugin = \"postgres\", but its connection \"shards\" (etl.conf:2) is for "
     "\"sqlserver\"; "
     "remove 'plugin' here or use another connection\n"},
    {NULL, "extract = { connection = \"shards\"; };\nload = { plugin = \"b\"; };\n",
     "pipelines.d/p.conf:1: error: there is no connection \"shards\"; add connections = { shards = { plugin = \"...\"; }; }; to "
     "etl.conf\n"},
    /* syntax: one file's does not hide the other's */
    {"state = \"sqlite:///x\";\nstate = \"sqlite:///y\";\n", "schedul = 1;\n" GOOD_PIPELINE,
     "etl.conf:2: error: setting 'state' is set twice; the first time is on line 1: remove one of them\n"
     "pipelines.d/p.conf:1: error: unknown setting 'schedul' in a pipeline; did you mean 'schedule'?\n"},
    {"state = \"nonsense\";\n", "extract = {\n  plugin = \"a\";\nload = { plugin = \"b\"; };\n",
     "etl.conf:1: error: 'state' is no address of a state store; write \"sqlite:///var/lib/etl/etl.db\" (three slashes) or "
     "\"postgresql://host/database\"\n"
     "pipelines.d/p.conf:4: error: syntax error: a '}' is missing for what is opened on line 1\n"},
    {NULL, "description = \"x\nextract = { plugin = \"a\"; };\n",
     "pipelines.d/p.conf:2: error: syntax error: the text that begins here has no closing quote\n"},
    {NULL, "description = daily;\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: syntax error: text is written in quotes: description = \"daily\"\n"},
    {NULL, "@include \"nope.inc\"\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: cannot read 'pipelines.d/nope.inc': No such file or directory; the path after @include starts at the folder "
     "of 'pipelines.d/p.conf'\n"},
    {NULL, "description = \"Gr\xfc\xdf\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf: error: the file is not UTF-8; convert it, for instance with: iconv -f latin1 -t utf-8\n"},
    /* schedules and zones */
    {NULL, "schedule = \"61 * * * *\";\ntimezone = \"Europe/Berln\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: '61' is no minute; write 0 to 59, *, a list 1,2, a range 1-5 or a step */2\n"
     "pipelines.d/p.conf:2: error: there is no time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?\n"},
    {NULL, "schedule = \"0 0 31 2 *\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: warning: the schedule \"0 0 31 2 *\" never fires: no such day exists in any year; look at the day of the month "
     "and the month\n"},
    {NULL, "start_at = \"2026-02-30\";\nend_at = \"soon\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: 'start_at' wants a date or a time, but \"2026-02-30\" is not one; write for instance: start_at = "
     "\"2026-03-01\"; or \"2026-03-01T06:00:00Z\"\n"
     "pipelines.d/p.conf:2: error: 'end_at' wants a date or a time, but \"soon\" is not one; write for instance: end_at = "
     "\"2026-03-01\"; or \"2026-03-01T06:00:00Z\"\n"},
    {NULL, "timezone = \"Asia/Tokyo\";\nstart_at = \"2026-03-01T00:00:00Z\";\nend_at = \"2026-03-01 09:00\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:3: error: 'end_at' (2026-03-01 09:00) is not after 'start_at' (2026-03-01T00:00:00Z); make it later\n"},
    {NULL, "after = [ \"a\",\n  \"b\",\n  \"a\" ];\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:3: error: 'after' names the pipeline 'a' twice; remove one of both\n"},
    {NULL, "catch_up = \"lates\";\non = \"failure\";\n" GOOD_PIPELINE,
     "pipelines.d/p.conf:1: error: 'catch_up' cannot be \"lates\"; did you mean \"latest\"? There are: none, latest or all\n"
     "pipelines.d/p.conf:2: error: 'on' cannot be \"failure\"; write success or any\n"},
    /* settings that do not go together */
    {NULL, GOOD_PIPELINE "error_handling = { retry_delay = \"1h\"; };\nbatch = { bytes = \"64MiB\"; };\nmemory = \"128MiB\";\n",
     "pipelines.d/p.conf: error: 'memory' (128MiB) does not hold four batches of 64MiB; raise 'memory' or lower 'bytes' of "
     "'batch'\n"
     "pipelines.d/p.conf:2: error: 'retry_delay' is 1h, longer than 'max_retry_delay' (15m); make the one shorter or the other "
     "longer\n"},
    {"serve = { worker_memory = \"128MiB\"; };\n", GOOD_PIPELINE "memory = \"128MiB\";\n",
     "pipelines.d/p.conf: warning: 'memory' (128MiB) alone reaches 'worker_memory' of 'serve' (128MiB): a run that fills it is ended; lower the one or "
     "raise the other\n"},
};

Test(broken, texts) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct broken *b = &cases[i];
    tmpdir_write("etl.conf", "%s", b->main ? b->main : "");
    tmpdir_write("pipelines.d/p.conf", "%s", b->pipeline ? b->pipeline : GOOD_PIPELINE);
    expect_said("etl.conf", NULL, b->said);
  }
}

Test(broken, several_files_at_once) {
  tmpdir_write("etl.conf", "stat = \"x\";\n");
  tmpdir_write("pipelines.d/a.conf", "extract = { = };\n");
  tmpdir_write("pipelines.d/b.conf", "extrakt = 1;\n" GOOD_PIPELINE);
  tmpdir_write("pipelines.d/c d.conf", GOOD_PIPELINE);
  expect_said("etl.conf", NULL,
              "etl.conf:1: error: unknown setting 'stat' in etl.conf; did you mean 'state'?\n"
              "pipelines.d/a.conf:1: error: syntax error: a setting is written as name = value; and a name stands inside { }, not "
              "inside ( ) "
              "or [ ]\n"
              "pipelines.d/b.conf:1: error: unknown setting 'extrakt' in a pipeline; did you mean 'extract'?\n"
              "pipelines.d/c d.conf: error: a pipeline's name may hold letters, digits, '_', '.' and '-' only; rename the file\n");
  expect_said("etl.conf", "b",
              "etl.conf:1: error: unknown setting 'stat' in etl.conf; did you mean 'state'?\n"
              "pipelines.d/b.conf:1: error: unknown setting 'extrakt' in a pipeline; did you mean 'extract'?\n");
}

Test(broken, names_that_differ_in_case_alone) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/Logins.conf", GOOD_PIPELINE);
  tmpdir_write("pipelines.d/users.conf", GOOD_PIPELINE);
  tmpdir_write("pipelines.d/logins.conf", GOOD_PIPELINE);
  char *said = load_and_say("etl.conf", NULL, NULL);
  cr_expect(strstr(said, "error: there is a pipeline of the same name but for upper and lower case"), "%s", said);
  free(said);
  expect_said("etl.conf", "logins", "");
}

Test(broken, inside_an_included_file) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/p.conf", "# first\n@include \"common.inc\"\nmemry = \"1GiB\";\n" GOOD_PIPELINE);
  tmpdir_write("pipelines.d/common.inc", "\n\nbatsch = { };\n");
  expect_said("etl.conf", NULL,
              "pipelines.d/common.inc:3: error: unknown setting 'batsch' in a pipeline; did you mean 'batch'?\n"
              "pipelines.d/p.conf:3: error: unknown setting 'memry' in a pipeline; did you mean 'memory'?\n");
  tmpdir_write("pipelines.d/common.inc", "\nepoch = { rows = 3000000000; };\n");
  tmpdir_write("pipelines.d/p.conf", "@include \"common.inc\"\n" GOOD_PIPELINE);
  chmod("pipelines.d/common.inc", 0666);
  expect_said(
      "etl.conf", NULL,
      "pipelines.d/common.inc: error: file 'pipelines.d/common.inc' may be written by every user of this machine, so it is not "
      "trusted; take the permission away: chmod o-w 'pipelines.d/common.inc'\n"
      "pipelines.d/common.inc:2: error: the number 3000000000 is past 32 bits and needs the mark L behind it: write 3000000000L\n");
  tmpdir_write("pipelines.d/p.conf", "# first\n@include \"common.inc\"\nmemry = \"1GiB\";\n" GOOD_PIPELINE);
  tmpdir_write("pipelines.d/common.inc", "memry = 1;\n");
  expect_said("etl.conf", NULL,
              "pipelines.d/p.conf:3: error: a setting on this line is set twice, here and in a file that is included; remove one "
              "of them\n");
}

Test(broken, included_files_that_are_no_text) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/p.conf", "# @include \"comment\"\ndescription = \"@include\";\n@include \"x.inc\"\n" GOOD_PIPELINE);
  mkdir("pipelines.d/x.inc", 0755);
  expect_said("etl.conf", NULL,
              "pipelines.d/p.conf:3: error: cannot read 'pipelines.d/x.inc': Is a directory; the path after @include starts at the folder of "
              "'pipelines.d/p.conf'\n");
  rmdir("pipelines.d/x.inc");
  tmpdir_write("pipelines.d/x.inc", "\n@include \"y.inc\"\n");
  cr_assert_eq(mkfifo("pipelines.d/y.inc", 0600), 0);
  expect_said("etl.conf", NULL,
              "pipelines.d/x.inc:2: error: cannot read 'pipelines.d/y.inc': it is no file, but a pipe, device or socket; the path after @include "
              "starts at the folder of 'pipelines.d/p.conf'\n");
  tmpdir_write("pipelines.d/x.inc", "batch = { note = \"Gr\xfc\xdf\"; };\n");
  expect_said("etl.conf", NULL, "pipelines.d/x.inc: error: the file is not UTF-8; convert it, for instance with: iconv -f latin1 -t utf-8\n");
  tmpdir_write("pipelines.d/x.inc", "\nmemory = \"1GiB;\n");
  expect_said("etl.conf", NULL, "pipelines.d/x.inc:2: error: syntax error: the text that begins here has no closing quote\n");
  tmpdir_write("pipelines.d/x.inc", "@include \"/y.inc\"\n");
  expect_said("etl.conf", NULL,
              "pipelines.d/x.inc:1: error: cannot read 'pipelines.d//y.inc': it is no file, but a pipe, device or socket; the path after @include "
              "starts at the folder of 'pipelines.d/p.conf'\n");
  tmpdir_write("pipelines.d/x.inc", "@include \"x.inc\"\n");
  expect_said("etl.conf", NULL,
              "pipelines.d/x.inc:1: error: include file nesting too deep; the path after @include starts at the folder of 'pipelines.d/p.conf'\n");
}

Test(broken, files_that_others_may_write) {
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/p.conf", GOOD_PIPELINE);
  chmod("pipelines.d/p.conf", 0666);
  expect_said("etl.conf", NULL,
              "pipelines.d/p.conf: error: file 'pipelines.d/p.conf' may be written by every user of this machine, so it is not "
              "trusted; take "
              "the permission away: chmod o-w 'pipelines.d/p.conf'\n");
  chmod("pipelines.d/p.conf", 0644);
  chmod("pipelines.d", 0777);
  expect_said(
      "etl.conf", NULL,
      "pipelines.d: error: directory 'pipelines.d' may be written by every user of this machine, so it is not trusted; take the "
      "permission away: chmod o-w 'pipelines.d'\n");
  chmod("pipelines.d", 0755);
  tmpdir_write("main/etl.conf", "pipeline_dir = \"../pipelines.d\";\n");
  chmod("main", 01777);
  expect_said("main/etl.conf", NULL, "");
  chmod("main", 0777);
  expect_said("main/etl.conf", NULL,
              "main: error: directory 'main' may be written by every user of this machine, so it is not trusted; take the permission away: chmod o-w "
              "'main'\n");
}

Test(broken, a_secret_is_not_shown) {
  tmpdir_write("pw", "hunter2\n");
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/p.conf", "memory = \"${file:../pw}\";\n" GOOD_PIPELINE);
  expect_said(
      "etl.conf", NULL,
      "pipelines.d/p.conf:1: error: 'memory' wants a size, but the text given here (not shown, since it may be secret) is not one; "
      "write for instance: memory = \"16MiB\";\n");
}

Test(broken, no_such_files) {
  expect_said("nowhere.conf", NULL, "nowhere.conf: error: cannot read the file: No such file or directory\n");
  expect_said(".", NULL, ".: error: cannot read the file: Is a directory\n");
  cr_assert_eq(mkfifo("pipe.conf", 0600), 0);
  expect_said("pipe.conf", NULL, "pipe.conf: error: cannot read the file: it is no file, but a pipe, device or socket\n");
  FILE *f = fopen("zero.conf", "w");
  cr_assert_eq(fwrite("a = 1;\0", 1, 7, f), 7);
  fclose(f);
  expect_said("zero.conf", NULL, "zero.conf: error: the file holds a zero byte, so it is no text\n");
  tmpdir_write("etl.conf", "%s", "");
  tmpdir_write("pipelines.d/logins.conf", GOOD_PIPELINE);
  expect_said("etl.conf", "login", "error: there is no pipeline 'login'; did you mean 'logins'?\n");
  expect_said("etl.conf", "../etl",
              "error: there is no pipeline '../etl': 'pipelines.d' has no file ../etl.conf; one that exists is: logins\n");
  tmpdir_write("etl.conf", "pipeline_dir = \"nowhere\";\n");
  expect_said("etl.conf", NULL,
              "nowhere: error: cannot read the folder of the pipelines: No such file or directory; create it, or name another as "
              "'pipeline_dir' in 'etl.conf'\n");
}
