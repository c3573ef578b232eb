/* The CSV scanner against a slow and simple one, over random records cut at random places; escapes and dialects. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_scan.h"
#include "source.h"

enum {
  PAD = 64,
  TEXT_MOST = 2000
};

/* xorshift: the same numbers everywhere. */
static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* One record by RFC 4180, byte by byte, as "[cell][cell]" with quoted ones as "<cell>"; its length, 0 if it is not well formed. */
static size_t slow_record(const char *p, size_t n, char *to) {
  size_t i = 0;
  for (;;) {
    bool quoted = i < n && p[i] == '"';
    *to++ = quoted ? '<' : '[';
    if (quoted) {
      for (i++;; i++) {
        if (i == n)
          return 0;
        if (p[i] == '"' && (i + 1 == n || p[i + 1] != '"'))
          break;
        i += p[i] == '"';
        *to++ = p[i];
      }
      i++;
      if (i + 1 < n && p[i] == '\r' && p[i + 1] == '\n')
        i++;
      if (i < n && p[i] != ',' && p[i] != '\n' && !(p[i] == '\r' && i + 1 == n))
        return 0;
      if (i < n && p[i] == '\r')
        i++;
    } else {
      size_t from = i;
      while (i < n && p[i] != ',' && p[i] != '\n')
        *to++ = p[i++];
      if ((i == n || p[i] == '\n') && i > from && p[i - 1] == '\r')
        to--;
    }
    *to++ = quoted ? '>' : ']';
    *to = 0;
    if (i == n || p[i] == '\n')
      return i + (i < n);
    i++;
  }
}

static void show(const struct csv_scan *c, char *to) {
  for (size_t i = 0; i < c->cells_n; i++) {
    *to++ = c->cells[i].quoted ? '<' : '[';
    memcpy(to, c->cells[i].p, c->cells[i].n);
    to += c->cells[i].n;
    *to++ = c->cells[i].quoted ? '>' : ']';
  }
  *to = 0;
}

Test(csv_scan, same_as_slow_at_every_cut) {
  static const char *const pieces[] = {"a",     "bcd",       ",", ",", "\"", "\"\"", "\n", "\r\n", "long text without anything in it, but",
                                       "\"q\"", "\"x,\ny\"", "\r"};
  uint64_t seed = 88172645463325252u, records = 0, malformed = 0;
  for (int round = 0; round < 20000; round++) {
    uint8_t text[TEXT_MOST + PAD] = {0};
    char want[TEXT_MOST * 3], got[TEXT_MOST * 3];
    size_t n = 0;
    for (uint64_t k = next_random(&seed) % 12 + 1; k > 0; k--) {
      const char *piece = pieces[next_random(&seed) % (sizeof pieces / sizeof *pieces)];
      memcpy(text + n, piece, strlen(piece));
      n += strlen(piece);
    }
    struct csv_scan c;
    csv_scan_init(&c, ',', '"', 0);
    size_t length = slow_record((const char *)text, n, want);
    enum csv_result rc = CSV_MORE;
    for (size_t end = 1; end <= n && rc == CSV_MORE; end += 1 + next_random(&seed) % 5)
      rc = csv_scan(&c, text, text + end, false);
    if (rc == CSV_MORE)
      rc = csv_scan(&c, text, text + n, true);
    cr_assert_eq(rc, length ? CSV_RECORD : CSV_BAD, "%.*s", (int)n, text);
    if (length) {
      show(&c, got);
      cr_assert_str_eq(got, want, "%.*s", (int)n, text);
      cr_assert_eq(c.bytes, length, "%.*s", (int)n, text);
      uint64_t lines = 0;
      for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
      cr_assert_eq(c.lines, lines, "%.*s", (int)n, text);
      records++;
    } else {
      malformed++;
    }
    csv_scan_fini(&c);
  }
  cr_assert(records > 5000 && malformed > 1000, "%lu %lu", (unsigned long)records, (unsigned long)malformed);
}

Test(csv_scan, records_one_behind_the_other) {
  enum { ROWS = 3000 };
  char *text = calloc(1, ROWS * 40 + PAD);
  size_t n = 0;
  for (int i = 0; i < ROWS; i++)
    n += (size_t)snprintf(text + n, 40, i % 3 ? "%d,%d\n" : "%d,\"x\n%d\"\n", i, i * i);
  struct csv_scan c;
  csv_scan_init(&c, ',', '"', 0);
  const uint8_t *p = (const uint8_t *)text, *end = p + n;
  for (int i = 0; i < ROWS; i++) {
    char id[16], square[16];
    cr_assert_eq(csv_scan(&c, p, end, true), CSV_RECORD);
    snprintf(id, sizeof id, "%d", i);
    snprintf(square, sizeof square, i % 3 ? "%d" : "x\n%d", i * i);
    cr_assert(c.cells_n == 2 && c.cells[0].n == strlen(id) && memcmp(c.cells[0].p, id, strlen(id)) == 0);
    cr_assert(c.cells[1].n == strlen(square) && memcmp(c.cells[1].p, square, strlen(square)) == 0);
    p += c.bytes;
  }
  cr_assert_eq(p, end);
  csv_scan_fini(&c);
  free(text);
}

Test(csv_scan, a_bad_record_is_its_first_line) {
  uint8_t text[128] = "a,\"b\" c\nd,e\n";
  struct csv_scan c;
  csv_scan_init(&c, ',', '"', 0);
  cr_assert_eq(csv_scan(&c, text, text + 12, true), CSV_BAD);
  cr_assert(c.bytes == 8 && c.lines == 1 && strstr(c.bad, "behind a closing quote"));
  cr_assert_eq(csv_scan(&c, text + 8, text + 12, true), CSV_RECORD);
  cr_assert(c.cells_n == 2 && c.cells[1].n == 1);
  csv_scan_fini(&c);
}

Test(scan, names_of_open_streams) {
  static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/fd/0", "/proc/self/fd/7"};
  static const char *const files[] = {"-", "/dev/stdin.csv", "/dev/shm/a.csv", "dev/stdin", "/data/fd/0"};
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
    cr_expect(path_is_stream(streams[i]), "%s", streams[i]);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    cr_expect_not(path_is_stream(files[i]), "%s", files[i]);
}
