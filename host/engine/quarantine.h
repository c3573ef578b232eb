/* engine/quarantine.h: rows set aside, in files, for sinks that cannot keep them: quarantine_dir/PIPELINE/STREAM-SHARD-EPOCH.jsonl.  A file
 * is there before its epoch is committed, and an epoch that comes again writes it again: so a row is in it once.  It holds when the sink
 * has the epoch; of a lane that the sink is to forget it is settled before.  Where the sink shows nothing before the end of a run, nor do
 * the files: they are aside till then.  Any thread; one lane at a time. */
#ifndef HOST_ENGINE_QUARANTINE_H
#define HOST_ENGINE_QUARANTINE_H

#include "engine/spec.h"
#include "engine/reject.h"

/* Endings of names. */
#define QUARANTINE_FILE    ".jsonl"
#define QUARANTINE_SETTLED "-settled.jsonl" /* committed, though the sink knows nothing of the lane any more */
#define QUARANTINE_ASIDE   ".aside"         /* behind ".RUN": committed only when the run has ended well */
bool quarantine_ends(const char *name, const char *ending);

/* Replaces what is kept for the epoch; an empty list removes it.  0, or -1 with e. */
int quarantine_store(const struct spec *spec, const char *stream, const char *shard, uint64_t epoch, bool aside, const struct rejects *rows,
                     struct err *e);
/* A run whose files are aside has ended: ok shows them, and if it replaces its target nothing else is kept.  0, or -1 with e. */
int quarantine_end(const struct spec *spec, bool ok, bool replaces, struct err *e);
/* All files of a lane hold from now on: the sink is to forget it.  0, or -1 with e. */
int quarantine_settle(const struct spec *spec, const char *stream, const char *shard, struct err *e);
/* Makes what was renamed or removed in a folder durable.  0, or -1 with errno. */
int quarantine_sync(const char *dir);
/* Where the files of the pipeline are.  To be freed. */
char *quarantine_folder(const struct spec *spec);

#endif
