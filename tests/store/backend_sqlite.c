#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/backend.h"
#include "store/sqlite/sqlite.h"

const struct store_ops *const ops = &store_sqlite;
const bool backend_keeps_bytes = true;

bool backend_begin(void)
{
    return true;
}

void backend_end(void)
{
}

int open_store(struct fixture *f, const struct store_opts *more)
{
    struct store_opts o = more ? *more : (struct store_opts){.exclusive = true, .demo_rows = true};

    o.path = f->path;
    buf_clear(&f->errors);
    return ops->open(&o, &f->errors, &f->s);
}

void set_up(struct fixture *f, const struct store_opts *more)
{
    *f = (struct fixture){.folder = "/tmp/ringtrip-store-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    assert_true((size_t)snprintf(f->path, sizeof(f->path), "%s/deep/er/records.db", f->folder) < sizeof(f->path));
    buf_init(&f->errors, 4096);
    arena_init(&f->a, 16 << 20);
    if (open_store(f, more) < 0) {
        fail_msg("%s", buf_cstr(&f->errors));
    }
}

void tear_down(struct fixture *f)
{
    static const char *const names[] = {"/deep/er/records.db", "/deep/er/records.db-wal", "/deep/er/records.db-shm",
                                        "/deep/er/records.db.lock"};
    char path[128];

    ops->close(f->s);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s%s", f->folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/deep/er", f->folder);
    rmdir(path);
    snprintf(path, sizeof(path), "%s/deep", f->folder);
    rmdir(path);
    assert_int_equal(rmdir(f->folder), 0); /* nothing else was left behind */
    arena_done(&f->a);
    buf_done(&f->errors);
}
