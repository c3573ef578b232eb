/* lua.so through its ABI: what a script reads, sets and returns, its errors, its limits, its sandbox. */
#include <stdlib.h>
#include <unistd.h>

#include "drive.h"
#include "tap.h"

/* A script that sets column out of that type. */
static int32_t open_script(struct drive *d, const char *script, const char *type, const char *const *more) {
  const char *options[16] = {"script", script};
  size_t n = 2;
  for (size_t i = 0; more && more[i]; i++)
    options[n++] = more[i];
  drive_begin(d, "lua", options);
  drive_group(d, "columns", (const char *const[]){"name", "out", "type", type, NULL});
  return drive_start(d);
}

static int32_t feed(struct drive *d, const char *const *names, const char *const *cells, size_t n) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, names);
  int32_t rc = drive_bind(d, &s, (const char *const[]){names[0], NULL});
  if (rc == ETL_OK) {
    drive_batch(d, &s, cells, n, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc;
}

static const struct {
  const char *expression, *format, *value, *type, *want; /* want NULL: the row is set aside with part of the message in value 2 */
  const char *message;
} values[] = {
    {"row.v + 1", "l", "41", "int64", "42", NULL},
    {"row.v", "s", "-5", "int16", "-5", NULL},
    {"row.v * 2", "l", "20000", "int16", NULL, "column \"out\": the value cannot become int16: out of the type's range"},
    {"row.v / 2", "l", "7", "int64", "4", NULL},
    {"row.v / 2", "l", "7", "float64", "3.5", NULL},
    {"row.v / 2", "l", "8", "int32", "4", NULL},
    {"1/0", "l", "8", "int32", NULL, "cannot become int32"},
    {"row.v", "l", NULL, "int64", "NULL", NULL},
    {"row.v == nil", "l", NULL, "bool", "true", NULL},
    {"math.type(row.v)", "l", "1", "text", "integer", NULL},
    {"math.type(row.v)", "g", "1", "text", "float", NULL},
    {"type(row.v)", "b", "true", "text", "boolean", NULL},
    {"not row.v", "b", "true", "bool", "false", NULL},
    {"row.v .. '!'", "u", "h\xc3\xa9", "text", "h\xc3\xa9!", NULL},
    {"row.v:upper()", "u", "abc", "text", "ABC", NULL},
    {"row.v:sub(1, 2)", "u", "h\xc3\xa9", "text", NULL, "column \"out\": the value cannot become text: not UTF-8"},
    {"row.v", "tdD", "1", "text", "1970-01-02", NULL},
    {"row.v", "tdD", "1", "date", "1", NULL},
    {"row.v", "tsu:UTC", "1500000", "text", "1970-01-01 00:00:01.5+00", NULL},
    {"'1.50' * 2", "l", "1", "decimal(6,2)", "300/2", NULL},
    {"0.1 + 0.2", "l", "1", "decimal(6,2)", "30/2", NULL},
    {"'{\"a\": 1}'", "l", "1", "json", "{\"a\": 1}", NULL},
    {"'{'", "l", "1", "json", NULL, "not JSON"},
    {"'\\0\\255'", "l", "1", "bytea", "00ff", NULL},
    {"1.5", "l", "1", "text", "1.5", NULL},
    {"true", "l", "1", "text", "true", NULL},
    {"{}", "l", "1", "text", NULL, "column \"out\": a table cannot be a value"},
    {"row.w", "l", "1", "text", NULL, "script:1: there is no column \"w\" (those that the script makes are named in `columns`)"},
    {"nil + 1", "l", "1", "text", NULL, "script:1: attempt to perform arithmetic on a nil value"},
    {"error('mine')", "l", "1", "text", NULL, "script:1: mine"},
    {"error('a\\nb\\255')", "l", "1", "text", NULL, "lua: script:1: a b\\xff"},
    {"error({})", "l", "1", "text", NULL, "an error that is no text"},
    {"os.date('!%Y', 0)", "l", "1", "text", "1970", NULL},
    {"setmetatable({}, {__index = {x = 'y'}}).x", "l", "1", "text", "y", NULL},
    {"getmetatable(setmetatable({}, nil)) == nil", "l", "1", "bool", "true", NULL},
    {"setmetatable({})", "l", "1", "text", NULL, "nil or table expected"},
    {"pcall(error, 'x') == false", "l", "1", "bool", "true", NULL},
    {"select(2, pcall(error, 'x'))", "l", "1", "text", "x", NULL},
};

static void test_values(struct tap *t) {
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct drive d;
    char script[256];
    snprintf(script, sizeof script, "function process(row) row.out = %s return row end", values[i].expression);
    bool ok = open_script(&d, script, values[i].type, NULL) == ETL_OK &&
              feed(&d, (const char *const[]){"v", values[i].format, NULL}, &values[i].value, 1) == ETL_OK;
    const char *got = !ok ? d.t.message : d.t.bad_n ? d.t.bad[0].message : drive_cell(&d, 0, "out");
    ok = ok && (values[i].want ? strcmp(got, values[i].want) == 0 : d.t.bad_n == 1 && strstr(got, values[i].message));
    tap_check(t, ok, __FILE__, __LINE__, "%s is %s", values[i].expression, values[i].want ? values[i].want : values[i].message);
    if (!ok)
      printf("# got %s\n", got);
    drive_close(&d);
  }
}

static const char *const names[] = {"id", "l", "out", "u", NULL};
static const char *const cells[] = {"1", "a", "2", "b", "3", NULL, "4", "d"};

static void test_results(struct tap *t) {
  static const char script[] = "function process(row)\n"
                               "  if row.id == 1 then return nil end\n"
                               "  if row.id == 2 then return { { out = row.out .. 1 }, { out = row.out .. 2 }, false, row } end\n"
                               "  if row.id == 3 then return {}, { out = 'x' } end\n"
                               "  return row\n"
                               "end\n";
  struct drive d;
  CHECK(t, open_script(&d, script, "text", NULL) == ETL_OK && feed(&d, names, cells, 4) == ETL_OK);
  CHECK(t, d.out[0].rows.length == 6 && d.t.bad_n == 0);
  CHECK_TEXT(t, d.out[0].key, "id");
  CHECK_TEXT(t, drive_cell(&d, 0, "out"), "b1");
  CHECK_TEXT(t, drive_cell(&d, 1, "out"), "b2");
  CHECK_TEXT(t, drive_cell(&d, 1, "id"), "2");
  CHECK_TEXT(t, drive_cell(&d, 2, "out"), "b");
  CHECK_TEXT(t, drive_cell(&d, 3, "out"), "NULL");
  CHECK_TEXT(t, drive_cell(&d, 4, "out"), "x");
  CHECK_TEXT(t, drive_cell(&d, 4, "id"), "3");
  CHECK_TEXT(t, drive_cell(&d, 5, "out"), "d");
  drive_close(&d);
}

/* What a row had made when it failed is taken back, and what it had set is forgotten. */
static void test_taken_back(struct tap *t) {
  static const char script[] = "function process(row)\n"
                               "  if row.id == 1 then row.out = 'set' end\n"
                               "  if row.id == 2 then return { out = 'one' }, { oops = 2 } end\n"
                               "  if row.id == 3 then row.id = 5 end\n"
                               "  return row\n"
                               "end\n";
  struct drive d;
  CHECK(t, open_script(&d, script, "text", NULL) == ETL_OK && feed(&d, names, cells, 4) == ETL_OK);
  CHECK(t, d.out[0].rows.length == 2 && d.t.bad_n == 2 && d.t.bad[0].row == 1);
  CHECK_TEXT(t, d.t.bad[0].message, "lua: a row that process() returned has \"oops\", which is not among the option columns");
  CHECK_TEXT(t, d.t.bad[0].raw, "{\"id\": 2, \"out\": \"b\"}");
  CHECK_TEXT(t, d.t.bad[1].message, "lua: script:4: column \"id\" cannot be set: it is not among the option columns");
  CHECK_TEXT(t, drive_cell(&d, 0, "out"), "set");
  CHECK_TEXT(t, drive_cell(&d, 1, "out"), "d");
  drive_close(&d);
}

static void test_columns(struct tap *t) {
  static const char script[] = "local n = 0\n"
                               "function process(row)\n"
                               "  local seen = {}\n"
                               "  for name, value in pairs(row) do seen[#seen + 1] = name .. '=' .. tostring(value) end\n"
                               "  table.sort(seen)\n"
                               "  n = n + 1\n"
                               "  return { all = table.concat(seen, ','), n = n }\n"
                               "end\n";
  struct drive d;
  drive_begin(&d, "lua", (const char *const[]){"script", script, "keep_columns", "false", NULL});
  drive_group(&d, "columns", (const char *const[]){"name", "n", "type", "int32", NULL});
  drive_group(&d, "columns", (const char *const[]){"name", "all", NULL});
  CHECK(t, drive_start(&d) == ETL_OK && feed(&d, names, cells, 3) == ETL_OK);
  CHECK(t, d.out[0].schema.n_children == 2 && strcmp(d.out[0].schema.children[0]->name, "n") == 0);
  CHECK_TEXT(t, d.out[0].key, "-");
  CHECK_TEXT(t, drive_cell(&d, 0, "all"), "all=nil,id=1,n=nil,out=a");
  CHECK_TEXT(t, drive_cell(&d, 2, "all"), "all=nil,id=3,n=nil,out=nil");
  CHECK_TEXT(t, drive_cell(&d, 2, "n"), "3");
  drive_close(&d);
}

static void test_limits(struct tap *t) {
  static const struct {
    const char *body, *message;
  } limits[] = {
      {"while true do end", "more than 5000 instructions for one row"},
      {"while true do pcall(function() while true do end end) end", "more than 5000 instructions for one row"},
      {"local s = 'x' while true do s = s .. s end", "the script needs more memory than the option memory gives it"},
      {"local function f() return f() + 1 end f()", "stack overflow"},
      {"setmetatable({}, {__gc = function() while true do end end})", "a metatable with __gc"},
      {"setmetatable({}, {__gc = true})", "a metatable with __gc"},
      {"return 7", "process() returned a number; return the row"},
      {"return {{{}}}", "process() returned a list in a list"},
  };
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct drive d;
    char script[256];
    bool deep = strstr(limits[i].message, "stack") != NULL;
    snprintf(script, sizeof script, "function process(row) if row.id == 1 then %s end return row end", limits[i].body);
    CHECK(t, open_script(&d, script, "text",
                         (const char *const[]){"memory", deep ? "256MiB" : "1MiB", "instructions", deep ? "9999999" : "5000",
                                               NULL}) == ETL_OK);
    CHECK(t, feed(&d, names, cells, 2) == ETL_OK && d.t.bad_n == 1 && d.out[0].rows.length == 1);
    CHECK_HAS(t, d.t.bad[0].message, limits[i].message);
    drive_close(&d);
  }
}

static void test_cancel(struct tap *t) {
  struct drive d;
  CHECK(t, open_script(&d, "function process(row) while true do pcall(error) end end", "text",
                       (const char *const[]){"instructions", "1000000000000", NULL}) == ETL_OK);
  testhost_cancel(&d.t);
  CHECK(t, feed(&d, names, cells, 1) == ETL_STOPPED && d.t.bad_n == 0);
  drive_close(&d);
}

static void test_sandbox(struct tap *t) {
  static const char *const gone[] = {
      "io",     "os.execute", "os.exit", "os.getenv",      "os.remove", "package",     "require",   "debug",
      "dofile", "loadfile",   "load",    "collectgarbage", "xpcall",    "string.dump", "coroutine", "getmetatable(row).__index"};
  for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
    struct drive d;
    char script[256];
    snprintf(script, sizeof script,
             "function process(row) local ok, v = pcall(function() return %s end) row.out = tostring(ok and v) return row end",
             gone[i]);
    CHECK(t, open_script(&d, script, "text", NULL) == ETL_OK && feed(&d, names, cells, 1) == ETL_OK && d.t.bad_n == 0);
    bool ok = strcmp(drive_cell(&d, 0, "out"), "nil") == 0 || strcmp(drive_cell(&d, 0, "out"), "false") == 0;
    tap_check(t, ok, __FILE__, __LINE__, "there is no %s", gone[i]);
    drive_close(&d);
  }
}

static void refused(struct tap *t, const char *script, const char *message) {
  struct drive d;
  CHECK(t, open_script(&d, script, "text", (const char *const[]){"instructions", "5000", NULL}) == ETL_FAILED &&
               d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, message);
  CHECK_TEXT(t, d.t.option, "script");
  drive_close(&d);
}

static void test_refusals(struct tap *t) {
  refused(t, "function process(row)\n  return row\n", "lua: script:3: 'end' expected (to close 'function' at line 1) near <eof>");
  refused(t, "x = 1", "lua: it has no function process(row)");
  refused(t, "\nx.y = 1", "lua: script:2: attempt to index a nil value (global 'x')");
  refused(t, "while true do end", "more than 5000 instructions");
  refused(t, "\033Lua", "attempt to load a binary chunk");
}

static void test_file(struct tap *t) {
  struct drive d;
  char path[] = "lua-XXXXXX";
  int fd = mkstemp(path);
  CHECK(t, fd >= 0 && dprintf(fd, "function process(row)\n  print('id', row.id)\n  return row.x\nend\n") > 0 && close(fd) == 0);
  drive_begin(&d, "lua", (const char *const[]){"file", path, NULL});
  CHECK(t, drive_start(&d) == ETL_OK && feed(&d, names, cells, 1) == ETL_OK);
  CHECK(t, testhost_logged(&d.t, ETL_LOG_INFO, "lua: id 1") && d.t.bad_n == 1);
  CHECK_HAS(t, d.t.bad[0].message, ":3: there is no column \"x\"");
  CHECK_HAS(t, d.t.bad[0].message, path);
  drive_close(&d);
  unlink(path);
  drive_begin(&d, "lua", (const char *const[]){"file", path, NULL});
  CHECK(t, drive_start(&d) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "No such file");
  drive_close(&d);
}

static void test_no_memory(struct tap *t) {
  int64_t n = 0;
  for (bool done = false; !done && n < 100; n++) {
    struct drive d;
    open_script(&d, "function process(row) if row.id == 2 then return nil end row.out = row.id .. row.out return row end", "text",
                NULL);
    d.allocs_left = n;
    done = feed(&d, names, cells, 2) == ETL_OK;
    if (!done && d.t.error.error_class != ETL_E_PERMANENT)
      tap_check(t, false, __FILE__, __LINE__, "an error at allocation %d", (int)n);
    drive_close(&d);
  }
  CHECK(t, n > 3 && n < 100);
}

int main(void) {
  struct tap t = {0};
  test_values(&t);
  test_results(&t);
  test_taken_back(&t);
  test_columns(&t);
  test_limits(&t);
  test_cancel(&t);
  test_sandbox(&t);
  test_refusals(&t);
  test_file(&t);
  test_no_memory(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
