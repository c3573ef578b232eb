/* store/libpq.h: libpq, loaded when a store in PostgreSQL is opened and not before: it brings twenty libraries along, and every worker would
 * wait for them to be linked.  Never unloaded.  Of one thread. */
#ifndef HOST_STORE_LIBPQ_H
#define HOST_STORE_LIBPQ_H

#include <libpq-fe.h>

#include "base/err.h"

#define LIBPQ_FUNCTIONS(X)                                                                                                                   \
  X(PQbackendPID) X(PQclear) X(PQcmdStatus) X(PQconnectPoll) X(PQconnectStartParams) X(PQconninfoFree) X(PQconninfoParse) X(PQconsumeInput)                  \
  X(PQdb) X(PQerrorMessage) X(PQfinish) X(PQflush) X(PQfname) X(PQfreemem) X(PQftype) X(PQgetResult) X(PQgetisnull) X(PQgetvalue) X(PQhost)          \
  X(PQisBusy) X(PQnfields) X(PQntuples) X(PQport) X(PQresultErrorField) X(PQresultStatus) X(PQsendPrepare) X(PQsendQuery)                    \
  X(PQsendQueryPrepared) X(PQsetNoticeReceiver) X(PQsetnonblocking) X(PQsocket) X(PQstatus) X(PQtransactionStatus)

struct libpq { /* by their names */
#define LIBPQ_FIELD(name) __typeof__(&name) name;
  LIBPQ_FUNCTIONS(LIBPQ_FIELD)
#undef LIBPQ_FIELD
};
int libpq_load(struct libpq *ret, struct err *e);

#endif
