#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static void broke(struct sim *s, const char *what)
{
    if (!s->failure[0]) {
        snprintf(s->failure, sizeof(s->failure), "%s at %llu ms", what, (unsigned long long)(s->now_us / 1000));
    }
}

void sim_init(struct sim *s)
{
    memset(s, 0, sizeof(*s));
    call_opts_init(&s->opts);
    call_opts_lend(&s->opts, &s->room);
    s->opts.call_id = STR("sim");
    s->opts.tools[0] = (struct call_tool){.name = STR("check_order_status"), .parameters = STR("{}")};
    s->opts.tools[1] = (struct call_tool){.name = STR("end_call"), .parameters = STR("{}"), .kind = CALL_TOOL_END};
    s->opts.n_tools = 2;
    s->opts.echo_guard = false; /* the caller's bytes count, they are no sound */
    s->opts.silence.on = s->opts.dead_air.on = false;
    s->now_us = 1000000;
    buf_init(&s->journal, (size_t)64 << 20);
    buf_init(&s->log, (size_t)64 << 20);
    buf_init(&s->tones, (size_t)1 << 20);
    call_actions_init(&s->actions);
}

void sim_start(struct sim *s)
{
    s->gated = s->opts.turn.kind == TURN_LOCAL || s->opts.turn.kind == TURN_MANUAL;
    s->at_gate = s->gated;
    if (call_new(&s->opts, &s->call) < 0) {
        abort();
    }
    journal_begin(&s->writer, &s->journal, &s->opts, s->now_us);
}

void sim_done(struct sim *s)
{
    call_free(s->call);
    call_actions_done(&s->actions);
    buf_done(&s->journal);
    buf_done(&s->log);
    buf_done(&s->tones);
}

void sim_replay(struct sim *s, struct buf *print)
{
    struct arena arena;
    struct journal_reader r;
    struct call_opts opts;
    struct str build;
    struct call *again = NULL;
    struct call_actions actions;
    struct call_event ev;
    uint64_t now_us;
    uint64_t digest;
    arena_init(&arena, 1 << 20);
    call_actions_init(&actions);
    if (journal_open(&r, buf_span(&s->journal), &arena, &opts, &build) < 0 || call_new(&opts, &again) < 0) {
        broke(s, "the journal cannot be opened");
    }
    while (again && journal_next(&r, &ev, &now_us, &digest) == 1) {
        call_step(again, &ev, now_us, &actions);
        if (actions_digest(&actions) != digest) {
            broke(s, "the replay differs");
        }
        if (print) {
            actions_print(&actions, print);
        }
    }
    if (again && (r.rest.n || r.records == 0)) {
        broke(s, "the journal ends too early");
    }
    call_free(again);
    call_actions_done(&actions);
    arena_done(&arena);
}

uint32_t sim_heard(const struct sim *s, uint8_t item)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->n_segments; i++) {
        const struct sim_segment *g = &s->segments[i];
        if (g->audio && g->item == item && s->now_us > g->start_us) {
            uint64_t until = MIN(s->now_us, g->end_us);
            uint64_t b = until > g->start_us ? (until - g->start_us) * 8 / 1000 : 0;
            bytes += MIN(b, (uint64_t)g->bytes);
        }
    }
    return (uint32_t)bytes;
}

uint8_t sim_agent_byte(uint32_t offset)
{
    return (uint8_t)(offset / 16 % 250);
}

/* The offset of the last byte that the caller has heard. */
static uint32_t heard_offset(const struct sim *s, uint64_t at_us)
{
    uint32_t offset = 0;
    for (uint32_t i = 0; i < s->n_segments; i++) {
        const struct sim_segment *g = &s->segments[i];
        uint64_t until = MIN(at_us, g->end_us);
        if (g->audio && until > g->start_us) {
            uint32_t n = (uint32_t)MIN((until - g->start_us) * 8 / 1000, (uint64_t)g->bytes);
            offset = MAX(offset, g->offset + n);
        }
    }
    return offset;
}

/* A burst of the counting item: it goes on where the last one ended, or resumes a little before what was heard. */
static void place_burst(struct sim *s, struct sim_segment *g, struct span audio)
{
    size_t pad = 0;
    while (pad < audio.n && audio.p[audio.n - 1 - pad] == 0xFF) {
        pad++;
    }
    g->item = 1;
    g->bytes = (uint32_t)(audio.n - pad);
    uint32_t probe = MIN(48u, g->bytes - 1); /* behind a fade */
    g->offset = s->next_offset;
    if (s->resuming) {
        uint32_t back = 0;
        while (back <= s->cleared_at && back < 4000 && sim_agent_byte(s->cleared_at - back + probe) != audio.p[probe]) {
            back++;
        }
        /* The count says 2 ms; where in them the burst begins is seen at its first step. */
        uint32_t step = probe;
        while (step + 1 < g->bytes && audio.p[step + 1] == audio.p[step]) {
            step++;
        }
        uint32_t begin = s->cleared_at > back ? s->cleared_at - back : 0;
        while ((begin + step + 1) % 16 && begin > 0) {
            begin--;
        }
        g->offset = begin;
        s->repeated_max = MAX(s->repeated_max, s->cleared_at - begin);
        s->resumes++;
        s->resuming = false;
    }
    for (uint32_t i = probe; i < g->bytes; i++) {
        if (audio.p[i] != sim_agent_byte(g->offset + i)) {
            broke(s, "agent audio skipped or out of order");
            break;
        }
    }
    s->next_offset = g->offset + g->bytes;
}

static struct sim_segment *new_segment(struct sim *s)
{
    if (s->n_segments == SIM_SEGMENTS) {
        broke(s, "the simulation is too long");
        s->n_segments--;
    }
    struct sim_segment *g = &s->segments[s->n_segments++];
    memset(g, 0, sizeof(*g));
    return g;
}

/* Agent audio has one value from end to end; our own keys have not. */
static bool is_tones(const struct sim *s, struct span audio)
{
    size_t n = audio.n;
    while (n > 1 && audio.p[n - 1] == 0xFF) {
        n--;
    }
    for (size_t i = 1; s->keys && i < n; i++) {
        if (audio.p[i] != audio.p[0]) {
            return true;
        }
    }
    return s->keys && audio.n && audio.p[0] == 0xFF;
}

static void carrier_media(struct sim *s, struct span audio, uint32_t mark)
{
    uint64_t arrival = s->now_us + s->delay_us;
    uint64_t start = MAX(arrival, s->queue_end_us);
    struct sim_segment *g = new_segment(s);
    g->mark = mark;
    if (is_tones(s, audio)) {
        buf_put(&s->tones, audio.p, audio.n);
    } else if (audio.n && s->positions) {
        g->audio = true;
        place_burst(s, g, audio);
    } else if (audio.n) {
        g->audio = true;
        g->bytes = (uint32_t)audio.n;
        while (g->bytes > 1 && audio.p[g->bytes - 1] == 0xFF) {
            g->bytes--;
        }
        g->item = audio.p[g->bytes - 1];
        if (s->resuming) {
            memcpy(s->resumed, audio.p, MIN(audio.n, sizeof(s->resumed)));
        }
        for (size_t i = s->resuming ? 40 : 0; i < g->bytes; i++) { /* a resume begins with a fade */
            if (audio.p[i] != g->item) {
                char why[128];
                snprintf(why, sizeof(why), "two items in one burst: %u at %zu of %u, item %u resuming %d", audio.p[i],
                         i, g->bytes, g->item, s->resuming);
                broke(s, why);
            }
        }
        s->resuming = false;
        if (s->dead_items[g->item / 64] >> (g->item % 64) & 1) {
            broke(s, "audio of a cancelled item was sent");
        }
    }
    g->start_us = start;
    g->end_us = start + audio.n * 1000 / 8;
    g->return_us = g->end_us + s->delay_us;
    s->queue_end_us = g->end_us;
    uint64_t outstanding = s->queue_end_us > arrival ? s->queue_end_us - arrival : 0;
    s->max_outstanding_us = MAX(s->max_outstanding_us, outstanding);
}

static void carrier_clear(struct sim *s)
{
    uint64_t at = s->now_us + s->delay_us;
    for (uint32_t i = 0; i < s->n_segments; i++) {
        struct sim_segment *g = &s->segments[i];
        if (!g->returned && g->end_us > at) {
            g->end_us = MAX(at, g->start_us > at ? 0 : g->start_us);
            if (g->start_us > at) {
                g->start_us = g->end_us = at;
            }
            g->return_us = at + s->delay_us;
        }
    }
    s->queue_end_us = MIN(s->queue_end_us, at);
    s->cleared_at = heard_offset(s, at);
    s->resuming = true;
}

/*
 * Where a turn begins the uplink jumps; what is said then reaches up to the latest frame. Speech that waited on the
 * shelf lies before it, in pieces, each of them further on.
 */
static void check_turn_begin(struct sim *s, struct span audio)
{
    bool shelves = s->opts.greeting.protect || !s->opts.barge_in.on || s->commits == 0; /* the model was not there */
    for (size_t i = 1; i < audio.n; i++) {
        bool jump = audio.p[i] != (audio.p[i - 1] + 1) % 251;
        s->jumps += jump;
        if (jump && !shelves) {
            broke(s, "caller audio lost or out of order at the begin of a turn");
        }
    }
    if (audio.p[audio.n - 1] != (s->caller_count - 1) % 251) {
        broke(s, "a turn does not begin with all that is there");
    }
    s->append_count = s->caller_count;
}

/*
 * The first append to another session may go back to what the one before had not understood, but skips nothing. Gated
 * streams jump anyhow.
 */
static void check_switch(struct sim *s, struct span audio)
{
    s->switched = false;
    if (s->lossy || s->gated) {
        s->at_gate = s->at_gate || s->gated;
        return;
    }
    uint32_t first = s->caller_count >= audio.n ? s->caller_count - (uint32_t)audio.n : 0;
    if (first > s->append_count) {
        broke(s, "caller audio lost between two sessions");
    }
    s->append_count = first;
}

static void check_append(struct sim *s, struct span audio)
{
    for (size_t i = 0; i < audio.n; i++) {
        s->sent_silent += audio.p[i] == 0xFF;
    }
    s->sent_bytes += (uint32_t)audio.n;
    if (s->switched) {
        check_switch(s, audio);
    }
    if (s->at_gate && audio.n > 0 && audio.n <= s->caller_count) {
        s->at_gate = false;
        s->turn_audio = (uint32_t)audio.n;
        if (!s->lossy) {
            check_turn_begin(s, audio);
            return;
        }
    }
    for (size_t i = 0; i < audio.n && !s->lossy; i++) {
        if (audio.p[i] == 0xFF) {
            continue; /* silence in a gap */
        }
        if (audio.p[i] != s->append_count % 251) {
            broke(s, "caller audio lost or out of order");
            return;
        }
        s->append_count++;
    }
}

static uint32_t hash_of(struct str id)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < id.n; i++) {
        h = (h ^ (uint8_t)id.p[i]) * 16777619u;
    }
    return h;
}

/* One output per call, in every session. */
static void check_output(struct sim *s, struct str call_id)
{
    uint32_t h = hash_of(call_id);
    for (uint32_t i = 0; i < s->n_answered; i++) {
        if (s->answered[i] == h) {
            broke(s, "two outputs of one call");
        }
    }
    s->answered[s->n_answered++ % ARRAY_LEN(s->answered)] = h;
    s->n_answered = MIN(s->n_answered, (uint32_t)ARRAY_LEN(s->answered));
}

static void check_session(struct sim *s, const struct call_action *a)
{
    if (a->type < ACT_MODEL_OPEN || a->type > ACT_MODEL_CLOSE) {
        return;
    }
    uint64_t bit = UINT64_C(1) << (a->session % 64);
    if (a->type == ACT_MODEL_OPEN) {
        if (a->session != s->opens % 64 && s->opens < 64) {
            broke(s, "sessions are not numbered in order");
        }
        if (a->model_open.resume && !(s->dead >> (a->model_open.from % 64) & 1)) {
            broke(s, "a session is resumed that is still open");
        }
        s->resume = a->model_open.resume;
        s->opens++;
        s->dead &= ~bit;
    } else if (a->type == ACT_MODEL_CLOSE) {
        s->dead |= bit;
    } else {
        if (s->dead & bit) {
            broke(s, "something was sent to a session that is over");
        }
        if (a->session != s->session) {
            s->session = a->session;
            s->switched = true;
            s->in_flight = 0;
            s->n_answered = 0;
        }
    }
}

static void check_action(struct sim *s, const struct call_action *a)
{
    check_session(s, a);
    switch (a->type) {
    case ACT_LEG_MEDIA:
        carrier_media(s, a->leg_media.audio, a->leg_media.mark);
        break;
    case ACT_LEG_MARK:
        carrier_media(s, (struct span){0}, a->leg_mark.mark);
        break;
    case ACT_LEG_CLEAR:
        s->clears++;
        carrier_clear(s);
        break;
    case ACT_LEG_HANGUP:
        s->hangups++;
        break;
    case ACT_LEG_TRANSFER:
        s->transfers++;
        break;
    case ACT_MODEL_APPEND:
        check_append(s, a->model_append.audio);
        break;
    case ACT_MODEL_RESPOND:
        s->responds++;
        if (s->in_flight) {
            broke(s, "a second response.create before the first was answered");
        }
        s->in_flight = a->model_respond.request;
        break;
    case ACT_MODEL_CANCEL:
        s->cancels++;
        break;
    case ACT_MODEL_TRUNCATE: {
        if (s->live) {
            broke(s, "truncated what cannot be");
        }
        s->truncates++;
        int64_t item = 0;
        if (str_to_i64((struct str){a->model_truncate.item_id.p + 1, a->model_truncate.item_id.n - 1}, &item) < 0) {
            broke(s, "truncation of an unknown item");
        } else {
            uint32_t truth = s->positions ? heard_offset(s, s->now_us) : sim_heard(s, (uint8_t)item);
            if (a->model_truncate.heard_ms > truth / 8 + 1) {
                broke(s, "truncated above what was heard");
            }
        }
        s->truncated_ms = a->model_truncate.heard_ms;
        s->dead_items[item / 64] |= UINT64_C(1) << (item % 64);
        break;
    }
    case ACT_MODEL_COMMIT:
        s->commits++;
        s->at_gate = s->gated;
        break;
    case ACT_MODEL_CLEAR_INPUT:
        s->at_gate = s->gated;
        break;
    case ACT_MODEL_ITEM:
        s->items++;
        if (a->model_item.item->type == ITEM_FUNCTION_OUTPUT) {
            check_output(s, a->model_item.item->call_id);
        }
        break;
    case ACT_MODEL_TOOL_OUTPUT:
        s->outputs++;
        check_output(s, a->model_tool_output.tool_call_id);
        s->last_output = a->model_tool_output.request;
        break;
    case ACT_TOOL_RUN:
        s->runs++;
        break;
    case ACT_RECORD:
        if (a->record.at_samples != s->record_samples) {
            broke(s, "the recording has a hole");
        }
        s->record_samples += a->record.pairs.n / 2;
        break;
    case ACT_GUARD_TRIP:
        s->trips++;
        s->leaked_words += a->guard_trip.leaked_words;
        s->guard_retries += a->guard_trip.retried;
        if (str_copy(s->tripped, sizeof(s->tripped), a->guard_trip.names) < 0) {
            broke(s, "names are too long");
        }
        break;
    case ACT_MODEL_USER_TEXT:
        s->user_texts++;
        break;
    case ACT_END:
        s->ends++;
        s->reason = a->end.reason;
        s->duration_ms = a->end.duration_ms;
        break;
    default:
        break;
    }
}

static void step(struct sim *s, const struct call_event *ev);

#define SIM_CHUNKS 64

struct sim_chunk {
    uint32_t number, ppm;
};

/* The detector's answers to the chunks of the last step, at once and in order as the host gives them. */
static uint32_t take_chunks(const struct sim *s, struct sim_chunk chunks[SIM_CHUNKS])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->actions.n && n < SIM_CHUNKS; i++) {
        if (s->actions.list[i].type == ACT_VAD) {
            const struct call_action *act = &s->actions.list[i];
            chunks[n++] = (struct sim_chunk){act->vad.chunk, s->hear ? s->hear(act) : s->ppm};
        }
    }
    return n;
}

static void answer_chunks(struct sim *s, const struct sim_chunk *chunks, uint32_t n)
{
    for (uint32_t i = 0; i < n && !call_ended(s->call); i++) {
        struct call_event ev = {.type = EV_VAD, .vad = {.chunk = chunks[i].number, .ppm = chunks[i].ppm}};
        s->chunks++;
        step(s, &ev);
    }
}

/* As a rule that knows one phrase would answer: found, else sure of all but what may become one. */
static struct call_event local_answer(const struct sim *s, const struct sim_check *k, uint32_t guards)
{
    struct call_event ev = {.type = EV_GUARD, .guard = {.check = k->check, .answered = guards}};
    struct str text = str_from(k->text);
    struct str bad = str_from(s->bad ? s->bad : "");
    size_t at = bad.n ? str_search(text, bad) : SIZE_MAX;
    size_t sure = text.n;
    for (size_t n = MIN(bad.n, text.n); n > 0 && sure == text.n && !k->final; n--) {
        if (memcmp(text.p + text.n - n, bad.p, n) == 0) {
            sure = text.n - n;
        }
    }
    ev.guard.covered = k->offset + (uint32_t)sure;
    if (at != SIZE_MAX) {
        ev.guard.tripped = guards;
        ev.guard.from = k->offset + (uint32_t)at;
        ev.guard.to = ev.guard.from + (uint32_t)bad.n;
    }
    return ev;
}

static void take_check(struct sim *s, const struct call_action *a, struct sim_check *k)
{
    *k = (struct sim_check){.check = a->guard_check.check,
                            .guards = a->guard_check.guards,
                            .offset = a->guard_check.offset,
                            .side = a->guard_check.side,
                            .final = a->guard_check.final};
    struct str text = a->guard_check.text;
    text.n = MIN(text.n, sizeof(k->text) - 1);
    memcpy(k->text, text.p, text.n);
    s->last_check = *k;
    s->checks++;
}

/* Local guardrails answer at once; the others wait for the test. */
static void answer_guards(struct sim *s)
{
    struct sim_check asked[8];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->actions.n && n < ARRAY_LEN(asked); i++) {
        if (s->actions.list[i].type == ACT_GUARD_CHECK) {
            take_check(s, &s->actions.list[i], &asked[n++]);
        }
    }
    for (uint32_t i = 0; i < n && !call_ended(s->call); i++) {
        uint32_t local = 0;
        for (uint32_t g = 0; g < s->opts.guards.n_list; g++) {
            local |= s->opts.guards.list[g].local ? asked[i].guards & (1u << g) : 0;
        }
        if ((asked[i].guards & ~local) && s->n_open < SIM_CHECKS) {
            s->open[s->n_open++] = asked[i];
        }
        if (local) {
            struct call_event ev = local_answer(s, &asked[i], local);
            step(s, &ev);
        }
    }
}

void sim_guard(struct sim *s, uint32_t check, uint32_t answered, uint32_t tripped, uint32_t failed)
{
    struct call_event ev = {.type = EV_GUARD};
    ev.guard.check = check;
    ev.guard.answered = answered;
    ev.guard.tripped = tripped;
    ev.guard.failed = failed;
    sim_event(s, &ev);
}

static void step(struct sim *s, const struct call_event *given)
{
    struct call_event copy = *given;
    const struct call_event *ev = &copy;
    if (ev->type >= EV_MODEL_READY && ev->type <= EV_MODEL_ERROR) {
        copy.session = s->says;
    }
    if (ev->type == EV_MODEL_FAILED) {
        s->dead |= UINT64_C(1) << (s->says % 64);
    }
    if (ev->type == EV_MODEL_RESPONSE_CREATED || ev->type == EV_MODEL_ERROR || ev->type == EV_MODEL_RESPONSE_DONE ||
        ev->type == EV_MODEL_FAILED) {
        s->in_flight = 0;
    }
    bool was_over = call_ended(s->call);
    call_step(s->call, ev, s->now_us, &s->actions);
    journal_put(&s->writer, &s->journal, ev, s->now_us, &s->actions);
    if (s->actions.overflow) {
        broke(s, "actions overflowed");
    }
    for (uint32_t i = 0; i < s->actions.n; i++) {
        if (s->actions.list[i].type == ACT_NOTE && s->actions.list[i].note.note == NOTE_RESPONSE_TIMEOUT) {
            s->in_flight = 0;
        }
        check_action(s, &s->actions.list[i]);
    }
    actions_print(&s->actions, &s->log);
    if (was_over && s->actions.n) {
        broke(s, "actions after the end");
    }
    if (s->ends > 1) {
        broke(s, "ended twice");
    }
    if (call_ended(s->call) != (s->ends == 1)) {
        broke(s, "end without its action");
    }
    struct sim_chunk chunks[SIM_CHUNKS]; /* the next step writes over the actions */
    uint32_t n = take_chunks(s, chunks);
    answer_guards(s);
    answer_chunks(s, chunks, n);
}

void sim_event(struct sim *s, const struct call_event *ev)
{
    sim_run(s, s->now_us);
    s->keys = s->keys || ev->type == EV_CONTROL_KEYS;
    if (ev->type == EV_MODEL_ERROR && ev->model_error.request == s->last_output && s->n_answered) {
        s->n_answered--; /* refused: it may be sent again */
    }
    step(s, ev);
}

static uint32_t due_mark(const struct sim *s)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = s->first_open; i < s->n_segments; i++) {
        const struct sim_segment *g = &s->segments[i];
        if (g->mark && !g->returned && (best == UINT32_MAX || g->return_us < s->segments[best].return_us)) {
            best = i;
        }
    }
    return best;
}

static void send_media(struct sim *s)
{
    uint8_t audio[160];
    for (size_t i = 0; i < sizeof(audio); i++) {
        audio[i] = (uint8_t)(s->caller_count++ % 251);
    }
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = s->media_ts;
    ev.leg_media.audio = span_from(audio, sizeof(audio));
    s->media_ts += 20;
    s->next_media_us += 20000;
    step(s, &ev);
}

void sim_run(struct sim *s, uint64_t until_us)
{
    while (!call_ended(s->call)) {
        uint32_t m = due_mark(s);
        uint64_t mark_us = m == UINT32_MAX ? UINT64_MAX : s->segments[m].return_us;
        uint64_t media_us = s->media ? s->next_media_us : UINT64_MAX;
        uint64_t tick_us = call_deadline_us(s->call);
        uint64_t next = MIN(MIN(mark_us, media_us), tick_us);
        if (next > until_us) {
            break;
        }
        s->now_us = MAX(s->now_us, next);
        if (next == mark_us) {
            s->segments[m].returned = true;
            while (s->first_open < s->n_segments &&
                   (s->segments[s->first_open].returned || !s->segments[s->first_open].mark)) {
                s->first_open++;
            }
            struct call_event ev = {.type = EV_LEG_MARK};
            ev.leg_mark.mark = s->segments[m].mark;
            step(s, &ev);
        } else if (next == media_us) {
            send_media(s);
        } else {
            struct call_event ev = {.type = EV_TICK};
            step(s, &ev);
        }
    }
    s->now_us = MAX(s->now_us, until_us);
}

void sim_simple(struct sim *s, enum call_event_type type)
{
    struct call_event ev = {.type = type};
    sim_event(s, &ev);
}

void sim_begin(struct sim *s)
{
    sim_simple(s, EV_BEGIN);
}

void sim_leg_start(struct sim *s)
{
    struct call_event ev = {.type = EV_LEG_START};
    ev.leg_start.format = AUDIO_PCMU;
    ev.leg_start.stream_id = STR("MZ1");
    ev.leg_start.carrier_call_id = STR("CA1");
    if (!s->leg_start_us) {
        s->leg_start_us = s->now_us;
    }
    s->media = true;
    s->next_media_us = s->now_us + 20000;
    s->media_ts = 155;
    sim_event(s, &ev);
}

void sim_model_ready(struct sim *s, bool interrupts, bool creates)
{
    struct call_event ev = {.type = EV_MODEL_READY};
    ev.model_ready.in = ev.model_ready.out = AUDIO_PCMU;
    ev.model_ready.model = STR("gpt-realtime");
    ev.model_ready.interrupts = interrupts;
    ev.model_ready.creates = creates;
    ev.model_ready.no_truncate = ev.model_ready.no_update = s->live;
    ev.model_ready.resumed = s->remembers;
    sim_event(s, &ev);
}

void sim_speech(struct sim *s, enum call_event_type type)
{
    struct call_event ev = {.type = type};
    ev.model_speech.item_id = STR("u1");
    sim_event(s, &ev);
}

void sim_created(struct sim *s, const char *response)
{
    struct call_event ev = {.type = EV_MODEL_RESPONSE_CREATED};
    ev.model_response.response_id = str_from(response);
    sim_event(s, &ev);
}

void sim_audio(struct sim *s, const char *response, uint8_t item, uint32_t ms)
{
    size_t n = (size_t)ms * 8;
    uint8_t *audio = malloc(n ? n : 1);
    memset(audio, item, n);
    for (size_t i = 0; i < n && s->positions; i++) {
        audio[i] = sim_agent_byte(s->agent_offset++);
    }
    char id[8];
    snprintf(id, sizeof(id), "i%u", item);
    struct call_event ev = {.type = EV_MODEL_AUDIO};
    ev.model_audio.response_id = str_from(response);
    ev.model_audio.item_id = str_from(id);
    ev.model_audio.audio = span_from(audio, n);
    sim_event(s, &ev);
    free(audio);
}

void sim_audio_done(struct sim *s, const char *response, uint8_t item, const char *text)
{
    char id[8];
    snprintf(id, sizeof(id), "i%u", item);
    struct call_event ev = {.type = EV_MODEL_AUDIO_DONE};
    ev.model_audio.response_id = str_from(response);
    ev.model_audio.item_id = str_from(id);
    sim_event(s, &ev);
    if (text) {
        ev = (struct call_event){.type = EV_MODEL_TEXT_DONE};
        ev.model_text.response_id = str_from(response);
        ev.model_text.item_id = str_from(id);
        ev.model_text.text = str_from(text);
        sim_event(s, &ev);
    }
}

void sim_response_done(struct sim *s, const char *response, enum response_status status)
{
    struct call_event ev = {.type = EV_MODEL_RESPONSE_DONE};
    ev.model_done.response_id = str_from(response);
    ev.model_done.status = status;
    if (status == RESPONSE_CANCELLED) {
        ev.model_done.reason = STR("turn_detected");
    } else if (status == RESPONSE_FAILED) {
        ev.model_done.reason = STR("insufficient_quota");
    }
    ev.model_done.usage = (struct call_usage){.in_text = 10, .in_audio = 20, .out_audio = 30};
    sim_event(s, &ev);
}

void sim_tool(struct sim *s, const char *response, const char *id, const char *name)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(response);
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = str_from(id);
    ev.model_tool.name = str_from(name);
    ev.model_tool.arguments = STR("{\"order_number\":\"1234\"}");
    sim_event(s, &ev);
}

void sim_text(struct sim *s, const char *response, uint8_t item, const char *delta)
{
    char id[8];
    snprintf(id, sizeof(id), "i%u", item);
    struct call_event ev = {.type = EV_MODEL_TEXT_DELTA};
    ev.model_text.response_id = str_from(response);
    ev.model_text.item_id = str_from(id);
    ev.model_text.text = str_from(delta);
    sim_event(s, &ev);
}
