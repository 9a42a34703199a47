/* What `ringtrip check` says of an agent's turn-taking. */
#include <stdio.h>

#include "base/err.h"
#include "gateway/bare_config.h"
#include "gateway/checker.h"
#include "gateway/snapshot.h"
#include "test.h"

struct found {
    struct buf lines; /* "pass turn detection: ..." */
};

static void keep(const struct check_finding *finding, void *arg)
{
    struct found *f = arg;
    buf_printf(&f->lines, "%s %s: " STR_FMT "\n", check_level_word(finding->level), finding->subject,
               STR_ARG(finding->text));
    assert_true((finding->level == CHECK_OK) == (finding->remedy.n == 0)); /* what is wrong can be put right */
}

static void assert_said(const char *agent, const char *want)
{
    struct found f;
    struct checker c;
    char yaml[600];
    assert_true((size_t)snprintf(yaml, sizeof(yaml), "agent: {%s}", agent) < sizeof(yaml));
    struct config *cfg = bare_config(yaml);
    buf_init(&f.lines, 1 << 16);
    checker_init(&c, keep, &f);
    check_turns(&c, &cfg->agent);
    checker_done(&c);
    assert_str_is(buf_str(&f.lines), want);
    config_unref(cfg);
    buf_done(&f.lines);
}

#define LADDER                                                                                                         \
    "pass silence: a caller who says nothing is asked 2 times, first after 15 s, then goodbye and hang-up; not on "    \
    "calls that we place\n"
#define TWO_STEPS                                                                                                      \
    "pass interruption: in two steps: a sound pauses the agent at once; 224 ms of speech stop it (480 ms at the "      \
    "edges "                                                                                                           \
    "of its turn), else it goes on after at most 500 ms\n"
#define TAKE_BACK "; local, hybrid, or semantic_vad with a threshold can take a pause back\n"
/* The numbers of these sentences, whatever the defaults of the day are. */
#define NUMBERS                                                                                                        \
    "barge_in: {min_speech_ms: 224, backchannel_ms: 480, verdict_ms: 500}, silence: {after_ms: 15s, prompts: [a, b]}"

TEST(two_steps_where_our_detector_hears)
{
    assert_said(
        "name: a, " NUMBERS ", turn_detection: {type: local, start_threshold: 0.6, min_silence_ms: 350}",
        "pass turn detection: agent a, local: our detector from 0.6, below 0.45 silent, 8 kHz branch, 350 ms of "
        "silence end a turn\n" TWO_STEPS LADDER);
    assert_said(
        "name: a, " NUMBERS ", turn_detection: {type: hybrid, chunk_samples: 512, start_threshold: 0.5, "
        "threshold: 0.4, silence_duration_ms: 300}",
        "pass turn detection: agent a, hybrid: the service at 0.4, 300 ms of silence, and our detector from 0.5, "
        "below 0.35 silent, 16 kHz branch; we ask for each answer\n" TWO_STEPS LADDER);
    assert_said("name: a, " NUMBERS ", turn_detection: {type: manual, start_threshold: 0.5}",
                "pass turn detection: agent a, manual: a button, by the API; for interruptions our detector from "
                "0.5, below 0.35 silent, 8 kHz branch\n" TWO_STEPS LADDER);
    assert_said(
        "name: a, " NUMBERS ", turn_detection: {type: semantic_vad, threshold: 0.7, silence_duration_ms: 700}",
        "pass turn detection: agent a, semantic_vad: the service by meaning, eagerness low; for interruptions our "
        "detector from 0.7, below 0.55 silent, 8 kHz branch\n" TWO_STEPS LADDER);
}

TEST(one_step_and_why)
{
    assert_said("name: a, " NUMBERS ", turn_detection: {type: server_vad, threshold: 0.5, silence_duration_ms: 500}",
                "pass turn detection: agent a, server_vad: the service at 0.5, 500 ms of silence\n"
                "pass interruption: in one step, because under server_vad the service alone decides what is speech and "
                "stops its answer by itself" TAKE_BACK LADDER);
    assert_said(
        "name: a, " NUMBERS ", turn_detection: {type: semantic_vad, interrupt_response: false, "
        "create_response: false}",
        "pass turn detection: agent a, semantic_vad: the service by meaning, eagerness auto; we ask for each "
        "answer\n"
        "pass interruption: in one step, because under semantic_vad the service alone decides what is speech, and "
        "we stop the answer then" TAKE_BACK LADDER);
    assert_said(
        "name: a, silence: {after_ms: 15s, prompts: [a, b]}, barge_in: {pause: false, min_speech_ms: 300}, "
        "turn_detection: {type: local, min_silence_ms: 400, start_threshold: 0.5}",
        "pass turn detection: agent a, local: our detector from 0.5, below 0.35 silent, 8 kHz branch, 400 ms of "
        "silence end a turn\n"
        "pass interruption: in one step, because agent.barge_in.pause is false: the agent speaks on until it has "
        "heard 300 ms of speech\n" LADDER);
}

TEST(what_is_off_is_said)
{
    assert_said("name: a, barge_in: off, silence: off, dead_air: off, echo_guard: off, turn_detection: {type: "
                "server_vad, threshold: 0.5, silence_duration_ms: 500}",
                "pass turn detection: agent a, server_vad: the service at 0.5, 500 ms of silence\n"
                "pass interruption: none: agent.barge_in.enabled is false\n"
                "warn silence: agent.silence is off: a caller who says nothing holds the line until "
                "limits.max_call_s\n"
                "warn silence: agent.dead_air is off: a model that says nothing leaves the caller in silence\n"
                "warn echo: agent.echo_guard is off: through a loudspeaker the agent may interrupt itself\n");
    assert_said("name: a, barge_in: off, turn_detection: {type: server_vad, threshold: 0.5, silence_duration_ms: 500, "
                "idle_timeout_ms: 6500}",
                "pass turn detection: agent a, server_vad: the service at 0.5, 500 ms of silence\n"
                "pass interruption: none: agent.barge_in.enabled is false\n"
                "pass silence: left to the service, which speaks up after 6.5 s (idle_timeout_ms); agent.silence is "
                "off\n");
}

/* From the file to what the core is told at birth. */
TEST(the_call_is_told_what_the_file_says)
{
    struct config *cfg =
        bare_config("agent:\n"
                    "  turn_detection: {type: hybrid, start_threshold: 0.61, threshold: 0.4, min_silence_ms: 333}\n"
                    "  barge_in: {verdict_ms: 601, backoff: 0.15}\n"
                    "  silence: {after_ms: 9s, prompts: [One], goodbye: Bye}\n"
                    "  dead_air: {nudges: 3}\n"
                    "  echo_guard: false\n"
                    "  dtmf_in_band: true\n");
    struct buf errors;
    struct snapshot *s = NULL;
    buf_init(&errors, 1 << 16);
    assert_ok(snapshot_new(cfg, &errors, &s));
    const struct call_opts *o = &s->call;
    assert_int_equal(o->turn.kind, TURN_HYBRID);
    assert_float_equal(o->turn.threshold, 0.4, 1e-9);
    assert_true(o->vad.on);
    assert_int_equal(o->vad.start_ppm, 610000);
    assert_int_equal(o->vad.min_silence_ms, 333);
    assert_int_equal(o->barge_in.verdict_ms, 601);
    assert_int_equal(o->barge_in.backoff_ppm, 150000);
    assert_true(o->silence.on);
    assert_int_equal(o->silence.after_ms, 9000);
    assert_int_equal(o->silence.n_prompts, 1);
    assert_str_is(o->silence.prompts[0], "One");
    assert_str_is(o->silence.goodbye, "Bye");
    assert_int_equal(o->dead_air.nudges, 3);
    assert_false(o->echo_guard);
    assert_true(o->dtmf_in_band);
    snapshot_unref(s);
    buf_done(&errors);
}

TEST(a_kind_that_the_provider_cannot_do_is_refused_by_name)
{
    static const struct {
        const char *members;
        const char *why; /* NULL: it can */
    } cases[] = {
        {"local", NULL},
        {"manual", NULL},
        {"server_vad", NULL},
        {"semantic_vad",
         "agent.turn_detection.type: the provider g cannot do semantic_vad; it can do server_vad, manual, "
         "local"},
        {"{type: hybrid}", "agent.turn_detection.type: the provider g cannot do hybrid; it can do server_vad, manual, "
                           "local"},
        {"{type: server_vad, create_response: false}",
         "agent.turn_detection.create_response: g always answers a turn that it detects"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char yaml[200];
        snprintf(yaml, sizeof(yaml), "providers: {g: {kind: gemini, api_key: k}}\nagent: {turn_detection: %s}",
                 cases[i].members);
        struct buf errors;
        struct snapshot *s = NULL;
        struct config *cfg = bare_config(yaml);
        buf_init(&errors, 1 << 16);
        assert_int_equal(snapshot_new(cfg, &errors, &s), cases[i].why ? -ERR_CONFIG : 0);
        if (cases[i].why) {
            assert_str_is(buf_str(&errors), cases[i].why);
        } else {
            snapshot_unref(s);
        }
        buf_done(&errors);
    }
}

TEST_MAIN(T(a_kind_that_the_provider_cannot_do_is_refused_by_name), T(the_call_is_told_what_the_file_says),
          T(two_steps_where_our_detector_hears), T(one_step_and_why), T(what_is_off_is_said))
