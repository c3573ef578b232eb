/* TZif files, RFC 8536: a table of changes, and a rule for the years behind it.  Of the two tables of a file the second, in 64 bits,
 * is read; a file of version 1 has the first one alone. */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/moment.h"
#include "base/units.h"
#include "base/zone_rule.h"

enum {
  HEADER = 44,
  FILE_MAX = 256 * 1024
};

struct zone {
  const char *name;
  int64_t first_s; /* offset before the first change */
  struct zone_change *changes;
  size_t changes_n;
  bool ruled; /* rule holds from the last change on */
  struct zone_rule rule;
};
const struct zone zone_utc = {.name = "UTC"};

struct table {                                                   /* one of a file's two */
  const uint8_t *times, *indexes, *types, *end;                  /* end: what is behind it */
  size_t times_n, types_n, width;
};

static uint32_t u32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static int64_t number(const uint8_t *p, size_t width) {
  return width == 4 ? (int32_t)u32(p) : (int64_t)((uint64_t)u32(p) << 32 | u32(p + 4));
}

static int take_table(const uint8_t *p, const uint8_t *end, size_t width, struct table *t) {
  if (end - p < HEADER || memcmp(p, "TZif", 4) != 0)
    return -1;
  size_t utc_n = u32(p + 20), std_n = u32(p + 24), leaps = u32(p + 28), times = u32(p + 32), types = u32(p + 36), letters = u32(p + 40);
  if ((utc_n | std_n | leaps | times | types | letters) > FILE_MAX || types == 0)
    return -1;
  size_t size = times * (width + 1) + types * 6 + letters + leaps * (width + 4) + std_n + utc_n;
  if (size > (size_t)(end - p - HEADER))
    return -1;
  p += HEADER;
  *t = (struct table){.times = p, .indexes = p + times * width, .types = p + times * (width + 1), .end = p + size,
                      .times_n = times, .types_n = types, .width = width};
  return 0;
}

static int take_changes(const struct table *t, struct arena *a, struct zone *z) {
  z->changes = arena_alloc(a, (t->times_n + 1) * sizeof *z->changes);
  z->first_s = number(t->types, 4);
  for (size_t i = 0; i < t->times_n; i++) {
    struct zone_change c = {.at_s = number(t->times + i * t->width, t->width)};
    int64_t now = z->changes_n ? z->changes[z->changes_n - 1].offset_s : z->first_s;
    if (t->indexes[i] >= t->types_n || (i && c.at_s <= number(t->times + (i - 1) * t->width, t->width)))
      return -1;
    c.offset_s = number(t->types + t->indexes[i] * 6, 4);
    if (c.offset_s < -DAY_SECONDS * 2 || c.offset_s > DAY_SECONDS * 2)
      return -1;
    if (c.offset_s != now) /* a new name of the same time is none */
      z->changes[z->changes_n++] = c;
  }
  return 0;
}

static int take_rule(const uint8_t *p, const uint8_t *end, struct arena *a, struct zone *z) {
  const uint8_t *stop = end - p > 1 && *p == '\n' ? memchr(p + 1, '\n', (size_t)(end - p - 1)) : NULL;
  if (!stop)
    return -1;
  const char *text = arena_memdup(a, p + 1, (size_t)(stop - p - 1));
  z->ruled = *text != '\0';
  return z->ruled ? zone_rule_parse(text, &z->rule) : 0;
}

int zone_read(const char *name, const void *bytes, size_t n, struct arena *a, struct err *e, const struct zone **ret) {
  const uint8_t *p = bytes, *end = p + n;
  struct zone *z = arena_alloc(a, sizeof *z);
  struct table t;
  z->name = arena_strdup(a, name);
  bool ok = take_table(p, end, 4, &t) == 0;
  bool more = ok && p[4] >= '2';
  if (more)
    ok = take_table(t.end, end, 8, &t) == 0;
  ok = ok && take_changes(&t, a, z) == 0 && (!more || take_rule(t.end, end, a, z) == 0);
  if (!ok) {
    err_set(e, ETL_E_CONFIG, "the file of the time zone \"%.100s\" is damaged", name);
    return err_remedy(e, "install the package tzdata again");
  }
  *ret = z;
  return 0;
}

/* All of a file that is not too large; NULL with errno. */
static void *read_file(const char *path, size_t *ret_n) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return NULL;
  char *p = xcalloc(1, FILE_MAX);
  ssize_t got = 1;
  size_t n = 0;
  while (got > 0 && n < FILE_MAX)
    if ((got = read(fd, p + n, FILE_MAX - n)) > 0)
      n += (size_t)got;
  int why = errno;
  close(fd);
  errno = why;
  *ret_n = n;
  if (got == 0)
    return p;
  free(p);
  return NULL;
}

int zone_load(const char *name, struct arena *a, struct err *e, const struct zone **ret) {
  char path[512];
  size_t n = 0;
  if (strcmp(name, "UTC") == 0) {
    *ret = &zone_utc;
    return 0;
  }
  errno = ENOENT;
  bool fits = *name && *name != '/' && !strstr(name, "..") && (size_t)snprintf(path, sizeof path, ZONE_DIR "/%s", name) < sizeof path;
  cleanup_free char *bytes = fits ? read_file(path, &n) : NULL;
  if (!bytes || n < 4 || memcmp(bytes, "TZif", 4) != 0) {
    bool absent = bytes || errno == ENOENT || errno == EISDIR || errno == ENOTDIR;
    return err_set(e, ETL_E_CONFIG, "there is no time zone \"%.100s\"%s%s", name, absent ? "" : ": ", absent ? "" : strerror(errno));
  }
  return zone_read(name, bytes, n, a, e, ret);
}

const char *zone_name(const struct zone *z) { return z->name; }

static void take_change(struct zone_span *s, const struct zone_change *c, int64_t utc_s, bool *done) {
  if (c->at_s > utc_s) {
    s->until_s = *done ? s->until_s : c->at_s;
    *done = true;
  } else {
    s->from_s = c->at_s;
    s->before_s = s->offset_s;
    s->offset_s = c->offset_s;
  }
}

/* Changes by the rule, of the years around the instant; those that the table has as well come from there. */
static void by_rule(const struct zone *z, int64_t utc_s, struct zone_span *s) {
  int64_t rest, year = etl_civil_from_days(civil_day_of(utc_s, &rest)).year;
  bool done = false;
  for (int64_t y = year - 1; y <= year + 1; y++) {
    struct zone_change both[2];
    zone_rule_changes(&z->rule, y, both);
    for (int i = 0; i < 2; i++)
      if ((s->from_s == INT64_MIN || both[i].at_s > s->from_s) && both[i].offset_s != s->offset_s)
        take_change(s, &both[i], utc_s, &done);
  }
}

void zone_span(const struct zone *z, int64_t utc_s, struct zone_span *ret) {
  size_t lo = 0, hi = z->changes_n; /* lo: changes at or before the instant */
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (z->changes[mid].at_s <= utc_s)
      lo = mid + 1;
    else
      hi = mid;
  }
  struct zone_span s = {.from_s = INT64_MIN, .until_s = INT64_MAX, .offset_s = z->first_s, .before_s = z->first_s};
  if (lo) {
    s.from_s = z->changes[lo - 1].at_s;
    s.offset_s = z->changes[lo - 1].offset_s;
    s.before_s = lo > 1 ? z->changes[lo - 2].offset_s : z->first_s;
  }
  if (lo < z->changes_n)
    s.until_s = z->changes[lo].at_s;
  else if (z->ruled && z->rule.summer)
    by_rule(z, utc_s, &s);
  else if (z->ruled && !z->changes_n)
    s.offset_s = s.before_s = z->rule.standard_s;
  *ret = s;
}

int64_t zone_offset_s(const struct zone *z, int64_t utc_s) {
  struct zone_span s;
  zone_span(z, utc_s, &s);
  return s.offset_s;
}

int64_t zone_utc_s(const struct zone *z, int64_t local_s) {
  struct zone_span s;
  for (int64_t at = local_s - 2 * DAY_SECONDS;; at = s.until_s) { /* no zone is two days off */
    zone_span(z, at, &s);
    if (s.until_s == INT64_MAX || local_s < s.until_s + s.offset_s)
      return s.from_s != INT64_MIN && local_s - s.offset_s < s.from_s ? s.from_s : local_s - s.offset_s;
  }
}

char *zone_print(const struct zone *z, int64_t ns, char buf[ZONE_TEXT]) {
  int64_t s = ns / NS_PER_SEC - (ns % NS_PER_SEC < 0), left = ns - s * NS_PER_SEC, rest;
  int64_t off = zone_offset_s(z, s), abs_min = (off < 0 ? -off : off) / 60;
  struct etl_civil c = etl_civil_from_days(civil_day_of(s + off, &rest));
  char fraction[16] = "", zone[16] = "Z";
  if (left) {
    int n = snprintf(fraction, sizeof fraction, ".%09" PRId64, left);
    while (fraction[n - 1] == '0')
      fraction[--n] = '\0';
  }
  if (z != &zone_utc)
    snprintf(zone, sizeof zone, "%c%02d:%02d", off < 0 ? '-' : '+', (int)(abs_min / 60), (int)(abs_min % 60));
  snprintf(buf, ZONE_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", (int)c.year, (int)c.month, (int)c.day, (int)(rest / 3600),
           (int)(rest / 60 % 60), (int)(rest % 60), fraction, zone);
  return buf;
}

/* "+02:00" or "-0530" at the end of text: its seconds, and where it begins. */
static bool take_offset(const char *text, size_t *ret_length, int64_t *ret_s) {
  size_t n = strlen(text);
  int h, m, at = 0;
  for (size_t back = 5; back <= 6 && back < n; back++) {
    const char *p = text + n - back;
    if ((*p == '+' || *p == '-') && strchr(text, ':') && strchr(text, ':') < p &&
        sscanf(p + 1, back == 6 ? "%2d:%2d%n" : "%2d%2d%n", &h, &m, &at) == 2 && at == (int)back - 1 && h < 24 && m < 60) {
      *ret_length = n - back;
      *ret_s = (*p == '-' ? -1 : 1) * (h * 3600 + m * 60);
      return true;
    }
  }
  return false;
}

int zone_parse(const struct zone *z, const char *text, int64_t *ret_ns) {
  char buf[64];
  struct moment m;
  size_t n = strlen(text);
  int64_t offset = 0;
  bool fixed = take_offset(text, &n, &offset);
  if (n >= sizeof buf)
    return -1;
  memcpy(buf, text, n);
  buf[n] = '\0';
  if (moment_parse(buf, &m) < 0 || (fixed && m.utc))
    return -1;
  int64_t s = m.utc || fixed ? m.seconds - offset : zone_utc_s(z, m.seconds);
  if (s < 0 || s >= INT64_MAX / NS_PER_SEC)
    return -1;
  *ret_ns = s * NS_PER_SEC + m.ns;
  return 0;
}
