#include "fakes/pg_server.h"
#include "store/backend.h"
#include "store/postgres/postgres.h"

const struct store_ops *const ops = &store_postgres;
const bool backend_keeps_bytes = false;

static struct pg_server server;
static int databases;

bool backend_begin(void)
{
    return pg_server_open(&server);
}

void backend_end(void)
{
    pg_server_close(&server);
}

int open_store(struct fixture *f, const struct store_opts *more)
{
    struct store_opts o = more ? *more : (struct store_opts){.exclusive = true, .demo_rows = true};

    o.url = f->path;
    o.node = o.node ? o.node : "one";
    o.busy_ms = 2000;
    buf_clear(&f->errors);
    return ops->open(&o, &f->errors, &f->s);
}

void set_up(struct fixture *f, const struct store_opts *more)
{
    *f = (struct fixture){0};
    pg_server_database(&server, ++databases, f->path, sizeof(f->path));
    buf_init(&f->errors, 4096);
    arena_init(&f->a, 16 << 20);
    if (open_store(f, more) < 0) {
        fail_msg("%s", buf_cstr(&f->errors));
    }
}

void tear_down(struct fixture *f)
{
    ops->close(f->s);
    assert_int_equal(pg_server_sessions(&server, databases), 0);
    arena_done(&f->a);
    buf_done(&f->errors);
}
