/* The table of cases, in the order they are run and told. */
#include "kit/cases.h"

const struct kit_case kit_cases[] = {
  {"note", 0, "the ELF note and the descriptor say the same", case_note},
  {"entry", 0, "the entry function has no side effects and refuses another major", case_entry},
  {"descriptor", 0, "names, texts and tables are as the ABI wants them", case_descriptor},
  {"options", 0, "every option is named, documented and has a sound default", case_options},
  {"option_limits", 0, "least, greatest and odd values of each option are taken or refused with a reason", case_option_limits},
  {"open_close", 0, "open() and close() without use; what was handed in is not used later", case_open_close},
  {"instances", 0, "many instances at once, closed in another order and in other threads", case_instances},
  {"cancel_idle", 0, "cancel() of an instance that does nothing, twice", case_cancel_idle},
  {"extensions", 0, "unknown extensions are answered with NULL", case_extensions},
  {"check", 0, "check() connects and looks", case_connect},
  {"growth", 0, "structs of a later host are larger; nothing past struct_size is read", case_growth},
  {"older_host", 0, "structs of a host of ABI 1.0 are smaller, and end at an inaccessible page", case_older_host},
  {"leaks", 0, "memory, descriptors and threads do not grow", case_leaks},
  {"threads", 0, "two instances side by side", case_threads},
  {"no_memory", 0, "a budget that is spent is told, at any moment", case_no_memory},

  {"discover", ETL_KIND_EXTRACTOR, "streams and shards are the same each time", case_discover},
  {"read", ETL_KIND_EXTRACTOR, "messages are well-formed; nothing comes after the end", case_read},
  {"resume", ETL_KIND_EXTRACTOR, "from each cursor on follows exactly what followed", case_resume},
  {"limit", ETL_KIND_EXTRACTOR, "limit_rows stops at a safe point", case_limit},
  {"cancel", ETL_KIND_EXTRACTOR, "cancelled at random times", case_cancel},
  {"pieces", ETL_KIND_EXTRACTOR, "every row is in exactly one piece", case_pieces},
  {"strange_cursor", ETL_KIND_EXTRACTOR, "a cursor that is none is refused or read from the start", case_strange_cursor},

  {"bind", ETL_KIND_TRANSFORMER, "outputs are declared with their schemas", case_bind},
  {"process", ETL_KIND_TRANSFORMER, "edge values, empty batches, flush; rows are taken always", case_process},
  {"slices", ETL_KIND_TRANSFORMER, "a slice gives what the same rows give by themselves", case_slices},
  {"sink", ETL_KIND_TRANSFORMER, "an answer of the sink is returned at once", case_sink},
  {"rebind", ETL_KIND_TRANSFORMER, "the schema changes in between", case_rebind},

  {"commit", ETL_KIND_LOADER, "what is committed is told by committed()", case_commit},
  {"abort", ETL_KIND_LOADER, "abort() leaves nothing; the same epoch again", case_abort},
  {"fence", ETL_KIND_LOADER, "a run that is overtaken cannot commit", case_fence},
  {"epochs", ETL_KIND_LOADER, "an epoch is committed once, in order", case_epochs},
  {"cursors", ETL_KIND_LOADER, "cursors and notes of any bytes, of several lanes at once", case_cursors},
  {"values", ETL_KIND_LOADER, "every type, edge values, slices, empty batches", case_values},
  {"streams", ETL_KIND_LOADER, "two streams of other columns in one epoch, as transformers make them", case_streams},
  {"careful", ETL_KIND_LOADER, "a careful epoch sets bad rows aside and keeps the others", case_careful},
  {0}};
