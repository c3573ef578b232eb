/* sql.so through its ABI. */
#include "drive.h"
#include "tap.h"

static const char *const columns[] = {"id", "l", "country", "u", "price", "g", "at", "tsn:UTC", NULL};
static const char *const logins[] = {"1", "DE", "10.5", "1500000001", "2", "FR", "2.25", "0", "3", "DE", "1", NULL, "4", NULL, NULL, "7"};

static int32_t query_with(struct drive *d, const char *query, const char *option, const char *text, const char *const *key) {
  struct ArrowSchema s;
  struct ArrowArray rows;
  drive_schema(&s, columns);
  int32_t rc = drive_open(d, "sql", (const char *const[]){"query", query, option, text, NULL});
  if (rc == ETL_OK)
    rc = drive_bind(d, &s, key);
  if (rc == ETL_OK) {
    drive_batch(d, &s, logins, 4, &rows);
    rc = drive_process(d, &rows);
  }
  s.release(&s);
  return rc;
}

/* Names and formats of the columns, then the rows: "day:u,n:l|DE,2|FR,1". */
static void shown(struct drive *d, char *to, size_t size) {
  size_t n = 0;
  const struct ArrowSchema *s = &d->out[0].schema;
  for (int64_t i = 0; i < s->n_children; i++)
    n += (size_t)snprintf(to + n, size - n, "%s%s:%s", i ? "," : "", s->children[i]->name, s->children[i]->format);
  for (int64_t r = 0; d->out[0].rows.release && r < d->out[0].rows.length; r++)
    for (int64_t i = 0; i < s->n_children; i++)
      n += (size_t)snprintf(to + n, size - n, "%s%.99s", i ? "," : "|", drive_cell(d, r, s->children[i]->name));
}

static void gives(struct tap *t, const char *query, const char *types, const char *want) {
  struct drive d;
  char got[2048] = "";
  int32_t rc = query_with(&d, query, types ? "types" : NULL, types, NULL);
  if (rc == ETL_OK)
    shown(&d, got, sizeof got);
  bool ok = rc == ETL_OK && strcmp(got, want) == 0;
  tap_check(t, ok, __FILE__, __LINE__, "%s gives %s", query, want);
  if (!ok)
    printf("# got %s%s\n", got, d.t.message);
  drive_close(&d);
}

static void queries(struct tap *t) {
  gives(t, "SELECT id, country FROM batch WHERE id < 3", NULL, "id:l,country:u|1,DE|2,FR");
  gives(t, "SELECT id AS login, at AS \"when\" FROM batch ORDER BY id DESC LIMIT 2;", NULL, "login:l,when:tsn:UTC|4,7|3,NULL");
  gives(t, "SELECT * FROM batch WHERE at IS NOT NULL AND id = 1", NULL, "id:l,country:u,price:g,at:tsn:UTC|1,DE,10.5,1500000001");
  gives(t, "SELECT country, count(*) AS n, sum(price) AS total FROM batch WHERE country > '' GROUP BY country", NULL,
        "country:u,n:l,total:g|DE,2,11.5|FR,1,2.25");
  gives(t, "SELECT sum(price) AS total, min(country) AS c, max(id) AS m FROM batch", "total=decimal(9,2)|m=int16",
        "total:d:9,2,c:u,m:s|1375/2,DE,4");
  gives(t, "SELECT a.id AS a, b.id AS b FROM batch a JOIN batch b ON a.country = b.country AND a.id < b.id", NULL, "a:l,b:l|1,3");
  gives(t, "WITH c AS MATERIALIZED (SELECT * FROM batch) SELECT b.id FROM batch b JOIN c USING (country) WHERE c.id = 3", NULL, "id:l|1|3");
  gives(t, "SELECT b.id, e.value AS v FROM batch b, json_each('[7,8]') e WHERE b.id = 1", "v=int32", "id:l,v:i|1,7|1,8");
  gives(t, "SELECT upper(e.value) AS v FROM batch b, json_each('[\"x\"]', substr(b.country, 1, 0) || '$') e WHERE b.id = 1", NULL, "v:u|X");
  gives(t, "SELECT count(e.value) AS n FROM batch b, json_each(json_array(b.country)) e", NULL, "n:l|3");
  gives(t, "SELECT id FROM batch WHERE 0", NULL, "id:l");
  gives(t, "SELECT row_number() OVER (ORDER BY id DESC) AS n, id FROM batch", NULL, "n:l,id:l|1,4|2,3|3,2|4,1");
  gives(t, "SELECT CAST(NULL AS text) AS n FROM batch LIMIT 1", "n=text", "n:u|NULL");
}

static void fails(struct tap *t, const char *query, const char *option, const char *text, uint32_t class, const char *message,
                  const char *remedy) {
  struct drive d;
  int32_t rc = query_with(&d, query, option, text, NULL);
  bool ok = rc == ETL_FAILED && d.t.error.error_class == class && strstr(d.t.message, message) && strstr(d.t.remedy, remedy);
  tap_check(t, ok, __FILE__, __LINE__, "%s fails: %s", query, message);
  if (!ok)
    printf("# got %s; %s\n", d.t.message, d.t.remedy);
  drive_close(&d);
}

static void mistakes(struct tap *t) {
  fails(t, "SELECT cuontry FROM batch", NULL, NULL, ETL_E_CONFIG, "no such column: cuontry", "did you mean \"country\"");
  fails(t, "SELECT 1 AS a FROM other", NULL, NULL, ETL_E_CONFIG, "no such table: other", "");
  fails(t, "SELECT id FROM batch; SELECT 1", NULL, NULL, ETL_E_CONFIG, "must be one statement", "");
  fails(t, "-- nothing", NULL, NULL, ETL_E_CONFIG, "must be one statement", "");
  fails(t, "CREATE TABLE t(x)", NULL, NULL, ETL_E_CONFIG, "not authorized", "");
  fails(t, "ATTACH 'x.db' AS x", NULL, NULL, ETL_E_CONFIG, "not authorized", "");
  fails(t, "PRAGMA user_version", NULL, NULL, ETL_E_CONFIG, "not authorized", "");
  fails(t, "BEGIN", NULL, NULL, ETL_E_CONFIG, "not authorized", "");
  fails(t, "DELETE FROM batch", NULL, NULL, ETL_E_CONFIG, "", "");
  fails(t, "UPDATE sqlite_master SET type = 'x'", NULL, NULL, ETL_E_CONFIG, "may not be modified", "");
  fails(t, "SELECT id, country AS id FROM batch", NULL, NULL, ETL_E_CONFIG, "two columns of the output have the name \"id\"", "AS");
  fails(t, "SELECT NULL AS a FROM batch", NULL, NULL, ETL_E_CONFIG, "not plain which type the query gives column \"a\"", "types =");
  fails(t, "SELECT id FROM batch", "types", "idd=text", ETL_E_CONFIG, "the output has no column \"idd\"", "");
  fails(t, "SELECT id FROM batch", "types", "id=money", ETL_E_CONFIG, "there is no type \"money\"", "decimal");
  fails(t, "SELECT id FROM batch", "key", "at", ETL_E_CONFIG, "the output has no column \"at\"", "");
  fails(t, "SELECT id FROM batch", "types", "id=date", ETL_E_DATA, "column \"id\" of the output does not fit its type date", "");
  fails(t, "SELECT json_extract('{' || country, '$.a') AS a FROM batch", "types", "a=text", ETL_E_DATA, "malformed JSON", "CASE");
}

/* The key of the input holds when the output has all of its columns; key names another. */
static void keys(struct tap *t) {
  struct drive d;
  const char *const key[] = {"id", NULL};
  CHECK(t, query_with(&d, "SELECT id FROM batch", NULL, NULL, key) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "id");
  drive_close(&d);
  CHECK(t, query_with(&d, "SELECT country FROM batch", NULL, NULL, key) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "-");
  drive_close(&d);
  CHECK(t, query_with(&d, "SELECT country, count(*) AS n FROM batch GROUP BY 1", "key", "country", key) == ETL_OK);
  CHECK_TEXT(t, d.out[0].key, "country");
  drive_close(&d);
}

/* A decimal with more digits than a floating point number has passes unharmed. */
static void decimals(struct tap *t) {
  struct drive d;
  struct ArrowSchema s;
  struct ArrowArray rows;
  struct etl_batch b;
  const __int128 values[] = {(__int128)1234567890123456789, -5};
  drive_schema(&s, (const char *const[]){"v", "d:38,4", NULL});
  CHECK(t, drive_open(&d, "sql", (const char *const[]){"query", "SELECT v FROM batch ORDER BY CAST(v AS REAL)", NULL}) == ETL_OK);
  CHECK(t, drive_bind(&d, &s, NULL) == ETL_OK && etl_batch_init(&b, &d.t.host, &s, 2) == 0);
  for (size_t k = 0; k < 2; k++) {
    CHECK(t, etl_batch_row(&b) == 0);
    etl_batch_fixed(&b, 0, &values[k]);
  }
  CHECK(t, etl_batch_finish(&b, &rows) == 0 && drive_process(&d, &rows) == ETL_OK);
  CHECK_TEXT(t, drive_cell(&d, 0, "v"), "-5/4");
  CHECK_TEXT(t, drive_cell(&d, 1, "v"), "1234567890123456789/4");
  etl_batch_fini(&b);
  drive_close(&d);
  s.release(&s);
}

/* Without memory it fails and leaks nothing. */
static void memory(struct tap *t) {
  for (int64_t n = 0; n < 20; n++) {
    struct drive d;
    struct ArrowSchema s;
    struct ArrowArray rows;
    drive_schema(&s, columns);
    bool ok = drive_open(&d, "sql", (const char *const[]){"query", "SELECT country, id FROM batch", NULL}) == ETL_OK &&
              drive_bind(&d, &s, NULL) == ETL_OK;
    drive_batch(&d, &s, logins, 4, &rows);
    d.allocs_left = n;
    int32_t rc = drive_process(&d, &rows);
    ok = ok && (rc == ETL_OK ? d.out[0].rows.length == 4 : d.t.error.error_class == ETL_E_PERMANENT);
    drive_close(&d);
    s.release(&s);
    ok = ok && testhost_buffers() == 0 && (n > 0 || rc == ETL_FAILED) && (n < 19 || rc == ETL_OK);
    tap_check(t, ok, __FILE__, __LINE__, "with %lld buffers", (long long)n);
  }
}

int main(void) {
  struct tap t = {0};
  queries(&t);
  mistakes(&t);
  keys(&t);
  decimals(&t);
  memory(&t);
  return tap_end(&t);
}
