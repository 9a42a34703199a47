#include "gateway/worker.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "gateway/host.h"

#define TICK_US           10000
#define JOURNAL_MAX_BYTES (32u << 20)

static void on_tick(void *arg)
{
    struct worker *w = arg;
    uint64_t now_us = loop_now_us(w->env.loop);
    for (uint32_t i = 0; i < w->n_slots; i++) {
        if (w->hosts[i] && w->due_us[i] <= now_us) {
            host_tick(w->hosts[i], now_us); /* may free it */
        }
    }
}

/* ---- the speech detector ---- */

static struct vad_stream *vad_stream(struct host_id id, void *arg)
{
    struct host *h = worker_by_id(arg, id);
    return h ? host_vad_stream(h) : NULL;
}

static void vad_answer(struct host_id id, uint32_t chunk, uint32_t ppm, void *arg)
{
    struct host *h = worker_by_id(arg, id);
    if (h) {
        host_vad(h, chunk, ppm); /* may free it */
    }
}

static int open_vad(struct worker *w)
{
    const struct vad_service_opts o = {
        .loop = w->env.loop,
        .metrics = w->env.metrics,
        .model = w->env.vad,
        .run = vad_run,
        .stream = vad_stream,
        .answer = vad_answer,
        .arg = w,
    };
    return w->env.vad ? vad_service_new(&o, &w->vad) : 0;
}

/* ---- life ---- */

int worker_new(const struct worker_env *env, struct snapshot *snapshot, struct worker **ret)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (!w) {
        return -ENOMEM;
    }
    w->env = *env;
    w->snapshot = snapshot_ref(snapshot);
    call_actions_init(&w->actions);
    buf_init(&w->journal, JOURNAL_MAX_BYTES);
    provider_scratch_init(&w->scratch);
    int err = timer_new(env->loop, on_tick, w, &w->timer);
    if (err >= 0) {
        err = open_vad(w);
    }
    if (err < 0) {
        worker_free(w);
        return err;
    }
    *ret = w;
    return 0;
}

struct worker *worker_free(struct worker *w)
{
    if (w) {
        assert(w->n_hosts == 0);
        for (uint32_t i = 0; i < WORKER_PAST_N; i++) {
            free(w->past[i].words);
        }
        timer_free(w->timer);
        vad_service_free(w->vad);
        provider_scratch_done(&w->scratch);
        buf_done(&w->journal);
        call_actions_done(&w->actions);
        snapshot_unref(w->snapshot);
        free(w->generations);
        free(w->due_us);
        free(w->hosts);
        free(w);
    }
    return NULL;
}

void worker_set_snapshot(struct worker *w, struct snapshot *snapshot)
{
    struct snapshot *old = w->snapshot;
    w->snapshot = snapshot_ref(snapshot);
    snapshot_unref(old);
}

uint32_t worker_calls(const struct worker *w)
{
    return w->n_hosts;
}

uint32_t worker_busy(const struct worker *w)
{
    return w->tool_jobs;
}

/* ---- the table ---- */

static int grow(struct worker *w)
{
    uint32_t n = MAX(w->n_slots * 2, 16u);
    struct host **hosts = reallocarray(w->hosts, n, sizeof(struct host *));
    if (!hosts) {
        return -ENOMEM;
    }
    w->hosts = hosts;
    uint32_t *generations = reallocarray(w->generations, n, sizeof(*generations));
    if (!generations) {
        return -ENOMEM;
    }
    w->generations = generations;
    uint64_t *due_us = reallocarray(w->due_us, n, sizeof(*due_us));
    if (!due_us) {
        return -ENOMEM;
    }
    w->due_us = due_us;
    for (; w->n_slots < n; w->n_slots++) {
        w->hosts[w->n_slots] = NULL;
        w->generations[w->n_slots] = 0;
        w->due_us[w->n_slots] = 0;
    }
    return 0;
}

int worker_add(struct worker *w, struct host *h, struct host_id *ret)
{
    uint32_t slot = 0;
    while (slot < w->n_slots && w->hosts[slot]) {
        slot++;
    }
    if (slot == w->n_slots) {
        int err = grow(w);
        if (err < 0) {
            return err;
        }
    }
    w->hosts[slot] = h;
    w->due_us[slot] = 0;
    if (++w->generations[slot] == 0) {
        w->generations[slot] = 1; /* 0 names nothing */
    }
    *ret = (struct host_id){slot, w->generations[slot]};
    if (w->n_hosts++ == 0) {
        timer_start(w->timer, TICK_US, TICK_US);
    }
    metrics_set(w->env.metrics, METRIC_CALLS_ACTIVE, w->n_hosts);
    return 0;
}

void worker_due(struct worker *w, struct host_id id, uint64_t due_us)
{
    w->due_us[id.slot] = due_us;
}

void worker_remove(struct worker *w, struct host_id id)
{
    w->hosts[id.slot] = NULL;
    w->n_hosts--;
    metrics_set(w->env.metrics, METRIC_CALLS_ACTIVE, w->n_hosts);
    if (w->n_hosts == 0) {
        timer_stop(w->timer);
        w->env.on_empty(w->env.arg);
    }
}

struct host *worker_by_id(struct worker *w, struct host_id id)
{
    return id.slot < w->n_slots && w->generations[id.slot] == id.generation ? w->hosts[id.slot] : NULL;
}

struct host *worker_by_call_id(struct worker *w, struct str call_id)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        if (w->hosts[i] && host_live(w->hosts[i]) && host_is(w->hosts[i], call_id)) {
            return w->hosts[i];
        }
    }
    return NULL;
}

struct host *worker_by_carrier_id(struct worker *w, struct str carrier_id)
{
    struct host *found = NULL;
    for (uint32_t i = 0; i < w->n_slots && carrier_id.n > 0; i++) {
        struct host *h = w->hosts[i];
        /* A live one before one that is being filed away: a caller may be connected anew under the same id. */
        if (h && str_eq(host_carrier_id(h), carrier_id) && (!found || host_live(h))) {
            found = h;
        }
    }
    return found;
}

const struct host *worker_find(const struct worker *w, struct str any_id)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        if (w->hosts[i] && host_is(w->hosts[i], any_id)) {
            return w->hosts[i];
        }
    }
    return NULL;
}

bool worker_holds(const struct worker *w, struct str any_id)
{
    return worker_find(w, any_id) != NULL;
}

void worker_hangup_all(struct worker *w, enum call_reason reason)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        if (w->hosts[i]) {
            host_hangup(w->hosts[i], reason);
        }
    }
}

void worker_abort_all(struct worker *w)
{
    for (uint32_t i = 0; i < w->n_slots; i++) {
        if (w->hosts[i]) {
            host_abort(w->hosts[i]);
        }
    }
}

uint64_t worker_queued_bytes(const struct worker *w)
{
    return w->queued_bytes;
}

/* ---- calls that are over ---- */

void worker_remember(struct worker *w, struct str carrier_id, bool apologise, struct str words)
{
    struct worker_past *p = &w->past[w->past_n++ % WORKER_PAST_N];
    p->apologise = apologise;
    free(p->words);
    p->words = apologise && words.n > 0 ? str_dup(words) : NULL; /* without memory the carrier's own will do */
    if (str_copy(p->carrier_call_id, sizeof(p->carrier_call_id), carrier_id) < 0) {
        p->apologise = false;
    }
}

bool worker_take_apology(struct worker *w, struct str carrier_id, struct str *ret_words)
{
    for (uint32_t i = 0; i < WORKER_PAST_N && carrier_id.n > 0; i++) {
        struct worker_past *p = &w->past[i];
        if (p->apologise && str_is(carrier_id, p->carrier_call_id)) {
            p->apologise = false;
            *ret_words = str_from(p->words ? p->words : "");
            return true;
        }
    }
    return false;
}
