/* cancel.h: asks a server to stop what it does for a session. */
#ifndef POSTGRES_CANCEL_H
#define POSTGRES_CANCEL_H

#include <libpq-fe.h>

/* Returns when it was asked, or after two seconds: a server that does not answer keeps nobody. */
void cancel_ask(PGconn *conn);

#endif
