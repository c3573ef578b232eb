/* IP addresses as text: what access logs really hold, and nothing looser.  inet_pton() does the work on a trimmed copy. */
#include <arpa/inet.h>
#include <ctype.h>

#include "ip_text.h"

enum {
  LONGEST = 96
};

static bool digits(const char *p) {
  size_t n = strspn(p, "0123456789");
  return n >= 1 && n <= 5 && p[n] == 0;
}

/* Takes brackets, port and zone away, in place.  NULL: malformed. */
static char *bare(char *p) {
  if (*p == '[') {
    char *end = strchr(p, ']');
    if (!end || (end[1] && !(end[1] == ':' && digits(end + 2))))
      return NULL;
    *end = 0;
    p++;
    if (!strchr(p, ':'))
      return NULL;
  }
  char *colon = strchr(p, ':');
  if (colon && !strchr(colon + 1, ':')) { /* one colon: IPv4 and port */
    if (!digits(colon + 1))
      return NULL;
    *colon = 0;
  }
  char *zone = strchr(p, '%');
  if (zone && colon && zone[1])
    *zone = 0;
  return p;
}

int ip_parse(struct etl_bytes text, struct ip *ret) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  const char *t = text.p;
  uint64_t n = text.n;
  char copy[LONGEST];
  while (n && isspace((unsigned char)t[n - 1]))
    n--;
  while (n && isspace((unsigned char)*t))
    t++, n--;
  if (n == 0 || n >= sizeof copy || memchr(t, 0, n))
    return -1;
  memcpy(copy, t, n);
  copy[n] = 0;
  char *p = bare(copy);
  struct ip ip = {0};
  if (!p)
    return -1;
  if (inet_pton(AF_INET, p, ip.b) == 1) {
    ip.v4 = true;
  } else if (inet_pton(AF_INET6, p, ip.b) != 1) {
    return -1;
  } else if (memcmp(ip.b, mapped, sizeof mapped) == 0) {
    memmove(ip.b, ip.b + 12, 4);
    memset(ip.b + 4, 0, 12);
    ip.v4 = true;
  }
  *ret = ip;
  return 0;
}
