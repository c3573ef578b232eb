/* Error numbers, their classes and remedies: one table for the server, one for db-lib.  No state. */
#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <sybdb.h>

struct meaning {
  int number;
  uint32_t error_class;
  const char *option;
  const char *remedy;
};

static const struct meaning server_meanings[] = {
    /* who are you */
    {18456, ETL_E_AUTH, "user", "check user and password; the server's error log has the reason (its state number says which)"},
    {18452, ETL_E_AUTH, "user", "use a SQL Server login; the server takes no Windows login from here"},
    {18470, ETL_E_AUTH, "user", "the login is disabled: ALTER LOGIN ... ENABLE"},
    {18486, ETL_E_AUTH, "user", "the login is locked: ALTER LOGIN ... WITH PASSWORD = ... UNLOCK"},
    {18487, ETL_E_AUTH, "password", "the password has expired: set a new one"},
    {18488, ETL_E_AUTH, "password", "the password must be changed: set a new one"},
    {40532, ETL_E_AUTH, "user", "check user and password, and that the name of the server is right"},
    {40615, ETL_E_CONFIG, "host", "let the server's firewall accept this machine's address"},
    /* which database */
    {4060, ETL_E_CONFIG, "database", "check `database`, and that the login has a user in it"},
    {4064, ETL_E_CONFIG, "database", "set `database`: the login's default database cannot be opened"},
    {911, ETL_E_CONFIG, "database", "check `database`"},
    {916, ETL_E_PERMANENT, "database", "make the login a user of the database: CREATE USER ... FOR LOGIN ..."},
    /* what to read */
    {207, ETL_E_CONFIG, NULL, "check the names of columns in columns, cursor, where or query"},
    {208, ETL_E_CONFIG, "table", "check the table's name with its schema, and `database`"},
    {209, ETL_E_CONFIG, "query", "name the table in front of the column"},
    {102, ETL_E_CONFIG, NULL, "check the T-SQL in where or query"},
    {105, ETL_E_CONFIG, NULL, "check the T-SQL in where or query"},
    {156, ETL_E_CONFIG, NULL, "check the T-SQL in where or query"},
    {170, ETL_E_CONFIG, NULL, "check the T-SQL in where or query"},
    {319, ETL_E_CONFIG, NULL, "check the T-SQL in where or query"},
    {137, ETL_E_CONFIG, "query", "a query may use @cursor, @cursor_2 ... and @upper, one for each column in cursor"},
    {4104, ETL_E_CONFIG, NULL, "check the names of columns in where or query"},
    {4121, ETL_E_CONFIG, NULL, "check the names of functions in where or query"},
    {8120, ETL_E_CONFIG, "query", "check the T-SQL in query"},
    {8155, ETL_E_CONFIG, "query", "give every column of the query a name"},
    {11501, ETL_E_CONFIG, "query", "the server cannot tell the columns of the query: make it one plain SELECT"},
    {11529, ETL_E_CONFIG, "query", "the server cannot tell the columns of the query: make it one plain SELECT"},
    {229, ETL_E_PERMANENT, "user", "GRANT SELECT ON the table TO the user"},
    {230, ETL_E_PERMANENT, "user", "GRANT SELECT ON these columns TO the user, or name the readable ones in columns"},
    {297, ETL_E_PERMANENT, "user", "grant the permission to the user"},
    {300, ETL_E_PERMANENT, "user", "grant the permission to the user"},
    {262, ETL_E_PERMANENT, "user", "grant the permission to the user"},
    {3952, ETL_E_CONFIG, "isolation", "ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON, or choose another isolation"},
    /* values that an expression of a query or view cannot take */
    {220, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {241, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {242, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {245, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {248, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {8114, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {8115, ETL_E_DATA, NULL, "an expression of the view, where or query fails on a row: make it safe with TRY_CONVERT"},
    {8134, ETL_E_DATA, NULL, "an expression of the view, where or query divides by zero: use NULLIF"},
    /* broken storage */
    {823, ETL_E_PERMANENT, NULL, "the server cannot read its files: DBCC CHECKDB"},
    {824, ETL_E_PERMANENT, NULL, "the server's files are damaged: DBCC CHECKDB"},
    /* what passes */
    {1205, ETL_E_RETRYABLE, NULL, "another transaction won a deadlock; if it happens often, try isolation = \"snapshot\""},
    {1222, ETL_E_RETRYABLE, "lock_timeout", "a writer held a lock for longer than lock_timeout; try isolation = \"snapshot\""},
    {3960, ETL_E_RETRYABLE, NULL, NULL},
    {3961, ETL_E_RETRYABLE, NULL, "the table was altered meanwhile"},
    {601, ETL_E_RETRYABLE, "isolation", "rows moved while they were read: do not use isolation = \"read_uncommitted\""},
    {1101, ETL_E_RETRYABLE, NULL, "tempdb is full: an index on the cursor columns spares the sort"},
    {1105, ETL_E_RETRYABLE, NULL, "tempdb is full: an index on the cursor columns spares the sort"},
    {701, ETL_E_RETRYABLE, NULL, "the server is short of memory"},
    {802, ETL_E_RETRYABLE, NULL, "the server is short of memory"},
    {1204, ETL_E_RETRYABLE, NULL, "the server is short of locks"},
    {8645, ETL_E_RETRYABLE, NULL, "the server is short of memory for sorting: an index on the cursor columns spares the sort"},
    {8651, ETL_E_RETRYABLE, NULL, "the server is short of memory for sorting: an index on the cursor columns spares the sort"},
    {921, ETL_E_RETRYABLE, NULL, "the database is starting"},
    {922, ETL_E_RETRYABLE, NULL, "the database is starting"},
    {924, ETL_E_RETRYABLE, NULL, "the database is in single-user mode"},
    {927, ETL_E_RETRYABLE, NULL, "the database is being restored"},
    {942, ETL_E_RETRYABLE, NULL, "the database is offline"},
    {976, ETL_E_RETRYABLE, "host", "this replica cannot be read: connect to the listener or to a readable one"},
    {978, ETL_E_RETRYABLE, "host", "this replica cannot be read: connect to the listener or to a readable one"},
    {983, ETL_E_RETRYABLE, "host", "this replica is changing its role"},
    {596, ETL_E_RETRYABLE, NULL, "somebody killed the session"},
    {6005, ETL_E_RETRYABLE, NULL, "the server is shutting down"},
    {9001, ETL_E_RETRYABLE, NULL, NULL},
    {17142, ETL_E_RETRYABLE, NULL, "the server is paused"},
    {17187, ETL_E_RETRYABLE, NULL, "the server is starting"},
    {18401, ETL_E_RETRYABLE, NULL, "the server is starting"},
    {10928, ETL_E_RETRYABLE, NULL, "the server limits its sessions"},
    {10929, ETL_E_RETRYABLE, NULL, "the server is too busy"},
    {10936, ETL_E_RETRYABLE, NULL, "the server limits its requests"},
    {40143, ETL_E_RETRYABLE, NULL, NULL},
    {40197, ETL_E_RETRYABLE, NULL, "the service moved the database"},
    {40501, ETL_E_RETRYABLE, NULL, "the server throttles: read less often, or give it more"},
    {40540, ETL_E_RETRYABLE, NULL, NULL},
    {40613, ETL_E_RETRYABLE, NULL, "the database is not available at the moment"},
    {49918, ETL_E_RETRYABLE, NULL, "the server is too busy"},
    {49919, ETL_E_RETRYABLE, NULL, "the server is too busy"},
    {49920, ETL_E_RETRYABLE, NULL, "the server is too busy"},
};

static const struct meaning client_meanings[] = {
    {SYBECONN, ETL_E_RETRYABLE, "host", "check host and port, that the server runs, and that no firewall is in between"},
    {SYBESOCK, ETL_E_RETRYABLE, NULL, "this machine could not open a socket"},
    {SYBEUHST, ETL_E_RETRYABLE, "host", "check host: its name has no address"},
    {SYBEINTF, ETL_E_RETRYABLE, "host", "check host: its name has no address"},
    {SYBEFCON, ETL_E_RETRYABLE, "host",
     "check that SQL Server listens on this port, and `encryption`: the server did not answer as one"},
    {SYBETIME, ETL_E_RETRYABLE, NULL, NULL},
    {SYBEREAD, ETL_E_RETRYABLE, NULL, "the connection broke"},
    {SYBEWRIT, ETL_E_RETRYABLE, NULL, "the connection broke"},
    {SYBESEOF, ETL_E_RETRYABLE, NULL, "the server closed the connection"},
    {SYBEDDNE, ETL_E_RETRYABLE, NULL, "the connection broke"},
    {SYBEBTOK, ETL_E_RETRYABLE, NULL, "the answer was cut or garbled on its way"},
    {SYBESYNC, ETL_E_RETRYABLE, NULL, "the answer was cut or garbled on its way"},
    {SYBEMEM, ETL_E_PERMANENT, NULL, "no memory left"},
    {SYBEDBPS, ETL_E_PERMANENT, NULL, "too many connections in one process"},
};

static const struct meaning *meaning_of(const struct meaning *table, size_t n, int64_t number) {
  for (size_t i = 0; i < n; i++)
    if (table[i].number == number)
      return &table[i];
  return NULL;
}
#define MEANING_OF(table_, number_) meaning_of(table_, sizeof(table_) / sizeof *(table_), number_)

int failure_set(struct failure *f, uint32_t error_class, const char *option, const char *remedy, const char *fmt, ...) {
  if (f->error_class)
    return -1;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(f->message, sizeof f->message, fmt, ap);
  va_end(ap);
  snprintf(f->remedy, sizeof f->remedy, "%s", remedy ? remedy : "");
  f->error_class = error_class;
  f->option = option;
  return -1;
}

int failure_out_of_memory(struct failure *f, const char *what) {
  return failure_set(f, ETL_E_PERMANENT, NULL, "give the run more memory", "sqlserver: no memory for %s", what);
}

int32_t failure_report(const struct etl_host *h, const struct failure *f) {
  struct etl_error e = ETL_ERROR(f->error_class ? f->error_class : ETL_E_INTERNAL);
  e.vendor_code = f->vendor_code;
  e.vendor_state = f->vendor_state[0] ? f->vendor_state : NULL;
  e.remedy = f->remedy[0] ? f->remedy : NULL;
  e.option = f->option;
  e.retry_after_ms = f->retry_after_ms;
  return etl_failf(h, &e, "%s", f->error_class ? f->message : "sqlserver: failed without a reason");
}

/* Not in the table: the severity says whether it is the statement's fault, the server's state, or the end of the connection. */
static uint32_t class_of_severity(int severity) { return severity >= 17 ? ETL_E_RETRYABLE : ETL_E_PERMANENT; }

int failure_vendor(struct failure *f, const char *where, const char *what, const struct vendor_error *server,
                   const struct vendor_error *client) {
  if (f->error_class)
    return -1;
  const struct meaning *m;
  if (server->number) {
    m = MEANING_OF(server_meanings, server->number);
    failure_set(f, m ? m->error_class : class_of_severity(server->severity), m ? m->option : NULL, m ? m->remedy : NULL,
                "sqlserver: %s: %s: %s (error %lld, state %d, line %d)", where, what, server->text, (long long)server->number,
                server->state, server->line);
    f->vendor_code = server->number;
    snprintf(f->vendor_state, sizeof f->vendor_state, "%d", server->state);
    return -1;
  }
  if (!client->number)
    return failure_set(f, ETL_E_RETRYABLE, NULL, "the connection broke",
                       "sqlserver: %s: %s: the connection ended before the answer did", where, what);
  m = MEANING_OF(client_meanings, client->number);
  failure_set(f, m ? m->error_class : ETL_E_RETRYABLE, m ? m->option : NULL, m ? m->remedy : NULL,
              "sqlserver: %s: %s: %s%s%s (db-lib %lld)", where, what, client->text, client->os_error > 0 ? ": " : "",
              client->os_error > 0 ? strerror(client->os_error) : "", (long long)client->number);
  f->vendor_code = client->number;
  return -1;
}
