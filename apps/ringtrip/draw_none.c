#include <errno.h>

#include "draw.h"

int draw_graph(const char *dot, const char *format, struct buf *out, struct buf *ret_why)
{
    (void)dot;
    (void)out;
    buf_printf(ret_why,
               "this ringtrip was built without Graphviz and writes DOT only: ringtrip graph | dot -T%s > graph.%s",
               format, format);
    return -ENOTSUP;
}
