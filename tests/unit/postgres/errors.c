/* What SQLSTATEs mean. */
#include <criterion/criterion.h>

#include "errors.h"

Test(errors, classes) {
  static const struct {
    const char *state;
    uint32_t error_class;
  } cases[] = {{"28P01", ETL_E_AUTH},      {"3D000", ETL_E_CONFIG},    {"42501", ETL_E_PERMANENT}, {"42P01", ETL_E_SCHEMA},  {"42601", ETL_E_PERMANENT},
               {"23505", ETL_E_DATA},      {"22001", ETL_E_DATA},      {"22021", ETL_E_DATA},      {"40001", ETL_E_RETRYABLE}, {"40P01", ETL_E_RETRYABLE},
               {"53100", ETL_E_RETRYABLE}, {"53300", ETL_E_RETRYABLE}, {"57P01", ETL_E_RETRYABLE}, {"57P03", ETL_E_RETRYABLE}, {"08006", ETL_E_RETRYABLE},
               {"25006", ETL_E_RETRYABLE}, {"0A000", ETL_E_UNSUPPORTED}, {"ZZZZZ", ETL_E_PERMANENT}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(sqlstate_class(cases[i].state), cases[i].error_class, "%s", cases[i].state);
}

Test(errors, those_that_users_meet_say_what_to_do) {
  static const char *const states[] = {"28P01", "3D000", "42501", "23505", "22001", "22021", "53100", "53300", "57P01", "25006"};
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    cr_expect(sqlstate_remedy(states[i]) != NULL, "%s", states[i]);
  cr_expect_null(sqlstate_remedy("ZZZZZ"));
}
