#include "gateway/records.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "call/opts.h"
#include "gateway/spool.h"
#include "net/disk.h"

#define LOOK_EVERY_US   (10ull * 1000000)
#define SWEEP_HOURLY_US (3600ull * 1000000)
#define SWEEP_OFTEN_US  (60ull * 1000000) /* of what is kept for less than a day */
#define SWEEP_ROWS      200
#define DAY_S           86400ull
#define MAX_ARENA_BYTES (8u << 20)

struct records {
    struct records_opts o;
    char *dir;
    struct timer *look_timer, *sweep_timer;
    bool room;
    bool looking, sweeping, stopped;
    uint32_t busy;
    uint64_t free_bytes; /* written by the look's job while looking is set */
    uint64_t before_us;  /* of the sweep's job */
    uint32_t swept;
};

int records_path(const char *dir, uint64_t wall_us, const char *call_id, const char *extension,
                 char ret[RECORDS_PATH_MAX])
{
    struct tm tm;
    time_t seconds = (time_t)(wall_us / 1000000);
    if (!gmtime_r(&seconds, &tm)) {
        return -ERR_RANGE;
    }
    int n = snprintf(ret, RECORDS_PATH_MAX, "%s/%04d/%02d/%02d/%s%s", dir, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                     call_id, extension);
    return n < 0 || n >= RECORDS_PATH_MAX ? -ENOSPC : 0;
}

/* Job thread. A file that is gone already is what we want. */
static void unlink_all(const struct store_paths *paths)
{
    for (uint32_t i = 0; i < paths->n; i++) {
        if (unlink(paths->paths[i].p) < 0 && errno != ENOENT) {
            log_error(NULL, "records.unlink-failed", "path=" STR_FMT " error=%s", STR_ARG(paths->paths[i]),
                      err_name(-errno));
        }
    }
}

/* ---- free space ---- */

static int look_work(void *arg)
{
    struct records *r = arg;
    return disk_free_bytes(r->o.dir, &r->free_bytes);
}

static void look_done(int err, void *arg)
{
    struct records *r = arg;
    r->looking = false;
    r->busy--;
    if (err == -ECANCELED || r->stopped) {
        return;
    }
    bool room = err >= 0 && r->free_bytes >> 20 >= r->o.min_free_mb;
    if (room != r->room) {
        r->room = room;
        if (room) {
            log_info(NULL, "records.disk-ok", "free_mb=%llu", (unsigned long long)(r->free_bytes >> 20));
        } else {
            log_error(NULL, "records.disk-low", "free_mb=%llu min_free_mb=%u error=%s new recordings are off",
                      (unsigned long long)(r->free_bytes >> 20), r->o.min_free_mb, err_name(err));
        }
    }
}

static void look(void *arg)
{
    struct records *r = arg;
    if (r->looking || r->stopped) {
        return;
    }
    r->looking = true;
    r->busy++;
    int err = job_run(r->o.loop, look_work, look_done, r);
    if (err < 0) {
        look_done(-ECANCELED, r);
    }
}

/* ---- retention ---- */

static int sweep_work(void *arg)
{
    struct records *r = arg;
    struct arena arena;
    struct store_paths paths;
    int err = 0;
    do {
        arena_init(&arena, MAX_ARENA_BYTES);
        paths = (struct store_paths){0};
        err = r->o.ops->sweep(r->o.store, r->before_us, SWEEP_ROWS, &arena, &paths);
        if (err >= 0) {
            unlink_all(&paths);
            r->swept += paths.calls;
        }
        arena_done(&arena);
    } while (err >= 0 && paths.calls == SWEEP_ROWS);
    return err;
}

static void sweep_done(int err, void *arg)
{
    struct records *r = arg;
    r->sweeping = false;
    r->busy--;
    if (err < 0 && err != -ECANCELED) {
        log_error(NULL, "records.sweep-failed", "error=%s", err_name(err));
    } else if (r->swept > 0) {
        log_info(NULL, "records.swept", "calls=%u retention_s=%llu", r->swept, (unsigned long long)r->o.retention_s);
    }
}

static void sweep(void *arg)
{
    struct records *r = arg;
    if (r->sweeping || r->stopped || r->o.retention_s == 0) {
        return;
    }
    r->before_us = (uint64_t)clock_wall_us() - r->o.retention_s * 1000000;
    r->swept = 0;
    r->sweeping = true;
    r->busy++;
    int err = job_run(r->o.loop, sweep_work, sweep_done, r);
    if (err < 0) {
        sweep_done(err, r);
    }
}

static uint64_t sweep_every_us(const struct records *r)
{
    return r->o.retention_s > 0 && r->o.retention_s < DAY_S ? SWEEP_OFTEN_US : SWEEP_HOURLY_US;
}

uint64_t records_retention_s(const struct config_records *c)
{
    return c->retention_minutes > 0 ? c->retention_minutes * 60ull : c->retention_days * DAY_S;
}

/* ---- life ---- */

int records_new(const struct records_opts *o, struct records **ret)
{
    struct records *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->o = *o;
    r->dir = str_dup(str_from(o->dir));
    if (!r->dir) {
        free(r);
        return -ENOMEM;
    }
    r->o.dir = r->dir;
    /* The first look may block: nothing is served yet. */
    r->room = disk_free_bytes(o->dir, &r->free_bytes) >= 0 && r->free_bytes >> 20 >= o->min_free_mb;
    if (!r->room) {
        log_error(NULL, "records.disk-low", "free_mb=%llu min_free_mb=%u recordings are off",
                  (unsigned long long)(r->free_bytes >> 20), o->min_free_mb);
    }
    int err = timer_new(o->loop, look, r, &r->look_timer);
    if (err >= 0) {
        err = timer_new(o->loop, sweep, r, &r->sweep_timer);
    }
    if (err < 0) {
        records_free(r);
        return err;
    }
    timer_start(r->look_timer, LOOK_EVERY_US, LOOK_EVERY_US);
    timer_start(r->sweep_timer, 1000000, sweep_every_us(r));
    *ret = r;
    return 0;
}

struct records *records_free(struct records *r)
{
    if (r) {
        timer_free(r->look_timer);
        timer_free(r->sweep_timer);
        free(r->dir);
        free(r);
    }
    return NULL;
}

void records_set(struct records *r, uint32_t min_free_mb, uint64_t retention_s)
{
    r->o.min_free_mb = min_free_mb;
    r->o.retention_s = retention_s;
    timer_start(r->sweep_timer, sweep_every_us(r), sweep_every_us(r));
    look(r);
    sweep(r);
}

bool records_room(const struct records *r)
{
    return r->room;
}

void records_stop(struct records *r)
{
    r->stopped = true;
    timer_stop(r->look_timer);
    timer_stop(r->sweep_timer);
}

uint32_t records_busy(const struct records *r)
{
    return r->busy;
}

/* ---- deletion ---- */

struct removal {
    struct records *records;
    char id[CALL_ID_MAX + 1];
    records_done_fn done;
    void *arg;
};

/* Rows of the call that the store did not take. */
static int forget_rows(const char *dir, struct str id)
{
    char path[RECORDS_PATH_MAX];
    int err = spool_path(str_from(dir), path, sizeof(path));
    return err < 0 ? err : spool_forget(path, id);
}

static int remove_work(void *arg)
{
    struct removal *m = arg;
    const struct records_opts *o = &m->records->o;
    struct arena arena;
    struct store_paths paths = {0};
    arena_init(&arena, MAX_ARENA_BYTES);
    struct str id = str_from(m->id);
    int err = o->ops->call_delete(o->store, id, &arena, &paths);
    if (err == -ENOENT && o->ops->call_find(o->store, id, &arena, &id) >= 0) {
        err = o->ops->call_delete(o->store, id, &arena, &paths);
    }
    int forgotten = forget_rows(o->dir, id);
    err = err >= 0 && forgotten < 0 ? forgotten : err;
    if (err >= 0) {
        unlink_all(&paths);
        log_info(&(struct log_scope){.call_id = m->id, .worker = -1}, "records.deleted", "files=%u", paths.n);
    }
    arena_done(&arena);
    return err;
}

static void remove_done(int err, void *arg)
{
    struct removal *m = arg;
    m->records->busy--;
    m->done(err, m->arg);
    free(m);
}

/* Everything that was to be written about the call is in the store now, so nothing of it comes back. */
static void remove_settled(void *arg)
{
    struct removal *m = arg;
    int err = job_run(m->records->o.loop, remove_work, remove_done, m);
    if (err < 0) {
        remove_done(err, m);
    }
}

int records_remove(struct records *r, struct str id, records_done_fn done, void *arg)
{
    struct removal *m = calloc(1, sizeof(*m));
    if (!m || str_copy(m->id, sizeof(m->id), id) < 0) {
        free(m);
        return -ENOMEM;
    }
    m->records = r;
    m->done = done;
    m->arg = arg;
    r->busy++;
    int err = scribe_after(r->o.scribe, remove_settled, m);
    if (err < 0) {
        r->busy--;
        free(m);
    }
    return err;
}
