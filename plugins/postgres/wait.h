/* wait.h: how a session waits for its server, for connect.c and session.c alone. */
#ifndef POSTGRES_WAIT_H
#define POSTGRES_WAIT_H

#include "connect.h"

enum session_wait { WAIT_READY, WAIT_TIMEOUT, WAIT_CANCELLED };
/* Until the connection has one of the events of poll(2); timeout_ms < 0: for ever, but for a cancel. */
enum session_wait session_wait_for(struct session *s, short events, int64_t timeout_ms);
/* After a cancel: the server stops what it is doing for us; then we go.  ETL_STOPPED. */
int32_t session_give_up(struct session *s);

#endif
