/* A bare client that says again what another said to a SQL Server: how long the server itself takes for it.
 *
 *   replay HOST:PORT USER DATABASE <script         MSSQL_PASSWORD in the environment
 *
 * The script is made of records that end with a NUL: "C" makes a new connection and leaves the one before open; any other is a
 * batch, whose rows are read and thrown away.  Prints the milliseconds from the first record to the last. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sybdb.h>
#include <time.h>

enum {
  PACKET_BYTES = 32767,
  SCRIPT_MAX = 16 << 20
};

__attribute__((noreturn)) static void die(const char *what, const char *which) {
  fprintf(stderr, "replay: %s: %s\n", what, which);
  exit(1);
}

static int on_error(DBPROCESS *db, int severity, int number, int os_error, char *text, char *os_text) {
  (void)db, (void)severity, (void)os_error, (void)os_text;
  if (number != SYBESMSG)
    die("db-lib", text);
  return INT_CANCEL;
}

static int on_message(DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *procedure, int line) {
  (void)db, (void)number, (void)state, (void)server, (void)procedure, (void)line;
  if (severity > 10)
    die("the server", text);
  return 0;
}

static DBPROCESS *connect_to(char **argv) {
  const char *password = getenv("MSSQL_PASSWORD");
  LOGINREC *login = dblogin();
  dbsetlversion(login, DBVERSION_74);
  DBSETLCHARSET(login, "UTF-8");
  DBSETLUSER(login, argv[2]);
  DBSETLPWD(login, password ? password : "");
  DBSETLDBNAME(login, argv[3]);
  DBSETLPACKET(login, PACKET_BYTES);
  DBPROCESS *db = dbopen(login, argv[1]);
  dbloginfree(login);
  if (!db)
    die("cannot connect to", argv[1]);
  return db;
}

static void run(DBPROCESS *db, const char *sql) {
  RETCODE rc;
  if (dbcmd(db, sql) != SUCCEED || dbsqlexec(db) != SUCCEED)
    die("refused", sql);
  while ((rc = dbresults(db)) == SUCCEED)
    while (dbnextrow(db) == REG_ROW)
      ;
  if (rc != NO_MORE_RESULTS)
    die("broke off", sql);
}

static double now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  if (argc != 4)
    die("arguments", "HOST:PORT USER DATABASE");
  char *script = malloc(SCRIPT_MAX + 1);
  size_t n = script ? fread(script, 1, SCRIPT_MAX, stdin) : 0;
  if (n == 0 || n == SCRIPT_MAX || script[n - 1] != '\0')
    die("script", "none, too long, or its end is missing");
  dbinit();
  dberrhandle(on_error);
  dbmsghandle(on_message);
  double began = now_ms();
  DBPROCESS *db = NULL;
  for (const char *p = script; p < script + n; p += strlen(p) + 1)
    if (strcmp(p, "C") == 0)
      db = connect_to(argv);
    else if (db)
      run(db, p);
    else
      die("script", "a batch before the first connection");
  printf("%.3f\n", now_ms() - began);
  dbexit();
  free(script);
  return 0;
}
