/* Pictures of graphs: text in Graphviz's language in, a picture out. Built without Graphviz nothing can be drawn. */
#ifndef APPS_RINGTRIP_DRAW_H
#define APPS_RINGTRIP_DRAW_H

#include "base/buf.h"

/* format: "svg", "png", "pdf". ret_why gets a sentence on failure. -ENOTSUP, -ERR_SYNTAX, -EIO, -ENOMEM */
MUST_USE int draw_graph(const char *dot, const char *format, struct buf *out, struct buf *ret_why);

#endif
