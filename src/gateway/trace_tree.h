/* The spans of a call as people read them: a tree with times. Pure. */
#ifndef GATEWAY_TRACE_TREE_H
#define GATEWAY_TRACE_TREE_H

#include "base/buf.h"
#include "call/store.h"

/* spans: in the order of their beginning. Those whose parent is not among them stand at the left. -ENOMEM */
MUST_USE int trace_tree_print(const struct store_span *spans, uint32_t n, struct buf *out);

#endif
