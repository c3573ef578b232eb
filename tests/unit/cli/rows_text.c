/* Rows in a table, as CSV and as JSON. */
#include "canned.h"
#include "terminal.h"

#include "base/text.h"
#include "cli/rows_text.h"

static struct rows_text rows_of(const char *columns, const char *row) {
  return (struct rows_text){.stream = strdup("s"), .columns = canned(columns), .rows = json_pack("[s]", row)};
}

static const char *as(void (*print)(const struct rows_text *, FILE *), const char *columns, const char *row) {
  static struct page out;
  struct rows_text t = rows_of(columns, row);
  page_open(&out);
  print(&t, out.f);
  rows_text_fini(&t);
  static char text[4096];
  snprintf(text, sizeof text, "%.4000s", page_take(&out));
  page_close(&out);
  return text;
}

Test(rows_text, values) {
  const char *columns = "[{'name': 'n', 'format': 'L'}, {'name': 'f', 'format': 'g'}, {'name': 'h', 'format': 'f'}, {'name': 'u', 'format': 'u'}, "
                        "{'name': 'c', 'format': 'u'}, {'name': 'x', 'format': 'u'}, {'name': 'o', 'format': '+l'}]";
  const char *row = "{\"n\": 18446744073709551615, \"f\": 0.10000000000000001, \"h\": 0.100000001, \"u\": \"a\\u001b[1m\\nb\", "
                    "\"c\": {\"$cut\": \"a\", \"$bytes\": 70000}, \"x\": {\"$hex\": \"ff00\"}, \"o\": {\"$format\": \"+l\"}}";
  const char *text = as(rows_text_table, columns, row);
  cr_expect_not_null(strstr(text, "\n18446744073709551615  0.1  0.1  a"), "%s", text);
  cr_expect_null(strchr(text, '\x1b'));
  cr_expect_not_null(strstr(text, "  (more than 64 KiB)  \\xff00  (of the type +l)\n"), "%s", text);
  cr_expect_eq(strchr(strchr(text, '\n') + 1, '\n')[1], '\0', "one line a row: %s", text);
}

Test(rows_text, csv_tells_nothing_from_empty) {
  const char *columns = "[{'name': 'a', 'format': 'u'}, {'name': 'b', 'format': 'u'}, {'name': 'c,', 'format': 'u'}]";
  cr_expect_str_eq(as(rows_text_csv, columns, "{\"a\": null, \"b\": \"\", \"c,\": \"x\\ny\"}"), "a,b,\"c,\"\n,\"\",\"x\ny\"\n");
}

Test(rows_text, a_table_fits_its_terminal) {
  struct terminal t;
  struct rows_text r = rows_of("[{'name': 'id', 'format': 'l'}, {'name': 'text', 'format': 'u'}, {'name': 'more', 'format': 'u'}]",
                               "{\"id\": 1, \"text\": \"12345678901234567890\", \"more\": \"日本日本日本日本\"}");
  char line[200];
  terminal_open(&t, 30, 5);
  rows_text_table(&r, t.f);
  fflush(t.f);
  size_t n = 0, lines = 0;
  while (lines < 2 && n < sizeof line - 1) {
    cr_assert_eq(read(t.master, line + n, 1), 1);
    lines += line[n++] == '\n';
  }
  line[n] = '\0';
  char *second = strchr(line, '\n');
  cr_assert_not_null(second, "%s", line);
  second[1 + strcspn(second + 1, "\r\n")] = '\0';
  size_t width = text_width(second + 1);
  cr_expect(width <= 30 && width > 24, "%zu: %s", width, second + 1);
  cr_expect_not_null(strstr(second, " 1  123456789"), "%s", second);
  cr_expect_null(strstr(second, "567890123"), "%s", second);
  rows_text_fini(&r);
  terminal_close(&t);
}
