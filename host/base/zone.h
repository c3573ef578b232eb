/* base/zone.h: time zones: what clocks show at an instant, and the instant when they show it.  A zone is read once and then
 * immutable: any thread. */
#ifndef HOST_BASE_ZONE_H
#define HOST_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define ZONE_DIR "/usr/share/zoneinfo"

struct zone;
/* The zone of a name such as "Europe/Berlin", from ZONE_DIR; "UTC" needs no file.  Lives in a.  0, or -1 with what is wrong. */
int zone_load(const char *name, struct arena *a, struct err *e, const struct zone **ret_zone);
/* The same of the bytes of a file (TZif, RFC 8536); name is for messages. */
int zone_read(const char *name, const void *bytes, size_t n, struct arena *a, struct err *e, const struct zone **ret_zone);
const char *zone_name(const struct zone *z);

struct zone_span {         /* clocks are offset_s ahead of UTC from from_s up to, and without, until_s */
  int64_t from_s, until_s; /* INT64_MIN, INT64_MAX: it has no such end */
  int64_t offset_s;
  int64_t before_s; /* how far they were ahead before; more: local times come twice, less: some are skipped */
};
/* The span that an instant is in. */
void zone_span(const struct zone *z, int64_t utc_s, struct zone_span *ret);
int64_t zone_offset_s(const struct zone *z, int64_t utc_s);
/* The first instant at which clocks show local_s; of a time that is skipped the instant of the change. */
int64_t zone_utc_s(const struct zone *z, int64_t local_s);

enum {
  ZONE_TEXT = 48
}; /* room that any printed instant fits in */
/* "2026-03-29T03:00:00+02:00", a Z for an offset of 0 in UTC; fractions of seconds only if there are any.  Returns buf. */
char *zone_print(const struct zone *z, int64_t ns, char buf[ZONE_TEXT]);
/* "2026-03-29", "2026-03-29 03:00", "2026-03-29T03:00:00.5+02:00" or with Z; without an offset it is z's time.  0; -1: none, or before 1970. */
int zone_parse(const struct zone *z, const char *text, int64_t *ret_ns);
extern const struct zone zone_utc;

#endif
