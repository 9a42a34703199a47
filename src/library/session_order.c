#include "library/session_order.h"

#include <stdlib.h>

#include "base/err.h"

void order_free(struct order *o)
{
    for (size_t i = 0; i < ARRAY_LEN(o->texts); i++) {
        free(o->texts[i]);
    }
    free(o->audio);
    struct rt_session *s = o->s;
    free(o);
    session_unref(s);
}

struct order *order_new(struct rt_session *s, int (*fn)(struct order *o, struct host *h))
{
    struct order *o = calloc(1, sizeof(*o));
    if (o) {
        o->s = s;
        o->fn = fn;
        session_ref(s);
    }
    return o;
}

static void carry_out(void *arg)
{
    struct order *o = arg;
    struct rt_session *s = o->s;
    o->result = o->fn(o, session_host(s));
    if (!o->waited) {
        order_free(o);
        return;
    }
    pthread_mutex_lock(&s->lock);
    o->done = true;
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
}

static bool on_loop(const struct rt_session *s)
{
    return pthread_equal(s->runner->thread, pthread_self());
}

int order_give(struct order *o, bool wait)
{
    struct rt_session *s = o->s;
    o->waited = wait;
    if (on_loop(s)) {
        o->waited = true;
        carry_out(o);
        int result = o->result;
        order_free(o);
        return wait ? result : 0;
    }
    int err = loop_post(gateway_loop(s->runner->gw), carry_out, o);
    if (err < 0) {
        order_free(o);
        return err;
    }
    if (!wait) {
        return 0;
    }
    pthread_mutex_lock(&s->lock);
    while (!o->done) {
        pthread_cond_wait(&s->news, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    err = o->result;
    order_free(o);
    return err;
}

static bool is_live(struct rt_session *s)
{
    pthread_mutex_lock(&s->lock);
    bool live = s->state == SESSION_LIVE;
    pthread_mutex_unlock(&s->lock);
    return live;
}

int order_control(struct order *o, struct host *h)
{
    if (!h) {
        return -ERR_CLOSED;
    }
    host_control(h, &o->ev);
    return 0;
}

int order_ask(struct order *o, bool wait)
{
    if (!o) {
        return -ENOMEM;
    }
    if (!is_live(o->s)) {
        order_free(o);
        return -ERR_CLOSED;
    }
    return order_give(o, wait);
}

struct order *order_of_texts(struct rt_session *s, int (*fn)(struct order *o, struct host *h), const char *a,
                             const char *b, const char *c)
{
    const char *const texts[] = {a, b, c};
    struct order *o = order_new(s, fn);
    for (size_t i = 0; o && i < ARRAY_LEN(texts); i++) {
        o->texts[i] = texts[i] ? str_dup(str_from(texts[i])) : NULL;
        if (texts[i] && !o->texts[i]) {
            order_free(o);
            return NULL;
        }
    }
    return o;
}
