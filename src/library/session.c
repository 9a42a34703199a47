/* The object, and what a program reads of it: any thread. */
#include "library/session_order.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "library/wording.h"
#include "obs/traceparent.h"

#define EVENTS_MAX        ((size_t)64 << 20)
#define TRANSPORT_MIN_MS  100 /* the limits of the keys of the same names in the configuration */
#define TRANSPORT_MAX_MS  600000
#define MESSAGE_MIN_BYTES 65536
#define MESSAGE_MAX_BYTES (16u << 20)

void rt_session_opts_init(struct rt_session_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

/* ---- the object ---- */

static void free_pairs(struct rt_header *pairs, size_t n)
{
    for (size_t i = 0; pairs && i < n; i++) {
        free((char *)(uintptr_t)pairs[i].name);
        free((char *)(uintptr_t)pairs[i].value);
    }
    free(pairs);
}

static void destroy(struct rt_session *s)
{
    struct rt_runner *r = s->runner;
    free_pairs(s->headers, s->o.header_count);
    free_pairs(s->variables, s->o.variable_count);
    free(s->api_key);
    free(s->url);
    free(s->user);
    free(s->called);
    free(s->trace_parent);
    rt_settings_free(s->settings);
    history_book_done(&s->book);
    outbox_done(&s->outbox);
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    free(s);
    pthread_mutex_lock(&r->lock);
    r->objects--;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
}

void session_ref(struct rt_session *s)
{
    pthread_mutex_lock(&s->lock);
    s->refs++;
    pthread_mutex_unlock(&s->lock);
}

void session_unref(struct rt_session *s)
{
    pthread_mutex_lock(&s->lock);
    uint32_t refs = --s->refs;
    pthread_mutex_unlock(&s->lock);
    if (refs == 0) {
        destroy(s);
    }
}

void session_say(struct rt_session *s, const char *text)
{
    pthread_mutex_lock(&s->lock);
    wording_give(s->error, sizeof(s->error), str_from(text));
    pthread_mutex_unlock(&s->lock);
}

void session_audio_taken(struct rt_session *s, size_t bytes)
{
    pthread_mutex_lock(&s->lock);
    s->audio_waiting -= MIN(bytes, s->audio_waiting);
    pthread_mutex_unlock(&s->lock);
}

static enum audio_format inner_format(enum rt_audio_format format)
{
    switch (format) {
    case RT_AUDIO_PCM16_24K:
        break;
    case RT_AUDIO_PCM16_16K:
        return AUDIO_PCM16_16K;
    case RT_AUDIO_PCM16_8K:
        return AUDIO_PCM16_8K;
    case RT_AUDIO_PCMU:
        return AUDIO_PCMU;
    case RT_AUDIO_PCMA:
        return AUDIO_PCMA;
    }
    return AUDIO_PCM16_24K;
}

static int copy_pairs(const struct rt_header *pairs, size_t n, struct rt_header **ret)
{
    if (n == 0) {
        return 0;
    }
    struct rt_header *copy = calloc(n, sizeof(*copy));
    *ret = copy;
    for (size_t i = 0; copy && i < n; i++) {
        char *name = str_dup(str_from(pairs[i].name)), *value = str_dup(str_from(pairs[i].value));
        copy[i] = (struct rt_header){name, value};
        if (!name || !value) {
            return -ENOMEM;
        }
    }
    return copy ? 0 : -ENOMEM;
}

static int copy_opts(struct rt_session *s, const struct rt_session_opts *o)
{
    s->o = *o;
    s->format = inner_format(o->format);
    int err = copy_pairs(o->headers, o->header_count, &s->headers);
    if (err >= 0) {
        err = copy_pairs(o->variables, o->variable_count, &s->variables);
    }
    if (err >= 0) {
        err = wording_set(&s->called, o->called);
    }
    if (err >= 0) {
        err = wording_set(&s->api_key, o->api_key);
    }
    if (err >= 0) {
        err = wording_set(&s->url, o->url);
    }
    if (err >= 0) {
        err = wording_set(&s->user, o->user);
    }
    if (err >= 0) {
        err = wording_set(&s->trace_parent, o->trace_parent);
    }
    return err < 0 ? err : settings_layer(s->runner->settings, o->settings, &s->settings);
}

static bool pairs_ok(const struct rt_header *pairs, size_t n)
{
    bool ok = n == 0 || (pairs && n <= SESSION_MAX_PAIRS);
    for (size_t i = 0; ok && i < n; i++) {
        ok = pairs[i].name && pairs[i].value;
    }
    return ok;
}

static bool is_interval(uint32_t ms)
{
    return ms == 0 || ms == RT_NEVER || (ms >= TRANSPORT_MIN_MS && ms <= TRANSPORT_MAX_MS);
}

static bool transport_ok(const struct rt_session_opts *o)
{
    return is_interval(o->ping_ms) && is_interval(o->pong_ms) && o->handshake_ms != RT_NEVER &&
           is_interval(o->handshake_ms) &&
           (o->max_message_bytes == 0 ||
            (o->max_message_bytes >= MESSAGE_MIN_BYTES && o->max_message_bytes <= MESSAGE_MAX_BYTES));
}

static bool is_parent(const char *text)
{
    struct trace_parent ignored;
    return !text || traceparent_parse(str_from(text), STR(""), &ignored) >= 0;
}

static bool opts_ok(const struct rt_session_opts *o)
{
    bool service_speaks = o->format == RT_AUDIO_PCM16_24K || o->format == RT_AUDIO_PCMU || o->format == RT_AUDIO_PCMA;
    return pairs_ok(o->headers, o->header_count) && pairs_ok(o->variables, o->variable_count) &&
           rt_audio_bytes_per_ms(o->format) > 0 && transport_ok(o) && is_parent(o->trace_parent) &&
           (o->delivery == RT_DELIVERY_PACED || (o->delivery == RT_DELIVERY_IMMEDIATE && service_speaks)) &&
           !(o->playback && o->playback_ops) && (!o->playback_ops || o->playback_ops->get_state);
}

static struct rt_session *session_alloc(struct rt_runner *r, size_t max_bytes, int *ret_err)
{
    struct rt_session *s = calloc(1, sizeof(*s));
    *ret_err = -ENOMEM;
    if (!s) {
        return NULL;
    }
    *ret_err = outbox_init(&s->outbox, max_bytes ? max_bytes : EVENTS_MAX);
    if (*ret_err < 0) {
        free(s);
        return NULL;
    }
    bool lock = pthread_mutex_init(&s->lock, NULL) == 0;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bool news = lock && pthread_cond_init(&s->news, &attr) == 0;
    pthread_condattr_destroy(&attr);
    if (!news) {
        *ret_err = -ENOMEM;
        outbox_done(&s->outbox);
        free(s);
        return NULL;
    }
    s->runner = r;
    s->refs = 1;
    pthread_mutex_lock(&r->lock);
    r->sessions++;
    r->objects++;
    pthread_mutex_unlock(&r->lock);
    return s;
}

/* The handle is gone; the loop's side may take a moment longer. */
static void leave(struct rt_session *s)
{
    struct rt_runner *r = s->runner;
    pthread_mutex_lock(&r->lock);
    r->sessions--;
    pthread_mutex_unlock(&r->lock);
    session_unref(s);
}

int rt_session_new(struct rt_runner *runner, const struct rt_session_opts *opts, struct rt_session **ret)
{
    struct rt_session_opts known;
    rt_session_opts_init(&known);
    if (!runner || !ret || (opts && opts->struct_size < sizeof(opts->struct_size))) {
        return -EINVAL;
    }
    if (opts) { /* members that a caller compiled against an older header does not know count as zero */
        memcpy(&known, opts, MIN(opts->struct_size, sizeof(known)));
    }
    if (!opts_ok(&known)) {
        return -EINVAL;
    }
    int err = 0;
    struct rt_session *s = session_alloc(runner, known.max_event_bytes, &err);
    if (!s) {
        return err;
    }
    err = copy_opts(s, &known);
    if (err < 0) {
        leave(s);
        return err;
    }
    *ret = s;
    return 0;
}

int rt_session_free(struct rt_session *session)
{
    if (!session) {
        return 0;
    }
    if (runner_is_here(session->runner)) {
        return -ERR_STATE;
    }
    int err = rt_session_close(session);
    leave(session);
    return err;
}

/* ---- looks ---- */

const char *rt_session_error(struct rt_session *session)
{
    pthread_mutex_lock(&session->lock);
    memcpy(session->error_given, session->error, sizeof(session->error_given));
    pthread_mutex_unlock(&session->lock);
    return session->error_given;
}

const char *rt_session_id(const struct rt_session *session)
{
    return session->id;
}

void *rt_session_context(const struct rt_session *session)
{
    return session->o.context;
}

int rt_session_fd(const struct rt_session *session)
{
    return session->outbox.fd;
}

int rt_session_history(struct rt_session *session, struct rt_history **ret)
{
    if (!session || !ret) {
        return -EINVAL;
    }
    pthread_mutex_lock(&session->lock);
    int err = history_book_copy(&session->book, ret);
    pthread_mutex_unlock(&session->lock);
    return err;
}

int rt_session_usage(struct rt_session *session, struct rt_usage *ret)
{
    if (!session || !ret || ret->struct_size < sizeof(ret->struct_size)) {
        return -EINVAL;
    }
    pthread_mutex_lock(&session->lock);
    struct rt_usage full = session->usage;
    pthread_mutex_unlock(&session->lock);
    full.struct_size = ret->struct_size;
    memcpy(ret, &full, MIN(ret->struct_size, sizeof(full)));
    return 0;
}

/* ---- events ---- */

static int taken(struct order *o, struct host *h UNUSED)
{
    if (o->s->leg) {
        embedded_played_from(o->s->leg, o->mark);
    }
    return 0;
}

int rt_session_next_event(struct rt_session *session, int timeout_ms, struct rt_event **ret)
{
    struct rt_session *s = session;
    uint32_t mark = 0;
    if (!s || !ret || s->o.on_event) {
        return s && ret ? -ERR_STATE : -EINVAL;
    }
    int got = outbox_take(&s->outbox, timeout_ms, ret, &mark);
    if (got == 1 && mark > 0) { /* now it can be played */
        struct order *o = order_new(s, taken);
        if (o) {
            o->mark = mark;
            ignore_result(order_give(o, false)); /* out of memory: the core's own clock counts */
        }
    }
    if (got == -ERR_CLOSED) {
        pthread_mutex_lock(&s->lock);
        got = s->end_err < 0 && !s->end_told ? s->end_err : got;
        s->end_told = true;
        pthread_mutex_unlock(&s->lock);
    }
    return got;
}
