/* Durations and sizes: one table of units each, from which parser and printer work. */
#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
  const char *name;
  int64_t factor;
  bool print; /* the printer uses it */
};
/* Greatest first. */
static const struct unit durations[] = {{"d", 86400 * NS_PER_SEC, true},
                                        {"h", 3600 * NS_PER_SEC, true},
                                        {"m", 60 * NS_PER_SEC, true},
                                        {"s", NS_PER_SEC, true},
                                        {"ms", NS_PER_MS, true},
                                        {"us", 1000, true},
                                        {"ns", 1, true},
                                        {NULL, 0, false}};
static const struct unit sizes[] = {{"TiB", 1ll << 40, true}, {"GiB", 1ll << 30, true},     {"MiB", 1ll << 20, true},
                                    {"KiB", 1ll << 10, true}, {"TB", 1000000000000, false}, {"GB", 1000000000, false},
                                    {"MB", 1000000, false},   {"KB", 1000, false},          {"B", 1, false},
                                    {NULL, 0, false}};

static const struct unit *find_unit(const struct unit *units, const char *name, size_t n) {
  for (; units->name; units++)
    if (strlen(units->name) == n && strncasecmp(units->name, name, n) == 0)
      return units;
  return NULL;
}

/* One number with its unit at *p: "1.5s".  unit_less: the unit of a number without one, or NULL. */
static int parse_part(const struct unit *units, const struct unit *unit_less, const char **p, int64_t *total) {
  int64_t whole = 0, fraction = 0, scale = 1;
  const char *s = *p;
  if (!isdigit((unsigned char)*s))
    return -1;
  for (; isdigit((unsigned char)*s); s++)
    if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *s - '0', &whole))
      return -1;
  if (*s == '.' && isdigit((unsigned char)s[1]))
    for (s++; isdigit((unsigned char)*s); s++)
      if (scale < 1000000000) {
        fraction = fraction * 10 + (*s - '0');
        scale *= 10;
      }
  while (*s == ' ')
    s++;
  const char *name = s;
  while (isalpha((unsigned char)*s))
    s++;
  const struct unit *u = s == name ? unit_less : find_unit(units, name, (size_t)(s - name));
  int64_t ns;
  if (!u || __builtin_mul_overflow(whole, u->factor, &ns))
    return -1;
  ns = (int64_t)(((__int128)fraction * u->factor) / scale) + ns;
  if (ns < 0 || __builtin_add_overflow(*total, ns, total))
    return -1;
  *p = s;
  return 0;
}

int units_parse_duration(const char *text, int64_t *ret_ns) {
  int64_t total = 0;
  if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
    return 0;
  }
  do {
    if (parse_part(durations, NULL, &text, &total) < 0)
      return -1;
    while (*text == ' ')
      text++;
  } while (*text);
  *ret_ns = total;
  return 0;
}

int units_parse_size(const char *text, int64_t *ret_bytes) {
  static const struct unit bytes = {"", 1, false};
  int64_t total = 0;
  if (parse_part(sizes, &bytes, &text, &total) < 0 || *text)
    return -1;
  *ret_bytes = total;
  return 0;
}

char *units_print_duration(char buf[UNITS_TEXT], int64_t ns) {
  size_t n = 0;
  uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
  if (left == 0)
    return memcpy(buf, "0", 2);
  if (ns < 0)
    buf[n++] = '-';
  for (const struct unit *u = durations; u->name; u++) {
    uint64_t count = left / (uint64_t)u->factor;
    if (count) /* at most "-106751d23h47m16s854ms775us808ns" */
      n += (size_t)snprintf(buf + n, UNITS_TEXT - n, "%" PRIu64 "%s", count, u->name);
    left -= count * (uint64_t)u->factor;
  }
  return buf;
}

char *units_print_wait(char buf[UNITS_TEXT], int64_t ns) {
  int64_t round_ns = 10 * NS_PER_MS, shown = ns < 0 ? 0 : (ns / round_ns + (ns % round_ns >= round_ns / 2)) * round_ns;
  char text[UNITS_TEXT];
  if (!shown)
    return memcpy(buf, "now", 4);
  memcpy(buf, "in ", 3);
  memcpy(buf + 3, units_print_duration(text, shown), UNITS_TEXT - 3);
  return buf;
}

char *units_print_size(char buf[UNITS_TEXT], int64_t bytes) {
  const struct unit *u = sizes;
  while (u->name && !(u->print && bytes != 0 && bytes % u->factor == 0))
    u++;
  if (u->name)
    snprintf(buf, UNITS_TEXT, "%" PRId64 "%s", bytes / u->factor, u->name);
  else
    snprintf(buf, UNITS_TEXT, "%" PRId64, bytes);
  return buf;
}
