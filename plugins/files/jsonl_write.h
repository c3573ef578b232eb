/* jsonl_write.h: rows as JSON objects, one a line, that jsonl_read.c reads back. */
#ifndef FILES_JSONL_WRITE_H
#define FILES_JSONL_WRITE_H

#include "load.h"

extern const struct write_format jsonl_write_format;

#endif
