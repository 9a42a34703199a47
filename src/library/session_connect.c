/* From a new session to a live one, and to its end: the program's side, any thread. */
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "library/session_order.h"
#include "library/wording.h"

static int start(struct order *o, struct host *h UNUSED)
{
    session_start(o->s);
    return 0;
}

static int stop(struct order *o, struct host *h UNUSED)
{
    session_stop(o->s);
    return 0;
}

static uint32_t never(uint32_t ms)
{
    return ms == RT_NEVER ? PROVIDER_NEVER : ms;
}

static int derive(struct rt_session *s, struct buf *err)
{
    struct derive_opts o = {
        .settings = s->settings,
        .api_key = s->api_key,
        .url = s->url,
        .user = s->user,
        .headers = s->headers,
        .n_headers = s->o.header_count,
        .transport = {.ping_ms = never(s->o.ping_ms),
                      .pong_ms = never(s->o.pong_ms),
                      .connect_ms = s->o.handshake_ms,
                      .max_message_bytes = s->o.max_message_bytes},
        .format = s->format,
        .immediate = s->o.delivery == RT_DELIVERY_IMMEDIATE,
        .on_raw = s->o.raw_events ? session_raw : NULL,
        .raw_arg = s,
        .context = s->o.context,
    };
    char *key = NULL;
    int e = s->o.api_key_fn ? wording_ask(s->o.api_key_fn, s->o.api_key_arg, &key) : 0;
    if (e < 0) {
        buf_puts(err, "the API key was not given: ");
        buf_puts(err, err_text(e));
        return e;
    }
    o.api_key = key ? key : o.api_key;
    e = derive_snapshot(s->runner, &o, err, &s->snapshot);
    free(key);
    return e;
}

/* Until the state is another one, or time is up. */
static void await_state(struct rt_session *s, enum session_state state, uint32_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    int waited = 0;
    while (s->state == state && waited == 0) {
        waited = ms > 0 ? pthread_cond_timedwait(&s->news, &s->lock, &until) : pthread_cond_wait(&s->news, &s->lock);
    }
}

static int begin_connecting(struct rt_session *s)
{
    pthread_mutex_lock(&s->lock);
    bool fresh = s->state == SESSION_NEW;
    if (fresh) {
        s->state = SESSION_CONNECTING;
        s->was_live = false;
        s->end_err = 0;
        s->error[0] = '\0';
        history_book_done(&s->book);
    } else {
        wording_give(s->error, sizeof(s->error),
                     s->state == SESSION_CLOSED || s->state == SESSION_CLOSING
                         ? STR("The session is closed.")
                         : STR("The session is connected already."));
    }
    pthread_mutex_unlock(&s->lock);
    return fresh ? 0 : -ERR_STATE;
}

static int give_up_connecting(struct rt_session *s, int err, struct str text)
{
    pthread_mutex_lock(&s->lock);
    wording_give(s->error, sizeof(s->error), text.n > 0 ? text : str_from(err_text(err)));
    s->state = s->state == SESSION_CLOSING ? SESSION_CLOSED : SESSION_NEW;
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
    return err;
}

/* The call is on its way: waits for what becomes of it. */
static int await_connection(struct rt_session *s)
{
    pthread_mutex_lock(&s->lock);
    await_state(s, SESSION_CONNECTING, s->o.connect_ms ? s->o.connect_ms : SESSION_CONNECT_MS);
    bool late = s->state == SESSION_CONNECTING;
    pthread_mutex_unlock(&s->lock);
    if (late) {
        struct order *o = order_new(s, stop);
        ignore_result(o ? order_give(o, false) : 0); /* out of memory: its own deadlines end it */
        pthread_mutex_lock(&s->lock);
        await_state(s, SESSION_CONNECTING, 0);
        bool lost = s->state == SESSION_NEW;
        if (lost) {
            wording_give(s->error, sizeof(s->error), STR("No connection in time."));
        }
        pthread_mutex_unlock(&s->lock);
        if (lost) {
            return -ETIMEDOUT;
        }
    }
    pthread_mutex_lock(&s->lock);
    int err = s->state == SESSION_LIVE || s->was_live ? 0 : s->end_err < 0 ? s->end_err : -ECANCELED;
    pthread_mutex_unlock(&s->lock);
    return err;
}

int rt_session_connect(struct rt_session *session)
{
    struct rt_session *s = session;
    if (!s) {
        return -EINVAL;
    }
    if (runner_is_here(s->runner)) {
        return -ERR_STATE;
    }
    int err = begin_connecting(s);
    if (err < 0) {
        return err;
    }
    struct buf text;
    buf_init(&text, LIBRARY_TEXT_MAX);
    err = derive(s, &text);
    if (err < 0) {
        err = give_up_connecting(s, err, buf_str(&text));
        buf_done(&text);
        return err;
    }
    buf_done(&text);
    struct order *o = order_new(s, start);
    session_ref(s); /* the loop's side: session_ended gives it back */
    err = o ? order_give(o, false) : -ENOMEM;
    if (err < 0) {
        s->snapshot = snapshot_unref(s->snapshot);
        session_unref(s);
        return give_up_connecting(s, err, STR_NULL);
    }
    return await_connection(s);
}

int rt_session_close(struct rt_session *session)
{
    struct rt_session *s = session;
    if (!s) {
        return -EINVAL;
    }
    pthread_mutex_lock(&s->lock);
    enum session_state was = s->state;
    if (was == SESSION_NEW) {
        s->state = SESSION_CLOSED;
        pthread_cond_broadcast(&s->news);
    } else if (was != SESSION_CLOSED) {
        s->state = SESSION_CLOSING;
    }
    pthread_mutex_unlock(&s->lock);
    if (was == SESSION_NEW) {
        outbox_close(&s->outbox);
        return 0;
    }
    if (was == SESSION_LIVE || was == SESSION_CONNECTING) {
        struct order *o = order_new(s, stop);
        int err = o ? order_give(o, false) : -ENOMEM;
        if (err < 0) {
            return err;
        }
    }
    if (!runner_is_here(s->runner)) {
        pthread_mutex_lock(&s->lock);
        while (s->state != SESSION_CLOSED) {
            pthread_cond_wait(&s->news, &s->lock);
        }
        pthread_mutex_unlock(&s->lock);
    }
    return 0;
}
