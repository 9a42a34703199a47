/* The program's side of a session: any thread. What it asks is done on the loop thread of the runner. */
#include "library/session.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "library/wording.h"
#include "obs/trace_json.h"

#define EVENTS_MAX   ((size_t)64 << 20)
#define AUDIO_MAX_MS 10000
#define MESSAGE_MAX  (256u << 10)
#define CONNECT_MS   15000
#define MAX_HEADERS  64
#define MAX_PARTS    CALL_MAX_PARTS

void rt_session_opts_init(struct rt_session_opts *opts)
{
    memset(opts, 0, sizeof(*opts));
    opts->struct_size = sizeof(*opts);
}

/* ---- the object ---- */

static void destroy(struct rt_session *s)
{
    struct rt_runner *r = s->runner;
    for (size_t i = 0; i < s->o.header_count && s->headers; i++) {
        free((char *)(uintptr_t)s->headers[i].name);
        free((char *)(uintptr_t)s->headers[i].value);
    }
    free(s->headers);
    free(s->api_key);
    free(s->url);
    free(s->user);
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

static int copy_headers(struct rt_session *s, const struct rt_session_opts *o)
{
    if (o->header_count == 0) {
        return 0;
    }
    s->headers = calloc(o->header_count, sizeof(*s->headers));
    for (size_t i = 0; s->headers && i < o->header_count; i++) {
        char *name = str_dup(str_from(o->headers[i].name)), *value = str_dup(str_from(o->headers[i].value));
        s->headers[i] = (struct rt_header){name, value};
        if (!name || !value) {
            return -ENOMEM;
        }
    }
    return s->headers ? 0 : -ENOMEM;
}

static int copy_opts(struct rt_session *s, const struct rt_session_opts *o)
{
    s->o = *o;
    s->format = inner_format(o->format);
    int err = copy_headers(s, o);
    if (err >= 0) {
        err = wording_set(&s->api_key, o->api_key);
    }
    if (err >= 0) {
        err = wording_set(&s->url, o->url);
    }
    if (err >= 0) {
        err = wording_set(&s->user, o->user);
    }
    return err < 0 ? err : settings_layer(s->runner->settings, o->settings, &s->settings);
}

static bool opts_ok(const struct rt_session_opts *o)
{
    bool service_speaks = o->format == RT_AUDIO_PCM16_24K || o->format == RT_AUDIO_PCMU || o->format == RT_AUDIO_PCMA;
    bool headers = o->header_count == 0 || (o->headers && o->header_count <= MAX_HEADERS);
    for (size_t i = 0; headers && i < o->header_count; i++) {
        headers = o->headers[i].name && o->headers[i].value;
    }
    return headers && rt_audio_bytes_per_ms(o->format) > 0 &&
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

/* ---- orders: what the loop thread is asked to do ---- */

struct order {
    struct rt_session *s;
    int (*fn)(struct order *o, struct host *h);
    bool waited, done;
    int result;
    /* what it is about */
    struct call_event ev;
    struct call_item item;
    char *texts[MAX_PARTS * 2 + 2];
    uint8_t *audio;
    size_t bytes;
    bool commit;
    uint32_t mark;
    char *span_id; /* lent by who waits */
};

static void order_free(struct order *o)
{
    for (size_t i = 0; i < ARRAY_LEN(o->texts); i++) {
        free(o->texts[i]);
    }
    free(o->audio);
    struct rt_session *s = o->s;
    free(o);
    session_unref(s);
}

static struct order *order_new(struct rt_session *s, int (*fn)(struct order *o, struct host *h))
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

/* Takes o. wait: for its result. */
static int give_order(struct order *o, bool wait)
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

/* One event for the call. */
static int control(struct order *o, struct host *h)
{
    if (!h) {
        return -ERR_CLOSED;
    }
    host_control(h, &o->ev);
    return 0;
}

/* Takes o, which may be NULL: out of memory. */
static int ask_live(struct order *o, bool wait)
{
    if (!o) {
        return -ENOMEM;
    }
    if (!is_live(o->s)) {
        order_free(o);
        return -ERR_CLOSED;
    }
    return give_order(o, wait);
}

/* ---- connecting ---- */

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

static int derive(struct rt_session *s, struct buf *err)
{
    struct derive_opts o = {
        .settings = s->settings,
        .api_key = s->api_key,
        .url = s->url,
        .user = s->user,
        .headers = s->headers,
        .n_headers = s->o.header_count,
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
    await_state(s, SESSION_CONNECTING, s->o.connect_ms ? s->o.connect_ms : CONNECT_MS);
    bool late = s->state == SESSION_CONNECTING;
    pthread_mutex_unlock(&s->lock);
    if (late) {
        struct order *o = order_new(s, stop);
        ignore_result(o ? give_order(o, false) : 0); /* out of memory: its own deadlines end it */
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
    err = o ? give_order(o, false) : -ENOMEM;
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
        int err = o ? give_order(o, false) : -ENOMEM;
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
            ignore_result(give_order(o, false)); /* out of memory: the core's own clock counts */
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

/* ---- what the user says ---- */

static int say_audio(struct order *o, struct host *h)
{
    struct rt_session *s = o->s;
    if (!h || !s->leg) {
        return -ERR_CLOSED;
    }
    if (s->manual && !s->turn_open && o->bytes > 0) {
        s->turn_open = true;
        host_turn(h, TURN_CUE_START);
    }
    if (o->bytes > 0 && embedded_audio(s->leg, span_from(o->audio, o->bytes)) < 0) {
        return -ENOMEM;
    }
    if (o->commit && s->leg) {
        embedded_commit(s->leg);
    }
    return 0;
}

int rt_session_send_audio(struct rt_session *session, const void *audio, size_t bytes, int commit)
{
    struct rt_session *s = session;
    if (!s || (!audio && bytes > 0) || bytes % audio_sample_bytes(s->format) != 0) {
        return -EINVAL;
    }
    size_t max = (size_t)AUDIO_MAX_MS * audio_bytes_per_ms(s->format);
    pthread_mutex_lock(&s->lock);
    int err = s->state != SESSION_LIVE ? -ERR_CLOSED : s->audio_waiting + bytes > max ? -EAGAIN : 0;
    s->audio_waiting += err < 0 ? 0 : bytes;
    pthread_mutex_unlock(&s->lock);
    if (err < 0) {
        return err;
    }
    struct order *o = order_new(s, say_audio);
    uint8_t *copy = o ? malloc(MAX(bytes, (size_t)1)) : NULL;
    if (!copy) {
        if (o) {
            order_free(o);
        }
        pthread_mutex_lock(&s->lock);
        s->audio_waiting -= bytes;
        pthread_mutex_unlock(&s->lock);
        return -ENOMEM;
    }
    if (bytes > 0) {
        memcpy(copy, audio, bytes);
    }
    o->audio = copy;
    o->bytes = bytes;
    o->commit = commit != 0;
    return give_order(o, false);
}

static int keep_part(struct order *o, size_t i, enum part_kind kind, const char *text, const char *detail)
{
    struct call_part *part = &o->item.parts[o->item.n_parts];
    o->texts[i * 2] = str_dup(str_from(text));
    o->texts[i * 2 + 1] = str_dup(str_from(detail ? detail : ""));
    if (!o->texts[i * 2] || !o->texts[i * 2 + 1]) {
        return -ENOMEM;
    }
    *part = (struct call_part){kind, str_from(o->texts[i * 2]), str_from(o->texts[i * 2 + 1])};
    o->item.n_parts++;
    return 0;
}

static int message(struct order *o, struct host *h)
{
    o->ev.control_message.item = &o->item;
    return control(o, h);
}

int rt_session_send_parts(struct rt_session *session, const struct rt_part *parts, size_t count)
{
    size_t bytes = 0;
    if (!session || !parts || count == 0 || count > MAX_PARTS) {
        return count > MAX_PARTS ? -ERR_TOO_BIG : -EINVAL;
    }
    struct order *o = order_new(session, message);
    int err = o ? 0 : -ENOMEM;
    for (size_t i = 0; i < count && err >= 0; i++) {
        const struct rt_part *p = &parts[i];
        const char *text = p->kind == RT_PART_TEXT ? p->text : p->url;
        if (!text || !*text || !utf8_valid(str_from(text))) {
            continue; /* left out, as said */
        }
        bytes += strlen(text);
        err = bytes > MESSAGE_MAX * (p->kind == RT_PART_IMAGE ? 64u : 1u) ? -ERR_TOO_BIG : 0;
        err = err < 0 ? err : keep_part(o, i, p->kind == RT_PART_TEXT ? PART_TEXT : PART_IMAGE, text, p->detail);
    }
    if (err >= 0 && o->item.n_parts == 0) {
        err = -EINVAL;
    }
    if (err < 0) {
        if (o) {
            order_free(o);
        }
        return err;
    }
    o->item.type = ITEM_MESSAGE;
    o->item.role = ITEM_USER;
    o->ev.type = EV_CONTROL_MESSAGE;
    o->ev.control_message.respond = true;
    return ask_live(o, false);
}

int rt_session_send_message(struct rt_session *session, const char *text)
{
    return rt_session_send_parts(session, &(struct rt_part){.kind = RT_PART_TEXT, .text = text}, 1);
}

static int ask_event(struct rt_session *s, enum call_event_type type)
{
    struct order *o = s ? order_new(s, control) : NULL;
    if (o) {
        o->ev.type = type;
    }
    return s ? ask_live(o, false) : -EINVAL;
}

int rt_session_generate_response(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_RESPOND);
}

int rt_session_interrupt(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_INTERRUPT);
}

int rt_session_reconnect(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_RENEW);
}

/* ---- agents ---- */

static int switch_agent(struct order *o, struct host *h)
{
    struct rt_session *s = o->s;
    for (uint32_t i = 0; i < s->n_agents; i++) {
        if (strcmp(s->agents[i], o->texts[0]) == 0) {
            o->ev.type = EV_CONTROL_AGENT;
            o->ev.control_agent.agent = i;
            o->ev.control_agent.instructions = str_from(o->texts[1]);
            return control(o, h);
        }
    }
    return -ENOENT;
}

/* Takes instructions; NULL: as they were at the beginning. */
static int ask_agent(struct rt_session *s, const char *name, char *instructions)
{
    struct order *o = order_new(s, switch_agent);
    if (!o) {
        free(instructions);
        return -ENOMEM;
    }
    o->texts[0] = str_dup(str_from(name));
    o->texts[1] = instructions ? instructions : str_dup(STR(""));
    if (!o->texts[0] || !o->texts[1]) {
        order_free(o);
        return -ENOMEM;
    }
    return ask_live(o, true);
}

int rt_session_switch_agent(struct rt_session *session, const char *name)
{
    return session && name ? ask_agent(session, name, NULL) : -EINVAL;
}

int rt_session_update_agent(struct rt_session *session, const struct rt_agent *agent)
{
    char *instructions = NULL;
    if (!session || !agent) {
        return -EINVAL;
    }
    if (session->runner->graph && graph_find(session->runner->graph, agent->name) == UINT32_MAX) {
        return -ENOENT;
    }
    int err = derive_instructions(agent, &instructions);
    return err < 0 ? err : ask_agent(session, agent->name, instructions);
}

/* ---- approvals ---- */

static int decide(struct order *o, struct host *h)
{
    if (!session_decided(o->s, o->ev.tool_approval.tool_call_id)) {
        return -ENOENT;
    }
    return control(o, h);
}

static int ask_decision(struct rt_session *s, const char *tool_call_id, bool approve, int always, const char *message)
{
    struct order *o = s && tool_call_id ? order_new(s, decide) : NULL;
    if (!o) {
        return s && tool_call_id ? -ENOMEM : -EINVAL;
    }
    o->texts[0] = str_dup(str_from(tool_call_id));
    o->texts[1] = str_dup(str_from(message ? message : ""));
    if (!o->texts[0] || !o->texts[1]) {
        order_free(o);
        return -ENOMEM;
    }
    o->ev.type = EV_TOOL_APPROVAL;
    o->ev.tool_approval.tool_call_id = str_from(o->texts[0]);
    o->ev.tool_approval.approve = approve;
    o->ev.tool_approval.always = always != 0;
    o->ev.tool_approval.message = str_from(o->texts[1]);
    return ask_live(o, true);
}

int rt_session_approve(struct rt_session *session, const char *tool_call_id, int always)
{
    return ask_decision(session, tool_call_id, true, always, NULL);
}

int rt_session_reject(struct rt_session *session, const char *tool_call_id, int always, const char *message)
{
    return ask_decision(session, tool_call_id, false, always, message);
}

/* ---- spans of the program's own ---- */

static bool read_id(const char *hex, uint8_t id[TRACE_SPAN_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (!hex || strlen(hex) != 2u * TRACE_SPAN_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TRACE_SPAN_BYTES; i++) {
        const char *high = strchr(digits, hex[i * 2]), *low = strchr(digits, hex[i * 2 + 1]);
        if (!high || !low || !*high || !*low) {
            return false;
        }
        id[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

static struct trace_span *span_of(struct order *o, struct host *h)
{
    uint8_t id[TRACE_SPAN_BYTES];
    struct trace *t = h ? host_trace(h) : NULL;
    return t && read_id(o->texts[0], id) ? trace_find(t, id) : NULL;
}

static int span_begin(struct order *o, struct host *h)
{
    struct trace *t = h ? host_trace(h) : NULL;
    uint64_t now_us = loop_now_us(gateway_loop(o->s->runner->gw));
    struct trace_span *span =
        t ? span_start(t, host_trace_now(h), TRACE_CUSTOM, TRACE_INTERNAL, str_from(o->texts[0]), now_us) : NULL;
    if (!span) {
        return -ERR_STATE;
    }
    trace_hex(span->id, TRACE_SPAN_BYTES, o->span_id);
    return 0;
}

static int span_attribute(struct order *o, struct host *h)
{
    struct trace_span *span = span_of(o, h);
    if (span) {
        span_own_str(span, str_from(o->texts[1]), str_from(o->texts[2]));
    }
    return span ? 0 : -ENOENT;
}

static int span_finish(struct order *o, struct host *h)
{
    struct trace_span *span = span_of(o, h);
    if (!span) {
        return -ENOENT;
    }
    if (o->texts[1]) {
        span_error(span, STR("program"), str_from(o->texts[1]));
    }
    span_end(span, loop_now_us(gateway_loop(o->s->runner->gw)));
    return 0;
}

/* An order with up to three texts; NULL ones stay NULL. */
static struct order *order_of_texts(struct rt_session *s, int (*fn)(struct order *o, struct host *h), const char *a,
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

int rt_session_span_start(struct rt_session *session, const char *name, char id[RT_SPAN_ID_MAX])
{
    if (!session || !name || !*name || !id) {
        return -EINVAL;
    }
    struct order *o = order_of_texts(session, span_begin, name, NULL, NULL);
    if (o) {
        o->span_id = id; /* the caller waits */
    }
    return ask_live(o, true);
}

int rt_session_span_attribute(struct rt_session *session, const char *id, const char *key, const char *value)
{
    bool whole = session && id && key && *key && value;
    return whole ? ask_live(order_of_texts(session, span_attribute, id, key, value), true) : -EINVAL;
}

int rt_session_span_end(struct rt_session *session, const char *id, const char *error)
{
    return session && id ? ask_live(order_of_texts(session, span_finish, id, error, NULL), true) : -EINVAL;
}
