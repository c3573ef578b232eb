/* Every type from an Arrow batch into a file and back, through csv.so and jsonl.so, with NULLs, packed and plain. */
#include <math.h>
#include <stdlib.h>

#include "shelf.h"
#include "tap.h"

enum {
  ROWS = 5
};

static const struct {
  const char *name, *format, *extension, *type;
} columns[] = {{"b", "b", NULL, "bool"},
               {"i16", "s", NULL, "int16"},
               {"i32", "i", NULL, "int32"},
               {"i64", "l", NULL, "int64"},
               {"f32", "f", NULL, "float32"},
               {"f64", "g", NULL, "float64"},
               {"dec", "d:38,6", NULL, "decimal(38,6)"},
               {"txt", "u", NULL, "text"},
               {"bin", "z", NULL, "binary"},
               {"day", "tdD", NULL, "date"},
               {"tim", "ttu", NULL, "time"},
               {"ts", "tsu:", NULL, "timestamp"},
               {"tz", "tsu:UTC", NULL, "timestamptz"},
               {"uid", "w:16", "arrow.uuid", "uuid"},
               {"js", "u", "arrow.json", "json"}};
enum {
  COLUMNS = sizeof columns / sizeof *columns
};

static const struct values {
  bool b;
  int64_t i;
  double f;
  const char *text, *bytes;
  int64_t day, time, stamp;
} values[ROWS] = {{true, 1, 0.1, "plain", "\x01\x02", 0, 0, 0},
                  {false, -32768, -1e300, "a \"b\",;\t|\r\nc", "\xff", -719162, 86399999999, -62135596800000000},
                  {true, 32767, 1e-9, "", "", 2932896, 1, 253402300799999999},
                  {false, 0, 123456789.0, " 123 ", "\\", 20000, 3600000000, 1700000000123456},
                  {true, 5, 3, "NULL \xc3\xa4\xf0\x9f\x98\x80 \\x41 #", "abc", -1, 43200500000, -1}};

static void add_value(struct etl_batch *b, int64_t col, const struct values *v, int row) {
  static const uint8_t uuid[16] = {0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  static const char *const json[] = {"{\"a\": [1, \"x,y\"]}", "\"text\"", "true", "1.50", "[]"};
  __int128 decimal = (__int128)v->i * 1000000000000000000 * 1000000000000 + v->i;
  switch (col) {
  case 0: etl_batch_bool(b, col, v->b); break;
  case 1: etl_batch_i16(b, col, (int16_t)v->i); break;
  case 2: etl_batch_i32(b, col, (int32_t)v->i * 65536); break;
  case 3: etl_batch_i64(b, col, v->i * INT64_C(281474976710656)); break;
  case 4: etl_batch_f32(b, col, (float)v->f); break;
  case 5: etl_batch_f64(b, col, v->f); break;
  case 6: etl_batch_fixed(b, col, &decimal); break;
  case 7: etl_batch_bytes(b, col, v->text, strlen(v->text)); break;
  case 8: etl_batch_bytes(b, col, v->bytes, strlen(v->bytes)); break;
  case 9: etl_batch_i32(b, col, (int32_t)v->day); break;
  case 10: etl_batch_i64(b, col, v->time); break;
  case 11:
  case 12: etl_batch_i64(b, col, v->stamp); break;
  case 13: etl_batch_fixed(b, col, uuid); break;
  default: etl_batch_bytes(b, col, json[row], strlen(json[row]));
  }
}

/* In row r the column r mod ROWS and every ROWS-th behind it are NULL, so that each is in some row. */
static void make(struct desk *d, struct ArrowSchema *schema, struct ArrowArray *rows) {
  struct etl_batch b;
  int rc = etl_schema_init(schema, COLUMNS);
  for (int i = 0; i < COLUMNS; i++)
    rc |= etl_schema_set(schema, i, columns[i].name, columns[i].format, true, columns[i].type, columns[i].extension);
  rc |= etl_batch_init(&b, &d->t.host, schema, ROWS);
  for (int r = 0; r < ROWS; r++) {
    rc |= etl_batch_row(&b);
    for (int c = 0; c < COLUMNS; c++)
      if (c % ROWS == r)
        rc |= etl_batch_null(&b, c);
      else
        add_value(&b, c, &values[r], r);
  }
  rc |= etl_batch_finish(&b, rows);
  etl_batch_fini(&b);
  if (rc != 0)
    abort();
}

static void round_trip(struct tap *t, const char *connector, const char *ending, const char *const *extra) {
  struct desk d;
  struct shelf s;
  struct ArrowSchema schema;
  struct ArrowArray rows;
  char path[64], *want[ROWS];
  const char *write[16] = {"path", path}, *read[2 * COLUMNS + 16] = {"path", path};
  char forced[COLUMNS][64];
  desk_init(&d, connector);
  make(&d, &schema, &rows);
  for (int i = 0; i < ROWS; i++)
    want[i] = etl_row_json(&schema, &rows, i);
  snprintf(path, sizeof path, "@/t.%s", ending);
  size_t n = 2;
  for (; extra[n - 2]; n++)
    write[n] = read[n] = extra[n - 2];
  tap_check(t, shelf_begin(&s, &d, "r1", write) == ETL_OK, __FILE__, __LINE__, "%s %s: begin %s", connector, ending, d.t.message);
  tap_check(t, shelf_epoch_write(&s, "a", 1, &schema, &rows, SHELF_ALL) == ETL_OK, __FILE__, __LINE__, "%s %s: write %s", connector, ending,
            d.t.message);
  shelf_drop(&s);
  snprintf(path, sizeof path, "@/t-a-000001.%s", ending);
  for (int i = 0; i < COLUMNS; i++) {
    snprintf(forced[i], sizeof forced[i], "%s %s", columns[i].name, columns[i].type);
    read[n++] = "column";
    read[n++] = forced[i];
  }
  int32_t rc = desk_read(&d, read);
  tap_check(t, rc == ETL_OK && d.rows_n == ROWS && d.t.bad_n == 0, __FILE__, __LINE__, "%s %s: read %zu rows, %zu bad %s %s", connector, ending,
            d.rows_n, d.t.bad_n, d.t.message, d.t.bad_n ? d.t.bad[0].message : "");
  for (int i = 0; i < ROWS; i++) {
    if (!tap_check(t, desk_has_row(&d, want[i]), __FILE__, __LINE__, "%s %s: row %d comes back", connector, ending, i))
      fprintf(stderr, "wanted %s\nhave\n%s", want[i], d.rows);
    free(want[i]);
  }
  etl_schema_release(&schema);
  desk_fini(&d);
}

static void quoted(struct tap *t, const char *quoting, const char *null, const char *want) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv", "quoting", quoting, "null", null)) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, (const char *const[]){"1", "x y", "2", "", "3", NULL, "4", "a,b", "5", "NULL", "6", " x"}, 6) == ETL_OK);
  shelf_drop(&s);
  char *text = desk_slurp(&d, "t-a-000001.csv", NULL);
  tap_check(t, text && strcmp(text, want) == 0, __FILE__, __LINE__, "quoting = %s", quoting);
  free(text);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/*.csv", "null", null)) == ETL_OK && d.rows_n == 6);
  CHECK(t, desk_has_row(&d, "{\"id\": 2, \"name\": \"\"}") && desk_has_row(&d, "{\"id\": 3, \"name\": null}"));
  desk_fini(&d);
}

/* Without forced types: the quotes tell texts from numbers. */
static void guessed(struct tap *t) {
  struct desk d;
  struct shelf s;
  desk_init(&d, "csv");
  CHECK(t, shelf_begin(&s, &d, "r1", OPTIONS("path", "@/t.csv")) == ETL_OK);
  CHECK(t, shelf_rows(&s, "a", 1, SHELF_ALL, (const char *const[]){"1", "1", "2", "2026-01-01", "3", "true"}, 3) == ETL_OK);
  shelf_drop(&s);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/*.csv")) == ETL_OK);
  CHECK_TEXT(t, d.types, "id:l name:u");
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  round_trip(&t, "csv", "csv", OPTIONS("delimiter", ","));
  round_trip(&t, "csv", "csv.gz", OPTIONS("delimiter", "tab"));
  round_trip(&t, "csv", "csv.zst", OPTIONS("quote", "'"));
  round_trip(&t, "csv", "csv", OPTIONS("delimiter", "|"));
  quoted(&t, "needed", "NULL", "id,name\n1,x y\n2,\"\"\n3,NULL\n4,\"a,b\"\n5,\"NULL\"\n6,\" x\"\n");
  quoted(&t, "needed", "", "id,name\n1,x y\n2,\"\"\n3,\n4,\"a,b\"\n5,NULL\n6,\" x\"\n");
  quoted(&t, "all", "", "\"id\",\"name\"\n\"1\",\"x y\"\n\"2\",\"\"\n\"3\",\n\"4\",\"a,b\"\n\"5\",\"NULL\"\n\"6\",\" x\"\n");
  quoted(&t, "text", "", "id,name\n1,\"x y\"\n2,\"\"\n3,\n4,\"a,b\"\n5,\"NULL\"\n6,\" x\"\n");
  round_trip(&t, "jsonl", "jsonl", OPTIONS("compression", "none"));
  round_trip(&t, "jsonl", "jsonl.gz", OPTIONS("compression", "gzip"));
  round_trip(&t, "jsonl", "jsonl.zst", OPTIONS("compression", "auto"));
  guessed(&t);
  return tap_end(&t);
}
