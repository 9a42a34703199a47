#include "library/outbox.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

#define SLACK_BYTES (1u << 20) /* events that are no audio may go over the limit by so much */

struct queued_event {
    struct rt_event e; /* first: rt_event_free gets it */
    struct queued_event *next;
    struct rt_history *owner;
    struct rt_usage usage;
    size_t bytes;
    uint32_t mark;
    char texts[];
};

int outbox_init(struct outbox *o, size_t max_bytes)
{
    pthread_condattr_t attr;
    *o = (struct outbox){.max_bytes = max_bytes};
    o->end = &o->first;
    o->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (o->fd < 0) {
        return -errno;
    }
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bool lock = pthread_mutex_init(&o->lock, NULL) == 0;
    bool news = lock && pthread_cond_init(&o->news, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!news) {
        if (lock) {
            pthread_mutex_destroy(&o->lock);
        }
        close(o->fd);
        return -ENOMEM;
    }
    return 0;
}

static void forget(struct outbox *o)
{
    while (o->first) {
        struct queued_event *q = o->first;
        o->first = q->next;
        rt_event_free(&q->e);
    }
    o->end = &o->first;
    o->bytes = 0;
}

void outbox_done(struct outbox *o)
{
    forget(o);
    close(o->fd);
    pthread_cond_destroy(&o->news);
    pthread_mutex_destroy(&o->lock);
}

/* With the lock: the descriptor says what take would find. */
static void signal_state(struct outbox *o)
{
    uint64_t n = 1;
    ssize_t got;
    if (o->first || o->closed) {
        got = write(o->fd, &n, sizeof(n));
    } else {
        got = read(o->fd, &n, sizeof(n));
    }
    ignore_result(got < 0); /* it was in that state already */
}

/* ---- in ---- */

#define TEXTS(X)                                                                                                       \
    X(agent)                                                                                                           \
    X(from_agent)                                                                                                      \
    X(to_agent)                                                                                                        \
    X(response_id)                                                                                                     \
    X(item_id)                                                                                                         \
    X(text)                                                                                                            \
    X(tool_name)                                                                                                       \
    X(tool_call_id)                                                                                                    \
    X(arguments)                                                                                                       \
    X(output)                                                                                                          \
    X(guardrail)                                                                                                       \
    X(message)                                                                                                         \
    X(code)

static size_t texts_bytes(const struct rt_event *e)
{
    size_t n = e->audio_bytes;
#define X(name) n += e->name && *e->name ? strlen(e->name) + 1 : 0;
    TEXTS(X)
#undef X
    return n;
}

static const char *put_text(char **at, const char *text)
{
    if (!text || !*text) {
        return "";
    }
    size_t n = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, n);
    *at += n;
    return copy;
}

static struct queued_event *copy(const struct rt_event *e)
{
    size_t n = texts_bytes(e);
    struct queued_event *q = calloc(1, sizeof(*q) + n);
    if (!q) {
        return NULL;
    }
    char *at = q->texts;
    q->e = *e;
    q->bytes = sizeof(*q) + n;
    if (e->audio_bytes > 0) { /* first: samples are aligned */
        memcpy(at, e->audio, e->audio_bytes);
        q->e.audio = (const uint8_t *)at;
        at += e->audio_bytes;
    }
#define X(name) q->e.name = put_text(&at, e->name);
    TEXTS(X)
#undef X
    if (e->usage) {
        q->usage = *e->usage;
        q->e.usage = &q->usage;
    }
    return q;
}

int outbox_put(struct outbox *o, const struct rt_event *e, struct rt_history *owner, uint32_t mark)
{
    struct queued_event *q = copy(e);
    if (!q) {
        rt_history_free(owner);
        return -ENOMEM;
    }
    q->owner = owner;
    q->mark = mark;
    q->bytes += owner ? owner->bytes.used_bytes : 0;
    pthread_mutex_lock(&o->lock);
    size_t limit = o->max_bytes + (e->type == RT_EVENT_AUDIO ? 0 : SLACK_BYTES);
    int err = o->closed ? -ERR_CLOSED : o->bytes + q->bytes > limit ? -ERR_LIMIT : 0;
    if (err >= 0) {
        *o->end = q;
        o->end = &q->next;
        o->bytes += q->bytes;
        signal_state(o);
        pthread_cond_signal(&o->news);
    } else if (err == -ERR_LIMIT) {
        o->lost++;
    }
    pthread_mutex_unlock(&o->lock);
    if (err < 0) {
        rt_event_free(&q->e);
    }
    return err;
}

void outbox_drop_audio(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    for (struct queued_event **at = &o->first; *at;) {
        struct queued_event *q = *at;
        if (q->e.type != RT_EVENT_AUDIO) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        o->bytes -= q->bytes;
        rt_event_free(&q->e);
    }
    o->end = &o->first;
    while (*o->end) {
        o->end = &(*o->end)->next;
    }
    signal_state(o);
    pthread_mutex_unlock(&o->lock);
}

void outbox_close(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    o->closed = true;
    signal_state(o);
    pthread_cond_broadcast(&o->news);
    pthread_mutex_unlock(&o->lock);
}

/* ---- out ---- */

static struct timespec deadline_in(int timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

int outbox_take(struct outbox *o, int timeout_ms, struct rt_event **ret, uint32_t *ret_mark)
{
    struct timespec until = deadline_in(MAX(timeout_ms, 0));
    int waited = 0;
    pthread_mutex_lock(&o->lock);
    while (!o->first && !o->closed && waited == 0 && timeout_ms != 0) {
        waited =
            timeout_ms < 0 ? pthread_cond_wait(&o->news, &o->lock) : pthread_cond_timedwait(&o->news, &o->lock, &until);
    }
    struct queued_event *q = o->first;
    int got = q ? 1 : o->closed ? -ERR_CLOSED : 0;
    if (q) {
        o->first = q->next;
        o->end = o->first ? o->end : &o->first;
        o->bytes -= q->bytes;
        signal_state(o);
    }
    pthread_mutex_unlock(&o->lock);
    if (q) {
        q->next = NULL;
        *ret = &q->e;
        *ret_mark = q->mark;
    }
    return got;
}

void rt_event_free(struct rt_event *event)
{
    if (event) {
        struct queued_event *q = CONTAINER_OF(event, struct queued_event, e);
        rt_history_free(q->owner);
        free(q);
    }
}
