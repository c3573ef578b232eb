/* Numbers, times and foreign texts for a terminal. */
#include "cli/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "base/zone.h"

const char *words_number(struct arena *a, int64_t n) {
  char digits[32], text[48];
  int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0 && digits[i - 1] != '-')
      text[at++] = ',';
    text[at++] = digits[i];
  }
  text[at] = '\0';
  return arena_strdup(a, text);
}

const char *words_count(struct arena *a, int64_t n, const char *what) {
  return arena_printf(a, "%s %s%s", words_number(a, n), what, n == 1 ? "" : "s");
}

const char *words_seconds(struct arena *a, double seconds) {
  if (!(seconds >= 0) || seconds > 1e15) /* not a number among them */
    return "?";
  if (seconds < 0.9995)
    return arena_printf(a, "%.0fms", seconds * 1000);
  if (seconds < 9.95)
    return arena_printf(a, "%.1fs", seconds);
  long long s = (long long)(seconds + 0.5);
  if (s < 60)
    return arena_printf(a, "%llds", s);
  if (s < 3600)
    return arena_printf(a, "%lldm%02llds", s / 60, s % 60);
  if (s < 86400)
    return arena_printf(a, "%lldh%02lldm", s / 3600, s / 60 % 60);
  return arena_printf(a, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

int64_t words_time(const char *time) {
  int64_t ns;
  return time && zone_parse(&zone_utc, time, &ns) == 0 ? ns : 0;
}

const char *words_when(struct arena *a, const char *time, int64_t now_ns) {
  int64_t at = words_time(time), between = at > now_ns ? at - now_ns : now_ns - at;
  if (!at)
    return "";
  if (between < NS_PER_SEC)
    return at > now_ns ? "now" : "just now";
  const char *seconds = words_seconds(a, (double)(between / NS_PER_SEC));
  return at > now_ns ? arena_printf(a, "in %s", seconds) : arena_printf(a, "%s ago", seconds);
}

const char *words_bytes(struct arena *a, int64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  double n = (double)bytes / 1024;
  size_t u = 0;
  if (bytes < 1024)
    return arena_printf(a, "%lld B", (long long)bytes);
  for (; n >= 1024 && u + 1 < sizeof units / sizeof *units; u++)
    n /= 1024;
  return arena_printf(a, "%.1f %s", n, units[u]);
}

/* Bytes of a control character at s: C0, DEL, or C1 in UTF-8; 0: it is none. */
static size_t control(const char *s) {
  unsigned char c = (unsigned char)s[0], d = (unsigned char)s[1];
  return c < 0x20 || c == 0x7f ? 1 : c == 0xc2 && d >= 0x80 && d < 0xa0 ? 2 : 0;
}

const char *words_clean(struct arena *a, const char *s) {
  char *copy = arena_strdup(a, s ? s : ""), *to = copy;
  for (const char *p = copy; *p;) {
    size_t n = control(p);
    *to++ = n ? ' ' : *p;
    p += n ? n : 1;
  }
  *to = '\0';
  return copy;
}

/* Bytes at the start of s that take at most so many columns. */
static size_t prefix(const char *s, size_t columns) {
  size_t at = 0, width;
  while (s[at]) {
    size_t n = text_letter(s + at, &width);
    if (width > columns)
      break;
    columns -= width;
    at += n;
  }
  return at;
}

const char *words_fit_head(struct arena *a, const char *s, size_t columns) {
  if (text_width(s) <= columns)
    return s;
  return columns ? arena_printf(a, "%.*s…", (int)prefix(s, columns - 1), s) : "";
}

const char *words_fit_tail(struct arena *a, const char *s, size_t columns) {
  size_t width = text_width(s), one;
  if (width <= columns)
    return s;
  if (columns == 0)
    return "";
  for (; width > columns - 1; width -= one)
    s += text_letter(s, &one);
  return arena_printf(a, "…%s", s);
}

size_t words_columns(FILE *f) {
  struct winsize w;
  return words_is_terminal(f) && ioctl(fileno(f), TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

bool words_is_terminal(FILE *f) {
  const char *term = getenv("TERM");
  int fd = fileno(f);
  return fd >= 0 && isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

const struct colours *colours_of(FILE *f) {
  static const struct colours none = {"", "", "", "", "", ""};
  static const struct colours some = {"\033[32m", "\033[33m", "\033[31m", "\033[1m", "\033[2m", "\033[m"};
  const char *unwanted = getenv("NO_COLOR");
  return words_is_terminal(f) && !(unwanted && *unwanted) ? &some : &none;
}
