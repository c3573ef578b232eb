/* engine/identity.h: what saved cursors belong to.  Options that make them meaningless when they change (ETL_OPT_IDENTITY of the extractor and
 * the loader; a transformer has no part in where a lane stands) are kept beside each cursor, in its note.  The run thread, but for
 * identity_note().
 *
 * A note is JSON: {"extract": {option: value}, "load": {...}, "done": "..."}; done: see engine/ranges.h.  Secrets are never in it. */
#ifndef HOST_ENGINE_IDENTITY_H
#define HOST_ENGINE_IDENTITY_H

#include "engine/run.h"

/* The options' part of the notes of this run; to be released. */
json_t *identity_of(const struct run *r);
/* The lane's own thread: the note that goes with its next commit; to be freed. */
char *identity_note(const struct lane *l, const char *done);
/* Up to where the windows of a backfill are read; NULL: the note says nothing of it.  In a. */
const char *identity_done(const char *note, struct arena *a);
/* Whether what is committed of l belongs to these options; without a note it does.  0, -1 with e. */
int identity_check(const struct lane *l, struct err *e);
/* The whole run: all lanes; with spec->accept_change their notes are written anew instead.  0, -1 with r->err, or the run was stopped. */
int identity_settle(struct run *r);

#endif
