/* Mails by RFC 5322: subject and names in encoded words (RFC 2047), the body in quoted-printable, so that no relay has to change it and a
 * line of any length arrives. */
#include "serve/mail.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/member.h"
#include "base/text.h"
#include "base/units.h"

enum {
  WORD_BYTES = 42, /* of UTF-8 in an encoded word of at most 75 letters */
  QP_LINE = 75,
  PLAIN_LINE = 900 /* of a header; 998 is the limit */
};

char *mail_address(const char *text) {
  const char *open = strrchr(text, '<');
  return open ? xstrdup(open) : xasprintf("<%s>", text);
}

static bool is_plain(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (s[i] < ' ' || s[i] > '~')
      return false;
  return !memmem(s, n, "=?", 2) && n < PLAIN_LINE;
}

/* More than one word is folded: the space between encoded words does not count. */
static void put_text(const char *s, size_t n, FILE *to) {
  if (is_plain(s, n)) {
    fprintf(to, "%.*s", (int)n, s);
    return;
  }
  cleanup_free char *copy = text_mended(s, n);
  for (const char *p = copy; *p;) {
    unsigned char word[WORD_BYTES * 2 + 4];
    size_t bytes = text_within(p, WORD_BYTES);
    EVP_EncodeBlock(word, (const unsigned char *)p, (int)bytes);
    fprintf(to, "%s=?UTF-8?B?%s?=", p == copy ? "" : "\r\n ", word);
    p += bytes;
  }
}

void mail_put_header(const char *name, const char *value, FILE *to) {
  fprintf(to, "%s: ", name);
  put_text(value, strlen(value), to);
  fputs("\r\n", to);
}

/* "Some Name <a@b>": only the name can need encoding. */
static void put_mailbox(const char *text, FILE *to) {
  const char *open = strrchr(text, '<');
  size_t n = open ? (size_t)(open - text) : 0;
  while (n > 0 && text[n - 1] == ' ')
    n--;
  cleanup_free char *address = mail_address(text);
  bool quote = is_plain(text, n) && strcspn(text, "(),.:;@[]\\") < n;
  if (quote)
    fputc('"', to);
  for (size_t i = 0; quote && i < n; i++)
    fprintf(to, "%s%c", strchr("\"\\", text[i]) ? "\\" : "", text[i]);
  if (quote)
    fputc('"', to);
  else if (n)
    put_text(text, n, to);
  fprintf(to, "%s%s", n ? " " : "", address);
}

static void put_recipients(const struct conf_notify *t, FILE *to) {
  fputs("To: ", to);
  for (const char *const *r = t->to; *r; r++) {
    fputs(r == t->to ? "" : ",\r\n ", to);
    put_mailbox(*r, to);
  }
  fputs("\r\n", to);
}

/* Names of days and months by hand: those of strftime follow the locale. */
static void put_date(int64_t now_ns, FILE *to) {
  static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t s = (time_t)(now_ns / NS_PER_SEC);
  struct tm tm;
  if (gmtime_r(&s, &tm))
    fprintf(to, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + (ptrdiff_t)tm.tm_wday * 3, tm.tm_mday, months + (ptrdiff_t)tm.tm_mon * 3,
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_body(const char *text, FILE *to) {
  size_t at = 0;
  for (const char *c = text; *c; c++) {
    bool last = c[1] == '\n' || !c[1], plain = (*c >= ' ' && *c <= '~' && *c != '=') || *c == '\t';
    if (*c == '\n') {
      fputs("\r\n", to);
      at = 0;
      continue;
    }
    plain &= !(last && (*c == ' ' || *c == '\t')); /* a space at a line's end would be lost */
    size_t room = plain ? 1 : 3;
    if (at + room > QP_LINE) {
      fputs("=\r\n", to);
      at = 0;
    }
    fprintf(to, plain ? "%c" : "=%02X", (unsigned char)*c);
    at += room;
  }
  if (at)
    fputs("\r\n", to);
}

static const char *get(const json_t *j, const char *name) {
  const char *s = member_text(j, name);
  return s ? s : "";
}

char *mail_write(const struct conf_notify *t, const json_t *message, int64_t now_ns) {
  char *text = NULL;
  size_t n;
  FILE *to = open_memstream(&text, &n);
  cleanup_free char *from = mail_address(t->from);
  const char *domain = strrchr(from, '@');
  put_date(now_ns, to);
  fputs("From: ", to);
  put_mailbox(t->from, to);
  fputs("\r\n", to);
  put_recipients(t, to);
  mail_put_header("Subject", get(message, "subject"), to);
  fprintf(to, "Message-ID: <%s%s\r\n", get(message, "id"), domain ? domain : "@localhost>");
  mail_put_header("X-Etl-Event", get(message, "event"), to);
  if (*get(message, "pipeline"))
    mail_put_header("X-Etl-Pipeline", get(message, "pipeline"), to);
  fputs("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
        to);
  put_body(get(message, "text"), to);
  fclose(to);
  return text;
}
