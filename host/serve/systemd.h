/* serve/systemd.h: what the service manager is told (sd_notify(3)); without one nothing happens.  Event loop thread. */
#ifndef HOST_SERVE_SYSTEMD_H
#define HOST_SERVE_SYSTEMD_H

#include <stdbool.h>
#include <stdint.h>

struct systemd {
  int fd;              /* -1: nobody wants to know */
  int64_t watchdog_ns; /* it wants to hear of us at least so often; 0: never */
};
/* Takes $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID out of the environment: workers are not to speak for the host. */
void systemd_init(struct systemd *s);
void systemd_fini(struct systemd *s);
void systemd_ready(const struct systemd *s);
void systemd_reloading(const struct systemd *s); /* ended by systemd_ready() */
void systemd_stopping(const struct systemd *s);
void systemd_watchdog(const struct systemd *s);
__attribute__((format(printf, 2, 3))) void systemd_status(const struct systemd *s, const char *fmt, ...);

#endif
