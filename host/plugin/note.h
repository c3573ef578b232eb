/* plugin/note.h: the ELF note of a connector, read as bytes: no code of the file runs, and nothing in it is believed unchecked. */
#ifndef HOST_PLUGIN_NOTE_H
#define HOST_PLUGIN_NOTE_H

#include "base/err.h"
#include "etl/plugin.h"

/* fd: the open file; reads by position only.  0, or -1: not a whole shared object for this machine, or no (whole) note in it.
 * e's message speaks of "it", the file. */
int note_read(int fd, struct etl_note *ret, struct err *e);
/* Whether this host can run what the note announces.  0, or -1 with what to do. */
int note_check_abi(const struct etl_note *note, struct err *e);

#endif
