/* Masks and hashes.  Characters are those of UTF-8; what is left out is three stars, or a star a character where some are kept. */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "ip_text.h"
#include "mask.h"

static const char stars[] = "***";
const char mask_names[] = "all, keep_first:N, keep_last:N, email, ip";

static const struct rule {
  const char *name; /* ends in ':' when a number follows */
  enum mask_kind kind;
} rules[] = {
    {"all", MASK_ALL}, {"keep_first:", MASK_KEEP_FIRST}, {"keep_last:", MASK_KEEP_LAST}, {"email", MASK_EMAIL}, {"ip", MASK_IP},
};

int mask_parse(const char *text, struct mask *ret) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    size_t n = strlen(rules[i].name);
    bool number = rules[i].name[n - 1] == ':';
    if (strncmp(text, rules[i].name, n) != 0)
      continue;
    size_t digits = strspn(text + n, "0123456789");
    if (text[n + digits] || (number ? digits == 0 || digits > 4 : digits > 0))
      return -1;
    *ret = (struct mask){.kind = rules[i].kind, .keep = number ? strtoull(text + n, NULL, 10) : 0};
    return 0;
  }
  return -1;
}

static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

static int add_stars(struct etl_batch *b) { return etl_batch_bytes(b, 0, stars, sizeof stars - 1); }

static int add_kept(const struct mask *m, struct etl_bytes t, struct etl_batch *b) {
  const char *p = t.p;
  uint64_t characters = 0, at = 0, n = 0;
  for (uint64_t i = 0; i < t.n; i++)
    characters += starts_character(p[i]);
  if (characters <= m->keep) /* keeping all of it would mask nothing */
    return add_stars(b);
  char *to = (char *)etl_batch_bytes_room(b, 0, t.n);
  if (!to)
    return -1;
  for (uint64_t i = 0; i < t.n; i++) {
    at += starts_character(p[i]); /* now the character's number, from 1 */
    if (m->kind == MASK_KEEP_FIRST ? at <= m->keep : at > characters - m->keep)
      to[n++] = p[i];
    else if (starts_character(p[i]))
      to[n++] = '*';
  }
  etl_batch_bytes_done(b, 0, n);
  return 0;
}

/* "ada@example.org" to "a***@example.org". */
static int add_email(struct etl_bytes t, struct etl_batch *b) {
  const char *p = t.p, *at = t.n ? memrchr(p, '@', t.n) : NULL;
  if (!at || at == p || at + 1 == p + t.n)
    return add_stars(b);
  uint64_t first = 1, domain = (uint64_t)(p + t.n - at);
  while (!starts_character(p[first]))
    first++;
  char *to = (char *)etl_batch_bytes_room(b, 0, first + sizeof stars - 1 + domain);
  if (!to)
    return -1;
  memcpy(to, p, first);
  memcpy(to + first, stars, sizeof stars - 1);
  memcpy(to + first + sizeof stars - 1, at, domain);
  etl_batch_bytes_done(b, 0, first + sizeof stars - 1 + domain);
  return 0;
}

/* The network: 24 bits of IPv4, 48 of IPv6. */
static int add_network(struct etl_bytes t, struct etl_batch *b) {
  struct ip ip;
  char text[INET6_ADDRSTRLEN];
  if (ip_parse(t, &ip) < 0)
    return add_stars(b);
  memset(ip.b + (ip.v4 ? 3 : 6), 0, ip.v4 ? 1 : 10);
  inet_ntop(ip.v4 ? AF_INET : AF_INET6, ip.b, text, sizeof text);
  return etl_batch_bytes(b, 0, text, strlen(text));
}

int mask_add(const struct mask *m, struct etl_bytes text, struct etl_batch *b) {
  switch (m->kind) {
  case MASK_KEEP_FIRST:
  case MASK_KEEP_LAST: return add_kept(m, text, b);
  case MASK_EMAIL: return add_email(text, b);
  case MASK_IP: return add_network(text, b);
  default: return add_stars(b);
  }
}

struct hasher {
  EVP_MD_CTX *salted; /* has taken the salt */
  EVP_MD_CTX *work;
};

struct hasher *hasher_new(const char *salt) {
  struct hasher *h = calloc(1, sizeof *h);
  if (!h)
    return NULL;
  h->salted = EVP_MD_CTX_new();
  h->work = EVP_MD_CTX_new();
  if (h->salted && h->work && EVP_DigestInit_ex(h->salted, EVP_sha256(), NULL) == 1 &&
      EVP_DigestUpdate(h->salted, salt, strlen(salt)) == 1)
    return h;
  hasher_free(h);
  return NULL;
}

void hasher_free(struct hasher *h) {
  if (!h)
    return;
  EVP_MD_CTX_free(h->salted);
  EVP_MD_CTX_free(h->work);
  free(h);
}

int hash_add(struct hasher *h, struct etl_bytes text, struct etl_batch *b) {
  static const char hex[] = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (EVP_MD_CTX_copy_ex(h->work, h->salted) != 1 || EVP_DigestUpdate(h->work, text.p, text.n) != 1 ||
      EVP_DigestFinal_ex(h->work, digest, &n) != 1)
    return -1;
  uint8_t *to = etl_batch_bytes_room(b, 0, 2 * (uint64_t)n);
  if (!to)
    return -1;
  for (unsigned i = 0; i < n; i++) {
    to[2 * i] = (uint8_t)hex[digest[i] >> 4];
    to[2 * i + 1] = (uint8_t)hex[digest[i] & 15];
  }
  etl_batch_bytes_done(b, 0, 2 * (uint64_t)n);
  return 0;
}
