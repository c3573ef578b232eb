/* csv_write.h: rows as CSV that csv_read.c reads back: a NULL is empty, an empty text is quoted. */
#ifndef FILES_CSV_WRITE_H
#define FILES_CSV_WRITE_H

#include "load.h"

extern const struct write_format csv_write_format;

#endif
