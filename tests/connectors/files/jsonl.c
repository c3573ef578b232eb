/* jsonl.so as an extractor. */
#include "desk.h"
#include "tap.h"

static void types(struct tap *t) {
  struct desk d;
  desk_init(&d, "jsonl");
  DESK_TEXT(&d, "a.jsonl",
            "{\"id\": 1, \"price\": 1.50, \"f\": 1e3, \"ok\": true, \"at\": \"2026-01-31T10:00:00Z\", \"s\": \"\\u00e4\\ud83d\\ude00\\n\\\"\", "
            "\"o\": {\"b\": [1, 2]}, \"zip\": \"0123\", \"mixed\": 5}\n"
            "\n"
            "{\"s\":null,\"o\":[],\"id\":-2,\"mixed\":\"x\",\"f\":0.5}");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.jsonl")) == ETL_OK && d.rows_n == 2 && d.t.bad_n == 0);
  CHECK_TEXT(t, d.types, "id:l price:d:38,2 f:g ok:b at:tsu:UTC s:u o:u zip:u mixed:u");
  CHECK(t,
        desk_has_row(
            &d, "{\"id\": 1, \"price\": \"1.50\", \"f\": 1000, \"ok\": true, \"at\": \"2026-01-31T10:00:00Z\", \"s\": \"\u00e4\U0001F600\\n\\\"\", "
                "\"o\": \"{\\\"b\\\": [1, 2]}\", \"zip\": \"0123\", \"mixed\": \"5\"}"));
  CHECK(t, desk_has_row(
               &d,
               "{\"id\": -2, \"price\": null, \"f\": 0.5, \"ok\": null, \"at\": null, \"s\": null, \"o\": \"[]\", \"zip\": null, \"mixed\": \"x\"}"));
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.jsonl")) == ETL_OK && d.rows_n == 0);
  desk_fini(&d);
}

static void bad_lines(struct tap *t) {
  struct desk d;
  desk_init(&d, "jsonl");
  DESK_TEXT(&d, "a.jsonl", "{\"id\": 1}\n"
                           "[1]\n"
                           "{\"id\": 2,}\n"
                           "{\"id\": {\"x\": 1}\n"
                           "{\"id\": \"three\"}\n"
                           "{\"id\": 4, \"id\": 5}\n"
                           "{\"id\": 01}\n"
                           "{\"s\": \"\\u0000\"}\n"
                           "{\"s\": \"\\ud800\"}\n"
                           "{\"s\": \"\xff\"}\n"
                           "{\"id\": 6} x\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.jsonl", "column", "id int64")) == ETL_OK);
  CHECK(t, d.rows_n == 2 && d.t.bad_n == 9);
  CHECK(t, desk_has_row(&d, "{\"id\": 1, \"s\": null}") && desk_has_row(&d, "{\"id\": 5, \"s\": null}"));
  CHECK_HAS(t, d.t.bad[0].message, "a.jsonl:2: the line is no JSON object");
  CHECK_TEXT(t, d.t.bad[0].raw, "[1]");
  CHECK_HAS(t, d.t.bad[1].message, "a.jsonl:3: a key in quotes is missing");
  CHECK_HAS(t, d.t.bad[2].message, "a.jsonl:4: the object is not closed");
  CHECK_HAS(t, d.t.bad[3].message, "a.jsonl:5: column \"id\": three is no int64");
  CHECK_HAS(t, d.t.bad[4].message, "a.jsonl:7: ");
  CHECK_HAS(t, d.t.bad[5].message, "a.jsonl:8: column \"s\": the text holds a NUL");
  CHECK_HAS(t, d.t.bad[6].message, "a.jsonl:9: column \"s\"");
  CHECK_HAS(t, d.t.bad[7].message, "a.jsonl:10: column \"s\"");
  CHECK_HAS(t, d.t.bad[8].message, "a.jsonl:11: there is text behind the object");
  desk_fini(&d);
}

/* A key that the sample did not have is a new schema; the rows before it keep theirs. */
static void new_keys(struct tap *t) {
  struct desk d;
  desk_init(&d, "jsonl");
  DESK_TEXT(&d, "a.jsonl", "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3, \"b\": 1.5}\n{\"b\": 2.25, \"c\": \"x\"}\n");
  CHECK(t, desk_read(&d, OPTIONS("path", "@/a.jsonl", "sample", "20")) == ETL_OK && d.schemas_n == 1);
  desk_forget(&d);
  for (int i = 0; i < 30; i++)
    desk_write(&d, "b.jsonl", "{\"id\": 1}\n", 10, true);
  desk_write(&d, "b.jsonl", "{\"id\": 2, \"b\": 1.5}\n{\"b\": 2.25}\n", 33, true);
  CHECK(t, desk_read(&d, OPTIONS("path", "@/b.jsonl", "sample", "20")) == ETL_OK && d.schemas_n == 2 && d.rows_n == 32);
  CHECK_TEXT(t, d.types, "id:l b:d:38,2");
  CHECK(t,
        desk_has_row(&d, "{\"id\": 1}") && desk_has_row(&d, "{\"id\": 2, \"b\": \"1.50\"}") && desk_has_row(&d, "{\"id\": null, \"b\": \"2.25\"}"));
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  types(&t);
  bad_lines(&t);
  new_keys(&t);
  return tap_end(&t);
}
