/*
 * Finds every reachable product of the four machine states by breadth-first search over short event sequences and tries
 * every event in each, under the invariants that sim.c checks after every step.
 */
#include "walk_stage.h"

enum letter {
    L_BEGIN,
    L_LEG_START,
    L_READY,
    L_FAILED,
    L_SPEECH_STARTED,
    L_SPEECH_STOPPED,
    L_COMMITTED,
    L_CREATED,
    L_AUDIO,
    L_AUDIO_DONE,
    L_DONE,
    L_CANCELLED,
    L_FAILED_RESPONSE,
    L_TOOL,
    L_TOOL_RESULT,
    L_END_CALL,
    L_ERROR,
    L_COLLISION,
    L_TEXT,
    L_HANGUP,
    L_STOP,
    L_CLOSED,
    L_WAIT_SHORT,
    L_WAIT_LONG,
    L_SOUND_ON,
    L_SOUND_OFF,
    L_CUE_START,
    L_CUE_COMMIT,
    L_CUE_DISCARD,
    L_RENEW,
    L_HANDOFF, /* from here to L_RESPOND: with agents only */
    L_INTERRUPT,
    L_STOP_RESPONSE,
    L_STOP_PLAYBACK,
    L_SAY,
    L_RESPOND,
    L_CHECK_RUN,
    L_CHECK_ASK,
    L_APPROVE,
    L_REJECT_ALWAYS,
    L_USER_TEXT,
    L_TRANSFER,
    L_TRANSFER_FAILED,
    L_VOICEMAIL,
    L_VOICEMAIL_NOW,
    L_VOICEMAIL_SOUND,
    L_KEYS,
    L_WORDS,
    L_BAD_WORDS,
    L_OBJECTION,
    LETTER_N
};

#define DEPTH    14
#define PRODUCTS (PHASE_N * CALLER_N * RESPONSE_N * PLAYOUT_N)
#define NODES    (PRODUCTS * 8) /* with what lies outside the machines: leg up, model ready, tools under way */

struct path {
    uint8_t n;
    uint8_t letters[DEPTH];
};

static uint32_t responses;

static void apply(enum letter l)
{
    static char current[8];
    struct call_event ev = {0};
    switch (l) {
    case L_BEGIN:
        sim_begin(&s);
        break;
    case L_LEG_START:
        sim_leg_start(&s);
        break;
    case L_READY:
        s.says = s.opens ? s.opens - 1 : 0; /* the latest one */
        sim_model_ready(&s, !s.opts.vad.on, !s.opts.vad.on);
        break;
    case L_FAILED:
        ev.type = EV_MODEL_FAILED;
        ev.model_failed.was_ready = true;
        ev.model_failed.code = STR("x");
        sim_event(&s, &ev);
        break;
    case L_SPEECH_STARTED:
        sim_speech(&s, EV_MODEL_SPEECH_STARTED);
        break;
    case L_SPEECH_STOPPED:
        sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
        break;
    case L_COMMITTED:
        sim_speech(&s, EV_MODEL_COMMITTED);
        break;
    case L_CREATED:
        snprintf(current, sizeof(current), "r%u", ++responses);
        sim_created(&s, current);
        break;
    case L_AUDIO:
        sim_audio(&s, current, (uint8_t)(1 + responses % 100), 400);
        break;
    case L_AUDIO_DONE:
        sim_audio_done(&s, current, (uint8_t)(1 + responses % 100), "some words");
        break;
    case L_DONE:
        sim_response_done(&s, current, RESPONSE_COMPLETED);
        break;
    case L_CANCELLED:
        sim_response_done(&s, current, RESPONSE_CANCELLED);
        break;
    case L_FAILED_RESPONSE:
        sim_response_done(&s, current, RESPONSE_FAILED);
        break;
    case L_TOOL:
        sim_tool(&s, current, "call_1", "check_order_status");
        break;
    case L_TOOL_RESULT:
        ev.type = EV_TOOL_RESULT;
        ev.tool_result.tool_call_id = STR("call_1");
        ev.tool_result.output = STR("{}");
        sim_event(&s, &ev);
        break;
    case L_END_CALL:
        sim_tool(&s, current, "call_2", "end_call");
        break;
    case L_ERROR:
    case L_COLLISION:
        ev.type = EV_MODEL_ERROR;
        ev.model_error.code = l == L_ERROR ? STR("invalid_value") : STR("conversation_already_has_active_response");
        ev.model_error.request = s.in_flight;
        sim_event(&s, &ev);
        break;
    case L_TEXT:
        ev.type = EV_CONTROL_USER_TEXT;
        ev.control_text.text = STR("hello");
        sim_event(&s, &ev);
        break;
    case L_HANGUP:
        ev.type = EV_CONTROL_HANGUP;
        ev.control_hangup.reason = REASON_API_HANGUP;
        sim_event(&s, &ev);
        break;
    case L_STOP:
        sim_simple(&s, EV_LEG_STOP);
        break;
    case L_CLOSED:
        sim_simple(&s, EV_LEG_CLOSED);
        break;
    case L_WAIT_SHORT:
        sim_run(&s, s.now_us + 150000);
        break;
    case L_WAIT_LONG:
        sim_run(&s, s.now_us + 3000000);
        break;
    case L_SOUND_ON:
    case L_SOUND_OFF:
        s.ppm = l == L_SOUND_ON ? 900000 : 0;
        sim_run(&s, s.now_us + 64000);
        break;
    case L_CUE_START:
    case L_CUE_COMMIT:
    case L_CUE_DISCARD:
        ev.type = EV_CONTROL_TURN;
        ev.control_turn.cue = (enum turn_cue)(l - L_CUE_START);
        sim_event(&s, &ev);
        break;
    case L_CHECK_RUN:
    case L_CHECK_ASK:
        ev.type = EV_TOOL_CHECKED;
        ev.tool_checked.tool_call_id = STR("call_1");
        ev.tool_checked.check = l == L_CHECK_RUN ? TOOL_CHECK_RUN : TOOL_CHECK_ASK;
        sim_event(&s, &ev);
        break;
    case L_APPROVE:
    case L_REJECT_ALWAYS:
        ev.type = EV_TOOL_APPROVAL;
        ev.tool_approval.tool_call_id = STR("call_1");
        ev.tool_approval.approve = l == L_APPROVE;
        ev.tool_approval.always = l == L_REJECT_ALWAYS;
        sim_event(&s, &ev);
        break;
    case L_USER_TEXT:
        ev.type = EV_MODEL_USER_TEXT;
        ev.model_user_text.item_id = STR("u1");
        ev.model_user_text.text = STR("yes");
        sim_event(&s, &ev);
        break;
    case L_TRANSFER:
        ev.type = EV_CONTROL_TRANSFER;
        ev.control_transfer.tool_call_id = STR("call_1");
        ev.control_transfer.to = STR("+15550001111");
        sim_event(&s, &ev);
        break;
    case L_TRANSFER_FAILED:
        ev.type = EV_LEG_TRANSFER_FAILED;
        ev.leg_transfer_failed.err = -ERR_HTTP;
        sim_event(&s, &ev);
        break;
    case L_KEYS:
        ev.type = EV_CONTROL_KEYS;
        ev.control_keys.keys = STR("1w#");
        sim_event(&s, &ev);
        break;
    case L_VOICEMAIL:
    case L_VOICEMAIL_NOW:
    case L_VOICEMAIL_SOUND:
        ev.type = EV_CONTROL_VOICEMAIL;
        ev.control_voicemail.text = STR("Call us back.");
        ev.control_voicemail.sound = l == L_VOICEMAIL_SOUND ? span_of_str(STR("a recorded message")) : (struct span){0};
        ev.control_voicemail.after_beep = l != L_VOICEMAIL_NOW;
        sim_event(&s, &ev);
        break;
    case L_HANDOFF:
        sim_tool(&s, current, "call_3", "transfer_to_other");
        break;
    case L_INTERRUPT:
    case L_STOP_RESPONSE:
    case L_STOP_PLAYBACK:
        ev.type = EV_CONTROL_INTERRUPT;
        ev.control_interrupt.kind = l == L_INTERRUPT       ? INTERRUPT_FORCED
                                    : l == L_STOP_RESPONSE ? INTERRUPT_RESPONSE
                                                           : INTERRUPT_PLAYBACK;
        sim_event(&s, &ev);
        break;
    case L_SAY:
        ev.type = EV_CONTROL_SAY;
        ev.control_say.text = STR("A word.");
        sim_event(&s, &ev);
        break;
    case L_RESPOND:
        sim_simple(&s, EV_CONTROL_RESPOND);
        break;
    case L_WORDS:
    case L_BAD_WORDS:
        sim_text(&s, current, (uint8_t)(1 + responses % 100), l == L_WORDS ? "harmless words" : "a secret code");
        break;
    case L_OBJECTION:
        if (s.n_open) {
            sim_guard(&s, s.open[--s.n_open].check, 2, 2, 0);
        }
        break;
    case L_RENEW:
        sim_simple(&s, EV_CONTROL_RENEW);
        break;
    case LETTER_N:
        break;
    }
}

static uint32_t node(const struct path *p)
{
    struct call_view v;
    call_view(s.call, &v);
    uint32_t product = (((uint32_t)v.phase * CALLER_N + v.caller) * RESPONSE_N + v.response) * PLAYOUT_N + v.playout;
    bool ready = memchr(p->letters, L_READY, p->n) != NULL;
    return product * 8 + (v.leg_start_us ? 1 : 0) + (ready ? 2 : 0) + (v.pending_tools ? 4 : 0);
}

static struct call_opts_room room;

static void play(const struct path *p, const struct call_opts *opts)
{
    sim_init(&s);
    if (opts) {
        s.opts = *opts;
    }
    s.lossy = true;
    s.bad = "secret code";
    responses = 0;
    sim_start(&s);
    for (uint8_t i = 0; i < p->n; i++) {
        apply((enum letter)p->letters[i]);
    }
}

/* Returns how many products of the four machines' states were reached. */
static uint32_t walk_products(const struct call_opts *opts)
{
    static struct path found[NODES];
    static bool known[NODES];
    static bool products[PRODUCTS];
    static uint32_t queue[NODES];
    memset(known, 0, sizeof(known));
    memset(products, 0, sizeof(products));
    /* Without rules nobody decides anything about a tool, without guardrails nobody looks at words. */
    bool ruled = opts && opts->tools[0].rules.approval.kind != APPROVAL_NEVER;
    bool watched = opts && opts->guards.n_list;
    int letters = ruled || watched ? LETTER_N : L_CHECK_RUN;
    uint32_t head = 0;
    uint32_t tail = 0;
    uint32_t steps = 0;
    struct path begun = {.n = 1, .letters = {L_BEGIN}}; /* the host's first word, always */
    play(&begun, opts);
    uint32_t first = node(&begun);
    sim_done(&s);
    known[first] = true;
    found[first] = begun;
    queue[tail++] = first;
    while (head < tail) {
        struct path here = found[queue[head++]];
        for (int l = 0; l < letters && here.n < DEPTH; l++) {
            if (l >= L_HANDOFF && l <= L_RESPOND && !(opts && opts->n_agents)) {
                continue;
            }
            struct path next = here;
            next.letters[next.n++] = (uint8_t)l;
            play(&next, opts);
            steps++;
            if (s.failure[0]) {
                fail_msg("%s after letter %d, %u letters in", s.failure, l, next.n);
            }
            uint32_t p = node(&next);
            /* Whatever state we are in: left alone, the call ends by itself once the carrier is silent. */
            s.media = false;
            sim_run(&s, s.now_us + UINT64_C(120000000));
            if (!call_ended(s.call) || s.ends != 1 || s.failure[0]) {
                fail_msg("does not end: product %u, letter %d: %s", p, l, s.failure);
            }
            sim_done(&s);
            if (!known[p]) {
                known[p] = true;
                products[p / 8] = true;
                found[p] = next;
                queue[tail++] = p;
            }
        }
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        n += products[i];
    }
    print_message("# %u product states reached, %u nodes, %u steps\n", n, tail, steps);
    return n;
}

TEST(every_reachable_product_state_survives_every_event)
{
    assert_true(walk_products(NULL) >= 60);
}

TEST(every_reachable_product_state_with_guardrails_survives_every_event)
{
    struct call_opts opts;
    sim_init(&s);
    opts = s.opts;
    call_opts_lend(&opts, &room); /* s begins anew for every path */
    sim_done(&s);
    add_guards(&opts, true, GUARD_MUTE);
    assert_true(walk_products(&opts) >= 60);
}

static uint32_t walk_kind(enum turn_kind kind, bool protect)
{
    struct call_opts opts;
    sim_init(&s);
    opts = s.opts;
    call_opts_lend(&opts, &room); /* s begins anew for every path */
    sim_done(&s);
    opts.turn.kind = kind;
    opts.vad.on = true;
    opts.greeting.protect = protect;
    return walk_products(&opts);
}

TEST(every_reachable_product_state_with_renewals_survives_every_event)
{
    struct call_opts opts;
    sim_init(&s);
    opts = s.opts;
    call_opts_lend(&opts, &room); /* s begins anew for every path */
    sim_done(&s);
    opts.renewal.on = true;
    opts.renewal.n_providers = 2;
    opts.renewal.filler_ms = 0;
    assert_true(walk_products(&opts) >= 60);
}

TEST(every_reachable_product_state_of_local_detection_survives_every_event)
{
    assert_true(walk_kind(TURN_LOCAL, false) >= 60);
    assert_true(walk_kind(TURN_HYBRID, true) >= 60);
    assert_true(walk_kind(TURN_MANUAL, false) >= 40);
}

TEST(every_reachable_product_state_with_two_agents_survives_every_event)
{
    struct call_opts opts;
    sim_init(&s);
    two_agents();
    opts = s.opts;
    call_opts_lend(&opts, &room); /* s begins anew for every path */
    sim_done(&s);
    assert_true(walk_products(&opts) >= 60);
}

/* Every kind of approval, with what the caller hears meanwhile. */
static uint32_t walk_rules(const struct tool_rules *rules)
{
    struct call_opts opts;
    sim_init(&s);
    opts = s.opts;
    call_opts_lend(&opts, &room); /* s begins anew for every path */
    sim_done(&s);
    opts.tools[0].rules = *rules;
    return walk_products(&opts);
}

TEST(every_reachable_product_state_with_approvals_and_fillers_survives_every_event)
{
    static uint8_t sound[800];
    memset(sound, 249, sizeof(sound));
    struct tool_rules rules = {.approval = {.kind = APPROVAL_WHEN, .timeout_ms = 2000, .words = STR("One moment.")},
                               .filler = {.after_ms = 100, .words = STR("Please wait.")},
                               .mode = TOOL_SEQUENTIAL,
                               .cancel_on_interrupt = true};
    assert_true(walk_rules(&rules) >= 60);
    rules.approval.kind = APPROVAL_SPOKEN;
    rules.filler.sound = span_from(sound, sizeof(sound));
    assert_true(walk_rules(&rules) >= 60);
}

TEST_MAIN(T(every_reachable_product_state_survives_every_event),
          T(every_reachable_product_state_with_guardrails_survives_every_event),
          T(every_reachable_product_state_with_renewals_survives_every_event),
          T(every_reachable_product_state_of_local_detection_survives_every_event),
          T(every_reachable_product_state_with_two_agents_survives_every_event),
          T(every_reachable_product_state_with_approvals_and_fillers_survives_every_event))
