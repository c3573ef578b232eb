/* manifest.h: what is committed, kept beside the files: FOLDER/.etl-PIPELINE/manifest.json, replaced as a whole in one step.  Data is written to
 * hidden parts in the same folder; a commit makes the manifest name them, and only then are they renamed to where readers see them.  So a
 * killed process leaves either parts that nobody names, which the next claim removes, or parts that are named, which it renames.
 * Whoever has the lock may change it; the lock is held by one open manifest at a time, of any process. */
#ifndef FILES_MANIFEST_H
#define FILES_MANIFEST_H

#include <jansson.h>

#include "failure.h"

struct manifest {
  char *folder; /* .../.etl-PIPELINE */
  int lock_fd;  /* -1: not locked */
  json_t *root; /* {"version", "owner", "run", "lanes": [lane...], "moves": [{"part", "name"}...],
                 * "replaced": what the last swap made}; while locked */
};
/* Only remembers where it is. */
int manifest_init(struct manifest *m, const char *folder, const char *pipeline, struct failure *f);
void manifest_fini(struct manifest *m);
/* Locks and reads it; without `make`, one that is not there is empty, and nothing is written. */
int manifest_lock(struct manifest *m, bool make, struct failure *f);
int manifest_store(struct manifest *m, struct failure *f); /* durable when it returns */
void manifest_unlock(struct manifest *m);
uint64_t manifest_owner(const struct manifest *m);
int manifest_check_owner(const struct manifest *m, uint64_t owner, struct failure *f); /* a newer one: ETL_E_FENCED */

/* {"scope", "stream", "shard", "epoch", "cursor" (hex), "finished", "note", "files": [{"part", "name", "bytes", "head", "columns"}...]}
 * scope "": of the target; else the run that builds it anew.  Borrowed. */
json_t *manifest_lane(const struct manifest *m, const char *scope, const char *stream, const char *shard);
int manifest_set_lane(struct manifest *m, const char *scope, const struct etl_cursor *c, json_t *files, struct failure *f); /* takes files */
void manifest_drop_lanes(struct manifest *m, const char *scope, bool others); /* those of the scope, or of all other scopes but "" */
int manifest_tell(const struct manifest *m, const char *scope, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg, int32_t *ret_rc,
                  struct failure *f);

bool manifest_moves_to(const json_t *moves, const char *name); /* does one of them make that file? */
/* Renames what "moves" names and is still a part, and removes the files that are "gone" there, which are then named no more. */
int manifest_move(struct manifest *m, struct failure *f);
int manifest_sweep(struct manifest *m, struct failure *f); /* removes parts that it does not name */
char *manifest_part(const struct manifest *m, const char *part); /* its path, malloc()ed */
int check_place(const char *name, struct failure *f); /* can a file be put there: is there none, or a regular one? */
int make_folders(const char *path, struct failure *f);          /* of a file */
int sync_folder(const char *path, struct failure *f);           /* of a file */

#endif
