#include "net/disk.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/prefetch.h"
#include "net/loop_impl.h"

enum {
    /* A run of so many blocks is one write: half as many as with 8 kB, measured 5 % of the CPU of a call. */
    RUN_BLOCKS = 4,
    BLOCK_BYTES = 4000,        /* each is taken when the one before is full: a journal has one for every call */
    WAITING_MAX = 1024 * 1024, /* per file */
    PATCH_MAX = 64,
    TICK_US = 500 * 1000, /* a byte waits at most two ticks */
    /* So many runs wake the writer before the tick: one wake-up costs about as much as writing one. */
    WAKE_RUNS = 32,
    SPARE_MAX = 128,
};

enum op_kind { OP_CREATE, OP_WRITE, OP_PATCH, OP_CLOSE };

/*
 * What the loop tells the writer, in order. The larger kinds have their bytes behind them. Of a write it is the first
 * block; the others hang on it.
 */
struct op {
    struct list link;
    struct op *next; /* block of the same run */
    struct disk_file *file;
    enum op_kind kind;
    bool replace;
    uint64_t offset;
    uint32_t n;
    uint8_t data[];
};

struct disk_file {
    struct list link; /* disk.files */
    struct disk *disk;
    const struct disk_file_handler *handler;
    void *arg;
    char *path;
    /* the loop's side */
    struct op *run, *last; /* first block of what waits here, and the one being filled; NULL: nothing */
    uint32_t run_blocks;
    size_t run_bytes;
    uint64_t run_since_us;
    uint64_t dropped_bytes;
    bool closing, failed;
    int limit_err;
    struct op *close_op; /* allocated at creation: closing must not fail */
    /* the writer's side */
    int fd;
    uint64_t size;
    int write_err;
    /* both, under disk.lock */
    struct list notice_link;
    int notice_err;
    bool notice_closed;
    atomic_size_t waiting_bytes;
};

struct disk {
    struct loop *loop;
    struct timer *tick;
    uv_async_t bell;
    struct list files;
    uint32_t unsent; /* runs and the like queued since the writer was last woken */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queue, notices, spare; /* under lock */
    uint32_t spare_n;
    bool awake, stop;
};

/* ---- the writer thread ---- */

static int make_parents(const char *path)
{
    char *copy = str_dup(str_from(path));
    if (!copy) {
        return -ENOMEM;
    }
    int err = 0;
    for (char *p = copy + 1; *p && err == 0; p++) {
        if (*p == '/') {
            *p = '\0';
            err = mkdir(copy, 0700) == 0 || errno == EEXIST ? 0 : -errno;
            *p = '/';
        }
    }
    free(copy);
    return err;
}

static int create_file(const char *path, bool replace, int *ret_fd)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
    int fd = open(path, flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        int err = make_parents(path);
        if (err < 0) {
            return err;
        }
        fd = open(path, flags, 0600);
    }
    if (fd < 0) {
        return -errno;
    }
    *ret_fd = fd;
    return 0;
}

static int write_at(int fd, const uint8_t *p, size_t n, uint64_t offset)
{
    while (n > 0) {
        ssize_t put = pwrite(fd, p, n, (off_t)offset);
        if (put < 0 && errno != EINTR) {
            return -errno;
        }
        if (put > 0) {
            p += put;
            n -= (size_t)put;
            offset += (uint64_t)put;
        }
    }
    return 0;
}

/* One write for all blocks; what it leaves, because it is cut short, goes block by block. */
static int write_run(int fd, const struct op *run, uint64_t offset)
{
    struct iovec parts[RUN_BLOCKS];
    int n = 0;
    for (const struct op *b = run; b; b = b->next) {
        parts[n++] = (struct iovec){.iov_base = (void *)(uintptr_t)b->data, .iov_len = b->n};
    }
    ssize_t put = pwritev(fd, parts, n, (off_t)offset);
    if (put < 0 && errno != EINTR) {
        return -errno;
    }
    size_t done = put > 0 ? (size_t)put : 0;
    int err = 0;
    for (const struct op *b = run; b && err == 0; b = b->next) {
        size_t skip = MIN(done, (size_t)b->n);
        err = write_at(fd, b->data + skip, b->n - skip, offset + skip);
        done -= skip;
        offset += b->n;
    }
    return err;
}

static uint32_t run_bytes(const struct op *run)
{
    uint32_t n = 0;
    for (; run; run = run->next) {
        n += run->n;
    }
    return n;
}

static void tell(struct disk_file *f, int err, bool closed)
{
    struct disk *d = f->disk;
    pthread_mutex_lock(&d->lock);
    f->notice_err = f->notice_err ? f->notice_err : err;
    f->notice_closed |= closed;
    if (!list_linked(&f->notice_link)) {
        list_append(&d->notices, &f->notice_link);
    }
    pthread_mutex_unlock(&d->lock);
    uv_async_send(&d->bell);
}

static void carry_out(struct op *op)
{
    struct disk_file *f = op->file;
    int err = f->write_err;
    switch (op->kind) {
    case OP_CREATE:
        err = create_file(f->path, op->replace, &f->fd);
        break;
    case OP_WRITE:
        err = err ? err : write_run(f->fd, op, f->size);
        f->size += err ? 0 : run_bytes(op);
        atomic_fetch_sub(&f->waiting_bytes, run_bytes(op));
        break;
    case OP_PATCH:
        err = err ? err : write_at(f->fd, op->data, op->n, op->offset);
        f->size = err ? f->size : MAX(f->size, op->offset + op->n);
        break;
    case OP_CLOSE:
        if (f->fd >= 0 && close(f->fd) != 0 && !err) {
            err = -errno;
        }
        f->fd = -1;
        break;
    }
    bool news = err && !f->write_err;
    f->write_err = err;
    if (news || op->kind == OP_CLOSE) {
        tell(f, err, op->kind == OP_CLOSE);
    }
}

/* Blocks go round, those used last first: they lie in the cache. The rest is freed. */
static void retire(struct disk *d, struct list *done)
{
    pthread_mutex_lock(&d->lock);
    while (!list_empty(done) && d->spare_n < SPARE_MAX) {
        struct list *block = done->next;
        list_leave(block);
        list_prepend(&d->spare, block);
        d->spare_n++;
    }
    pthread_mutex_unlock(&d->lock);
    while (!list_empty(done)) {
        struct op *op = CONTAINER_OF(done->next, struct op, link);
        list_leave(&op->link);
        free(op);
    }
}

/* Waits for work and takes all of it. False: stop was asked for and nothing is left. */
static bool take_work(struct disk *d, struct list *work)
{
    pthread_mutex_lock(&d->lock);
    d->awake = false;
    while (list_empty(&d->queue) && !d->stop) {
        pthread_cond_wait(&d->wake, &d->lock);
    }
    d->awake = true;
    bool more = !list_empty(&d->queue);
    list_move_all(&d->queue, work);
    pthread_mutex_unlock(&d->lock);
    return more;
}

static void *writer_main(void *arg)
{
    struct disk *d = arg;
    struct list work, done;
    list_init(&work);
    list_init(&done);
    while (take_work(d, &work)) {
        while (!list_empty(&work)) {
            struct op *op = CONTAINER_OF(work.next, struct op, link);
            bool run = op->kind == OP_WRITE;
            list_leave(&op->link);
            carry_out(op);
            if (!run) {
                free(op);
                continue;
            }
            for (struct op *next; op; op = next) {
                next = op->next;
                list_append(&done, &op->link);
            }
        }
        retire(d, &done);
    }
    return NULL;
}

static int start_writer(struct disk *d)
{
    /* Signals belong to the loop's thread. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = -pthread_create(&d->thread, NULL, writer_main, d);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err == 0) {
        ignore_result(pthread_setname_np(d->thread, "disk")); /* cosmetic */
    }
    return err;
}

/* ---- the loop's side ---- */

static void queue_op(struct disk *d, struct op *op, bool urgent)
{
    pthread_mutex_lock(&d->lock);
    list_append(&d->queue, &op->link);
    bool signal = !d->awake && (urgent || ++d->unsent >= WAKE_RUNS);
    if (signal) {
        d->unsent = 0;
        pthread_cond_signal(&d->wake);
    }
    pthread_mutex_unlock(&d->lock);
}

static void wake_writer(struct disk *d)
{
    pthread_mutex_lock(&d->lock);
    if (!d->awake && !list_empty(&d->queue)) {
        d->unsent = 0;
        pthread_cond_signal(&d->wake);
    }
    pthread_mutex_unlock(&d->lock);
}

static struct op *op_new(struct disk_file *f, enum op_kind kind, size_t room)
{
    struct op *op = calloc(1, sizeof(*op) + room);
    if (op) {
        op->file = f;
        op->kind = kind;
    }
    return op;
}

static struct op *block_new(struct disk_file *f)
{
    struct disk *d = f->disk;
    struct op *op = NULL;
    pthread_mutex_lock(&d->lock);
    if (!list_empty(&d->spare)) {
        op = CONTAINER_OF(d->spare.next, struct op, link);
        list_leave(&op->link);
        d->spare_n--;
    }
    pthread_mutex_unlock(&d->lock);
    if (!op) {
        return op_new(f, OP_WRITE, BLOCK_BYTES);
    }
    op->file = f;
    op->next = NULL;
    op->n = 0;
    return op;
}

static void hand_over_run(struct disk_file *f)
{
    if (f->run) {
        atomic_fetch_add(&f->waiting_bytes, f->run_bytes);
        queue_op(f->disk, f->run, false);
        f->run = f->last = NULL;
        f->run_blocks = 0;
        f->run_bytes = 0;
    }
}

/* The block that has room; NULL: no memory. */
static struct op *filling(struct disk_file *f)
{
    if (f->last && f->last->n < BLOCK_BYTES) {
        return f->last;
    }
    struct op *block = block_new(f);
    if (!block) {
        return NULL;
    }
    if (f->last) {
        f->last->next = block;
    } else {
        f->run = block;
        f->run_since_us = loop_now_us(f->disk->loop);
    }
    f->last = block;
    f->run_blocks++;
    return block;
}

static void on_tick(void *arg)
{
    struct disk *d = arg;
    uint64_t now_us = loop_now_us(d->loop);
    for (struct list *at = d->files.next; at != &d->files; at = at->next) {
        struct disk_file *f = CONTAINER_OF(at, struct disk_file, link);
        if (f->run && now_us - f->run_since_us >= TICK_US) {
            hand_over_run(f);
        }
    }
    wake_writer(d);
}

static void file_free(struct disk_file *f)
{
    list_leave(&f->link);
    for (struct op *next; f->run; f->run = next) {
        next = f->run->next;
        free(f->run);
    }
    free(f->close_op);
    free(f->path);
    free(f);
}

static void report_error(struct disk_file *f, int err)
{
    if (!f->failed) {
        f->failed = true;
        if (f->handler->on_error) {
            f->handler->on_error(f, err, f->arg);
        }
    }
}

static void report(struct disk_file *f, int err, bool closed)
{
    if (err < 0) {
        report_error(f, err);
    }
    if (closed) {
        err = err ? err : f->limit_err;
        f->handler->on_closed(f, f->size, err, f->arg);
        file_free(f);
    }
}

static void deliver_notices(struct disk *d)
{
    for (;;) {
        pthread_mutex_lock(&d->lock);
        struct disk_file *f = NULL;
        int err = 0;
        bool closed = false;
        if (!list_empty(&d->notices)) {
            f = CONTAINER_OF(d->notices.next, struct disk_file, notice_link);
            list_leave(&f->notice_link);
            err = f->notice_err;
            closed = f->notice_closed;
        }
        pthread_mutex_unlock(&d->lock);
        if (!f) {
            return;
        }
        report(f, err, closed);
    }
}

static void on_bell(uv_async_t *bell)
{
    struct disk *d = bell->data;
    loop_enter(d->loop);
    deliver_notices(d);
}

static void disk_done(struct disk *d)
{
    while (!list_empty(&d->spare)) {
        struct op *op = CONTAINER_OF(d->spare.next, struct op, link);
        list_leave(&op->link);
        free(op);
    }
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wake);
    free(d);
}

static void on_bell_closed(uv_handle_t *handle)
{
    disk_done(handle->data);
}

int disk_new(struct loop *loop, struct disk **ret)
{
    struct disk *d = calloc(1, sizeof(*d));
    if (!d) {
        return -ENOMEM;
    }
    d->loop = loop;
    list_init(&d->files);
    list_init(&d->queue);
    list_init(&d->notices);
    list_init(&d->spare);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wake, NULL);
    d->bell.data = d;
    int err = uv_async_init(&loop->uv, &d->bell, on_bell);
    if (err < 0) {
        disk_done(d);
        return err;
    }
    err = timer_new(loop, on_tick, d, &d->tick);
    if (err == 0) {
        err = start_writer(d);
    }
    if (err < 0) {
        timer_free(d->tick);
        uv_close((uv_handle_t *)&d->bell, on_bell_closed);
        return err;
    }
    timer_start(d->tick, TICK_US, TICK_US);
    *ret = d;
    return 0;
}

struct disk *disk_free(struct disk *d)
{
    if (!d) {
        return NULL;
    }
    loop_assert(d->loop);
    for (struct list *at = d->files.next; at != &d->files; at = at->next) {
        disk_file_close(CONTAINER_OF(at, struct disk_file, link));
    }
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    deliver_notices(d);
    assert(list_empty(&d->files));
    timer_free(d->tick);
    uv_close((uv_handle_t *)&d->bell, on_bell_closed);
    return NULL;
}

int disk_file_create(struct disk *d, const char *path, bool replace, const struct disk_file_handler *h, void *arg,
                     struct disk_file **ret)
{
    struct disk_file *f = calloc(1, sizeof(*f));
    if (!f) {
        return -ENOMEM;
    }
    *f = (struct disk_file){.disk = d, .handler = h, .arg = arg, .fd = -1};
    f->path = str_dup(str_from(path));
    f->close_op = op_new(f, OP_CLOSE, 0);
    struct op *op = op_new(f, OP_CREATE, 0);
    if (!f->path || !f->close_op || !op) {
        free(op);
        file_free(f);
        return -ENOMEM;
    }
    op->replace = replace;
    list_append(&d->files, &f->link);
    queue_op(d, op, true);
    *ret = f;
    return 0;
}

/* The handler is told by the writer's own way, so that it is never called from within an append. */
static void drop(struct disk_file *f, size_t n, int err)
{
    f->dropped_bytes += n;
    if (!f->limit_err && !f->failed) {
        f->limit_err = err;
        tell(f, err, false);
    }
}

void disk_file_append(struct disk_file *f, struct span data)
{
    if (f->closing || f->failed || f->limit_err) {
        f->dropped_bytes += data.n;
        return;
    }
    if (atomic_load(&f->waiting_bytes) + f->run_bytes + data.n > WAITING_MAX) {
        drop(f, data.n, -ERR_LIMIT);
        return;
    }
    while (data.n > 0) {
        struct op *block = filling(f);
        if (!block) {
            drop(f, data.n, -ENOMEM);
            return;
        }
        size_t n = MIN(data.n, (size_t)BLOCK_BYTES - block->n);
        memcpy(block->data + block->n, data.p, n);
        block->n += (uint32_t)n;
        f->run_bytes += n;
        data = span_from(data.p + n, data.n - n);
        if (f->run_blocks == RUN_BLOCKS && block->n == BLOCK_BYTES) {
            hand_over_run(f);
        }
    }
}

void disk_file_prefetch(const struct disk_file *f, unsigned depth)
{
    enum { PIECE = 256 }; /* what is appended at a time, nearly */
    if (depth == 0) {
        prefetch(f, sizeof(*f));
    } else if (f->last && depth == 1) {
        prefetch(&f->last->n, sizeof(f->last->n));
    } else if (f->last && depth == 2) {
        prefetch(f->last->data + f->last->n, PIECE);
    }
}

void disk_file_flush(struct disk_file *f)
{
    if (!f->closing) {
        hand_over_run(f);
    }
}

void disk_file_patch(struct disk_file *f, uint64_t offset, struct span data)
{
    assert(data.n <= PATCH_MAX);
    if (f->closing || f->failed) {
        return;
    }
    struct op *op = op_new(f, OP_PATCH, data.n);
    if (!op) {
        drop(f, 0, -ENOMEM);
        return;
    }
    op->offset = offset;
    op->n = (uint32_t)data.n;
    memcpy(op->data, data.p, data.n);
    hand_over_run(f);
    queue_op(f->disk, op, false);
}

void disk_file_close(struct disk_file *f)
{
    if (!f->closing) {
        f->closing = true;
        hand_over_run(f);
        queue_op(f->disk, TAKE(f->close_op), true);
    }
}

uint64_t disk_file_dropped_bytes(const struct disk_file *f)
{
    return f->dropped_bytes;
}

int disk_free_bytes(const char *path, uint64_t *ret)
{
    struct statvfs s;
    if (statvfs(path, &s) != 0) {
        return -errno;
    }
    *ret = (uint64_t)s.f_bavail * s.f_frsize;
    return 0;
}
