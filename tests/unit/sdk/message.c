/* Messages to the host: formatted, and cut between two letters where they are too long. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "etl/sdk.h"

static char got[4096];
static struct etl_error failed;

static int32_t on_fail(const struct etl_host *h, const struct etl_error *e) {
  (void)h;
  failed = *e;
  snprintf(got, sizeof got, "%s", e->message);
  return ETL_FAILED;
}

static int32_t on_bad_row(const struct etl_host *h, const struct etl_bad_row *row) {
  (void)h;
  snprintf(got, sizeof got, "%s", row->message);
  return ETL_OK;
}

static void on_log(const struct etl_host *h, uint32_t level, const char *text, uint64_t n) {
  (void)h;
  (void)level;
  snprintf(got, sizeof got, "%.*s", (int)n, text);
}

static const struct etl_host host = {.struct_size = sizeof host, .fail = on_fail, .bad_row = on_bad_row, .log = on_log};

/* 2047 bytes are there for a message. */
static void expect_cut(const char *before, const char *letter, size_t letters) {
  size_t n = strlen(letter);
  cr_expect_eq(strlen(got), strlen(before) + letters * n, "%zu bytes of %s", strlen(got), letter);
  cr_expect_str_eq(got + strlen(before) + (letters - 1) * n, letter);
}

static void fill(char *text, size_t size, const char *letter) {
  size_t n = strlen(letter), at = 0;
  for (; at + n < size; at += n)
    memcpy(text + at, letter, n);
  text[at] = 0;
}

Test(message, is_cut_between_letters) {
  static const struct { const char *letter; size_t bytes; } cases[] = {{"a", 1}, {"\xc3\xa9", 2}, {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4}};
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  char text[3000];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t before = 0; before < 4; before++) {
      const char *start = "xxx" + 3 - before;
      size_t letters = (2047 - before) / cases[i].bytes;
      fill(text, sizeof text, cases[i].letter);
      cr_expect_eq(etl_failf(&host, &e, "%s%s", start, text), ETL_FAILED);
      expect_cut(start, cases[i].letter, letters);
      etl_logf(&host, ETL_LOG_WARN, "%s%s", start, text);
      expect_cut(start, cases[i].letter, letters);
      cr_expect_eq(etl_reject_raw(&host, &e, (struct etl_bytes){"{}", 2}, 1, "%s%s", start, text), ETL_OK);
      expect_cut(start, cases[i].letter, letters);
    }
}

Test(message, errors_have_the_fields_they_were_given) {
  etl_failf(&host, &ETL_ERROR(ETL_E_PERMANENT), "%d of %s", 2, "them");
  cr_expect_str_eq(got, "2 of them");
  cr_expect(failed.error_class == ETL_E_PERMANENT && failed.row == -1 && failed.column == -1 && !failed.option && !failed.remedy);
  etl_failf(&host, &ETL_ERROR(ETL_E_CONFIG, .option = "path", .remedy = "set it"), "there is none");
  cr_expect(failed.struct_size == sizeof failed && failed.error_class == ETL_E_CONFIG && failed.row == -1 && failed.column == -1);
  cr_expect_str_eq(failed.option, "path");
  cr_expect_str_eq(failed.remedy, "set it");
}
