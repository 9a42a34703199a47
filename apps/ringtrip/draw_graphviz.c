#include <errno.h>
#include <gvc.h>

/* Its names, and ours of the same meaning. */
#undef MIN
#undef MAX

#include "base/err.h"
#include "draw.h"

static int render(GVC_t *gvc, graph_t *g, const char *format, struct buf *out, struct buf *ret_why)
{
    char *data = NULL;
    unsigned length = 0;
    if (gvLayout(gvc, g, "dot") != 0) {
        buf_puts(ret_why, "Graphviz cannot lay the graph out; is its dot plugin installed?");
        return -EIO;
    }
    int failed = gvRenderData(gvc, g, format, &data, &length);
    if (failed || !data) {
        buf_printf(ret_why, "this Graphviz cannot make %s; is its plugin installed? \"dot -c\" registers plugins",
                   format);
    } else {
        buf_put(out, data, length);
    }
    gvFreeRenderData(data);
    gvFreeLayout(gvc, g);
    return failed || !data ? -EIO : out->err;
}

int draw_graph(const char *dot, const char *format, struct buf *out, struct buf *ret_why)
{
    GVC_t *gvc = gvContext();
    if (!gvc) {
        return -ENOMEM;
    }
    agseterr(AGERR); /* not that a font is replaced by a similar one */
    graph_t *g = agmemread(dot);
    int err = -ERR_SYNTAX;
    if (g) {
        err = render(gvc, g, format, out, ret_why);
        agclose(g);
    } else {
        buf_puts(ret_why, "Graphviz does not understand the graph");
    }
    gvFreeContext(gvc);
    return err;
}
