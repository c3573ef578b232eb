/* SQLSTATEs, the longest matching prefix first.  https://www.postgresql.org/docs/15/errcodes-appendix.html */
#include "errors.h"

static const struct {
  const char *prefix;
  uint32_t error_class;
  const char *remedy;
} states[] = {
    {"28P01", ETL_E_AUTH, "check user and password of the connection"},
    {"28", ETL_E_AUTH, "check user and password, and pg_hba.conf of the server"},
    {"3D000", ETL_E_CONFIG, "check `database`, or create it"},
    {"42501", ETL_E_PERMANENT, "let the owner GRANT what is missing to the role that etl connects as (on tables SELECT, INSERT, UPDATE, DELETE; on "
                               "schemas USAGE, CREATE)"},
    {"42P01", ETL_E_SCHEMA, "the table was dropped or renamed while the run wrote; run again"},
    {"42703", ETL_E_SCHEMA, "the column was dropped or renamed; run again to see what is missing"},
    {"42", ETL_E_PERMANENT, NULL},
    {"23505", ETL_E_DATA, "two rows have the same key: use mode = \"merge\", or make the key wider (add the shard's column)"},
    {"23502", ETL_E_DATA, "drop NOT NULL from the column, or leave such rows out at the source"},
    {"23503", ETL_E_DATA, "load the table that is referred to first, or drop the foreign key"},
    {"23", ETL_E_DATA, "correct the row at its source, or relax the constraint"},
    {"22001", ETL_E_DATA, "make the column longer: ALTER TABLE ... ALTER COLUMN ... TYPE text"},
    {"22003", ETL_E_DATA, "make the column wider: ALTER TABLE ... ALTER COLUMN ... TYPE numeric"},
    {"22021", ETL_E_DATA, "a text holds a NUL character or is not valid UTF-8, which PostgreSQL cannot store: clean it at the source"},
    {"22P05", ETL_E_DATA, "the database's encoding cannot hold the character; use one with encoding UTF8"},
    {"22", ETL_E_DATA, "correct the value at its source, or give the column a type that takes it"},
    {"21", ETL_E_DATA, NULL},
    {"25006", ETL_E_RETRYABLE, "the server is read only: a standby? name all servers in `host` and leave target_session_attrs at read-write"},
    {"40", ETL_E_RETRYABLE, NULL},
    {"53100", ETL_E_RETRYABLE, "free space on the server's disk; the run goes on by itself then"},
    {"53300", ETL_E_RETRYABLE, "raise max_connections of the server, or run fewer lanes at a time"},
    {"53", ETL_E_RETRYABLE, NULL},
    {"54", ETL_E_PERMANENT, NULL},
    {"55P03", ETL_E_RETRYABLE, "another session holds a lock on the table; pg_locks shows which"},
    {"55", ETL_E_RETRYABLE, NULL},
    {"57014", ETL_E_RETRYABLE, "the statement was cancelled, by somebody or by statement_timeout"},
    {"57P", ETL_E_RETRYABLE, "the server shuts down, starts, or ended the session; the run goes on by itself"},
    {"57", ETL_E_RETRYABLE, NULL},
    {"58", ETL_E_RETRYABLE, "look into the server's log: its system reports errors"},
    {"08", ETL_E_RETRYABLE, NULL},
    {"0A", ETL_E_UNSUPPORTED, NULL},
    {"XX", ETL_E_RETRYABLE, "look into the server's log: it found an error of its own"},
    {"P0001", ETL_E_DATA, "a trigger or function of the target refused it"},
};

static int find(const char *state) {
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strncmp(state, states[i].prefix, strlen(states[i].prefix)) == 0)
      return (int)i;
  return -1;
}

uint32_t sqlstate_class(const char *state) {
  int i = find(state);
  return i < 0 ? (uint32_t)ETL_E_PERMANENT : states[i].error_class;
}

const char *sqlstate_remedy(const char *state) {
  int i = find(state);
  return i < 0 ? NULL : states[i].remedy;
}
