/* engine/quarantine.h: rows set aside, in files, for sinks that cannot keep them: quarantine_dir/PIPELINE/STREAM-SHARD-EPOCH.jsonl.  A file
 * is there before its epoch is committed, and an epoch that comes again writes it again: so a row is in it once.  Any thread; one
 * lane at a time. */
#ifndef HOST_ENGINE_QUARANTINE_H
#define HOST_ENGINE_QUARANTINE_H

#include "engine/spec.h"
#include "engine/reject.h"

/* Replaces what is kept for the epoch; an empty list removes it.  0, or -1 with e. */
int quarantine_store(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, const struct rejects *rows, struct err *e);
/* Where the files of the pipeline are.  To be freed. */
char *quarantine_folder(const struct spec *spec);

#endif
