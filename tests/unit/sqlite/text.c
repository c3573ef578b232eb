/* Decimals, dates, times and uuids as text, and back. */
#include <criterion/criterion.h>

#include "text.h"

static struct etl_bytes bytes(const char *text) { return (struct etl_bytes){text, strlen(text)}; }

/* One value of a format as text. */
static const char *printed(const char *format, const void *value, const char *extension) {
  static char buf[TEXT_BYTES];
  struct ArrowSchema s;
  struct etl_view v = {.data = value, .length = 1};
  cr_assert(etl_schema_init(&s, 1) == 0 && etl_schema_set(&s, 0, "x", format, true, NULL, extension) == 0);
  cr_assert(etl_format_parse(s.children[0], &v.f) == 0);
  buf[text_print(&v, 0, buf)] = 0;
  s.release(&s);
  return buf;
}

Test(text, dates) {
  static const struct {
    int32_t days;
    const char *text;
  } cases[] = {{0, "1970-01-01"}, {-1, "1969-12-31"}, {11016, "2000-02-29"}, {-719162, "0001-01-01"}, {2932896, "9999-12-31"}, {-25509, "1900-02-28"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t days;
    cr_expect_str_eq(printed("tdD", &cases[i].days, NULL), cases[i].text);
    cr_expect(!text_scan_date(bytes(cases[i].text), &days) && days == cases[i].days, "%s", cases[i].text);
  }
  static const char *const bad[] = {"", "2024-02-30", "1900-02-29", "2024-13-01", "2024-00-01", "2024-1-1", "2024-01-01 ", "24-01-01", "2024-01-32", "x"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t days;
    cr_expect(text_scan_date(bytes(bad[i]), &days), "%s is no date", bad[i]);
  }
}

Test(text, times) {
  int64_t t;
  const int64_t us = 86399999999, ns = 1500;
  cr_expect_str_eq(printed("ttu", &us, NULL), "23:59:59.999999");
  cr_expect_str_eq(printed("ttn", &ns, NULL), "00:00:00.0000015");
  cr_expect(!text_scan_time(bytes("23:59:59.999999"), 1000000, &t) && t == us);
  cr_expect(!text_scan_time(bytes("00:00:00.0000015"), 1000000000, &t) && t == ns);
  cr_expect(!text_scan_time(bytes("10:30"), 1000, &t) && t == 37800000);
  cr_expect(!text_scan_time(bytes("10:30:00.5000"), 1000, &t) && t == 37800500);
  cr_expect(text_scan_time(bytes("10:30:00.0005"), 1000, &t) != NULL);
  cr_expect(text_scan_time(bytes("24:00:00"), 1000, &t) != NULL);
  cr_expect(text_scan_time(bytes("10:60:00"), 1000, &t) != NULL);
  cr_expect(text_scan_time(bytes("10:30:00."), 1000, &t) != NULL);
}

Test(text, stamps) {
  static const struct {
    const char *text;
    int64_t ms;
    bool zoned;
  } good[] = {{"1970-01-01", 0, false},
              {"1970-01-01 00:00:00.001", 1, false},
              {"1969-12-31T23:59:59.999", -1, false},
              {"1970-01-01 01:00:00+01:00", 0, true},
              {"1969-12-31 19:00-0500", 0, true},
              {"1970-01-01T00:00Z", 0, true},
              {"1970-01-01 05:00+05", 0, true}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ms;
    bool zoned;
    const char *why = text_scan_stamp(bytes(good[i].text), 1000, &ms, &zoned);
    cr_expect(!why && ms == good[i].ms && zoned == good[i].zoned, "%s: %s", good[i].text, why ? why : "another time");
  }
  static const char *const bad[] = {"1970-01-01 ", "1970-01-01x00:00", "1970-01-01 00:00:00.0001", "1970-01-01 00:00 +01:00", "1970-01-01 00:00+15:00", "now"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ms;
    bool zoned;
    cr_expect(text_scan_stamp(bytes(bad[i]), 1000, &ms, &zoned), "%s is no time", bad[i]);
  }
  const int64_t us = -1;
  cr_expect_str_eq(printed("tsu:", &us, NULL), "1969-12-31 23:59:59.999999");
  cr_expect_str_eq(printed("tsu:UTC", &us, NULL), "1969-12-31 23:59:59.999999Z");
}

Test(text, decimals) {
  static const struct {
    const char *text, *printed; /* at scale 2 */
  } good[] = {{"0", "0.00"},         {"-0.05", "-0.05"}, {"12.5", "12.50"}, {"12.500", "12.50"}, {"1e3", "1000.00"}, {"1.5E+1", "15.00"},
              {"+7", "7.00"},        {".5", "0.50"},     {"5.", "5.00"},    {"100e-2", "1.00"},  {"0e99", "0.00"},   {"999999999999999999999999999999999999.99", "999999999999999999999999999999999999.99"}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    __int128 n = 77;
    const char *why = text_scan_decimal(bytes(good[i].text), 2, &n);
    cr_expect(!why, "%s: %s", good[i].text, why);
    cr_expect_str_eq(printed("d:38,2", &n, NULL), good[i].printed);
  }
  static const char *const bad[] = {"", "-", ".", "1.005", "1e-3", "x", "1 ", "1e", "1e+", "--1", "1.2.3", "9999999999999999999999999999999999999", "1e40", "Inf"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    __int128 n;
    cr_expect(text_scan_decimal(bytes(bad[i]), 2, &n), "%s does not fit", bad[i]);
  }
}

Test(text, utf8) {
  static const char *const good[] = {"", "plain text of more than eight bytes", "äöü", "漢字", "😀", "12345678ä", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"};
  static const char *const bad[] = {"\xff", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "12345678\xe4", "a\xe2\x82" "b"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    cr_expect(text_is_utf8(bytes(good[i])), "%zu", i);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_expect(!text_is_utf8(bytes(bad[i])), "%zu", i);
}

Test(text, uuids) {
  uint8_t uuid[16];
  cr_assert(!text_scan_uuid(bytes("00112233-4455-6677-8899-AAbbCCddEEff"), uuid));
  cr_expect_str_eq(printed("w:16", uuid, "arrow.uuid"), "00112233-4455-6677-8899-aabbccddeeff");
  cr_expect(!text_scan_uuid(bytes("00112233445566778899aabbccddeeff"), uuid));
  cr_expect(text_scan_uuid(bytes("00112233-4455-6677-8899-aabbccddeef"), uuid) != NULL);
  cr_expect(text_scan_uuid(bytes("00112233-4455-6677-8899-aabbccddeeff0"), uuid) != NULL);
  cr_expect(text_scan_uuid(bytes("0-0112233-4455-6677-8899-aabbccddeeff"), uuid) != NULL);
}
