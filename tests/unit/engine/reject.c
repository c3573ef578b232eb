/* Reasons of rows set aside, and of errors: whatever a connector says, it reaches the user, cut at a letter if it is too long. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "engine/reject.h"
#include "engine/report.h"
#include "etl/sdk.h"

enum { LETTERS = 3000 };

static struct rejects list;

static int32_t bad_row(const struct etl_host *h, const struct etl_bad_row *b) {
  struct budget *budget = budget_new(1 << 20, 0); /* it is there as long as the row is */
  (void)h;
  cr_expect_eq(rejects_add(&list, b, "load", "fake", budget), 0);
  budget_unref(budget);
  return ETL_OK;
}
static int32_t fail(const struct etl_host *h, const struct etl_error *e) {
  struct err copy;
  (void)h;
  cr_expect(text_is_utf8(e->message, strlen(e->message)));
  err_from_etl(&copy, e);
  cr_expect_str_eq(copy.message, e->message);
  return ETL_FAILED;
}
static const struct etl_host host = {.struct_size = sizeof host, .bad_row = bad_row, .fail = fail};

/* "xüüü...": the odd number of bytes in a message ends in the middle of a letter. */
static char *long_text(void) {
  char *text = xcalloc(2 * LETTERS + 3, 1), *to = text;
  *to++ = 'x';
  *to++ = 'x';
  for (int i = 0; i < LETTERS; i++, to += 2)
    memcpy(to, "ü", 2);
  return text;
}

static const char *message_of(const char *said) {
  rejects_clear(&list);
  bad_row(NULL, &(struct etl_bad_row){.struct_size = sizeof(struct etl_bad_row), .row = -1, .column = -1, .message = said});
  return list.first->message;
}

Test(reject, the_reason_is_kept_whatever_it_is) {
  cr_expect_str_eq(message_of("Größe"), "Größe");
  cr_expect_str_eq(message_of("Gr\xf6\xdf""e"), "Gr??e");
  cr_expect_str_eq(message_of("cut: \xe2\x82"), "cut: ");
  cr_expect_str_eq(message_of(NULL), "no reason was given");
  rejects_clear(&list);
}

Test(reject, a_long_reason_is_cut_at_a_letter) {
  cleanup_free char *text = long_text();
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  rejects_clear(&list);
  cr_expect_eq(etl_reject_raw(&host, &e, (struct etl_bytes){"1", 1}, 1, "%s", text), ETL_OK);
  cr_expect_eq(strlen(list.first->message), 2046);
  cr_expect(strncmp(list.first->message, text, 2046) == 0);
  cr_expect_eq(etl_failf(&host, &e, "%s", text), ETL_FAILED);
  rejects_clear(&list);
}

Test(reject, a_long_error_is_cut_at_a_letter) {
  cleanup_free char *text = long_text();
  struct err e;
  err_set(&e, ETL_E_DATA, "%s", text);
  err_remedy(&e, "%s", text);
  cr_expect_eq(strlen(e.message), sizeof e.message - 2);
  cr_expect_eq(strlen(e.remedy), sizeof e.remedy - 2);
  err_set(&e, ETL_E_DATA, "%.5s; that was it", text);
  json_t *j = report_error(&e, "load", NULL);
  cr_expect_str_eq(json_string_value(json_object_get(j, "message")), "xxü?; that was it");
  json_decref(j);
}
