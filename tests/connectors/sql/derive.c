/* derive.so through its ABI. */
#include "drive.h"
#include "tap.h"

static const char *const columns[] = {"id", "l", "name", "u", "price", "g", "born", "tdD", "at", "tsn:UTC", NULL};
static const char *const people[] = {"1", "ann", "12.35", "0", "1500000000", "2", "bob", "1.005", NULL, "1001", "3", NULL, NULL, "1", NULL};

/* Column "x" of that expression and type over the people. */
static int32_t derive(struct drive *d, const char *name, const char *expr, const char *type) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, columns);
  drive_begin(d, "derive", NULL);
  drive_group(d, "columns", (const char *const[]){"name", name, "expr", expr, "type", type, NULL});
  int32_t rc = drive_start(d);
  if (rc == ETL_OK)
    rc = drive_bind(d, &s, NULL);
  if (rc == ETL_OK) {
    drive_batch(d, &s, people, 3, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc;
}

static void gives(struct tap *t, const char *expr, const char *type, const char *want) {
  struct drive d;
  char got[1024] = "";
  int32_t rc = derive(&d, "x", expr, type);
  for (int64_t i = 0; rc == ETL_OK && i < d.out[0].rows.length; i++)
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.200s", i ? " " : "", drive_cell(&d, i, "x"));
  bool ok = rc == ETL_OK && d.t.bad_n == 0 && strcmp(got, want) == 0;
  tap_check(t, ok, __FILE__, __LINE__, "%s as %s is %s", expr, type, want);
  if (!ok)
    printf("# got %s%s%s\n", got, d.t.message, d.t.bad_n ? d.t.bad[0].message : "");
  drive_close(&d);
}

static void values(struct tap *t) {
  gives(t, "id * 2", "int64", "2 4 6");
  gives(t, "price * 3", "decimal(12,2)", "3705/2 302/2 NULL");
  gives(t, "price", "decimal(12,2)", "1235/2 101/2 NULL");
  gives(t, "price * 2.0", "float64", "24.7 2.01 NULL");
  gives(t, "price", "int32", "12 1 NULL");
  gives(t, "upper(name) || '!'", "text", "ANN! BOB! NULL");
  gives(t, "iif(id > 1, 'big', 'small')", "text", "small big big");
  gives(t, "id > 1", "bool", "false true true");
  gives(t, "born", "text", "1970-01-01 NULL 1970-01-02");
  gives(t, "date(born, '+1 month')", "date", "31 NULL 32");
  gives(t, "at", "text", "1970-01-01 00:00:01.5 1970-01-01 00:00:00.000001001 NULL");
  gives(t, "at", "timestamp", "1500000 1 NULL");
  gives(t, "'2024-05-01T10:00:00+02:00'", "timestamptz", "1714550400000000 1714550400000000 1714550400000000");
  gives(t, "json_object('id', id)", "json", "{\"id\":1} {\"id\":2} {\"id\":3}");
  gives(t, "x'00ff'", "bytea", "00ff 00ff 00ff");
  gives(t, "'00112233-4455-6677-8899-aabbccddeeff'", "uuid",
        "00112233445566778899aabbccddeeff 00112233445566778899aabbccddeeff 00112233445566778899aabbccddeeff");
  gives(t, "'12345678901234567.8'", "decimal(38,1)", "123456789012345678/1 123456789012345678/1 123456789012345678/1");
  gives(t, "NULL", "int16", "NULL NULL NULL");
}

static void rejects(struct tap *t, const char *expr, const char *type, const char *why) {
  struct drive d;
  int32_t rc = derive(&d, "x", expr, type);
  bool ok = rc == ETL_OK && d.out[0].rows.length == 2 && d.t.bad_n == 1 && d.t.bad[0].row == 1 && strstr(d.t.bad[0].message, why) &&
            strstr(d.t.bad[0].raw, "\"name\": \"bob\"") && strcmp(drive_cell(&d, 0, "id"), "1") == 0 && strcmp(drive_cell(&d, 1, "id"), "3") == 0;
  tap_check(t, ok, __FILE__, __LINE__, "%s as %s rejects its row: %s", expr, type, why);
  if (!ok)
    printf("# got %zu rejected: %s %s\n", d.t.bad_n, d.t.bad_n ? d.t.bad[0].message : "", d.t.message);
  drive_close(&d);
}

static void bad_values(struct tap *t) {
  rejects(t, "iif(id = 2, 40000, 1)", "int16", "column \"x\": the value cannot become int16: out of the type's range");
  rejects(t, "iif(id = 2, 1000, 1)", "decimal(5,2)", "out of the type's range");
  rejects(t, "iif(id = 2, 2, 1)", "bool", "neither 0 nor 1");
  rejects(t, "iif(id = 2, 'x', '1')", "int32", "cannot become int32");
  rejects(t, "iif(id = 2, 20000, NULL)", "date", "date functions");
  rejects(t, "iif(id = 2, '2024-13-01', NULL)", "timestamp", "not a time");
  rejects(t, "iif(id = 2, x'00', NULL)", "text", "hex()");
  rejects(t, "iif(id = 2, CAST(x'c3' AS TEXT), 'ä')", "text", "not UTF-8");
  rejects(t, "iif(id = 2, '{', '{}')", "json", "not JSON");
  rejects(t, "iif(id = 2, 'z', NULL)", "uuid", "cannot become uuid");
  rejects(t, "iif(id = 2, 1e300 * 1e300, 1)", "decimal(9,2)", "out of the type's range");
  rejects(t, "abs(iif(id = 2, -9223372036854775807 - 1, 1))", "int64", "integer overflow");
}

static void refuses(struct tap *t, const char *name, const char *expr, const char *type, const char *message, const char *remedy) {
  struct drive d;
  int32_t rc = derive(&d, name, expr, type);
  bool ok = rc == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG && strstr(d.t.message, message) && strstr(d.t.remedy, remedy);
  tap_check(t, ok, __FILE__, __LINE__, "%s as %s is refused: %s", expr, type, message);
  if (!ok)
    printf("# got %s; %s\n", d.t.message, d.t.remedy);
  drive_close(&d);
}

static void mistakes(struct tap *t) {
  refuses(t, "x", "prise * 2", "int64", "columns: x: no such column: prise", "did you mean \"price\"?");
  refuses(t, "x", "id, id", "int64", "must be one expression", "");
  refuses(t, "x", "id", "money", "column \"x\": there is no type \"money\"", "decimal(precision,scale)");
  refuses(t, "x", "sum(id) OVER ()", "int64", "its own row only", "use the transformer sql");
  refuses(t, "x", "sum(id)", "int64", "its own row only", "use the transformer sql");
  refuses(t, "", "id", "int64", "without a name", "");
}

/* Several columns: one in the place of an old one, which the other expressions still see. */
static void places(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, columns);
  drive_begin(&d, "derive", NULL);
  drive_group(&d, "columns", (const char *const[]){"name", "NAME", "expr", "id + 1", "type", "int64", NULL});
  drive_group(&d, "columns", (const char *const[]){"name", "greeting", "expr", "'hi ' || name", "type", "text", NULL});
  CHECK(t, drive_start(&d) == ETL_OK);
  for (int i = 0; i < 2; i++) { /* bound anew */
    CHECK(t, drive_bind(&d, &s, (const char *const[]){"id", NULL}) == ETL_OK);
    drive_batch(&d, &s, people, 3, &rows);
    CHECK(t, drive_process(&d, &rows) == ETL_OK);
    CHECK(t, d.out[0].schema.n_children == 6 && strcmp(d.out[0].schema.children[1]->name, "NAME") == 0);
    CHECK_TEXT(t, drive_cell(&d, 1, "NAME"), "3");
    CHECK_TEXT(t, drive_cell(&d, 1, "greeting"), "hi bob");
    CHECK_TEXT(t, drive_cell(&d, 0, "at"), "1500000000");
    CHECK_TEXT(t, d.out[0].key, "id");
  }
  drive_close(&d);
  drive_begin(&d, "derive", NULL);
  drive_group(&d, "columns", (const char *const[]){"name", "x", "expr", "1", "type", "int64", NULL});
  drive_group(&d, "columns", (const char *const[]){"name", "X", "expr", "2", "type", "int64", NULL});
  CHECK(t, drive_start(&d) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "makes column \"X\" twice");
  drive_close(&d);
  drive_begin(&d, "derive", NULL);
  CHECK(t, drive_start(&d) == ETL_FAILED);
  CHECK_HAS(t, d.t.message, "is empty");
  drive_close(&d);
  s.release(&s);
}

/* Without memory it fails and leaks nothing. */
static void memory(struct tap *t) {
  for (int64_t n = 0; n < 30; n++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    drive_schema(&s, columns);
    drive_begin(&d, "derive", NULL);
    drive_group(&d, "columns", (const char *const[]){"name", "x", "expr", "iif(id = 2, 'bad', name)", "type", "int64", NULL});
    drive_group(&d, "columns", (const char *const[]){"name", "y", "expr", "name", "type", "text", NULL});
    bool ok = drive_start(&d) == ETL_OK && drive_bind(&d, &s, NULL) == ETL_OK;
    drive_batch(&d, &s, people, 3, &rows);
    d.allocs_left = n;
    int32_t rc = drive_process(&d, &rows);
    ok = ok && (rc == ETL_OK ? d.out[0].rows.length == 1 : d.t.error.error_class == ETL_E_PERMANENT);
    drive_close(&d);
    s.release(&s);
    ok = ok && testhost_buffers() == 0 && (n > 0 || rc == ETL_FAILED) && (n < 29 || rc == ETL_OK);
    tap_check(t, ok, __FILE__, __LINE__, "with %lld buffers", (long long)n);
  }
}

int main(void) {
  struct tap t = {0};
  values(&t);
  bad_values(&t);
  mistakes(&t);
  places(&t);
  memory(&t);
  return tap_end(&t);
}
