#include "gateway/idle.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

struct idle {
    struct idle_opts o;
    struct timer *timer;
};

/* Walks every arena under its lock, some milliseconds for tens of megabytes. */
static int trim(void *arg UNUSED)
{
#if defined(__GLIBC__)
    return malloc_trim(0);
#else
    return 0;
#endif
}

/* Needs nothing of the gateway, which may be gone. */
static void trimmed(int result, void *arg UNUSED)
{
    if (result != -ECANCELED) {
        log_debug(NULL, "gateway.idle", "memory_returned=%d", result);
    }
}

static void on_timer(void *arg)
{
    const struct idle *idle = arg;
    if (!idle->o.still(idle->o.arg)) {
        return;
    }
    int err = job_run(idle->o.loop, trim, trimmed, NULL);
    if (err < 0) {
        log_debug(NULL, "gateway.idle", "error=%s", err_name(err));
    }
}

int idle_new(const struct idle_opts *opts, struct idle **ret)
{
    struct idle *idle = calloc(1, sizeof(*idle));
    if (!idle) {
        return -ENOMEM;
    }
    idle->o = *opts;
    idle->o.after_ms = opts->after_ms ? opts->after_ms : IDLE_AFTER_MS;
    int err = timer_new(opts->loop, on_timer, idle, &idle->timer);
    if (err < 0) {
        free(idle);
        return err;
    }
    *ret = idle;
    return 0;
}

void idle_begin(struct idle *idle)
{
    timer_start(idle->timer, (uint64_t)idle->o.after_ms * 1000, 0);
}

struct idle *idle_free(struct idle *idle)
{
    if (idle) {
        timer_free(idle->timer);
        free(idle);
    }
    return NULL;
}
