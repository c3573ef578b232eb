/* UTF-8 decoding by hand: the locale of the process does not matter.  Widths follow the blocks that terminals draw wide. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <limits.h>

/* Length of the sequence at s (n bytes left) and its code point; 0: not UTF-8. */
static size_t decode(const unsigned char *s, size_t n, uint32_t *ret_cp) {
  static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
  if (len == 0 || len > n)
    return 0;
  uint32_t cp = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    cp = cp << 6 | (s[i] & 0x3fu);
  }
  if (cp < smallest[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
    return 0;
  *ret_cp = cp;
  return len;
}

bool text_same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

bool text_is_utf8(const char *s, size_t n) {
  const unsigned char *p = (const unsigned char *)s;
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    size_t len = decode(p + i, n - i, &cp);
    if (len == 0)
      return false;
    i += len;
  }
  return true;
}

struct range {
  uint32_t first, last;
};
static const struct range none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},   {0x64b, 0x65f},
                                    {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0, 0}};
static const struct range wide[] = {{0x1100, 0x115f},
                                    {0x2e80, 0x303e},
                                    {0x3041, 0xa4cf},
                                    {0xac00, 0xd7a3},
                                    {0xf900, 0xfaff},
                                    {0xfe30, 0xfe6f},
                                    {0xff00, 0xff60},
                                    {0xffe0, 0xffe6},
                                    {0x1f300, 0x1f64f},
                                    {0x1f680, 0x1f6ff},
                                    {0x1f900, 0x1f9ff},
                                    {0x20000, 0x3fffd},
                                    {0, 0}};

static bool in(const struct range *r, uint32_t cp) {
  for (; r->last; r++)
    if (cp >= r->first && cp <= r->last)
      return true;
  return false;
}

size_t text_letter(const char *s, size_t *ret_columns) {
  uint32_t cp = 0;
  size_t len = decode((const unsigned char *)s, strnlen(s, 4), &cp);
  *ret_columns = len == 0 ? 1 : in(none, cp) ? 0 : in(wide, cp) ? 2 : 1;
  return len ? len : 1;
}

size_t text_width(const char *s) {
  size_t width = 0, columns;
  for (; *s; width += columns)
    s += text_letter(s, &columns);
  return width;
}

size_t text_within(const char *s, size_t max) {
  size_t n = 0, columns, letter;
  while (s[n] && n + (letter = text_letter(s + n, &columns)) <= max)
    n += letter;
  return n;
}

size_t text_end(const char *s) {
  size_t n = strlen(s), back = 1;
  while (back < n && back < 4 && (s[n - back] & 0xc0) == 0x80)
    back++;
  unsigned char first = n ? (unsigned char)s[n - back] : 0;
  size_t whole = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return n && back < whole ? n - back : n;
}

char *text_mended(const char *s, size_t n) {
  char *copy = xcalloc(n + 1, 1);
  for (size_t i = 0, len; i < n; i += len) {
    uint32_t cp = 0;
    len = decode((const unsigned char *)s + i, n - i, &cp);
    bool good = len > 0 && cp != 0;
    len = len ? len : 1;
    memcpy(copy + i, good ? s + i : "?", good ? len : 1);
  }
  return copy;
}

const char *text_join(struct arena *a, const char *dir, const char *path) {
  if (path[0] == '/' || dir[0] == '\0' || strcmp(dir, ".") == 0)
    return arena_strdup(a, path);
  size_t n = strlen(dir);
  return arena_printf(a, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", path);
}

const char *text_dirname(struct arena *a, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return ".";
  return slash == path ? "/" : arena_memdup(a, path, (size_t)(slash - path));
}

const char *text_basename(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *text_absolute(struct arena *a, const char *path) {
  char cwd[PATH_MAX];
  if (path[0] == '/')
    return arena_strdup(a, path);
  if (!getcwd(cwd, sizeof cwd))
    return NULL;
  return strcmp(path, ".") == 0 ? arena_strdup(a, cwd) : text_join(a, cwd, path);
}
