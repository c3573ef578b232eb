/* store/postgres.h: what the files of the driver for PostgreSQL share: its one session, and asking it without waiting for long.  Of one thread. */
#ifndef HOST_STORE_POSTGRES_H
#define HOST_STORE_POSTGRES_H

#include "store/address.h"
#include "store/driver.h"
#include "store/libpq.h"
#include "store/resolve.h"

struct driver_postgres {
  struct driver base;
  struct libpq pq;
  struct address address;
  char *names; /* of servers, whose addresses have to be looked up; NULL: none */
  struct resolving *resolving;
  char *host, *host_quoted; /* of a host that serves; NULL: a command */
  PGconn *conn;
  bool prepared[SQL_N];
  int holder; /* the server's process of our newest session that took the name of this host; 0: none has */
  bool opening, makes; /* makes: the schema, if it is not there */
  int64_t rest_until_ns;
  struct err rest; /* what the last attempt to connect ended with */
};

/* postgres_session.c: a session, or the reason why there is none. */
int postgres_connected(struct driver_postgres *d, struct err *e);

/* postgres_answer.c.  Each returns -1 with *e; doing says in it what for.  A session that is of no use any more is closed. */
int postgres_query(struct driver_postgres *d, const char *doing, const char *text, PGresult **ret, struct err *e); /* ret NULL: not wanted */
/* Of what was sent: the last result, or the first that is an error. */
int postgres_answer(struct driver_postgres *d, const char *doing, PGresult **ret, struct err *e);
int postgres_fail(struct driver_postgres *d, PGresult *r, const char *doing, struct err *e); /* r NULL: the connection itself.  Takes r. */
int postgres_no_answer(struct driver_postgres *d, const char *doing, int ms, struct err *e);
int postgres_wait(struct driver_postgres *d, short events, int64_t deadline_ms); /* 1: ready, 0: too late */
int64_t postgres_now_ms(void);                                                   /* of deadlines */
void postgres_disconnect(struct driver_postgres *d);
void postgres_one_line(char *to, size_t size, const char *from);

#endif
