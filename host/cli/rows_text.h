/* cli/rows_text.h: rows, each as the JSON of etl_row_json(), for people and for other programs. */
#ifndef HOST_CLI_ROWS_TEXT_H
#define HOST_CLI_ROWS_TEXT_H

#include <stdio.h>

#include <jansson.h>

struct rows_text { /* of one stream */
  char *stream;
  json_t *columns; /* list of {name, format} */
  json_t *rows;    /* list of texts */
};
void rows_text_fini(struct rows_text *t);
/* A table as wide as the terminal at most, if `to` is one. */
void rows_text_table(const struct rows_text *t, FILE *to);
/* As RFC 4180 has it, with \n; NULL is nothing, an empty text "". */
void rows_text_csv(const struct rows_text *t, FILE *to);
/* [{"stream", "columns", "rows"}]; numbers as they were. */
void rows_text_json(const struct rows_text *list, size_t n, FILE *to);

#endif
