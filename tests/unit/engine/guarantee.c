/* What is promised of a run. */
#include <criterion/criterion.h>

#include "engine/guarantee.h"
#include "etl/plugin.h"

enum {
  KEEPS = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR
};

Test(guarantee, by_what_connectors_can_do) {
  static const struct {
    uint64_t extractor, loader;
    uint32_t stream;
    const char *level;
  } cases[] = {
      {ETL_CAP_RESUME, KEEPS, 0, "exactly-once"},
      {ETL_CAP_RESUME, ETL_CAP_TXN, 0, "at-least-once"},
      {ETL_CAP_RESUME, ETL_CAP_STORES_CURSOR, 0, "at-least-once"},
      {ETL_CAP_RESUME, 0, 0, "at-least-once"},
      {0, KEEPS, 0, "at-least-once"},
      {ETL_CAP_RESUME, KEEPS, ETL_STREAM_WHOLE, "idempotent"},
      {0, KEEPS, ETL_STREAM_WHOLE, "idempotent"},
      {0, ETL_CAP_TXN, ETL_STREAM_WHOLE, "at-least-once"},
      {ETL_CAP_RESUME, KEEPS | ETL_CAP_ASIDE | ETL_CAP_REPLACE, 0, "exactly-once"},
      {0, KEEPS | ETL_CAP_ASIDE | ETL_CAP_REPLACE, ETL_STREAM_WHOLE, "exactly-once"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct guarantee g = guarantee_of(cases[i].extractor, cases[i].loader, cases[i].stream);
    cr_expect_str_eq(g.level, cases[i].level, "case %zu: %s", i, g.level);
    cr_expect(g.why && *g.why);
  }
}
