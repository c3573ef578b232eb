/* ip_text.h: IP addresses as text.  Any thread. */
#ifndef TRANSFORMS_IP_TEXT_H
#define TRANSFORMS_IP_TEXT_H

#include "etl/sdk.h"

struct ip {
  bool v4;
  uint8_t b[16]; /* network order; IPv4 in the first four, the others 0 */
};
/* "203.0.113.7", "2001:db8::1", either with blanks around it; "203.0.113.7:443", "[2001:db8::1]", "[2001:db8::1]:443",
 * "fe80::1%eth0"; IPv4-mapped IPv6 is IPv4.  Nothing else: no octal, no missing parts, no host names.  -1: not an address. */
int ip_parse(struct etl_bytes text, struct ip *ret);

#endif
