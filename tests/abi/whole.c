/* Every struct of the interface, reachable from one function, for abidiff to compare. */
#include "etl/plugin.h"

struct whole {
  struct etl_plugin *plugin;
  struct etl_host *host;
  struct etl_open *open;
  struct etl_read *read;
  struct etl_claim *claim;
  struct etl_txn *txn;
  struct etl_part *part;
  struct etl_rejected *rejected;
  struct etl_common *common;
  struct etl_extractor *extractor;
  struct etl_transformer *transformer;
  struct etl_loader *loader;
  struct etl_explain *explain;
  struct etl_catalog *catalog;
  struct etl_quarantine *quarantine;
  struct etl_kept *kept;
  struct etl_note *note;
  enum etl_status status;
  enum etl_error_class error_class;
  enum etl_caps caps;
  enum etl_kind kind;
  enum etl_type type;
  enum etl_option_flags option_flags;
  enum etl_msg_flags msg_flags;
  enum etl_stream_flags stream_flags;
  enum etl_cursor_flags cursor_flags;
  enum etl_open_flags open_flags;
  enum etl_txn_flags txn_flags;
  enum etl_change_kind change_kind;
  enum etl_log_level log_level;
  enum etl_clock clock;
  enum etl_explain_kind explain_kind;
  enum etl_explain_flags explain_flags;
};
int whole(const struct whole *w);
int whole(const struct whole *w) { return (int)w->status; }
