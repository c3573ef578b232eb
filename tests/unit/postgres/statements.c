/* Which statements end a transaction. */
#include <criterion/criterion.h>

#include "statements.h"

Test(statements, that_end_it) {
  static const char *const list[] = {"COMMIT",
                                     "INSERT INTO t SELECT 1; commit; BEGIN",
                                     "  /* a /* nested */ comment */ -- and another\n ROLLBACK",
                                     "ROLLBACK WORK",
                                     "select 'it''s', E'a\\';', \"a;b\"; end",
                                     "SELECT $$;$$, $a$ $b$ ; $$ $a$;START TRANSACTION",
                                     "ABORT",
                                     "PREPARE TRANSACTION 'x'",
                                     "SELECT $1;BEGIN",
                                     "INSERT INTO ${staging.a} SELECT 1;COMMIT"};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    cr_expect(statements_end_transaction(list[i]), "%s", list[i]);
}

Test(statements, that_do_not) {
  static const char *const list[] = {"",
                                     "SELECT 1; SELECT commit FROM begin",
                                     "SELECT ';COMMIT', E'\\';COMMIT;', \";COMMIT\"; -- ;COMMIT\n",
                                     "SELECT 'a;', /* ; COMMIT; */ 2",
                                     "DO $$ BEGIN DELETE FROM t; END $$",
                                     "DO $x$ BEGIN; COMMIT; $y$ ; END $y$; $x$; SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a",
                                     "PREPARE p AS SELECT 1; EXECUTE p",
                                     "commits; END_OF_DAY()",
                                     "SELECT 'not ended; COMMIT",
                                     "SELECT $a$ not ended; COMMIT",
                                     "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END"};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    cr_expect(!statements_end_transaction(list[i]), "%s", list[i]);
}
