/* csv.so as an extractor. */
#include <sys/resource.h>

#include "desk.h"
#include "tap.h"

static void types_and_nulls(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,price,ok,day,at,zip,note\n"
                         "1,1.50,true,2026-01-31,2026-01-31T10:00:00Z,01234,\"a \"\"b\"\"\nc\"\n"
                         "-2,10.125,false,2026-02-01,2026-02-01T00:00:00+01:00,00001,\"\"\n"
                         ",,,,,,\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK);
  CHECK_TEXT(t, d.stream_name, "a");
  CHECK_TEXT(t, d.types, "id:l price:d:38,3 ok:b day:tdD at:tsu:UTC zip:u note:u");
  CHECK(t, d.rows_n == 3);
  CHECK(t, desk_has_row(&d, "{\"id\": 1, \"price\": \"1.500\", \"ok\": true, \"day\": \"2026-01-31\", \"at\": \"2026-01-31T10:00:00Z\", "
                            "\"zip\": \"01234\", \"note\": \"a \\\"b\\\"\\nc\"}"));
  CHECK(t, desk_has_row(&d, "{\"id\": -2, \"price\": \"10.125\", \"ok\": false, \"day\": \"2026-02-01\", \"at\": \"2026-01-31T23:00:00Z\", "
                            "\"zip\": \"00001\", \"note\": \"\"}"));
  CHECK(t, desk_has_row(&d, "{\"id\": null, \"price\": null, \"ok\": null, \"day\": null, \"at\": null, \"zip\": null, \"note\": null}"));
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK && d.rows_n == 0);
  desk_fini(&d);
}

/* Each line that is no record of the table is set aside with its place; its neighbours land. */
static void bad_records(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  static const char text[] = "id,name\n"
                             "1,one\n"
                             "two,2\n"
                             "3\n"
                             "4,four,4\n"
                             "5,\"five\" x\n"
                             "6,s\0x\n"
                             "7,\xff\n"
                             "8,\"a\nb\"\n"
                             "9,in \"the\" middle\r\n"
                             "99999999999999999999,big\n"
                             "10,\"never closed\n"
                             "11,eleven\n";
  DESK_TEXT(&d, "a.csv", text);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "column", "id int64")) == ETL_OK);
  CHECK(t, d.rows_n == 4 && d.t.bad_n == 8);
  CHECK(t, desk_has_row(&d, "{\"id\": 1, \"name\": \"one\"}") && desk_has_row(&d, "{\"id\": 8, \"name\": \"a\\nb\"}"));
  CHECK(t, desk_has_row(&d, "{\"id\": 9, \"name\": \"in \\\"the\\\" middle\"}") && desk_has_row(&d, "{\"id\": 11, \"name\": \"eleven\"}"));
  CHECK_HAS(t, d.t.bad[0].message, "a.csv:3: column \"id\": \"two\" is no int64");
  CHECK_TEXT(t, d.t.bad[0].raw, "two,2");
  CHECK(t, d.t.bad[0].column == 0 && d.t.bad[0].error_class == ETL_E_DATA);
  CHECK_HAS(t, d.t.bad[1].message, "a.csv:4: the record has 1 cell, and 2 are expected");
  CHECK_HAS(t, d.t.bad[2].message, "a.csv:5: the record has 3 cells, and 2 are expected");
  CHECK_HAS(t, d.t.bad[3].message, "a.csv:6: there is text behind a closing quote");
  CHECK_HAS(t, d.t.bad[4].message, "a.csv:7: column \"name\": the text holds a NUL byte");
  CHECK_HAS(t, d.t.bad[5].message, "a.csv:8: column \"name\": the text holds a NUL byte or is not UTF-8");
  CHECK_HAS(t, d.t.bad[6].message, "a.csv:12: column \"id\"");
  CHECK_HAS(t, d.t.bad[7].message, "a.csv:13: a quote is opened and never closed");
  CHECK_TEXT(t, d.t.bad[7].raw, "10,\"never closed");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv")) == ETL_OK && d.rows_n == 0 && d.t.bad_n == 0);
  d.t.bad_limit = 2;
  desk_forget(&d);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "column", "id int64")) == ETL_FAILED);
  desk_fini(&d);
}

static void ragged(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,name,x\n1,a,2\n3,b\n4,c,5,,\n6,d,7,8\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "ragged", "pad")) == ETL_OK && d.rows_n == 3 && d.t.bad_n == 1);
  CHECK(t, desk_has_row(&d, "{\"id\": 3, \"name\": \"b\", \"x\": null}") && desk_has_row(&d, "{\"id\": 4, \"name\": \"c\", \"x\": 5}"));
  desk_fini(&d);
}

/* A line too long for memory is passed without being held; the one behind it is read. */
static void long_lines(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  desk_shell(&d,
             "{ echo 'id,name'; echo '1,a'; printf '2,'; head -c 40000000 /dev/zero | tr '\\0' x; echo; echo '3,c'; printf '4,\"'; head -c 3000000 "
             "/dev/zero | tr '\\0' '\\n'; echo '\"'; } > a.csv");
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "max_line", "1MiB", "header", "true")) == ETL_OK);
  getrusage(RUSAGE_SELF, &after);
  tap_check(t, after.ru_maxrss - before.ru_maxrss < 20000, __FILE__, __LINE__, "a line of 40 MB costs %ld KiB", after.ru_maxrss - before.ru_maxrss);
  CHECK(t, d.rows_n == 2 && d.t.bad_n == 3);
  CHECK_HAS(t, d.t.bad[0].message, "a.csv:3: the line is longer than max_line (1048576 bytes)");
  CHECK(t, strncmp(d.t.bad[0].raw, "2,xxx", 5) == 0 && desk_has_row(&d, "{\"id\": 3, \"name\": \"c\"}"));
  CHECK_HAS(t, d.t.bad[1].message, "a.csv:5: a quote is opened here and not closed within max_line bytes");
  desk_forget(&d);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "max_cell", "1MiB", "max_line", "64MiB")) == ETL_OK && d.t.bad_n == 2 && d.rows_n == 2);
  CHECK_HAS(t, d.t.bad[0].message, "a.csv:3: column \"name\": the value is longer than max_cell");
  desk_fini(&d);
}

static void reads(struct tap *t, const char *text, const char *option, const char *value, const char *types, const char *row) {
  struct desk d;
  desk_init(&d, "csv");
  desk_write(&d, "a.csv", text, strlen(text), false);
  int32_t rc = desk_read(&d, OPTIONS("path", "@/a.csv", option, value));
  bool ok = rc == ETL_OK && strcmp(d.types, types) == 0 && desk_has_row(&d, row);
  tap_check(t, ok, __FILE__, __LINE__, "%s = %s gives %s", option, value, types);
  if (!ok)
    fprintf(stderr, "got %s\n%s%s", d.types, d.rows, d.t.message);
  desk_fini(&d);
}

static void dialects(struct tap *t) {
  reads(t, "a;b\n1,5;2\n", "sample", "100", "a:u b:l", "{\"a\": \"1,5\", \"b\": 2}");
  reads(t, "a\tb\n1\t2\n", "sample", "100", "a:l b:l", "{\"a\": 1, \"b\": 2}");
  reads(t, "a|b\nx, y|2\n", "sample", "100", "a:u b:l", "{\"a\": \"x, y\", \"b\": 2}");
  reads(t, "a:b\n1:2\n", "delimiter", ":", "a:l b:l", "{\"a\": 1, \"b\": 2}");
  reads(t, "a,b\n'x''y, z',2\n", "quote", "'", "a:u b:l", "{\"a\": \"x'y, z\", \"b\": 2}");
  reads(t, "a,b\n\"x\\\"y\\\\\",2\n", "escape", "\\", "a:u b:l", "{\"a\": \"x\\\"y\\\\\", \"b\": 2}");
  reads(t, "1,x\n2,y\n", "header", "auto", "column_1:l column_2:u", "{\"column_1\": 1, \"column_2\": \"x\"}");
  reads(t, "1,x\n2,y\n", "header", "true", "1:l x:u", "{\"1\": 2, \"x\": \"y\"}");
  reads(t, "a,b\nc,d\n", "header", "false", "column_1:u column_2:u", "{\"column_1\": \"a\", \"column_2\": \"b\"}");
  reads(t, "1,x\n2,y\n", "column", "id int32", "id:i column_2:u", "{\"id\": 2, \"column_2\": \"y\"}");
  reads(t, "a,a,\n1,2,3\n", "header", "true", "a:l a_2:l column_3:l", "{\"a\": 1, \"a_2\": 2, \"column_3\": 3}");
  reads(t, "a,b\n1,NULL\n\\N,2\n", "null", "NULL|\\N", "a:l b:l", "{\"a\": null, \"b\": 2}");
  reads(t, "a,b\n\"NULL\",1\nx,2\n", "null", "NULL", "a:u b:l", "{\"a\": \"NULL\", \"b\": 1}");
  reads(t, "made by x\n\na,b\n1,2\n", "skip", "2", "a:l b:l", "{\"a\": 1, \"b\": 2}");
  reads(t, "# x\na,b\n#1,1\n1,2\n", "comment", "#", "a:l b:l", "{\"a\": 1, \"b\": 2}");
  reads(t, "a,b\n31.12.2025,2\n", "column", "a date %d.%m.%Y", "a:tdD b:l", "{\"a\": \"2025-12-31\", \"b\": 2}");
  reads(t, ",name,age\n0,bob,3\n1,eve,4\n", "header", "auto", "column_1:l name:u age:l", "{\"column_1\": 1, \"name\": \"eve\", \"age\": 4}");
  reads(t, "id,id\n1,2\n", "header", "auto", "id:l id_2:l", "{\"id\": 1, \"id_2\": 2}");
  reads(t, "abc,,\nx,1,2\n", "header", "auto", "column_1:u column_2:l column_3:l", "{\"column_1\": \"abc\", \"column_2\": null, \"column_3\": null}");
  reads(t, "only\n1\n\n2\n", "header", "auto", "only:l", "{\"only\": null}");
  reads(t, "\xef\xbb\xbf" "a,b\n1,2\n", "sample", "100", "a:l b:l", "{\"a\": 1, \"b\": 2}");
  reads(t, "a,b\n\xe4\x80,2\n", "encoding", "windows-1252", "a:u b:l", "{\"a\": \"\u00e4\u20ac\", \"b\": 2}");
  reads(t, "a,b\n0.5,1e5\n-1,2\n", "sample", "100", "a:d:38,1 b:g", "{\"a\": \"0.5\", \"b\": 100000}");
}

/* A number that its column cannot hold is no number of it. */
static void out_of_range(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "f,g\n1.5,1e308\n1e39,1\n1e-60,1\n-3.5e38,1\n1,1e309\n1,1e-400\ninf,-inf\n3.4028234e38,0\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "column", "f float32", "column", "g float64")) == ETL_OK);
  CHECK(t, d.rows_n == 3 && d.t.bad_n == 5);
  CHECK_HAS(t, d.t.bad[0].message, "a.csv:3: column \"f\": \"1e39\" is no float32");
  CHECK_HAS(t, d.t.bad[3].message, "a.csv:6: column \"g\": \"1e309\" is no float64");
  desk_fini(&d);
}

static void refused_options(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "a,b\n1,2\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "column", "c int64")) == ETL_FAILED && d.t.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, d.t.message, "no file of `path` has the column \"c\"");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "column", "a number")) == ETL_FAILED && strcmp(d.t.option, "columns") == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "delimiter", "ab")) == ETL_FAILED && strcmp(d.t.option, "delimiter") == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "encoding", "klingon")) == ETL_FAILED && strcmp(d.t.option, "encoding") == 0);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/b*.csv")) == ETL_FAILED && strcmp(d.t.option, "path") == 0);
  CHECK_HAS(t, d.t.message, "no file matches");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/none.csv")) == ETL_FAILED && d.t.error.vendor_code == 2);
  desk_fini(&d);
}

/* Each field has a column of its own, whatever the names in the header. */
static void same_names(struct tap *t) {
  reads(t, "a,a_3,a\n1,2,3\n", "header", "true", "a:l a_3:l a_4:l", "{\"a\": 1, \"a_3\": 2, \"a_4\": 3}");
  reads(t, "a,a,a_2\n1,2,3\n", "header", "true", "a:l a_3:l a_2:l", "{\"a\": 1, \"a_3\": 2, \"a_2\": 3}");
  reads(t, "column_2,\n1,2\n", "header", "true", "column_2:l column_3:l", "{\"column_2\": 1, \"column_3\": 2}");
  reads(t, "1,2\n3,4\n", "column", "column_2 int64", "column_2:l column_3:l", "{\"column_2\": 3, \"column_3\": 4}");
}

/* A header that is no UTF-8 fails its own lane. */
static void undecoded_header(struct tap *t) {
  struct desk d;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id,stra\xdf" "e\n1,x\n");
  DESK_TEXT(&d, "b.csv", "id,name\n2,y\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/*.csv")) == ETL_FAILED && d.t.error.error_class == ETL_E_DATA && strcmp(d.t.option, "encoding") == 0);
  CHECK_HAS(t, d.t.message, "a.csv: cell 2 of its header is not UTF-8, or has a NUL byte");
  CHECK(t, d.rows_n == 1 && desk_has_row(&d, "{\"id\": 2, \"name\": \"y\"}"));
  desk_forget(&d);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.csv", "encoding", "latin1")) == ETL_OK && desk_has_row(&d, "{\"id\": 1, \"stra\u00dfe\": \"x\"}"));
  desk_write(&d, "c.csv", "i\0d,name\n1,x\n", 14, false);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/c.csv")) == ETL_FAILED && strstr(d.t.message, "c.csv: cell 1 of its header"));
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  types_and_nulls(&t);
  bad_records(&t);
  ragged(&t);
  long_lines(&t);
  dialects(&t);
  same_names(&t);
  undecoded_header(&t);
  out_of_range(&t);
  refused_options(&t);
  return tap_end(&t);
}
