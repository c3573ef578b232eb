/* Small CSV tables: quotes, line ends, empty fields and lines, a byte order mark, mistakes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "csv.h"

/* All rows as text: [field|field] with - for an empty one without quotes, then "!line why" if it ends in an error. */
static const char *read_all(const char *text, char delimiter, char *to, size_t size) {
  char path[] = "/tmp/csv-test-XXXXXX";
  int fd = mkstemp(path), rc;
  size_t n = 0;
  struct csv c;
  cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
  cr_assert_eq(csv_open(&c, path, delimiter, 1 << 20), 0);
  unlink(path);
  to[0] = 0;
  while ((rc = csv_next(&c)) == 1) {
    for (size_t i = 0; i < c.fields_n; i++)
      n += (size_t)snprintf(to + n, size - n, "%s%.*s", i ? "|" : "[", c.fields[i].p ? (int)c.fields[i].n : 1,
                            c.fields[i].p ? (const char *)c.fields[i].p : "-");
    n += (size_t)snprintf(to + n, size - n, "]");
  }
  if (rc < 0)
    snprintf(to + n, size - n, "!%lld %s", (long long)c.line, c.why);
  csv_close(&c);
  return to;
}

static void is(const char *text, const char *want) {
  char got[512];
  cr_assert_str_eq(read_all(text, ',', got, sizeof got), want, "%s gives %s", text, got);
}

Test(csv, fields) {
  is("", "");
  is("a,b\n1,2\n", "[a|b][1|2]");
  is("a,b\r\n1,2", "[a|b][1|2]");
  is("\xef\xbb\xbf"
     "a\n",
     "[a]");
  is("a,,\n,b\n", "[a|-|-][-|b]");
  is("\"\",x\n", "[|x]");
  is("\"a \"\"b\"\"\"\n", "[a \"b\"]");
  is("\"a,b\",\"c\nd\"\n", "[a,b|c\nd]");
  is("\n\na\n\n\nb\n\n", "[a][b]");
  is("a b, c \n", "[a b| c ]");
  is("a\"b\n", "[a\"b]");
}

Test(csv, other_delimiter) {
  char got[64];
  cr_assert_str_eq(read_all("a;\"b;c\";d,e\n", ';', got, sizeof got), "[a|b;c|d,e]");
}

Test(csv, mistakes) {
  is("a\n\"b\nc", "[a]!2 a quoted field has no end");
  is("\"x\ny\"\n\"b\"c\n", "[x\ny]!3 text stands behind the end of a field");
}

Test(csv, files) {
  struct csv c;
  char path[] = "/tmp/csv-test-XXXXXX";
  int fd = mkstemp(path);
  cr_assert(fd >= 0 && write(fd, "a,b\n", 4) == 4 && close(fd) == 0);
  cr_assert_eq(csv_open(&c, path, ',', 3), -1);
  cr_assert_eq(errno, EFBIG);
  cr_assert_eq(csv_open(&c, path, ',', 4), 0);
  cr_assert_eq(csv_next(&c), 1);
  cr_assert_eq(csv_find(&c, "b"), 1);
  cr_assert_eq(csv_find(&c, "c"), -1);
  csv_close(&c);
  unlink(path);
  cr_assert_eq(csv_open(&c, path, ',', 4), -1);
  cr_assert_eq(errno, ENOENT);
  cr_assert_eq(csv_open(&c, "/", ',', 4), -1);
}
