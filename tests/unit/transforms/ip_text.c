/* IP addresses as text: what is one, what is not, and what it is in bytes. */
#include <criterion/criterion.h>

#include "ip_text.h"

static int parse(const char *text, struct ip *ip) { return ip_parse((struct etl_bytes){text, strlen(text)}, ip); }

static void is_v4(const char *text, uint32_t want) {
  struct ip ip;
  cr_assert_eq(parse(text, &ip), 0, "%s", text);
  cr_assert(ip.v4);
  cr_assert_eq((uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 | ip.b[3], want, "%s", text);
  for (int i = 4; i < 16; i++)
    cr_assert_eq(ip.b[i], 0);
}

Test(ip_text, ipv4) {
  is_v4("192.0.2.7", 0xc0000207);
  is_v4(" 192.0.2.7\t", 0xc0000207);
  is_v4("192.0.2.7:65535", 0xc0000207);
  is_v4("::ffff:192.0.2.7", 0xc0000207);
  is_v4("[::ffff:c000:207]:80", 0xc0000207);
  is_v4("0.0.0.0", 0);
}

Test(ip_text, ipv6) {
  static const char *const same[] = {"2001:db8::1",       "2001:DB8:0:0:0:0:0:1", "[2001:db8::1]",
                                     "[2001:db8::1]:443", "2001:db8::1%eth0",     " 2001:db8::0.0.0.1 "};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    struct ip ip;
    cr_assert_eq(parse(same[i], &ip), 0, "%s", same[i]);
    cr_assert(!ip.v4 && ip.b[0] == 0x20 && ip.b[1] == 1 && ip.b[3] == 0xb8 && ip.b[15] == 1, "%s", same[i]);
  }
}

Test(ip_text, nothing_looser) {
  static const char *const bad[] = {"",
                                    " ",
                                    "1.2.3",
                                    "1.2.3.4.5",
                                    "256.1.1.1",
                                    "01.2.3.4",
                                    "1.2.3.4:",
                                    "1.2.3.4:x",
                                    "1.2.3.4:123456",
                                    "1.2.3.4/8",
                                    "[1.2.3.4]",
                                    "[::1",
                                    "[::1]x",
                                    "[::1]:",
                                    ":::",
                                    "2001:db8::1::",
                                    "example.org",
                                    "2130706433",
                                    "0x7f.1",
                                    "1.2.3.4%eth",
                                    "::1%",
                                    "fe80::1 x",
                                    "-1.2.3.4",
                                    "12345::",
                                    "1:2:3:4:5:6:7:8:9"};
  struct ip ip;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(parse(bad[i], &ip), -1, "%s", bad[i]);
  cr_assert_eq(ip_parse((struct etl_bytes){"1.2.3.4\0x", 9}, &ip), -1);
  char longest[300];
  memset(longest, '1', sizeof longest);
  cr_assert_eq(ip_parse((struct etl_bytes){longest, sizeof longest}, &ip), -1);
}
