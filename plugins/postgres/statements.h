/* statements.h: a look at statements that the user gave. */
#ifndef POSTGRES_STATEMENTS_H
#define POSTGRES_STATEMENTS_H

#include <stdbool.h>

/* Does one of these statements end the transaction it runs in, or begin another?  Quotes, comments and dollar quotes are looked over. */
bool statements_end_transaction(const char *sql);

#endif
