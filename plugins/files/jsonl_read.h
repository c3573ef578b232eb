/* jsonl_read.h: JSON objects, one a line, as rows; see struct format. */
#ifndef FILES_JSONL_READ_H
#define FILES_JSONL_READ_H

#include "extract.h"
#include "jsonl_scan.h"

extern const struct format jsonl_format;

#endif
