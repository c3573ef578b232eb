/* One table, the first row that holds. */
#include "engine/guarantee.h"

#include <stdbool.h>

#include "etl/plugin.h"

struct guarantee guarantee_of(uint64_t extractor_caps, uint64_t loader_caps, uint32_t stream_flags) {
  const struct {
    bool holds;
    struct guarantee is;
  } rules[] = {
      {loader_caps & ETL_CAP_REPLACE,
       {"exactly-once",
        "the target is built anew beside the old one and takes its place in one transaction: it then has each row of "
        "the source once, as it was read"}},
      {!(loader_caps & ETL_CAP_TXN),
       {"at-least-once",
        "the loader has no transactions: rows of an interrupted epoch stay, and are written again by the next run"}},
      {!(loader_caps & ETL_CAP_STORES_CURSOR),
       {"at-least-once", "the loader does not keep the cursor with the rows: when a run is interrupted between the two, rows are "
                         "written again"}},
      {stream_flags & ETL_STREAM_WHOLE,
       {"idempotent",
        "there is no cursor: every run reads everything and writes each lane in one transaction; rows that are there already "
        "are replaced by key"}},
      {!(extractor_caps & ETL_CAP_RESUME),
       {"at-least-once", "the extractor cannot read on from a cursor: an interrupted run begins anew, and rows are written again"}},
      {true,
       {"exactly-once",
        "rows and cursor are committed in one transaction of the target, and every run goes on from what the target says"}}};
  int i = 0;
  while (!rules[i].holds)
    i++;
  return rules[i].is;
}
