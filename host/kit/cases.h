/* kit/cases.h: the bodies of the cases; cases.c is their table. */
#ifndef HOST_KIT_CASES_H
#define HOST_KIT_CASES_H

#include "kit/kit.h"

void case_note(struct kit *k);
void case_entry(struct kit *k);
void case_descriptor(struct kit *k);
void case_options(struct kit *k);
void case_option_limits(struct kit *k);

void case_open_close(struct kit *k);
void case_instances(struct kit *k);
void case_cancel_idle(struct kit *k);
void case_extensions(struct kit *k);
void case_connect(struct kit *k);
void case_growth(struct kit *k);
void case_older_host(struct kit *k);
void case_leaks(struct kit *k);
void case_threads(struct kit *k);
void case_no_memory(struct kit *k);

void case_discover(struct kit *k);
void case_read(struct kit *k);
void case_resume(struct kit *k);
void case_limit(struct kit *k);
void case_cancel(struct kit *k);
void case_pieces(struct kit *k);
void case_strange_cursor(struct kit *k);

void case_bind(struct kit *k);
void case_process(struct kit *k);
void case_slices(struct kit *k);
void case_sink(struct kit *k);
void case_rebind(struct kit *k);

void case_commit(struct kit *k);
void case_abort(struct kit *k);
void case_fence(struct kit *k);
void case_epochs(struct kit *k);
void case_cursors(struct kit *k);
void case_values(struct kit *k);
void case_streams(struct kit *k);
void case_careful(struct kit *k);

/* What a connector is for, once: everything read, some batches through it, or one epoch committed.  n tells runs of one process apart. */
void loader_beside(struct kit *k); /* two lanes of one run */
int32_t extractor_whole(struct kit *k, struct kit_instance *i, unsigned n);
int32_t transformer_whole(struct kit *k, struct kit_instance *i, unsigned n);
int32_t loader_whole(struct kit *k, struct kit_instance *i, unsigned n);

#endif
