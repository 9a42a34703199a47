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
 *     guard.c        collects, asks, takes the answers      guard_hold.c   what may be played already
 *     guard_trip.c   what an objection leads to
 */
#include "call/guard_impl.h"

#include <stdlib.h>

#include "base/err.h"

#define ANSWER_GRACE_MS 500  /* the host's own deadlines come first */
#define LOCAL_MS        2000 /* an answer that is given at once and was not */

/* ---- looks ---- */

uint32_t guard_watchers(const struct call *c, enum guard_side side, uint32_t agent)
{
    uint32_t mask = c->o->guards.everywhere | call_opts_agent(c->o, agent).guards;
    for (uint32_t i = 0; i < CALL_MAX_GUARDS; i++) {
        bool looks = i < c->o->guards.n_list && (guard_at(c, i)->sides & guard_bit(side));
        mask &= looks ? UINT32_MAX : ~guard_bit(i);
    }
    return mask;
}

uint32_t guard_holders(const struct call *c, uint32_t mask)
{
    uint32_t held = 0;
    for (uint32_t i = 0; c->o->guards.hold_back && i < c->o->guards.n_list; i++) {
        held |= guard_at(c, i)->holds ? mask & guard_bit(i) : 0;
    }
    return held;
}

static struct guard_item *find_number(struct call *c, uint32_t number)
{
    for (uint32_t i = 0; number && i < GUARD_ITEMS; i++) {
        if (c->guard->items[i].number == number) {
            return &c->guard->items[i];
        }
    }
    return NULL;
}

const struct guard_item *guard_find_said(const struct call *c, const char *item_id)
{
    for (uint32_t i = 0; c->guard && i < GUARD_ITEMS; i++) {
        const struct guard_item *gi = &c->guard->items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && strcmp(gi->id, item_id) == 0) {
            return gi;
        }
    }
    return NULL;
}

bool guard_was_tripped(const struct call *c, const char *response_id)
{
    for (uint32_t i = 0; c->guard && i < GUARD_TRIPPED; i++) {
        if (c->guard->tripped[i][0] && strcmp(c->guard->tripped[i], response_id) == 0) {
            return true;
        }
    }
    return false;
}

bool guard_is_asked(const struct call *c, const struct guard_item *gi, uint32_t mask)
{
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        const struct guard_check *k = &c->guard->checks[i];
        if (k->number && k->item == gi->number && (k->waits & mask)) {
            return true;
        }
    }
    return false;
}

struct str guard_put_names(const struct call *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & guard_bit(i)) {
            buf_puts(out, out->len ? ", " : "");
            buf_put_str(out, guard_at(c, i)->name);
        }
    }
    return buf_str(out);
}

void guard_remark(struct call *c, enum call_note note, int64_t value, uint32_t mask)
{
    struct buf names;
    buf_init(&names, GUARD_NAMES_MAX);
    call_remark(c, note, value, guard_put_names(c, mask, &names));
    buf_done(&names);
}

/* ---- items ---- */

static bool in_playout(struct call *c, const struct guard_item *gi)
{
    return gi->side == GUARD_OUTPUT && item_find(c, str_from(gi->id));
}

static void drop_item(struct guard_item *gi)
{
    buf_clear(&gi->text);
    gi->number = 0;
}

/* A free place, else that of the oldest one that holds no audio, else of the oldest. */
static struct guard_item *item_place(struct call *c)
{
    struct guard_item *oldest = NULL;
    struct guard_item *idle = NULL;
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard->items[i];
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
    *gi = (struct guard_item){.number = ++c->guard->items_made, .side = side, .mask = mask, .text = text};
    if (gi->text.max_bytes == 0) {
        buf_init(&gi->text, GUARD_TEXT_MAX);
    }
    buf_clear(&gi->text);
    return gi;
}

static struct guard_item *item_said(struct call *c, struct str response_id, struct str item_id)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard->items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && str_is(item_id, gi->id)) {
            return gi;
        }
    }
    uint32_t mask = guard_watchers(c, GUARD_OUTPUT, c->response_agent); /* also when it has handed over since */
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
    buf_clear(&gi->text);
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
    if (gi->done && !(gi->finals & guard_bit(i))) {
        return fresh || unsure;
    }
    if (!fresh) {
        return false;
    }
    if (guard_holders(c, guard_bit(i))) {
        return g->local || !guard_is_asked(c, gi, guard_bit(i));
    }
    return reached || unsure;
}

static struct guard_check *check_place(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_CHECKS; i++) {
        if (!c->guard->checks[i].number) {
            return &c->guard->checks[i];
        }
    }
    return NULL;
}

static void rearm(struct call *c)
{
    uint64_t due = UINT64_MAX;
    for (uint32_t i = 0; c->guard && i < GUARD_CHECKS; i++) {
        if (c->guard->checks[i].number) {
            due = MIN(due, c->guard->checks[i].due_us);
        }
    }
    c->timers[TIMER_GUARD] = due;
}

static uint32_t patience_ms(const struct call *c, uint32_t mask)
{
    uint32_t ms = LOCAL_MS;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & guard_bit(i)) {
            ms = MAX(ms, guard_at(c, i)->deadline_ms + ANSWER_GRACE_MS);
        }
    }
    return ms;
}

/* Passed over: they count as content with all there is. */
static void passed_over(struct call *c, struct guard_item *gi, uint32_t mask, uint32_t end)
{
    guard_remark(c, NOTE_GUARD_FAILED, 0, mask);
    for (uint32_t i = 0; gi && i < c->o->guards.n_list; i++) {
        if (mask & guard_bit(i)) {
            gi->covered[i] = MAX(gi->covered[i], end);
        }
    }
}

/* Asks about the text from offset on. */
static void ask_about(struct call *c, struct guard_item *gi, uint32_t mask, uint32_t offset)
{
    uint32_t end = (uint32_t)gi->text.len;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (mask & guard_bit(i)) {
            gi->asked[i] = end;
            gi->finals |= gi->done ? guard_bit(i) : 0;
        }
    }
    struct guard_check *k = check_place(c);
    if (!k) {
        passed_over(c, gi, mask, end); /* so many answers are owed that none will come */
        return;
    }
    *k = (struct guard_check){.number = ++c->guard->checks_made, .item = gi->number, .end = end, .waits = mask};
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
        from = mask & guard_bit(i) ? MIN(from, gi->covered[i]) : from;
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
        if ((gi->mask & guard_bit(i)) && is_due(c, gi, i, reached)) {
            bool held = guard_at(c, i)->local && guard_holders(c, guard_bit(i)) && !gi->done;
            piece |= held ? guard_bit(i) : 0;
            whole |= held ? 0 : guard_bit(i);
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
    if (!c->guard) {
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
    uint32_t mask = guard_watchers(c, GUARD_INPUT, c->agent);
    for (uint32_t i = 0; !by_voice && i < c->o->guards.n_list; i++) {
        mask &=
            guard_at(c, i)->local ? ~guard_bit(i) : UINT32_MAX; /* the host has asked those before it let the text in */
    }
    text = str_trim(text);
    if (!c->guard || !mask || text.n == 0) {
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
    if (!c->guard) {
        return;
    }
    call_copy_id(c->guard->latest, response_id);
    if (c->guard->stop_next) {
        c->guard->stop_next = false;
        seq_request(c, STR_NULL, false); /* it does not know yet what the model was told meanwhile */
        seq_cancel(c, WE_CANCEL);
    }
}

void guard_response_done(struct call *c, struct str response_id)
{
    for (uint32_t i = 0; c->guard && i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard->items[i];
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
    for (uint32_t i = 0; c->guard && i < GUARD_ITEMS; i++) {
        const struct guard_item *gi = &c->guard->items[i];
        if (gi->number && gi->side == GUARD_OUTPUT && !gi->done) {
            guard_response_done(c, str_from(gi->response_id));
        }
    }
}

void guard_sweep(struct call *c)
{
    for (uint32_t i = 0; i < GUARD_ITEMS; i++) {
        struct guard_item *gi = &c->guard->items[i];
        bool over = gi->number && (gi->done || seq_is_dead(c, str_from(gi->response_id)));
        if (over && !guard_is_asked(c, gi, UINT32_MAX) && !in_playout(c, gi)) {
            drop_item(gi);
        }
    }
}

int guard_init(struct call *c)
{
    c->guard = c->o->guards.n_list > 0 ? calloc(1, sizeof(*c->guard)) : NULL;
    return c->guard || c->o->guards.n_list == 0 ? 0 : -ENOMEM;
}

void guard_done(struct call *c)
{
    for (uint32_t i = 0; c->guard && i < GUARD_ITEMS; i++) {
        buf_done(&c->guard->items[i].text);
    }
    free(c->guard);
    c->guard = NULL;
}

/* ---- answers ---- */

static void count_units(const struct call *c, struct guard_item *gi)
{
    uint32_t held = guard_holders(c, gi->mask);
    uint32_t covered = (uint32_t)gi->text.len;
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        covered = held & guard_bit(i) ? MIN(covered, gi->covered[i]) : covered;
    }
    struct str text = buf_str(&gi->text);
    for (; gi->units_to < covered; gi->units_to++) {
        gi->units += text_weight(text.p[gi->units_to]);
    }
}

static void answered(struct call *c, struct guard_item *gi, uint32_t content, uint32_t end, const struct call_event *ev)
{
    for (uint32_t i = 0; i < c->o->guards.n_list; i++) {
        if (content & guard_bit(i)) {
            bool whole = ev->guard.failed & guard_bit(i) || !guard_at(c, i)->local;
            gi->covered[i] = MAX(gi->covered[i], whole ? end : MIN(ev->guard.covered, end));
        }
    }
    count_units(c, gi);
    bool clean = gi->side == GUARD_OUTPUT && gi->done && gi->text.len > 0 && !guard_is_asked(c, gi, UINT32_MAX);
    c->guard->trips = clean && gi->mask ? 0 : c->guard->trips;
}

void guard_answer(struct call *c, const struct call_event *ev)
{
    struct guard_check *k = NULL;
    for (uint32_t i = 0; c->guard && ev->guard.check && i < GUARD_CHECKS && !k; i++) {
        k = c->guard->checks[i].number == ev->guard.check ? &c->guard->checks[i] : NULL;
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
        guard_remark(c, NOTE_GUARD_FAILED, 0, ev->guard.failed & who);
    }
    if (!gi) {
        return;
    }
    answered(c, gi, who & ~tripped, end, ev);
    if (tripped) {
        guard_trip(c, gi, ev, tripped);
    } else if (!seq_is_dead(c, str_from(gi->response_id))) {
        ask(c, gi, false); /* text that came while one of them was busy */
    }
}

void guard_overdue(struct call *c)
{
    for (uint32_t i = 0; c->guard && i < GUARD_CHECKS; i++) {
        struct guard_check *k = &c->guard->checks[i];
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
