/* engine/chain.h: the transformers of a lane as a tree: a node is an instance bound to one stream, its branches are the streams it
 * declares; a branch leads to the node of the next transformer or out to the writer.  The chain's thread; wake: any. */
#ifndef HOST_ENGINE_CHAIN_H
#define HOST_ENGINE_CHAIN_H

#include "engine/bind.h"
#include "engine/run.h"

struct node;
struct branch {
  char *stream;      /* owned */
  struct node *next; /* NULL: out to the writer, as stream number out */
  uint32_t out;
  int64_t rows;      /* that went along it */
  int64_t missing;   /* rows that the node got and neither passed on here nor rejected, when last looked: less than none, it made some */
  int64_t filtered, added;
};
struct node {
  struct etl_sink sink; /* first: what its transformer emits into */
  struct chain *chain;
  struct node *other; /* in the list of all */
  size_t index;       /* of the transformer */
  const char *stream; /* what it gets; the branch's that leads here */
  struct instance inst;
  const struct etl_transformer *api;
  struct outlet outlet;
  struct branch *branches;
  size_t branches_n;
  int64_t rows;
  const int64_t *numbers; /* of the batch in hand; NULL: there is none, or nobody wants to know */
  int64_t numbers_n;
  uint8_t *there;         /* what became of each of its rows: enum capture_fate */
  bool told, untold;      /* whether it tells which rows its own come of */
};
struct chain {
  struct lane *lane;
  struct branch root;  /* what the reader gives */
  bool opened;         /* the root is there */
  struct node *nodes;  /* all; under lane->lock, since a wake walks over them */
  int64_t read, rejected; /* of the item in hand, as the reader counted */
  int64_t told;           /* read, as the writer knows it */
  uint64_t src_bytes;     /* of what was read, to go with the next item */
  struct rejects rejects; /* to go with the next item */
  struct captures captures; /* likewise */
};

/* 0, or -1: the lane has its reason.  in: with its schema. */
int tree_bind(struct chain *c, const struct etl_stream *in);
/* ETL_OK, or not: the lane has its reason or is stopped.  Takes rows, and their numbers (NULL: there are none). */
int32_t tree_process(struct chain *c, struct etl_msg *rows, int64_t *numbers);
int tree_flush(struct chain *c);
/* What became of the rows until now, a flow for each stream of the lane; right only after a flush.  To be freed. */
struct flow *tree_flows(struct chain *c, size_t *ret_n);
void tree_close(struct chain *c);
void tree_wake(struct chain *c); /* under lane->lock */

/* engine/chain.c: hands an item to the writer, with what was set aside since the one before. */
int32_t chain_push(struct chain *c, struct item *it);

#endif
