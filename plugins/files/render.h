/* render.h: values of Arrow columns as text, exactly: what value.c reads back.  No state. */
#ifndef FILES_RENDER_H
#define FILES_RENDER_H

#include "output.h"

/* Adds row i of a column that is neither NULL nor text nor JSON. */
void render_value(struct text *t, const struct etl_view *v, int64_t i);
bool render_is_number(const struct etl_format *f); /* its text is a JSON number, but for NaN and infinities */

#endif
