/* Mails as text: headers that need encoding, names with signs, bodies with anything. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "serve/mail.h"

static char *header(const char *value) {
  char *text = NULL;
  size_t n;
  FILE *to = open_memstream(&text, &n);
  mail_put_header("S", value, to);
  fclose(to);
  return text;
}

static char *mail(const char *from, const char *to, const char *text) {
  const char *list[] = {to, NULL};
  const struct conf_notify t = {.from = from, .to = list};
  json_t *j = json_pack("{ss, ss, ss, ss}", "id", "etl-1", "event", "failure", "subject", "it failed", "text", text);
  char *mail = mail_write(&t, j, 1700000000ll * 1000000000);
  json_decref(j);
  return mail;
}

static void expect_body(const char *text, const char *body) {
  cleanup_free char *all = mail("a@b", "c@d", text);
  const char *found = strstr(all, "\r\n\r\n");
  cr_assert_not_null(found);
  cr_expect_str_eq(found + 4, body);
}

Test(mail, plain_header) {
  cleanup_free char *h = header("it failed: 100% = all");
  cr_expect_str_eq(h, "S: it failed: 100% = all\r\n");
}

Test(mail, header_that_needs_encoding) {
  cleanup_free char *h = header("Größe");
  cr_expect_str_eq(h, "S: =?UTF-8?B?R3LDtsOfZQ==?=\r\n");
  cleanup_free char *trick = header("=?UTF-8?B?R3LDtsOfZQ==?=");
  cr_expect_null(strstr(trick, "R3LDtsOfZQ"), "what looks encoded is encoded itself");
  cleanup_free char *broken = header("a\r\nBcc: x@y");
  cr_expect_null(strstr(broken, "Bcc"), "no header is smuggled in");
}

Test(mail, long_header_is_folded_between_letters) {
  char long_text[400] = "";
  for (int i = 0; i < 100; i++)
    memcpy(long_text + 3 * (size_t)i, "\xe6\xbc\xa2", 4);
  cleanup_free char *h = header(long_text);
  for (char *line = h, *end; (end = strstr(line, "\r\n")); line = end + 2) {
    cr_expect_leq(end - line, 78);
    cr_expect(line == h || strncmp(line, " =?UTF-8?B?", 11) == 0);
    cr_expect_eq((end - 2 - (strstr(line, "?B?") + 3)) % 4, 0, "each word is whole base64");
  }
}

Test(mail, all_headers) {
  cleanup_free char *all = mail("Ops, \\ Team (x) <ops@example.com>", "Größe <g@example.com>", "t\n");
  cr_expect_eq(strncmp(all, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n", 39), 0, "%s", all);
  cr_expect_not_null(strstr(all, "\r\nFrom: \"Ops, \\\\ Team (x)\" <ops@example.com>\r\n"));
  cr_expect_not_null(strstr(all, "\r\nTo: =?UTF-8?B?R3LDtsOfZQ==?= <g@example.com>\r\n"));
  cr_expect_not_null(strstr(all, "\r\nSubject: it failed\r\n"));
  cr_expect_not_null(strstr(all, "\r\nMessage-ID: <etl-1@example.com>\r\n"));
}

Test(mail, bodies) {
  expect_body("plain\nlines\n", "plain\r\nlines\r\n");
  expect_body("no end", "no end\r\n");
  expect_body("1 = 2\n", "1 =3D 2\r\n");
  expect_body("end \nend\t\n", "end=20\r\nend=09\r\n");
  expect_body("\xc3\xb6\r\n", "=C3=B6=0D\r\n");
  expect_body("", "");
}

Test(mail, long_lines_are_broken) {
  char text[200], body[220];
  memset(text, 'x', 150);
  text[150] = 0;
  snprintf(body, sizeof body, "%.75s=\r\n%.75s\r\n", text, text);
  expect_body(text, body);
  memset(text, '=', 30);
  text[30] = 0;
  cleanup_free char *all = mail("a@b", "c@d", text);
  cr_expect_not_null(strstr(all, "=3D=\r\n=3D"), "no sign is cut in two");
}
