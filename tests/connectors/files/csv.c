/* csv.so as an extractor. */
#include "../transforms/tap.h"
#include "desk.h"

#define OPTIONS(...) (const char *const[]){__VA_ARGS__, NULL}

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

int main(void) {
  struct tap t = {0};
  types_and_nulls(&t);
  return tap_end(&t);
}
