/* Turn detection, interruption and silence: which detector runs under each kind, and what each of them is told. */
#include <stdio.h>

#include "fixture.h"

static const struct config_agent *agent_of(const struct fixture *f)
{
    return &f->cfg->agent;
}

/* Loads "agent: {turn_detection: {...}}". */
static void load_td(struct fixture *f, const char *members, const char *const *env)
{
    char yaml[512];

    assert_true((size_t)snprintf(yaml, sizeof(yaml), "agent: {turn_detection: {%s}}", members) < sizeof(yaml));
    fixture_ok(f, yaml, env);
}

static void assert_warned(const struct fixture *f, const char *part)
{
    for (uint32_t i = 0; i < f->cfg->warnings.n; i++) {
        if (str_search(f->cfg->warnings.v[i], str_from(part)) != SIZE_MAX) {
            return;
        }
    }
    fail_msg("nobody warns of \"%s\"; %u warnings", part, f->cfg->warnings.n);
}

static void assert_same_vad(const struct call_vad_opts *a, const struct call_vad_opts *b)
{
    assert_int_equal(a->on, b->on);
    assert_int_equal(a->rate_hz, b->rate_hz);
    assert_int_equal(a->start_ppm, b->start_ppm);
    assert_int_equal(a->end_ppm, b->end_ppm);
    assert_int_equal(a->min_speech_ms, b->min_speech_ms);
    assert_int_equal(a->min_silence_ms, b->min_silence_ms);
    assert_int_equal(a->pre_speech_ms, b->pre_speech_ms);
    assert_int_equal(a->grace_ms, b->grace_ms);
}

static void assert_same_barge_in(const struct call_barge_in_opts *a, const struct call_barge_in_opts *b)
{
    assert_int_equal(a->on, b->on);
    assert_int_equal(a->pause, b->pause);
    assert_int_equal(a->verdict_ms, b->verdict_ms);
    assert_int_equal(a->pause_ppm, b->pause_ppm);
    assert_int_equal(a->min_speech_ms, b->min_speech_ms);
    assert_int_equal(a->echo_extra_ms, b->echo_extra_ms);
    assert_int_equal(a->reject_silence_ms, b->reject_silence_ms);
    assert_int_equal(a->backchannel_ms, b->backchannel_ms);
    assert_int_equal(a->edge_ms, b->edge_ms);
    assert_int_equal(a->back_ms, b->back_ms);
    assert_int_equal(a->backoff_ms, b->backoff_ms);
    assert_int_equal(a->backoff_ppm, b->backoff_ppm);
}

static void assert_same_silence(const struct call_silence_opts *a, const struct call_silence_opts *b)
{
    assert_int_equal(a->on, b->on);
    assert_int_equal(a->after_ms, b->after_ms);
    assert_int_equal(a->again_ms, b->again_ms);
    assert_int_equal(a->n_prompts, b->n_prompts);
    for (uint32_t i = 0; i < a->n_prompts; i++) {
        assert_true(str_eq(a->prompts[i], b->prompts[i]));
    }
    assert_true(str_eq(a->goodbye, b->goodbye));
}

/* Two tables of defaults, the one that users read and the one of the core, may not drift apart. */
TEST(the_defaults_are_those_of_the_call)
{
    struct fixture f;
    struct call_opts o;

    call_opts_init(&o);
    fixture_ok(&f, "agent: {turn_detection: local}", NULL);
    o.vad.on = true; /* by the kind */
    assert_same_vad(&agent_of(&f)->vad, &o.vad);
    assert_same_barge_in(&agent_of(&f)->barge_in, &o.barge_in);
    assert_same_silence(&agent_of(&f)->silence, &o.silence);
    assert_int_equal(agent_of(&f)->dead_air.on, o.dead_air.on);
    assert_int_equal(agent_of(&f)->dead_air.nudge_ms, o.dead_air.nudge_ms);
    assert_int_equal(agent_of(&f)->dead_air.nudges, o.dead_air.nudges);
    assert_int_equal(agent_of(&f)->dead_air.max_response_ms, o.dead_air.max_response_ms);
    assert_int_equal(agent_of(&f)->echo_guard, o.echo_guard);
    assert_int_equal(agent_of(&f)->dtmf_in_band, o.dtmf_in_band);
    fixture_done(&f);
}

/* What each kind means: whether our detector runs, what the service hears of it, who answers and who interrupts. */
TEST(each_kind_has_its_detectors)
{
    static const struct {
        const char *kind;
        enum turn_kind want;
        bool ours, threshold, eagerness, service_acts;
    } cases[] = {
        {"type: local", TURN_LOCAL, true, false, false, false},
        {"type: manual", TURN_MANUAL, true, false, false, false},
        {"type: none", TURN_MANUAL, true, false, false, false},
        {"type: server_vad", TURN_SERVER_VAD, false, true, false, true},
        {"type: vad", TURN_SERVER_VAD, false, true, false, true},
        {"type: semantic_vad", TURN_SEMANTIC_VAD, false, false, true, true},
        {"type: hybrid", TURN_HYBRID, true, true, false, false},
        {"type: hybrid, service: semantic_vad", TURN_HYBRID, true, false, true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;

        load_td(&f, cases[i].kind, NULL);
        const struct call_turn_opts *t = &agent_of(&f)->turn;
        assert_int_equal(t->kind, cases[i].want);
        assert_int_equal(agent_of(&f)->vad.on, cases[i].ours);
        assert_int_equal(t->threshold >= 0, cases[i].threshold);
        assert_int_equal(t->prefix_padding_ms >= 0, cases[i].threshold);
        assert_int_equal(t->silence_duration_ms >= 0, cases[i].threshold);
        assert_int_equal(t->idle_timeout_ms, -1);
        assert_str_is(t->eagerness, cases[i].eagerness ? "auto" : "");
        assert_int_equal(t->create_response, cases[i].service_acts);
        assert_int_equal(t->interrupt_response, cases[i].service_acts);
        assert_int_equal(f.cfg->warnings.n, 0);
        fixture_done(&f);
    }
}

static const char *const all_names[] = {"VAD_START_THRESHOLD=0.6",   "VAD_END_THRESHOLD=0.4",
                                        "VAD_MIN_SILENCE_MS=320",    "VAD_CHUNK_SAMPLES=512",
                                        "VAD_PRE_SPEECH_PAD_MS=150", NULL};

TEST(the_environment_names_tune_our_detector_where_it_runs)
{
    static const char *const kinds[] = {"type: local", "type: hybrid", "type: manual", "type: semantic_vad"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;

        load_td(&f, kinds[i], all_names);
        const struct call_vad_opts *v = &agent_of(&f)->vad;
        assert_true(v->on);
        assert_int_equal(v->start_ppm, 600000);
        assert_int_equal(v->end_ppm, 400000);
        assert_int_equal(v->min_silence_ms, 320);
        assert_int_equal(v->pre_speech_ms, 150);
        assert_int_equal(v->rate_hz, 16000);
        fixture_done(&f);
    }
}

TEST(under_server_vad_the_environment_names_go_to_the_service)
{
    struct fixture f;

    load_td(&f, "type: server_vad", all_names);
    const struct call_turn_opts *t = &agent_of(&f)->turn;
    assert_false(agent_of(&f)->vad.on);
    assert_float_equal(t->threshold, 0.6, 1e-9);
    assert_int_equal(t->silence_duration_ms, 320);
    assert_int_equal(t->prefix_padding_ms, 150);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    /* The file wins over them, under either name. */
    load_td(&f, "type: server_vad, threshold: 0.3, min_silence_ms: 700, prefix_padding_ms: 100", all_names);
    t = &agent_of(&f)->turn;
    assert_float_equal(t->threshold, 0.3, 1e-9);
    assert_int_equal(t->silence_duration_ms, 700);
    assert_int_equal(t->prefix_padding_ms, 100);
    fixture_done(&f);
}

TEST(the_services_names_tune_our_detector_too)
{
    struct fixture f;

    load_td(&f, "type: local, threshold: 0.7, silence_duration_ms: 650, prefix_padding_ms: 200", NULL);
    const struct call_vad_opts *v = &agent_of(&f)->vad;
    assert_int_equal(v->start_ppm, 700000);
    assert_int_equal(v->end_ppm, 550000);
    assert_int_equal(v->min_silence_ms, 650);
    assert_int_equal(v->pre_speech_ms, 200);
    assert_true(agent_of(&f)->turn.threshold < 0); /* the service hears nothing of it */
    fixture_done(&f);
    /* What the file says wins over the environment, though under another name. */
    load_td(&f, "type: local, threshold: 0.7, silence_duration_ms: 650", all_names);
    assert_int_equal(agent_of(&f)->vad.start_ppm, 700000);
    assert_int_equal(agent_of(&f)->vad.min_silence_ms, 650);
    fixture_done(&f);
    /* The ring holds two seconds. */
    load_td(&f, "type: local, prefix_padding_ms: 9000", NULL);
    assert_int_equal(agent_of(&f)->vad.pre_speech_ms, 2000);
    fixture_done(&f);
}

TEST(under_hybrid_each_detector_may_have_its_own)
{
    struct fixture f;

    load_td(&f, "type: hybrid, start_threshold: 0.6, threshold: 0.4, silence_duration_ms: 450", NULL);
    const struct config_agent *a = agent_of(&f);
    assert_int_equal(a->vad.start_ppm, 600000);
    assert_float_equal(a->turn.threshold, 0.4, 1e-9);
    assert_int_equal(a->vad.min_silence_ms, 450);
    assert_int_equal(a->turn.silence_duration_ms, 450);
    fixture_done(&f);
    load_td(&f, "type: hybrid, service: semantic_vad, silence_duration_ms: 700", NULL);
    a = agent_of(&f);
    assert_str_is(a->turn.eagerness, "low");
    assert_int_equal(a->turn.silence_duration_ms, -1);
    assert_int_equal(a->vad.min_silence_ms, 700);
    fixture_done(&f);
}

TEST(the_end_and_the_pause_follow_the_start_unless_given)
{
    static const struct {
        const char *start;
        uint32_t end_ppm, pause_ppm;
    } cases[] = {{"0.9", 750000, 300000}, {"0.3", 150000, 100000}, {"0.16", 10000, 53333}, {"0.1", 10000, 33333}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char members[64];

        snprintf(members, sizeof(members), "type: local, start_threshold: %s", cases[i].start);
        load_td(&f, members, NULL);
        assert_int_equal(agent_of(&f)->vad.end_ppm, cases[i].end_ppm);
        assert_int_equal(agent_of(&f)->barge_in.pause_ppm, cases[i].pause_ppm);
        fixture_done(&f);
    }
}

TEST(an_end_at_or_above_the_start_is_refused_with_both_values)
{
    assert_refused("agent: {turn_detection: {type: local, start_threshold: 0.4, end_threshold: 0.4}}", NULL,
                   "t.yaml:1:76: agent.turn_detection.end_threshold (0.4) must be below "
                   "agent.turn_detection.start_threshold (0.4)\n");
    assert_refused("agent: {turn_detection: {type: local, end_threshold: 0.6}}", NULL,
                   "t.yaml:1:54: agent.turn_detection.end_threshold (0.6) must be below "
                   "agent.turn_detection.start_threshold (0.5)\n");
    assert_refused("agent: {turn_detection: {type: hybrid, threshold: 0.2}}", ENV("VAD_END_THRESHOLD=0.25"),
                   "t.yaml:1:51: agent.turn_detection.end_threshold (0.25) must be below "
                   "agent.turn_detection.threshold (0.2)\n");
    assert_refused("agent: {turn_detection: local}", ENV("VAD_START_THRESHOLD=0.3", "VAD_END_THRESHOLD=0.35"),
                   "environment: VAD_START_THRESHOLD: agent.turn_detection.end_threshold (0.35) must be below "
                   "agent.turn_detection.start_threshold (0.3)\n");
    assert_refused("agent: {turn_detection: local}", ENV("VAD_START_THRESHOLD=0"),
                   "environment: VAD_START_THRESHOLD: agent.turn_detection.end_threshold (0.01) must be below "
                   "agent.turn_detection.start_threshold (0)\n");
}

TEST(the_chunk_chooses_the_branch)
{
    struct fixture f;

    load_td(&f, "type: local", ENV("VAD_CHUNK_SAMPLES=512"));
    assert_int_equal(agent_of(&f)->vad.rate_hz, 16000);
    fixture_done(&f);
    load_td(&f, "type: local", ENV("VAD_CHUNK_SAMPLES=256"));
    assert_int_equal(agent_of(&f)->vad.rate_hz, 8000);
    fixture_done(&f);
    load_td(&f, "type: local, chunk_samples: 512", ENV("VAD_CHUNK_SAMPLES=256"));
    assert_int_equal(agent_of(&f)->vad.rate_hz, 16000);
    fixture_done(&f);
    load_td(&f, "type: local", ENV("VAD_CHUNK_SAMPLES="));
    assert_int_equal(agent_of(&f)->vad.rate_hz, 8000);
    fixture_done(&f);
    assert_refused(NULL, ENV("VAD_CHUNK_SAMPLES=1024"),
                   "environment: VAD_CHUNK_SAMPLES: must be 256 or 512, not \"1024\"\n");
    assert_refused(NULL, ENV("VAD_CHUNK_SAMPLES=8000"),
                   "environment: VAD_CHUNK_SAMPLES: must be 256 or 512, not \"8000\"\n");
}

TEST(a_preset_fills_what_is_not_given)
{
    struct fixture f;

    load_td(&f, "type: local, preset: quiet", NULL);
    assert_int_equal(agent_of(&f)->vad.start_ppm, 300000);
    assert_int_equal(agent_of(&f)->vad.end_ppm, 150000);
    assert_int_equal(agent_of(&f)->vad.min_silence_ms, 300);
    fixture_done(&f);
    load_td(&f, "type: server_vad, preset: noisy", NULL);
    assert_float_equal(agent_of(&f)->turn.threshold, 0.7, 1e-9);
    assert_int_equal(agent_of(&f)->turn.silence_duration_ms, 700);
    assert_int_equal(agent_of(&f)->turn.prefix_padding_ms, 300);
    fixture_done(&f);
    load_td(&f, "type: hybrid, preset: noisy, threshold: 0.5", ENV("VAD_MIN_SILENCE_MS=450"));
    assert_int_equal(agent_of(&f)->vad.start_ppm, 500000);
    assert_int_equal(agent_of(&f)->vad.min_silence_ms, 450);
    assert_int_equal(agent_of(&f)->turn.silence_duration_ms, 450);
    fixture_done(&f);
}

TEST(under_semantic_vad_milliseconds_become_eagerness_and_tune_interruption)
{
    static const struct {
        const char *members;
        bool ours;
        const char *eagerness;
        uint32_t start_ppm;
    } cases[] = {
        {"threshold: 0.7, silence_duration_ms: 700", true, "low", 700000}, /* the reference's noisy room */
        {"threshold: 0.3, silence_duration_ms: 300", true, "high", 300000},
        {"preset: noisy", true, "low", 700000},
        {"preset: quiet", true, "high", 300000},
        {"silence_duration_ms: 400", true, "high", 500000},
        {"silence_duration_ms: 401", true, "medium", 500000},
        {"min_silence_ms: 600", true, "medium", 500000},
        {"min_silence_ms: 601", true, "low", 500000},
        {"threshold: 0.6", true, "auto", 600000},
        {"threshold: 0.6, silence_duration_ms: 900, eagerness: high", true, "high", 600000},
        {"eagerness: low", false, "low", 500000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char members[128];

        snprintf(members, sizeof(members), "type: semantic_vad, %s", cases[i].members);
        load_td(&f, members, NULL);
        const struct config_agent *a = agent_of(&f);
        assert_int_equal(a->vad.on, cases[i].ours);
        assert_str_is(a->turn.eagerness, cases[i].eagerness);
        assert_int_equal(a->vad.start_ppm, cases[i].start_ppm);
        assert_int_equal(a->turn.interrupt_response, !cases[i].ours); /* the veto is ours */
        assert_true(a->turn.create_response);
        assert_true(a->turn.threshold < 0);
        assert_int_equal(f.cfg->warnings.n, 0);
        fixture_done(&f);
    }
}

TEST(whoever_insists_leaves_interruption_to_the_service)
{
    struct fixture f;

    load_td(&f, "type: semantic_vad, threshold: 0.7, interrupt_response: true", NULL);
    assert_false(agent_of(&f)->vad.on);
    assert_true(agent_of(&f)->turn.interrupt_response);
    assert_warned(&f,
                  "agent.turn_detection.threshold has no effect with agent.turn_detection.interrupt_response: true");
    fixture_done(&f);
}

TEST(an_agent_that_may_not_be_stopped)
{
    static const char *const kinds[] = {"server_vad", "semantic_vad", "manual"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;
        char yaml[200];

        snprintf(yaml, sizeof(yaml), "agent: {turn_detection: {type: %s, start_threshold: 0.5}, barge_in: false}",
                 kinds[i]);
        fixture_ok(&f, yaml, NULL);
        assert_false(agent_of(&f)->barge_in.on);
        assert_false(agent_of(&f)->turn.interrupt_response);
        assert_false(agent_of(&f)->vad.on);
        fixture_done(&f);
    }
    struct fixture f;
    fixture_ok(&f, "agent: {turn_detection: local, barge_in: {enabled: false}}", NULL);
    assert_true(agent_of(&f)->vad.on); /* for the turns */
    fixture_done(&f);
    fixture_ok(&f, "agent: {turn_detection: {type: server_vad, interrupt_response: true}, barge_in: {enabled: false}}",
               NULL);
    assert_false(agent_of(&f)->turn.interrupt_response);
    assert_warned(&f, "interrupt_response: true has no effect with agent.barge_in.enabled: false");
    fixture_done(&f);
}

TEST(the_services_idle_timeout_takes_the_ladders_place)
{
    struct fixture f;

    load_td(&f, "type: server_vad, idle_timeout_ms: 8000", NULL);
    assert_int_equal(agent_of(&f)->turn.idle_timeout_ms, 8000);
    assert_false(agent_of(&f)->silence.on);
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, "agent: {turn_detection: {type: server_vad, idle_timeout_ms: 8000}, silence: {enabled: true}}",
               NULL);
    assert_false(agent_of(&f)->silence.on);
    assert_warned(&f, "agent.silence is off: agent.turn_detection.idle_timeout_ms");
    fixture_done(&f);
    fixture_ok(&f,
               "providers: {old: {kind: openai, url: 'ws://127.0.0.1:1', dialect: beta}}\n"
               "agent: {turn_detection: {type: server_vad, idle_timeout_ms: 8000}}\n",
               NULL);
    assert_int_equal(agent_of(&f)->turn.idle_timeout_ms, -1);
    assert_true(agent_of(&f)->silence.on); /* somebody must look after them */
    assert_warned(&f, "the beta dialect of old does not know it");
    fixture_done(&f);
    load_td(&f, "type: local, idle_timeout_ms: 8000", NULL);
    assert_int_equal(agent_of(&f)->turn.idle_timeout_ms, -1);
    assert_true(agent_of(&f)->silence.on);
    assert_warned(&f, "agent.turn_detection.idle_timeout_ms has no effect");
    fixture_done(&f);
}

TEST(every_setting_reaches_the_call)
{
    struct fixture f;

    fixture_ok(
        &f,
        "agent:\n"
        "  turn_detection: {type: local, start_threshold: 0.61, end_threshold: 0.41, min_silence_ms: 333,\n"
        "    min_speech_ms: 64, pre_speech_pad_ms: 222, chunk_samples: 512, grace_ms: 111}\n"
        "  barge_in: {enabled: true, pause: false, verdict_ms: 601, pause_threshold: 0.31,\n"
        "    min_speech_ms: 202, echo_extra_ms: 107, reject_silence_ms: 103,\n"
        "    backchannel_ms: 404, edge_ms: 905, back_ms: 206, backoff_ms: 7s, backoff: 0.15}\n"
        "  silence: {after_ms: 9s, again_ms: 4s, prompts: ['One, two?', 'Three, four?', Five], goodbye: 'Bye, bye'}\n"
        "  dead_air: {enabled: true, nudge_ms: 5s, nudges: 3, max_response_ms: none}\n"
        "  echo_guard: false\n"
        "  greeting: {protected: true}\n"
        "vad: {model_file: /opt/silero.onnx}\n",
        NULL);
    const struct call_vad_opts vad = {.on = true,
                                      .rate_hz = 16000,
                                      .start_ppm = 610000,
                                      .end_ppm = 410000,
                                      .min_speech_ms = 64,
                                      .min_silence_ms = 333,
                                      .pre_speech_ms = 222,
                                      .grace_ms = 111};
    const struct call_barge_in_opts barge_in = {.on = true,
                                                .pause = false,
                                                .verdict_ms = 601,
                                                .pause_ppm = 310000,
                                                .min_speech_ms = 202,
                                                .echo_extra_ms = 107,
                                                .reject_silence_ms = 103,
                                                .backchannel_ms = 404,
                                                .edge_ms = 905,
                                                .back_ms = 206,
                                                .backoff_ms = 7000,
                                                .backoff_ppm = 150000};
    const struct call_silence_opts silence = {.on = true,
                                              .after_ms = 9000,
                                              .again_ms = 4000,
                                              .n_prompts = 3,
                                              .prompts = {STR("One, two?"), STR("Three, four?"), STR("Five")},
                                              .goodbye = STR("Bye, bye")};
    assert_same_vad(&agent_of(&f)->vad, &vad);
    assert_same_barge_in(&agent_of(&f)->barge_in, &barge_in);
    assert_same_silence(&agent_of(&f)->silence, &silence);
    assert_int_equal(agent_of(&f)->dead_air.nudge_ms, 5000);
    assert_int_equal(agent_of(&f)->dead_air.nudges, 3);
    assert_int_equal(agent_of(&f)->dead_air.max_response_ms, 0);
    assert_false(agent_of(&f)->echo_guard);
    assert_str_is(f.cfg->vad.model_file, "/opt/silero.onnx");
    assert_int_equal(f.cfg->warnings.n, 0);
    fixture_done(&f);
    fixture_ok(&f, NULL, ENV("RINGTRIP_VAD_MODEL=other.onnx"));
    assert_str_is(f.cfg->vad.model_file, "other.onnx");
    fixture_done(&f);
}

TEST(the_ladder_may_be_short_or_off)
{
    struct fixture f;

    fixture_ok(&f, "agent: {silence: {prompts: []}, dead_air: off}", NULL);
    assert_true(agent_of(&f)->silence.on);
    assert_int_equal(agent_of(&f)->silence.n_prompts, 0);
    assert_false(agent_of(&f)->dead_air.on);
    fixture_done(&f);
    fixture_ok(&f, "agent: {silence: {prompts: Hello?}}", NULL);
    assert_int_equal(agent_of(&f)->silence.n_prompts, 1);
    assert_str_is(agent_of(&f)->silence.prompts[0], "Hello?");
    fixture_done(&f);
    fixture_ok(&f, "agent: {silence: null}", NULL);
    assert_false(agent_of(&f)->silence.on);
    fixture_done(&f);
}

TEST(settings_of_other_systems_are_taken_or_reported)
{
    struct fixture f;

    fixture_ok(
        &f,
        "barge_in: {enabled: true, min_ms: 250, energy_threshold: 1000, cooldown_ms: 500}\n"
        "vad: {webrtc_aggressiveness: 1, webrtc_start_frames: 2, energy_threshold: 1500, utterance_padding_ms: 120}\n"
        "no_input: {enabled: true, initial_timeout_sec: 30, check_in_message: 'Well, hello?', final_message: Bye}\n"
        "agent: {vad: {threshold: 0.6, neg_threshold: 0.3, min_silence_duration_ms: 350}, turn_detection: {type: "
        "local}}\n",
        NULL);
    const struct config_agent *a = agent_of(&f);
    assert_int_equal(a->barge_in.min_speech_ms, 250);
    assert_int_equal(a->vad.pre_speech_ms, 120);
    assert_int_equal(a->vad.start_ppm, 600000);
    assert_int_equal(a->vad.end_ppm, 300000);
    assert_int_equal(a->vad.min_silence_ms, 350);
    assert_int_equal(a->silence.n_prompts, 1);
    assert_str_is(a->silence.prompts[0], "Well, hello?");
    assert_str_is(a->silence.goodbye, "Bye");
    assert_warned(&f, "t.yaml:2:7: vad.webrtc_aggressiveness has no effect: The WebRTC detector is replaced by the VAD "
                      "network and the echo guard");
    assert_warned(&f, "agent.barge_in.energy_threshold has no effect");
    assert_warned(&f, "no_input.initial_timeout_sec has no effect: Write agent.silence.after_ms");
    assert_int_equal(f.cfg->warnings.n, 6);
    fixture_done(&f);
}

TEST(what_does_nothing_under_a_kind_is_said)
{
    static const struct {
        const char *members;
        const char *key; /* NULL: nothing is said */
    } cases[] = {
        {"type: server_vad, end_threshold: 0.3", "end_threshold"},
        {"type: server_vad, grace_ms: 0", "grace_ms"},
        {"type: server_vad, grace_ms: 0}, greeting: {protected: true", "grace_ms"},
        {"type: server_vad, start_threshold: 0.3", NULL},
        {"type: semantic_vad, end_threshold: 0.3", "end_threshold"},
        {"type: semantic_vad, threshold: 0.5, end_threshold: 0.3", NULL},
        {"type: semantic_vad, prefix_padding_ms: 300", "prefix_padding_ms"},
        {"type: manual, silence_duration_ms: 300, prefix_padding_ms: 200", NULL},
        {"type: manual, min_speech_ms: 64", "min_speech_ms"},
        {"type: semantic_vad, min_silence_ms: 400, min_speech_ms: 64", NULL},
        {"type: manual, threshold: 0.6", NULL},
        {"type: local, eagerness: low", "eagerness"},
        {"type: hybrid, eagerness: low", "eagerness"},
        {"type: hybrid, service: semantic_vad, eagerness: low", NULL},
        {"type: local, service: semantic_vad", "service"},
        {"type: local, create_response: true, interrupt_response: true", NULL},
        {"type: local, create_response: false", "create_response: false"},
        {"type: hybrid, interrupt_response: false", "interrupt_response: false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;

        load_td(&f, cases[i].members, NULL);
        assert_int_equal(f.cfg->warnings.n, cases[i].key ? 1 : 0);
        if (cases[i].key) {
            assert_warned(&f, cases[i].key);
            assert_warned(&f, "has no effect with this type of turn detection");
        }
        fixture_done(&f);
    }
}

TEST(a_grace_behind_a_greeting_that_anybody_may_interrupt_is_said)
{
    struct fixture f;

    load_td(&f, "type: local, grace_ms: 300", NULL);
    assert_warned(&f, "agent.turn_detection.grace_ms has no effect without agent.greeting.protected");
    fixture_done(&f);
    load_td(&f, "type: local, grace_ms: 300}, greeting: {protected: true", NULL);
    assert_int_equal(f.cfg->warnings.n, 0);
    assert_int_equal(agent_of(&f)->vad.grace_ms, 300);
    fixture_done(&f);
}

TEST(a_verdict_that_comes_too_late_is_said)
{
    static const struct {
        const char *members;
        const char *key; /* NULL: nothing is said */
    } cases[] = {
        {"verdict_ms: 200", "agent.barge_in.min_speech_ms is longer than agent.barge_in.verdict_ms (200)"},
        {"backchannel_ms: 841", "agent.barge_in.backchannel_ms is longer than twice agent.barge_in.verdict_ms (420)"},
        {"backchannel_ms: 840", NULL},
        {"min_speech_ms: 800, pause: false", NULL},
        {"backchannel_ms: 1001, edge_ms: 0", NULL},
        {"verdict_ms: 200, enabled: false", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;
        char yaml[200];

        snprintf(yaml, sizeof(yaml), "agent: {turn_detection: local, barge_in: {%s}}", cases[i].members);
        fixture_ok(&f, yaml, NULL);
        assert_int_equal(f.cfg->warnings.n, cases[i].key ? 1 : 0);
        if (cases[i].key) {
            assert_warned(&f, cases[i].key);
        }
        fixture_done(&f);
    }
}

/* ringtrip check --print > file gives the same agent again. */
TEST(the_dump_means_the_same_when_it_is_loaded)
{
    static const char *const cases[] = {
        "type: local, start_threshold: 0.6",
        "type: manual",
        "type: server_vad, threshold: 0.4, idle_timeout_ms: 6000",
        "type: semantic_vad",
        "type: semantic_vad, preset: noisy",
        "type: semantic_vad, eagerness: high, interrupt_response: false",
        "type: hybrid, threshold: 0.4, start_threshold: 0.55, chunk_samples: 512",
        "type: hybrid, service: semantic_vad",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f, again;
        struct buf out;

        load_td(&f, cases[i], NULL);
        buf_init(&out, 1 << 20);
        config_dump_masked(f.cfg, &out);
        fixture_ok(&again, buf_cstr(&out), NULL);
        const struct call_turn_opts *a = &agent_of(&f)->turn, *b = &agent_of(&again)->turn;
        for (uint32_t j = 0; j < again.cfg->warnings.n; j++) { /* none about turns */
            assert_true(str_starts(again.cfg->warnings.v[j], STR("transfer_call has nowhere to go")));
        }
        assert_int_equal(a->kind, b->kind);
        assert_float_equal(a->threshold, b->threshold, 1e-9);
        assert_int_equal(a->prefix_padding_ms, b->prefix_padding_ms);
        assert_int_equal(a->silence_duration_ms, b->silence_duration_ms);
        assert_int_equal(a->idle_timeout_ms, b->idle_timeout_ms);
        assert_true(str_eq(a->eagerness, b->eagerness));
        assert_int_equal(a->create_response, b->create_response);
        assert_int_equal(a->interrupt_response, b->interrupt_response);
        assert_int_equal(agent_of(&f)->vad.on, agent_of(&again)->vad.on);
        if (agent_of(&f)->vad.on) {
            assert_same_vad(&agent_of(&f)->vad, &agent_of(&again)->vad);
        }
        assert_same_barge_in(&agent_of(&f)->barge_in, &agent_of(&again)->barge_in);
        assert_same_silence(&agent_of(&f)->silence, &agent_of(&again)->silence);
        fixture_done(&again);
        fixture_done(&f);
        buf_done(&out);
    }
}

TEST_MAIN(T(the_defaults_are_those_of_the_call), T(each_kind_has_its_detectors),
          T(the_environment_names_tune_our_detector_where_it_runs),
          T(under_server_vad_the_environment_names_go_to_the_service), T(the_services_names_tune_our_detector_too),
          T(under_hybrid_each_detector_may_have_its_own), T(the_end_and_the_pause_follow_the_start_unless_given),
          T(an_end_at_or_above_the_start_is_refused_with_both_values), T(the_chunk_chooses_the_branch),
          T(a_preset_fills_what_is_not_given),
          T(under_semantic_vad_milliseconds_become_eagerness_and_tune_interruption),
          T(whoever_insists_leaves_interruption_to_the_service), T(an_agent_that_may_not_be_stopped),
          T(the_services_idle_timeout_takes_the_ladders_place), T(every_setting_reaches_the_call),
          T(the_ladder_may_be_short_or_off), T(settings_of_other_systems_are_taken_or_reported),
          T(what_does_nothing_under_a_kind_is_said), T(a_grace_behind_a_greeting_that_anybody_may_interrupt_is_said),
          T(a_verdict_that_comes_too_late_is_said), T(the_dump_means_the_same_when_it_is_loaded))
