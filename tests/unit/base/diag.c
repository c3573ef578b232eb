/* Findings in order of place, and guesses what a name was meant to be. */
#include <criterion/criterion.h>

#include "base/diag.h"

static const char *const names[] = {"schedule", "timezone", "extract", "load", "max_retries", "id", NULL};

Test(diag, nearest_name) {
  cr_assert_str_eq(diag_nearest("shedule", names), "schedule");      /* one missing */
  cr_assert_str_eq(diag_nearest("scehdule", names), "schedule");     /* neighbours swapped */
  cr_assert_str_eq(diag_nearest("Time_Zone", names), "timezone");    /* case, one too many */
  cr_assert_str_eq(diag_nearest("max_retry", names), "max_retries"); /* several wrong, of many */
  cr_assert_str_eq(diag_nearest("laod", names), "load");
}

Test(diag, nothing_near) {
  cr_assert_null(diag_nearest("memory", names));
  cr_assert_null(diag_nearest("", names));
  cr_assert_null(diag_nearest("xy", names), "a name of two letters must not become any other");
  const char *const none[] = {NULL};
  cr_assert_null(diag_nearest("x", none));
  char huge[500];
  memset(huge, 'a', sizeof huge - 1);
  huge[sizeof huge - 1] = '\0';
  cr_assert_null(diag_nearest(huge, names));
}

Test(diag, printed_by_file_and_line) {
  struct diags d = {0};
  diags_add(&d, DIAG_ERROR, "b.conf:10", "ten");
  diags_add(&d, DIAG_ERROR, NULL, "nowhere %d", 1);
  diags_add(&d, DIAG_WARNING, "b.conf:9", "nine");
  diags_add(&d, DIAG_ERROR, "a.conf:100", "first");
  diags_add(&d, DIAG_ERROR, "b.conf:10", "ten again");
  diags_add(&d, DIAG_ERROR, "b.conf", "no line");
  cr_assert_eq(d.errors, 5);
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  diags_print(&d, f);
  fclose(f);
  cr_assert_str_eq(text, "a.conf:100: error: first\n"
                         "b.conf: error: no line\n"
                         "b.conf:9: warning: nine\n"
                         "b.conf:10: error: ten\n"
                         "b.conf:10: error: ten again\n"
                         "error: nowhere 1\n");
  free(text);
  diags_fini(&d);
  cr_assert_eq(d.n, 0);
}
