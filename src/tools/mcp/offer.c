/* What a server offers: taken from its pages, filtered, renamed so that models' services take the names. */
#include "base/err.h"
#include "tools/mcp/session.h"

#define TEXTS_MAX ((size_t)2 << 20)
#define PAGES_MAX 16

int mcp_list_begin(struct mcp_list *l)
{
    mcp_list_done(l);
    *l = (struct mcp_list){0};
    arena_init(&l->texts, TEXTS_MAX);
    l->v = arena_raw(&l->texts, MCP_MAX_TOOLS * sizeof(*l->v));
    return l->v ? 0 : -ENOMEM;
}

void mcp_list_done(struct mcp_list *l)
{
    arena_done(&l->texts);
    l->v = NULL;
    l->n = 0;
}

struct taking {
    struct mcp_list *l;
    const struct mcp_server_opts *o;
    int err;
};

static bool wanted(const struct mcp_server_opts *o, struct str name)
{
    for (uint32_t i = 0; i < o->n_tools; i++) {
        if (str_eq(o->tools[i], name)) {
            return true;
        }
    }
    return o->n_tools == 0;
}

/* Dots and slashes become underscores. */
static struct str function_name(struct arena *a, struct str prefix, struct str name)
{
    size_t n = prefix.n + name.n;
    char *p = n <= MCP_TOOL_NAME_MAX ? arena_raw(a, n + 1) : NULL;
    if (!p) {
        return STR_NULL;
    }
    memcpy(p, prefix.p, prefix.n);
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        p[prefix.n + i] = c == '.' || c == '/' ? '_' : c;
    }
    p[n] = '\0';
    return (struct str){p, n};
}

static bool doubled(const struct mcp_list *l, struct str name)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (str_eq(l->v[i].name, name)) {
            return true;
        }
    }
    return false;
}

static void take(const struct mcp_tool *t, void *arg)
{
    struct taking *k = arg;
    struct mcp_list *l = k->l;
    if (!wanted(k->o, t->name)) {
        return;
    }
    struct str name = function_name(&l->texts, k->o->prefix, t->name);
    if (l->n == MCP_MAX_TOOLS || !name.p || doubled(l, name)) {
        l->skipped++;
        return;
    }
    struct mcp_tool_info *info = &l->v[l->n];
    *info = (struct mcp_tool_info){
        .name = name,
        .remote = arena_str(&l->texts, t->name),
        .description = arena_str(&l->texts, t->description),
        .schema = arena_str(&l->texts, t->schema),
        .read_only = t->read_only,
    };
    if (!info->remote.p || !info->description.p || !info->schema.p) {
        k->err = -ERR_TOO_BIG;
        return;
    }
    l->n++;
}

int mcp_list_read(struct mcp_list *l, const struct mcp_server_opts *o, const struct mcp_message *m,
                  char cursor[MCP_CURSOR_MAX])
{
    struct taking k = {.l = l, .o = o};
    struct buf scratch;
    buf_init(&scratch, MCP_MESSAGE_MAX);
    int err = mcp_read_tools(m, &scratch, take, &k, &l->skipped, cursor);
    buf_done(&scratch);
    if (err >= 0 && cursor[0] && ++l->pages == PAGES_MAX) {
        err = -ERR_LIMIT;
    }
    return err < 0 ? err : k.err;
}

bool mcp_list_same(const struct mcp_list *a, const struct mcp_list *b)
{
    bool same = a->n == b->n;
    for (uint32_t i = 0; same && i < a->n; i++) {
        const struct mcp_tool_info *x = &a->v[i];
        const struct mcp_tool_info *y = &b->v[i];
        same = str_eq(x->name, y->name) && str_eq(x->remote, y->remote) && str_eq(x->description, y->description) &&
               str_eq(x->schema, y->schema) && x->read_only == y->read_only;
    }
    return same;
}
