/* A plan, as people read it. */
#include "canned.h"

#include "cli/plan_text.h"

static struct page out;
static void begin(void) { page_open(&out); }
static void end(void) { page_close(&out); }
TestSuite(plan_text, .init = begin, .fini = end);

static const char *printed(const char *plan) {
  json_t *j = canned(plan);
  plan_print(j, colours_of(out.f), out.f);
  json_decref(j);
  return page_take(&out);
}

#define TYPES                                                                                                                      \
  "{'kind': 'type', 'subject': 'id', 'from': 'int', 'to': 'i'}, "                                                                  \
  "{'kind': 'type', 'subject': 'at', 'from': 'datetime2(7)', 'to': 'tsn:', 'text': 'years past 2262', 'lossy': true}, "            \
  "{'kind': 'type', 'subject': 'note', 'from': 'nvarchar(max)', 'to': 'u'}"
#define LANE(shard_, sql_, index_)                                                                                                 \
  "{'lane': 't/" shard_ "', 'cursor': '[7]', 'extract': [{'kind': 'sql', 'text': '" sql_ "'}, {'kind': 'index', 'text': '" index_  \
  "'}, " TYPES                                                                                                                     \
  "], 'transforms': [{'connector': 'columns', 'columns': [{'name': 'id', 'type': 'i'}, {'name': 'at', 'type': 'tsn:'}, "           \
  "{'name': 'city', 'type': 'u'}]}], 'load': [{'kind': 'sql', 'subject': 'once', 'text': 'CREATE TABLE t'}, "                      \
  "{'kind': 'type', 'subject': 'id', 'from': 'i', 'to': 'integer'}, "                                                              \
  "{'kind': 'type', 'subject': 'at', 'from': 'tsn:', 'to': 'timestamp', 'lossy': true, 'text': 'the 7th digit'}, "                 \
  "{'kind': 'type', 'subject': 'city', 'from': 'u', 'to': 'text'}, {'kind': 'note', 'text': 'n'}]}"
#define PLAN(...)                                                                                                                  \
  "{'event': 'plan', 'pipeline': 'p', 'guarantee': {'level': 'exactly-once', 'why': 'w'}, 'lanes': [" __VA_ARGS__ "]}"

#define REST                                                                                                                       \
  "\nColumns\n"                                                                                                                    \
  "  transform 1, columns: adds city; drops note\n"                                                                                \
  "COLUMN  SOURCE         TARGET                LOST ON THE WAY\n"                                                                 \
  "id      int            integer\n"                                                                                               \
  "at      datetime2(7)   timestamp             lossy: years past 2262; the 7th digit\n"                                           \
  "city                   text\n"                                                                                                  \
  "note    nvarchar(max)  (dropped or renamed)\n"                                                                                  \
  "\nWrite\n"                                                                                                                      \
  "  once:\n"                                                                                                                      \
  "    CREATE TABLE t\n"                                                                                                           \
  "  note: n\n"                                                                                                                    \
  "\nGuarantee: exactly-once: w\n"

Test(plan_text, what_is_the_same_is_shown_once) {
  cr_expect_str_eq(printed(PLAN(LANE("eu1", "SELECT 1\\nFROM t", "ix leads") ", " LANE("us1", "SELECT 1\\nFROM t", "ix leads"))),
                   "Plan of p for 2 lanes.  Nothing was written.\n"
                   "\nRead t/eu1, t/us1\n"
                   "  goes on behind the saved cursor [7]\n"
                   "    SELECT 1\n"
                   "    FROM t\n"
                   "  index: ix leads\n" REST);
}

Test(plan_text, each_statement_that_differs) {
  cr_expect_str_eq(printed(PLAN(LANE("eu1", "SELECT 1", "i") ", " LANE("us1", "SELECT 2", "i"))),
                   "Plan of p for 2 lanes.  Nothing was written.\n"
                   "\nRead t/eu1\n"
                   "  goes on behind the saved cursor [7]\n"
                   "    SELECT 1\n"
                   "  index: i\n"
                   "\nRead t/us1\n"
                   "  goes on behind the saved cursor [7]\n"
                   "    SELECT 2\n"
                   "  index: i\n" REST);
}

Test(plan_text, a_shard_that_cannot_be_asked) {
  cr_expect_str_eq(
      printed(PLAN("{'lane': 't/a', 'extract': [], 'transforms': [], 'load': [], 'error': {'message': 'a is down', 'remedy': 'r', "
                   "'stage': 'extract', 'class': 'retryable'}}, {'lane': 't/b', 'extract': [{'kind': 'index', 'text': 'none', "
                   "'warn': true}, {'kind': 'type', 'subject': 'id', 'from': 'int', 'to': 'i'}], 'transforms': [], 'load': []}")),
      "Plan of p for 2 lanes.  Nothing was written.\n"
      "\nRead t/a\n"
      "  error (extract): a is down\n"
      "  what to do: r\n"
      "  class retryable\n"
      "\nRead t/b\n"
      "  from the start: nothing is committed yet\n"
      "  warning: none\n"
      "\nColumns\n"
      "COLUMN  SOURCE  TARGET  LOST ON THE WAY\n"
      "id      int     i\n"
      "\nGuarantee: exactly-once: w\n");
}
