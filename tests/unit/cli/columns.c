/* A table on terminals that are wide enough, and on those that are not. */
#include "cli/columns.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/text.h"
#include "terminal.h"

static const char *const heads[] = {"~NAME", "STATE", ">ROWS", "~WHY", NULL};

static struct columns *two_rows(void) {
  struct columns *t = columns_new(heads);
  columns_cell(t, NULL, "logins-of-all-shards");
  columns_cell(t, NULL, "failed");
  columns_cell(t, NULL, "%d", 12);
  columns_cell(t, NULL, "the server\ndid not \033[31manswer in time");
  columns_cell(t, NULL, "a");
  columns_cell(t, NULL, "succeeded");
  columns_cell(t, NULL, "1,234,567");
  columns_cell(t, NULL, "%s", "");
  return t;
}

static void expect_on(int width, const char *wanted) {
  struct terminal term;
  struct columns *t = two_rows();
  terminal_open(&term, width, 10);
  columns_print(t, 0, colours_of(term.f), term.f);
  cr_expect_str_eq(terminal_screen(&term), wanted);
  cr_expect_not(term.wrapped);
  terminal_close(&term);
  columns_free(t);
}

Test(columns, all_of_it_where_there_is_room) {
  expect_on(100, "NAME                  STATE           ROWS  WHY\n"
                 "logins-of-all-shards  failed            12  the server did not  [31manswer in time\n"
                 "a                     succeeded  1,234,567\n");
}

/* What is printed to a terminal of that width, to be freed. */
static char *printed(const struct columns *t, int width) {
  struct terminal term;
  char *raw = calloc(1, 10000);
  size_t n = 0;
  terminal_open(&term, width, 10);
  columns_print(t, 0, colours_of(term.f), term.f);
  fputc('\001', term.f);
  fflush(term.f);
  while (!strchr(raw, '\001')) {
    ssize_t got = read(term.master, raw + n, 9999 - n);
    cr_assert_gt(got, 0);
    n += (size_t)got;
  }
  *strchr(raw, '\001') = '\0';
  terminal_close(&term);
  return raw;
}

Test(columns, no_line_is_wider_than_the_terminal) {
  struct columns *t = two_rows();
  for (int width = 40; width < 90; width++) {
    char *text = printed(t, width), *rest;
    size_t widest = 0;
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
      widest = text_width(line) > widest ? text_width(line) : widest;
    cr_expect_eq(widest, (size_t)(width < 82 ? width : 82), "%zu of %d", widest, width);
    free(text);
  }
  columns_free(t);
}

Test(columns, what_gives_up_room_is_what_may) {
  struct columns *t = columns_new((const char *const[]){"~A", "B", NULL});
  columns_cell(t, NULL, "abcdefghijklmnop");
  columns_cell(t, NULL, "0123456789");
  char *text = printed(t, 20);
  cr_expect_str_eq(text, "A         B\r\nabcdefg…  0123456789\r\n");
  free(text);
  columns_free(t);
}

Test(columns, what_is_no_terminal_gets_all) {
  struct columns *t = two_rows();
  char *text;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  columns_print(t, 2, colours_of(f), f);
  fclose(f);
  cr_expect_not_null(strstr(text, "\n  logins-of-all-shards  failed            12  the server did not  [31manswer in time\n"), "%s", text);
  free(text);
  columns_free(t);
}
