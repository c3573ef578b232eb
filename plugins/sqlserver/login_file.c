/* db-lib 1.3 has no function to set the encryption, the authorities to trust, a port for an IPv6 address or one connection's
 * timeout: it reads them from its configuration file.  So there is one such file in memory for the process, a section a shard, only
 * ever appended to; freetds.conf of the machine and of the user then play no part.  Its state is the process-global part of
 * FreeTDS, like the handlers in connect.c.  Any thread. */
#include "login_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sybdb.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
  pthread_mutex_t lock;
  int fd; /* 0: not there yet */
  unsigned sections;
} login_file = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const encryption_words[] = {"off", "request", "require"};

enum {
  LINE_MAX_BYTES = 250
}; /* what FreeTDS reads of a line */

static int make_file(void) {
  char path[64];
  if (login_file.fd)
    return 0;
  int fd = memfd_create("sqlserver-logins", MFD_CLOEXEC);
  if (fd < 0)
    return -1;
  login_file.fd = fd;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  dbsetifile(path);
  return 0;
}

/* A text that FreeTDS reads back as it is: it takes # and ; for comments and squeezes blanks. */
static bool writable(const char *value) {
  return strlen(value) < LINE_MAX_BYTES - 40 && strcspn(value, "#;\r\n\t ") == strlen(value);
}

static int append_section(const struct settings *s, struct shard *sh, char *name, size_t name_cap) {
  struct text t = {0};
  int64_t timeout = s->connect_timeout_ms < s->login_timeout_ms ? s->connect_timeout_ms : s->login_timeout_ms;
  snprintf(name, name_cap, "etl-%u", ++login_file.sections);
  text_addf(&t,
            "\n[%s]\nhost = %s\nport = %d\ntds version = 7.4\nclient charset = UTF-8\nencryption = %s\nconnect timeout = %lld\n",
            name, sh->host, sh->port, encryption_words[sh->encryption], (long long)((timeout + 999) / 1000));
  if (s->ca_file)
    text_addf(&t, "ca file = %s\ncheck certificate hostname = yes\n", s->ca_file);
  ssize_t n = t.failed ? -1 : write(login_file.fd, t.p, t.n);
  bool ok = n >= 0 && (size_t)n == t.n;
  text_fini(&t);
  return ok ? 0 : -1;
}

int32_t login_file_add(struct settings *s, const struct etl_open *o, struct shard *sh) {
  static const char *const overrides[] = {"TDSHOST", "TDSPORT", "TDSVER"};
  char name[32];
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "host";
  for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++)
    if (getenv(overrides[i])) {
      e.remedy = "unset it";
      return etl_failf(o->host, &e,
                       "sqlserver: the environment variable %s would make FreeTDS connect all shards otherwise than configured",
                       overrides[i]);
    }
  if (!writable(sh->host))
    return etl_failf(o->host, &e, "sqlserver: shard \"%s\": \"%s\" is not a host name", sh->id, sh->host);
  e.option = "ca_file";
  if (s->ca_file && !writable(s->ca_file))
    return etl_failf(o->host, &e,
                     "sqlserver: ca_file \"%s\" has a blank, ';' or '#' in it or is too long, which FreeTDS cannot read",
                     s->ca_file);
  pthread_mutex_lock(&login_file.lock);
  int rc = make_file() < 0 ? -1 : append_section(s, sh, name, sizeof name);
  int error = errno;
  pthread_mutex_unlock(&login_file.lock);
  if (rc == 0)
    sh->section = pool_strdup(&s->pool, name);
  if (rc < 0 || !sh->section) {
    e = ETL_ERROR(ETL_E_PERMANENT);
    e.vendor_code = error;
    return etl_failf(o->host, &e, "sqlserver: shard \"%s\": cannot keep its login settings in memory: %s", sh->id, strerror(error));
  }
  return ETL_OK;
}
