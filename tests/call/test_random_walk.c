/* Seeded calls of a model that sometimes misbehaves, under the invariants that sim.c checks after every step. */
#include "walk_stage.h"

static uint64_t seed;
static uint32_t remembered; /* sessions that went on from an earlier one */

static uint32_t dice(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

/* A model that answers, calls tools and fails at odds; a caller that interrupts and hangs up. */
struct actor {
    char response[8];
    uint32_t number;
    bool generating;
    uint8_t item;
    uint32_t chunks; /* left to send */
    bool speaking;
    bool interrupts, creates;
    uint32_t commits;
    bool judged; /* the local detector decides: sounds come and go */
    bool renews; /* sessions break and are renewed */
};

static bool is_dead(uint32_t session)
{
    return s.dead >> (session % 64) & 1;
}

/* The prepared session comes up, or does not. The call may take it at once, later, or never. */
static void prepared_acts(struct actor *a)
{
    uint32_t newest = s.opens - 1;
    uint32_t old = s.says;
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = -ERR_CLOSED;
    s.says = newest;
    if (dice(4) == 0) {
        sim_event(&s, &ev);
        s.says = old;
        return;
    }
    s.remembers = s.live && s.resume && dice(4);
    remembered += s.remembers;
    sim_model_ready(&s, a->interrupts, a->creates);
    s.remembers = false;
    if (s.session == newest || is_dead(old)) {
        a->generating = a->speaking = false;
    } else {
        s.says = old;
    }
}

/* Sessions end at any instant, others are asked for and prepared. */
static void sessions_act(struct actor *a)
{
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = -ERR_CLOSED;
    ev.model_failed.was_ready = true;
    ev.model_failed.code = dice(2) ? STR("session_expired") : STR("ws-1011");
    if (s.session != s.says && !is_dead(s.session)) {
        s.says = s.session; /* the call has switched: what the old one was at is over */
        a->generating = a->speaking = false;
    }
    if (dice(300) == 0) {
        sim_simple(&s, EV_CONTROL_RENEW);
    }
    if (dice(250) == 0 && !is_dead(s.says)) {
        sim_event(&s, &ev);
        a->generating = a->speaking = false;
    }
    if (s.opens - 1 != s.says && dice(8) == 0 && !is_dead(s.opens - 1)) {
        prepared_acts(a);
    }
}

/* What only services like Gemini Live say. */
static void live_acts(void)
{
    struct call_event ev = {.type = EV_MODEL_RESUMABLE};
    char id[16];
    switch (dice(40)) {
    case 0:
    case 1:
    case 2:
        break;
    case 3:
        ev.type = EV_MODEL_USAGE;
        ev.model_usage.usage.out_audio = 1 + dice(50);
        break;
    case 4:
        ev.type = EV_MODEL_TOOL_WITHDRAWN;
        snprintf(id, sizeof(id), "call_%u", dice(50));
        ev.model_withdrawn.tool_call_id = str_from(id);
        break;
    case 5:
        if (dice(10)) {
            return;
        }
        ev.type = EV_MODEL_LEAVING;
        ev.model_leaving.left_ms = dice(3) * 1000 * dice(30);
        break;
    default:
        return;
    }
    sim_event(&s, &ev);
}

static void finish(struct actor *a, enum response_status status)
{
    if (a->generating) {
        a->generating = false;
        sim_audio_done(&s, a->response, a->item, "word by word the agent says this");
        sim_response_done(&s, a->response, status);
    }
}

static void begin_response(struct actor *a)
{
    finish(a, RESPONSE_COMPLETED);
    snprintf(a->response, sizeof(a->response), "r%u", ++a->number);
    a->item = (uint8_t)(1 + a->number % 240);
    a->chunks = dice(40);
    a->generating = true;
    sim_created(&s, a->response);
}

/* Speech, murmurs, clicks and what hovers between the thresholds. */
static void make_sound(void)
{
    static const uint32_t levels[] = {0, 0, 20000, 400000, 600000, 990000, 990000};
    s.ppm = levels[dice(7)];
    if (dice(40) == 0) {
        struct call_event ev = {.type = EV_CONTROL_TURN, .control_turn = {.cue = (enum turn_cue)dice(TURN_CUE_N)}};
        sim_event(&s, &ev);
    }
}

static void caller_acts(struct actor *a)
{
    if (a->judged) {
        make_sound();
        if (s.opts.turn.kind == TURN_LOCAL || s.opts.turn.kind == TURN_MANUAL || dice(2)) {
            return;
        }
    }
    if (!a->speaking) {
        a->speaking = true;
        sim_speech(&s, EV_MODEL_SPEECH_STARTED);
        if (a->interrupts && a->generating) {
            if (dice(3) == 0) {
                sim_audio(&s, a->response, a->item, 60); /* still in flight */
            }
            finish(a, RESPONSE_CANCELLED);
        }
    } else {
        a->speaking = false;
        sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
        sim_speech(&s, EV_MODEL_COMMITTED);
        if (a->creates && !a->generating) {
            begin_response(a);
        }
    }
}

/* An operator, a checker, a transcript: whatever may decide about one of the calls. */
static void decide_something(void)
{
    char id[16];
    snprintf(id, sizeof(id), "call_%u", dice(50));
    struct call_event ev = {.type = EV_TOOL_APPROVAL};
    switch (dice(3)) {
    case 0:
        ev.tool_approval.tool_call_id = str_from(id);
        ev.tool_approval.approve = dice(3) != 0;
        ev.tool_approval.always = dice(8) == 0;
        break;
    case 1:
        ev.type = EV_TOOL_CHECKED;
        ev.tool_checked.tool_call_id = str_from(id);
        ev.tool_checked.check = (enum tool_check)dice(TOOL_CHECK_N);
        ev.tool_checked.output = STR("no");
        break;
    default:
        ev.type = EV_MODEL_USER_TEXT;
        ev.model_user_text.item_id = STR("u1");
        ev.model_user_text.text = dice(2) ? STR("yes") : STR("no");
        break;
    }
    sim_event(&s, &ev);
}

/* A person at the API, and a service that tells of its items: in any order, at any time. */
static void ask_something(void)
{
    struct call_item it = {.id = STR("i7"), .role = (enum item_role)(1 + dice(3)), .n_parts = 1};
    it.parts[0] = (struct call_part){.kind = (enum part_kind)dice(PART_KIND_N), .text = STR("what then")};
    struct call_event ev = {.type = EV_CONTROL_INTERRUPT};
    switch (dice(9)) {
    case 0:
        ev.control_interrupt.kind = (enum interrupt_kind)dice(INTERRUPT_KIND_N);
        break;
    case 1:
        ev.type = EV_CONTROL_RESPOND;
        ev.control_respond.no_tools = dice(2);
        break;
    case 2:
        ev.type = EV_CONTROL_SAY;
        ev.control_say.text = STR("A word.");
        ev.control_say.interrupt = dice(2);
        break;
    case 3:
        ev.type = EV_CONTROL_MESSAGE;
        ev.control_message.item = &it;
        ev.control_message.respond = dice(2);
        break;
    case 4:
        ev.type = EV_CONTROL_AGENT;
        ev.control_agent.agent = dice(4);
        ev.control_agent.instructions = dice(2) ? STR("Whisper.") : STR("");
        break;
    case 5:
        ev.type = EV_CONTROL_ENABLE;
        ev.control_enable.tool = dice(6);
        ev.control_enable.on = dice(2);
        break;
    case 6:
        ev.type = EV_MODEL_ITEM;
        ev.model_item.item = &it;
        break;
    case 7:
        ev.type = dice(2) ? EV_MODEL_ITEM_DELETED : EV_MODEL_ITEM_TRUNCATED;
        ev.model_item_gone.item_id = STR("i7");
        break;
    default:
        ev.type = dice(2) ? EV_MODEL_UPDATED : EV_CONTROL_COMMIT;
        break;
    }
    sim_event(&s, &ev);
}

static void draw_rules(struct tool_rules *r)
{
    *r = (struct tool_rules){
        .mode = (enum tool_mode)dice(TOOL_MODE_N), .background = dice(3) == 0, .cancel_on_interrupt = dice(3) == 0};
    r->filler.after_ms = dice(2) ? 200 + dice(2000) : 0;
    r->filler.words = STR("One moment.");
    r->approval.kind = (enum approval_kind)dice(APPROVAL_KIND_N);
    r->approval.timeout_ms = dice(2) ? 500 + dice(9000) : 0;
    r->approval.timeout_approves = dice(2);
    r->approval.words = dice(2) ? STR("I have to ask.") : STR("");
}

static void actor_step(struct actor *a)
{
    if (a->renews) {
        sessions_act(a);
        if (s.live && !call_ended(s.call) && !is_dead(s.says)) {
            live_acts();
        }
        if (call_ended(s.call)) {
            return;
        }
    }
    uint32_t cancels = s.cancels;
    switch (dice(24)) {
    case 0:
    case 1:
        caller_acts(a);
        break;
    case 2:
        if (a->generating) {
            char id[16];
            snprintf(id, sizeof(id), "call_%u", dice(50));
            static const char *const names[] = {"nonsense", "transfer_to_other", "transfer_to_first"};
            sim_tool(&s, a->response, id, dice(4) ? "check_order_status" : names[dice(3)]);
        }
        break;
    case 3: {
        struct call_event ev = {.type = EV_TOOL_RESULT};
        char id[16];
        snprintf(id, sizeof(id), "call_%u", dice(50));
        ev.tool_result.tool_call_id = str_from(id);
        ev.tool_result.output = STR("{\"ok\":true}");
        sim_event(&s, &ev);
        break;
    }
    case 6:
        decide_something();
        break;
    case 8:
        if (s.opts.n_agents && dice(4) == 0) {
            ask_something();
        }
        break;
    case 4:
        if (dice(6) == 0) {
            struct call_event ev = {.type = EV_MODEL_ERROR};
            ev.model_error.code = STR("server_error");
            sim_event(&s, &ev);
        }
        break;
    case 5:
        if (dice(20) == 0 && a->generating) {
            sim_tool(&s, a->response, "call_end", "end_call");
        }
        break;
    case 9:
    case 10:
        if (a->generating) {
            sim_text(&s, a->response, a->item, dice(12) ? " word by word the agent says" : " the secret code");
        }
        break;
    case 11:
        if (s.n_open) {
            sim_guard(&s, s.open[--s.n_open].check, 2, dice(10) ? 0 : 2, dice(10) ? 0 : 2);
        }
        break;
    case 7:
        if (a->generating && dice(4) == 0) {
            finish(a, dice(5) ? RESPONSE_INCOMPLETE : RESPONSE_FAILED);
        }
        break;
    default:
        if (a->generating && a->chunks) {
            a->chunks--;
            sim_audio(&s, a->response, a->item, 20 + dice(180));
        } else if (a->generating) {
            finish(a, RESPONSE_COMPLETED);
        }
        break;
    }
    if (s.commits > a->commits) { /* confirmed by the service */
        a->commits = s.commits;
        sim_speech(&s, EV_MODEL_COMMITTED);
    }
    if (s.cancels > cancels) {
        finish(a, RESPONSE_CANCELLED);
    }
    if (s.in_flight && !a->generating && !call_ended(s.call) && dice(3)) {
        begin_response(a);
    }
}

static void random_call(uint64_t number, bool live)
{
    seed = number * UINT64_C(0x9E3779B97F4A7C15) + 1;
    sim_init(&s);
    s.delay_us = dice(130) * 1000;
    s.opts.greeting.kind = (enum greeting_kind)dice(GREETING_KIND_N);
    s.opts.greeting.text = STR("Hello there.");
    struct actor a = {.interrupts = dice(2), .creates = dice(4) != 0};
    s.opts.silence.on = dice(2);
    s.opts.silence.after_ms = s.opts.silence.again_ms = 500 + dice(6000);
    s.opts.dead_air.on = dice(2);
    s.opts.dead_air.nudge_ms = 1000 + dice(8000);
    s.bad = "secret code";
    if (dice(2)) {
        add_guards(&s.opts, dice(3) != 0, (enum guard_expiry)dice(GUARD_EXPIRY_N));
    }
    if (dice(2)) {
        static const enum turn_kind kinds[] = {TURN_LOCAL, TURN_LOCAL, TURN_HYBRID, TURN_MANUAL, TURN_SEMANTIC_VAD};
        s.opts.turn.kind = kinds[dice(5)];
        s.opts.vad.on = a.judged = true;
        a.interrupts = false;
        a.creates = s.opts.turn.kind == TURN_SEMANTIC_VAD;
        s.opts.barge_in.on = dice(6) != 0;
        s.opts.barge_in.pause = dice(5) != 0;
        s.opts.greeting.protect = dice(3) == 0;
        s.lossy = s.opts.greeting.protect && s.opts.turn.kind != TURN_LOCAL && s.opts.turn.kind != TURN_MANUAL;
        s.opts.vad.rate_hz = dice(3) ? 8000 : 16000;
    }
    if (dice(2)) {
        draw_rules(&s.opts.tools[0].rules);
    }
    if (dice(2)) {
        two_agents();
    }
    a.renews = dice(2) || live;
    s.live = live;
    s.opts.renewal.on = a.renews;
    s.opts.renewal.n_providers = 1 + dice(2);
    s.opts.renewal.filler_ms = 0;
    s.opts.renewal.attempts = 1 + dice(3);
    s.opts.limits.uplink_ms = a.renews ? 60000 : s.opts.limits.uplink_ms;
    sim_start(&s);
    sim_begin(&s);
    if (dice(2)) {
        sim_model_ready(&s, a.interrupts, a.creates);
        sim_run(&s, s.now_us + dice(3000) * UINT64_C(1000));
        sim_leg_start(&s);
    } else {
        sim_leg_start(&s);
        sim_run(&s, s.now_us + dice(2000) * UINT64_C(1000));
        sim_model_ready(&s, a.interrupts, a.creates);
    }
    uint32_t steps = 100 + dice(1500);
    for (uint32_t i = 0; i < steps && !call_ended(s.call) && !s.failure[0]; i++) {
        sim_run(&s, s.now_us + dice(60) * UINT64_C(1000));
        actor_step(&a);
    }
    uint64_t length_us = s.now_us - s.leg_start_us;
    bool over = call_ended(s.call);
    if (!over) {
        sim_simple(&s, dice(5) ? EV_LEG_STOP : EV_LEG_CLOSED);
    }
    sim_replay(&s, NULL);
    if (s.failure[0] || s.ends != 1) {
        fail_msg("call %llu: %s (ends %u)", (unsigned long long)number, s.failure, s.ends);
    }
    int64_t diff = (int64_t)s.record_samples - (int64_t)(length_us / 125);
    if (!over && (diff < -160 || diff > 160)) {
        fail_msg("call %llu: recording is %lld samples off", (unsigned long long)number, (long long)diff);
    }
    if (s.append_count + 640 < s.caller_count && !s.gated && !s.lossy && !over && s.hangups == 0 &&
        !is_dead(s.session)) {
        fail_msg("call %llu: caller audio missing: %u of %u", (unsigned long long)number, s.append_count,
                 s.caller_count);
    }
    if (s.max_outstanding_us > (s.opts.playout.max_lead_ms + 40) * UINT64_C(1000)) {
        fail_msg("call %llu: %llu us outstanding", (unsigned long long)number,
                 (unsigned long long)s.max_outstanding_us);
    }
    sim_done(&s);
}

static void random_calls(bool live)
{
    const char *env = getenv("WALK_CALLS");
    int64_t calls = 400;
    if (env && str_to_i64(str_from(env), &calls) < 0) {
        fail_msg("WALK_CALLS is not a number: %s", env);
    }
    for (int64_t i = 1; i <= calls; i++) {
        random_call((uint64_t)i, live);
    }
}

TEST(seeded_random_calls_keep_every_invariant)
{
    random_calls(false);
}

TEST(seeded_random_calls_of_sessions_that_resume_keep_every_invariant)
{
    remembered = 0;
    random_calls(true);
    print_message("# %u sessions resumed\n", remembered);
    assert_true(remembered > 0);
}

TEST_MAIN(T(seeded_random_calls_keep_every_invariant),
          T(seeded_random_calls_of_sessions_that_resume_keep_every_invariant))
