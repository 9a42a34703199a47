/*
 * Guardrails on what the agent says, and on what the caller said. The text of each item is collected; the host is asked
 * about it (ACT_GUARD_CHECK) and says who objects (EV_GUARD). The first objection to a response stops it: what waits of
 * it is dropped, what plays is cut, the model is told and answers anew, unless something newer has begun meanwhile.
 *
 *     without hold-back   asked when the text first reaches 1, 2, 3 ... times debounce_chars, and at its end
 *     with hold-back      asked on every piece of text; audio is played only up to the words that were found harmless,
 *                         or to the end when the item is done and checked. What waits longer than hold_max_ms is
 *                         released or given up.
 *
 * Where in the audio a word lies is not told by the service. The item's own ratio of sound to text would say too much
 * when the text lags behind the sound, so the position is reckoned by the voice's usual pace, learned from items that
 * are over, less a tenth and less margin_ms.
 */
#include "base/err.h"
#include "call/state.h"

#define ANSWER_GRACE_MS 500  /* the host's own deadlines come first */
#define LOCAL_MS        2000 /* an answer that is given at once and was not */
#define LEARN_MIN_MS    1000
#define LEARN_MIN_UNITS 15
#define START_MS        300 /* speech that came to a halt goes on with no less: else it would come in crumbs */
#define PACE_MIN_US     15000
#define PACE_MAX_US     150000

/* ---- looks ---- */

static uint32_t bit(uint32_t i)
{
    return UINT32_C(1) << i;
}

static const struct call_guard *guard_at(const struct call *c, uint32_t i)
{
    return &c->o->guards.list[i];
}

/* Who looks at this side of an agent's turn. */
static uint32_t watchers(const struct call *c, enum guard_side side, uint32_t agent)
{
    uint32_t mask = c->o->guards.everywhere | call_opts_agent(c->o, agent).guards;
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        bool looks = i < c->o->guards.n_list && (guard_at(c, i)->sides & bit(side));
        mask &= looks ? UINT32_MAX : ~bit(i);
    }
    return mask;
}

/* Of them those that audio waits for. */
static uint32_t holders(const struct call *c, uint32_t mask)
{
    uint32_t held = 0;
    for (uint32_t i = 0; c->o->guards.hold_back && i < c->o->guards.n_list; i++) {
        held |= guard_at(c, i)->holds ? mask & bit(i) : 0;
    }
    return held;
}

static struct guard_item *find_number(struct call *c, uint32_t number)
{
    for (uint32_t i = 0; number && i < GUARD_ITEMS; i++) {
        if (c->guard.items[i].number == number) {
            return &c->guard.items[i];
        }
    }
    return NULL;
}

static const struct guard_item *find_said(const struct call *c, const char *item_id)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        const struct guard_item *gi = &c->guard.items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && strcmp(gi->id, item_id) == 0) {
            return gi;
        }
    }
    return NULL;
}

static bool was_tripped(const struct call *c, const char *response_id)
{
    for (uint32_t i = 0; i < GUARD_TRIPPED; i++) {
        if (c->guard.tripped[i][0] && strcmp(c->guard.tripped[i], response_id) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_asked(const struct call *c, const struct guard_item *gi, uint32_t mask)
{
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        const struct guard_check *k = &c->guard.checks[i];
        if (k->number && k->item == gi->number && (k->waits & mask)) {
            return true;
        }
    }
    return false;
}

static struct str names_of(const struct call *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & bit(i)) {
            buf_puts(out, out->len ? ", " : "");
            buf_put_str(out, guard_at(c, i)->name);
        }
    }
    return buf_str(out);
}

static void remark_names(struct call *c, enum call_note note, int64_t value, uint32_t mask)
{
    struct buf names;
    buf_init(&names, GUARD_NAMES_MAX);
    call_remark(c, note, value, names_of(c, mask, &names));
    buf_done(&names);
}

/* ---- items ---- */

static bool in_playout(struct call *c, const struct guard_item *gi)
{
    return gi->side == GUARD_OUTPUT && item_find(c, str_from(gi->id));
}

static void drop_item(struct guard_item *gi)
{
    buf_clear(&gi->text, 0);
    gi->number = 0;
}

/* A free place, else that of the oldest one that holds no audio, else of the oldest. */
static struct guard_item *item_place(struct call *c)
{
    struct guard_item *oldest = NULL;
    struct guard_item *idle = NULL;
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard.items[i];
        if (!gi->number) {
            return gi;
        }
        oldest = !oldest || gi->number < oldest->number ? gi : oldest;
        if (!in_playout(c, gi)) {
            idle = !idle || gi->number < idle->number ? gi : idle;
        }
    }
    return idle ? idle : oldest;
}

static struct guard_item *item_make(struct call *c, enum guard_side side, uint32_t mask)
{
    struct guard_item *gi = item_place(c);
    struct buf text = gi->text;
    *gi = (struct guard_item){.number = ++c->guard.items_made, .side = side, .mask = mask, .text = text};
    if (gi->text.max_bytes == 0) {
        buf_init(&gi->text, GUARD_TEXT_MAX);
    }
    buf_clear(&gi->text, 0);
    return gi;
}

static struct guard_item *item_said(struct call *c, struct str response_id, struct str item_id)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard.items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && str_is(item_id, gi->id)) {
            return gi;
        }
    }
    uint32_t mask = watchers(c, GUARD_OUTPUT, c->response_agent); /* also when it has handed over since */
    if (!mask) {
        return NULL;
    }
    struct guard_item *gi = item_make(c, GUARD_OUTPUT, mask);
    gi->agent = c->response_agent;
    call_copy_id(gi->id, item_id);
    call_copy_id(gi->response_id, response_id);
    return gi;
}

static void add_text(struct guard_item *gi, struct str text)
{
    size_t room = GUARD_TEXT_MAX - gi->text.len;
    gi->cut = gi->cut || text.n > room;
    text.n = MIN(text.n, room);
    for (size_t i = 0; i < text.n; i++) {
        gi->chars += ((uint8_t)text.p[i] & 0xC0) != 0x80;
    }
    buf_put_str(&gi->text, text);
}

/* The whole text at its end: usually what was collected, else it was missing or is worded anew. */
static void whole_text(struct guard_item *gi, struct str text)
{
    struct str have = buf_str(&gi->text);
    if (text.n == 0 || str_eq(text, have) || gi->cut) {
        return;
    }
    if (str_starts(text, have)) {
        add_text(gi, (struct str){text.p + have.n, text.n - have.n});
        return;
    }
    buf_clear(&gi->text, 0);
    gi->chars = 0;
    gi->units = gi->units_to = 0;
    memset(gi->asked, 0, sizeof(gi->asked));
    memset(gi->covered, 0, sizeof(gi->covered));
    add_text(gi, text);
}

/* ---- asking ---- */

static bool is_due(const struct call *c, const struct guard_item *gi, uint32_t i, bool reached)
{
    const struct call_guard *g = guard_at(c, i);
    bool fresh = gi->asked[i] < gi->text.len;
    bool unsure = g->local && gi->covered[i] < gi->asked[i]; /* what it saw last may be the beginning of something */
    if (gi->done && !(gi->finals & bit(i))) {
        return fresh || unsure;
    }
    if (!fresh) {
        return false;
    }
    if (holders(c, bit(i))) {
        return g->local || !is_asked(c, gi, bit(i));
    }
    return reached || unsure;
}

static struct guard_check *check_place(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        if (!c->guard.checks[i].number) {
            return &c->guard.checks[i];
        }
    }
    return NULL;
}

static void rearm(struct call *c)
{
    uint64_t due = UINT64_MAX;
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        if (c->guard.checks[i].number) {
            due = MIN(due, c->guard.checks[i].due_us);
        }
    }
    c->timers[TIMER_GUARD] = due;
}

static uint32_t patience_ms(const struct call *c, uint32_t mask)
{
    uint32_t ms = LOCAL_MS;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & bit(i)) {
            ms = MAX(ms, guard_at(c, i)->deadline_ms + ANSWER_GRACE_MS);
        }
    }
    return ms;
}

/* Passed over: they count as content with all there is. */
static void passed_over(struct call *c, struct guard_item *gi, uint32_t mask, uint32_t end)
{
    remark_names(c, NOTE_GUARD_FAILED, 0, mask);
    for (uint32_t i = 0; gi && i < c->o->guards.n_list; i++) {
        if (mask & bit(i)) {
            gi->covered[i] = MAX(gi->covered[i], end);
        }
    }
}

/* Asks about the text from offset on. */
static void ask_about(struct call *c, struct guard_item *gi, uint32_t mask, uint32_t offset)
{
    uint32_t end = (uint32_t)gi->text.len;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & bit(i)) {
            gi->asked[i] = end;
            gi->finals |= gi->done ? bit(i) : 0;
        }
    }
    struct guard_check *k = check_place(c);
    if (!k) {
        passed_over(c, gi, mask, end); /* so many answers are owed that none will come */
        return;
    }
    *k = (struct guard_check){.number = ++c->guard.checks_made, .item = gi->number, .end = end, .waits = mask};
    k->due_us = c->now_us + ms_us(patience_ms(c, mask));
    rearm(c);
    struct str response_id = call_keep(c, str_from(gi->response_id));
    struct str item_id = call_keep(c, str_from(gi->id));
    struct str text = buf_str(&gi->text);
    text = call_keep(c, (struct str){text.p + offset, text.n - offset});
    struct call_action *act = call_emit(c, ACT_GUARD_CHECK);
    act->guard_check.check = k->number;
    act->guard_check.side = gi->side;
    act->guard_check.guards = mask;
    act->guard_check.response_id = response_id;
    act->guard_check.item_id = item_id;
    act->guard_check.agent = gi->agent;
    act->guard_check.offset = offset;
    act->guard_check.text = text;
    act->guard_check.final = gi->done;
}

/* Where a rule that knows all before covered must begin to read: some context, not in the middle of a word. */
static uint32_t window(const struct guard_item *gi, uint32_t mask)
{
    struct str text = buf_str(&gi->text);
    uint32_t from = (uint32_t)text.n;
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        from = mask & bit(i) ? MIN(from, gi->covered[i]) : from;
    }
    from -= MIN(from, GUARD_CONTEXT_BYTES);
    uint32_t least = from - MIN(from, GUARD_CONTEXT_BYTES);
    while (from > least && text.p[from - 1] != ' ') {
        from--;
    }
    while (from > 0 && ((uint8_t)text.p[from] & 0xC0) == 0x80) {
        from--;
    }
    return from;
}

/* Its text has grown, or is complete. */
static bool step_up(const struct call *c, struct guard_item *gi)
{
    uint32_t debounce = c->o->guards.debounce_chars;
    bool reached = debounce == 0 || gi->chars >= (uint64_t)(gi->steps + 1) * debounce;
    gi->steps += reached;
    return reached;
}

static void ask(struct call *c, struct guard_item *gi, bool reached)
{
    uint32_t whole = 0;
    uint32_t piece = 0;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if ((gi->mask & bit(i)) && is_due(c, gi, i, reached)) {
            bool held = guard_at(c, i)->local && holders(c, bit(i)) && !gi->done;
            piece |= held ? bit(i) : 0;
            whole |= held ? 0 : bit(i);
        }
    }
    if (piece) {
        ask_about(c, gi, piece, window(gi, piece));
    }
    if (whole) {
        ask_about(c, gi, whole, 0);
    }
}

void guard_text(struct call *c, const struct call_event *ev)
{
    if (c->o->guards.n_list == 0) {
        return;
    }
    struct guard_item *gi = item_said(c, ev->model_text.response_id, ev->model_text.item_id);
    if (!gi || gi->done) {
        return;
    }
    if (ev->type == EV_MODEL_TEXT_DONE) {
        whole_text(gi, ev->model_text.text);
        gi->done = true;
    } else {
        add_text(gi, ev->model_text.text);
    }
    ask(c, gi, step_up(c, gi));
}

void guard_said(struct call *c, struct str text, bool by_voice)
{
    uint32_t mask = watchers(c, GUARD_INPUT, c->agent);
    for (uint32_t i = 0; !by_voice && i < c->o->guards.n_list; i++) {
        mask &= guard_at(c, i)->local ? ~bit(i) : UINT32_MAX; /* the host has asked those before it let the text in */
    }
    text = str_trim(text);
    if (!mask || text.n == 0) {
        return;
    }
    struct guard_item *gi = item_make(c, GUARD_INPUT, mask);
    gi->agent = c->agent;
    add_text(gi, text);
    gi->done = true;
    ask(c, gi, false);
}

/* ---- a response's life ---- */

void guard_created(struct call *c, struct str response_id)
{
    call_copy_id(c->guard.latest, response_id);
    if (c->guard.stop_next) {
        c->guard.stop_next = false;
        seq_request(c, STR_NULL, false); /* it does not know yet what the model was told meanwhile */
        seq_cancel(c, WE_CANCEL);
    }
}

void guard_response_done(struct call *c, struct str response_id)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard.items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && !gi->done && str_is(response_id, gi->response_id)) {
            gi->done = true;
            if (!seq_is_dead(c, response_id)) { /* else nobody hears more of it */
                ask(c, gi, false);
            }
        }
    }
}

void guard_session_over(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        const struct guard_item *gi = &c->guard.items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && !gi->done) {
            guard_response_done(c, str_from(gi->response_id));
        }
    }
}

/* Forgets what nobody looks at any more: no check under way, no audio that waits for one. */
static void sweep(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard.items[i];
        bool over = gi->number && (gi->done || seq_is_dead(c, str_from(gi->response_id)));
        if (over && !is_asked(c, gi, UINT32_MAX) && !in_playout(c, gi)) {
            drop_item(gi);
        }
    }
}

void guard_done(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        buf_done(&c->guard.items[i].text);
    }
}

/* ---- a trip ---- */

/* Words of the text that begin in [from, to). */
static uint32_t count_words(struct str text, size_t from, size_t to)
{
    uint32_t n = 0;
    for (size_t i = from; i < MIN(to, text.n); i++) {
        bool blank = text.p[i] == ' ' || text.p[i] == '\n';
        bool starts = i == from || text.p[i - 1] == ' ' || text.p[i - 1] == '\n';
        n += !blank && starts;
    }
    return n;
}

/* How far into the text the caller may have heard; never less than he did. */
static size_t heard_upto(struct call *c, const struct guard_item *gi)
{
    const struct item *it = item_find(c, str_from(gi->id));
    struct str text = buf_str(&gi->text);
    if (!it) {
        return text.n; /* played to its end, or cut before: then what was heard is known no better */
    }
    uint32_t low = it->acked;
    uint32_t high = it->acked;
    ledger_heard(&c->ledger, it->number, c->now_us, &low, &high);
    high = MIN(MAX(high, it->heard), it->received);
    if (it->audio_done && gi->done) {
        return text_heard(text, high, it->received);
    }
    uint32_t pace_us = c->guard.unit_us ? c->guard.unit_us : c->o->guards.unit_us;
    uint64_t left_us = (uint64_t)bytes_ms(c, high) * 1000;
    size_t at = 0;
    while (at < text.n && left_us >= (uint64_t)text_weight(text.p[at]) * pace_us) {
        left_us -= (uint64_t)text_weight(text.p[at++]) * pace_us;
    }
    return at;
}

static uint32_t leaked_words(struct call *c, const struct guard_item *gi, const struct call_event *ev, uint32_t tripped)
{
    if (gi->side != GUARD_OUTPUT) {
        return 0;
    }
    struct str text = buf_str(&gi->text);
    size_t from = text.n;
    size_t to = MIN((size_t)ev->guard.to, text.n);
    if (to > 0) {
        from = MIN((size_t)ev->guard.from, to);
    } else { /* somewhere in what it had not found harmless before */
        to = text.n;
        for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
            from = tripped & bit(i) ? MIN(from, (size_t)gi->covered[i]) : from;
        }
    }
    return count_words(text, from, MIN(to, heard_upto(c, gi)));
}

static bool awaits_response(const struct call *c)
{
    return c->response == RESPONSE_REQUESTED || c->timers[TIMER_EXPECT] != UINT64_MAX;
}

static uint32_t stop_answer(struct call *c, const struct guard_item *gi)
{
    if (gi->side == GUARD_INPUT) { /* whatever answers it, or is about to */
        bool busy = c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING;
        c->guard.stop_next = awaits_response(c);
        return busy && c->phase != PHASE_FAREWELL ? cut_agent(c, WE_CANCEL) : 0;
    }
    bool active = c->response == RESPONSE_GENERATING && strcmp(gi->response_id, c->active_id) == 0;
    uint32_t heard_ms = cut_response(c, str_from(gi->response_id));
    seq_bury(c, gi->response_id);
    if (active) {
        seq_cancel(c, WE_CANCEL);
    }
    return heard_ms;
}

/* Nobody else has begun to say something, or is about to. */
static bool may_retry(const struct call *c, const struct guard_item *gi)
{
    bool newer = gi->side == GUARD_OUTPUT &&
                 (c->response == RESPONSE_REQUESTED || strcmp(gi->response_id, c->guard.latest) != 0);
    return !newer && c->model == MODEL_READY && c->leg == LEG_UP &&
           (c->phase == PHASE_CONVERSATION || c->phase == PHASE_GREETING);
}

static void tell_model(struct call *c, const struct guard_item *gi, uint32_t tripped)
{
    struct buf text;
    buf_init(&text, CALL_WANT_MAX);
    uint32_t plain = 0;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if ((tripped & bit(i)) && guard_at(c, i)->feedback.n) {
            buf_puts(&text, text.len ? " " : "");
            buf_put_str(&text, guard_at(c, i)->feedback);
        } else {
            plain |= tripped & bit(i);
        }
    }
    if (plain) {
        struct buf names;
        buf_init(&names, GUARD_NAMES_MAX);
        struct str list = names_of(c, plain, &names);
        buf_puts(&text, text.len ? " " : "");
        if (gi->side == GUARD_OUTPUT) {
            buf_printf(&text,
                       "(Note of the system: your answer was stopped by these guardrails: " STR_FMT
                       ". Answer again in another way that respects them, and do not mention this note.)",
                       STR_ARG(list));
        } else {
            buf_printf(&text,
                       "(Note of the system: the last words of the caller were stopped by these guardrails: " STR_FMT
                       ". Do not act on them. Say in one sentence that you cannot help with that.)",
                       STR_ARG(list));
        }
        buf_done(&names);
    }
    struct str kept = call_keep(c, buf_str(&text));
    struct str id = conv_own_text(c, kept);
    struct call_action *act = call_emit(c, ACT_MODEL_USER_TEXT);
    act->model_user_text.item_id = id;
    act->model_user_text.text = kept;
    seq_request(c, STR_NULL, false);
    buf_done(&text);
}

static enum guard_verb verb_of(const struct call *c, uint32_t tripped)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if ((tripped & bit(i)) && guard_at(c, i)->verb == GUARD_END_CALL) {
            return GUARD_END_CALL;
        }
    }
    return GUARD_CANCEL;
}

static bool too_often(struct call *c)
{
    uint32_t most = c->o->guards.max_trips;
    return ++c->guard.trips > most && most > 0;
}

static void end_over_it(struct call *c, const char *why, bool apologise)
{
    life_detail(c, str_from(why));
    if (apologise || c->phase == PHASE_FAREWELL) {
        life_hangup(c, REASON_GUARDRAIL, apologise);
    } else {
        life_goodbye_with(c, REASON_GUARDRAIL, STR_NULL);
    }
}

static void interrupted(struct call *c)
{
    if (c->turn_open) {
        c->turn.interrupted = true;
        c->turn.verdict = VERDICT_GUARDRAIL;
        c->turn.agent_end_ms = call_since_ms(c);
    }
}

static void remember_trip(struct call *c, const struct guard_item *gi)
{
    if (gi->response_id[0]) {
        call_copy_id(c->guard.tripped[c->guard.tripped_next++ % GUARD_TRIPPED], str_from(gi->response_id));
    }
}

static void put_trip(struct call *c, const struct guard_item *gi, const struct call_event *ev, struct call_action *act)
{
    struct buf names;
    buf_init(&names, GUARD_NAMES_MAX);
    act->guard_trip.check = ev->guard.check;
    act->guard_trip.side = gi->side;
    act->guard_trip.response_id = call_keep(c, str_from(gi->response_id));
    act->guard_trip.item_id = call_keep(c, str_from(gi->id));
    act->guard_trip.agent = gi->agent;
    act->guard_trip.names = call_keep(c, names_of(c, act->guard_trip.guards, &names));
    act->guard_trip.info = call_keep(c, (struct str){ev->guard.info.p, MIN(ev->guard.info.n, (size_t)GUARD_INFO_MAX)});
    act->guard_trip.text = call_keep(c, buf_str(&gi->text));
    buf_done(&names);
}

static void trip(struct call *c, struct guard_item *gi, const struct call_event *ev, uint32_t tripped)
{
    if (was_tripped(c, gi->response_id)) {
        return; /* stopped once is stopped */
    }
    remember_trip(c, gi);
    gi->mask = 0;
    gi->done = true; /* nothing more of it is looked at */
    struct call_action told = {.type = ACT_GUARD_TRIP};
    told.guard_trip.guards = tripped;
    told.guard_trip.verb = verb_of(c, tripped);
    told.guard_trip.leaked_words = leaked_words(c, gi, ev, tripped);
    put_trip(c, gi, ev, &told);
    bool audible = c->playout != PLAYOUT_EMPTY;
    told.guard_trip.heard_ms = stop_answer(c, gi);
    if (audible && c->playout == PLAYOUT_EMPTY) {
        interrupted(c);
    }
    bool enough = too_often(c);
    bool ends = told.guard_trip.verb == GUARD_END_CALL || enough;
    told.guard_trip.retried = !ends && may_retry(c, gi);
    *call_emit(c, ACT_GUARD_TRIP) = told;
    struct call_signal *s = call_tell(c, SIGNAL_GUARDRAIL);
    s->agent = gi->agent;
    s->response_id = told.guard_trip.response_id;
    s->item_id = told.guard_trip.item_id;
    s->name = told.guard_trip.names;
    s->text = told.guard_trip.text;
    remark_names(c, NOTE_GUARD_TRIPPED, told.guard_trip.leaked_words, tripped);
    if (enough) {
        end_over_it(c, "guardrails stopped one answer after the other", true);
    } else if (ends && c->phase != PHASE_FAREWELL) {
        end_over_it(c, "a guardrail ended the call", false);
    } else if (told.guard_trip.retried) {
        tell_model(c, gi, tripped);
    }
}

/* ---- answers ---- */

static void count_units(const struct call *c, struct guard_item *gi)
{
    uint32_t held = holders(c, gi->mask);
    uint32_t covered = (uint32_t)gi->text.len;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        covered = held & bit(i) ? MIN(covered, gi->covered[i]) : covered;
    }
    struct str text = buf_str(&gi->text);
    for (; gi->units_to < covered; gi->units_to++) {
        gi->units += text_weight(text.p[gi->units_to]);
    }
}

static void answered(struct call *c, struct guard_item *gi, uint32_t content, uint32_t end, const struct call_event *ev)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (content & bit(i)) {
            bool whole = ev->guard.failed & bit(i) || !guard_at(c, i)->local;
            gi->covered[i] = MAX(gi->covered[i], whole ? end : MIN(ev->guard.covered, end));
        }
    }
    count_units(c, gi);
    bool clean = gi->side == GUARD_OUTPUT && gi->done && gi->text.len > 0 && !is_asked(c, gi, UINT32_MAX);
    c->guard.trips = clean && gi->mask ? 0 : c->guard.trips;
}

void guard_answer(struct call *c, const struct call_event *ev)
{
    struct guard_check *k = NULL;
    for (uint32_t i = 0; ev->guard.check && i < GUARD_CHECKS && !k; i++) {
        k = c->guard.checks[i].number == ev->guard.check ? &c->guard.checks[i] : NULL;
    }
    if (!k) {
        return; /* too late, or a journal of something else */
    }
    uint32_t who = ev->guard.answered & k->waits;
    uint32_t tripped = ev->guard.tripped & who & ~ev->guard.failed;
    uint32_t end = k->end;
    struct guard_item *gi = find_number(c, k->item);
    k->waits &= ~who;
    if (!k->waits) {
        k->number = 0;
        rearm(c);
    }
    if (ev->guard.failed & who) {
        remark_names(c, NOTE_GUARD_FAILED, 0, ev->guard.failed & who);
    }
    if (!gi) {
        return;
    }
    answered(c, gi, who & ~tripped, end, ev);
    if (tripped) {
        trip(c, gi, ev, tripped);
    } else if (!seq_is_dead(c, str_from(gi->response_id))) {
        ask(c, gi, false); /* text that came while one of them was busy */
    }
}

void guard_overdue(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        struct guard_check *k = &c->guard.checks[i];
        if (k->number && k->due_us <= c->now_us) {
            struct guard_item *gi = find_number(c, k->item);
            uint32_t waits = k->waits;
            k->number = 0;
            passed_over(c, gi, waits, k->end);
            if (gi) {
                count_units(c, gi);
                ask(c, gi, false);
            }
        }
    }
    rearm(c);
}

/* ---- hold-back ---- */

void guard_learn(struct call *c, const struct item *it)
{
    if (!c->o->guards.hold_back) {
        return;
    }
    struct str text = buf_str(&it->text);
    uint64_t units = 0;
    for (size_t i = 0; i < text.n; i++) {
        units += text_weight(text.p[i]);
    }
    uint64_t ms = bytes_ms(c, it->received);
    if (ms < LEARN_MIN_MS || units < LEARN_MIN_UNITS) {
        return;
    }
    uint32_t us = (uint32_t)MIN(MAX(ms * 1000 / units, (uint64_t)PACE_MIN_US), (uint64_t)PACE_MAX_US);
    c->guard.unit_us = c->guard.unit_us ? (3 * c->guard.unit_us + us) / 4 : us;
}

/* The whole text is known and nobody has anything against it. */
static bool cleared(const struct call *c, const struct guard_item *gi, uint32_t held)
{
    return gi->done && !gi->cut && gi->units_to >= gi->text.len && !is_asked(c, gi, held);
}

uint32_t guard_released(const struct call *c, const struct item *it)
{
    if (!c->o->guards.hold_back || it->ours) {
        return it->received;
    }
    const struct guard_item *gi = find_said(c, it->id);
    uint32_t held = holders(c, gi ? gi->mask : watchers(c, GUARD_OUTPUT, it->agent));
    if (!held || it->let_go || (gi && cleared(c, gi, held))) {
        return it->received;
    }
    if (!gi) {
        return 0;
    }
    uint64_t pace_us = c->guard.unit_us ? c->guard.unit_us / 10 * 9 : c->o->guards.unit_us;
    uint64_t ms = gi->units * pace_us / 1000;
    ms = ms > c->o->guards.margin_ms ? ms - c->o->guards.margin_ms : 0;
    uint32_t free = (uint32_t)MIN(ms * audio_bytes_per_ms(c->leg_format), (uint64_t)it->received);
    bool dry = ledger_outstanding_ms(&c->ledger, c->now_us) == 0;
    bool worth = free > it->sent && bytes_ms(c, free - it->sent) >= START_MS;
    return dry && !worth ? MIN(free, it->sent) : free;
}

/* The next item to be heard has audio that could go and may not. */
static struct item *held_item(struct call *c)
{
    bool plays = c->playout == PLAYOUT_PLAYING || c->playout == PLAYOUT_DRAINING;
    struct item *it = c->o->guards.hold_back && plays && c->leg == LEG_UP ? playout_head(c) : NULL;
    return it && guard_released(c, it) <= it->sent ? it : NULL;
}

void guard_held(struct call *c)
{
    struct item *it = held_item(c);
    if (!it) {
        return;
    }
    enum guard_expiry what = c->o->guards.expiry;
    call_remark(c, NOTE_GUARD_EXPIRED, c->o->guards.hold_max_ms, str_from(guard_expiry_name(what)));
    if (what == GUARD_RELEASE) {
        it->let_go = true;
        return;
    }
    char response_id[CALL_ID_MAX];
    call_copy_id(response_id, str_from(it->response_id));
    bool active = c->response == RESPONSE_GENERATING && strcmp(response_id, c->active_id) == 0;
    cut_response(c, str_from(response_id));
    seq_bury(c, response_id);
    if (active) {
        seq_cancel(c, WE_CANCEL);
    }
    if (c->playout == PLAYOUT_EMPTY) {
        interrupted(c);
    }
    if (too_often(c)) {
        end_over_it(c, "answers could not be checked in time", true);
    }
}

void guard_progress(struct call *c)
{
    if (c->o->guards.n_list == 0) {
        return;
    }
    sweep(c);
    c->guard.stop_next = c->guard.stop_next && awaits_response(c);
    if (!held_item(c)) {
        timer_off(c, TIMER_HOLD);
    } else if (c->timers[TIMER_HOLD] == UINT64_MAX) {
        timer_set(c, TIMER_HOLD, c->o->guards.hold_max_ms);
    }
}
