#include "gateway/store_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "store/sqlite/sqlite.h"
#ifdef HAVE_POSTGRES
#include "store/postgres/postgres.h"
#endif

static int open_sqlite(const struct config *cfg, enum store_choice choice, struct buf *err, struct store **ret)
{
    const char *path = cfg ? cfg->records.database.p : "";
    bool owner = choice == STORE_CHOICE_OWNER;
    if (!owner && access(path, F_OK) < 0) {
        int e = -errno;
        buf_printf(err, "%s: %s", path, err_text(e));
        return e;
    }
    return store_sqlite.open(&(struct store_opts){.path = path, .exclusive = owner, .demo_rows = owner}, err, ret);
}

/* "host:/srv/ringtrip/var": two gateways on one machine have folders of their own. */
int store_choice_node(const struct config *cfg, char *ret, size_t cap)
{
    char host[256] = "";
    if (cfg->store.node.n) {
        return str_copy(ret, cap, cfg->store.node);
    }
    if (gethostname(host, sizeof(host) - 1) < 0) {
        return -errno;
    }
    char *dir = realpath(cfg->records.dir.p, NULL); /* a guest may come before the folder is there */
    int n = snprintf(ret, cap, "%s:%s", host, dir ? dir : cfg->records.dir.p);
    free(dir);
    return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

#ifdef HAVE_POSTGRES
static int open_postgres(const struct config *cfg, enum store_choice choice, struct buf *err, struct store **ret)
{
    bool owner = choice == STORE_CHOICE_OWNER;
    char node[STORE_NODE_MAX];
    int e = store_choice_node(cfg, node, sizeof(node));
    if (e < 0) {
        buf_printf(err, "store.node: %s", err_text(e));
        return e;
    }
    const struct store_opts o = {.url = cfg->store.url.p, .node = node, .exclusive = owner, .demo_rows = owner};
    return store_postgres.open(&o, err, ret);
}
#endif

int store_choice_open(const struct config *cfg, enum store_choice choice, struct buf *err,
                      const struct store_ops **ret_ops, struct store **ret)
{
    if (!cfg || cfg->store.url.n == 0) {
        *ret_ops = &store_sqlite;
        return open_sqlite(cfg, choice, err, ret);
    }
#ifdef HAVE_POSTGRES
    *ret_ops = &store_postgres;
    return open_postgres(cfg, choice, err, ret);
#else
    buf_puts(err, "store.url: this ringtrip was built without PostgreSQL (libpq): build it with -Dpostgres=enabled");
    return -ERR_CONFIG;
#endif
}
