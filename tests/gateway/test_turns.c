/* Turns found by our own detector through a whole gateway: real speech, real sockets, the same loop pass. */
#include "gateway/rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "call/journal.h"
#include "gateway/mapped.h"
#include "gateway/replay.h"

#define VOICE      SOURCE_ROOT "/tests/audio/vad/clean_8k_ulaw.wav"
#define VOICE_HEAD 58
#define CHUNK      256

static const struct phone_when agent_stops = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 400};

/* In the midst of it: it lasts 4.7 s. */
static const struct phone_when over_the_greeting = {.kind = PHONE_WHEN_AGENT_SPEAKS, .ms = 1500};

static struct span voice;

static int map_voice(void **state UNUSED)
{
    return mapped_open(VOICE, &voice);
}

static int unmap_voice(void **state UNUSED)
{
    mapped_close(voice);
    return 0;
}

/* Chunks [from, to) of the speaker; which of them are speech stands in clean_8k_ulaw.csv. */
static struct span chunks(size_t from, size_t to)
{
    assert_true(voice.n >= VOICE_HEAD + to * CHUNK);
    return span_from(voice.p + VOICE_HEAD + from * CHUNK, (to - from) * CHUNK);
}

static struct span sentence(void) /* half a second of speech */
{
    return chunks(188, 212);
}

static struct span longer(void) /* 1.7 s */
{
    return chunks(250, 310);
}

/* 56 ms, heard as speech for 192 ms at most, in whichever of eight ways its frames of 20 ms meet chunks of 32 ms. */
static struct span murmur(void)
{
    return span_from(chunks(195, 197).p, 56 * 8);
}

static void open_rig(struct rig *r, const char *turns)
{
    char yaml[512];
    ignore_result(snprintf(yaml, sizeof(yaml), "agent: {turn_detection: {type: local}%s}", turns) < 0);
    rig_open(r, &(struct rig_opts){.extra = yaml});
}

/* A counter of the gateway's metrics; the whole line without the number. */
static uint64_t metric(struct rig *r, const char *name)
{
    struct rig_reply reply = rig_http(r, "GET", "/metrics", NULL, NULL);
    char line[160];
    int64_t n = -1;
    ignore_result(snprintf(line, sizeof(line), "\n%s ", name) < 0);
    struct str text = buf_str(&reply.body);
    size_t at = str_search(text, str_from(line));
    assert_true(at != SIZE_MAX);
    struct str rest = {text.p + at + strlen(line), text.n - at - strlen(line)};
    rest.n = MIN(str_find(rest, '\n'), str_find(rest, '.'));
    assert_ok(str_to_i64(rest, &n));
    buf_done(&reply.body);
    return (uint64_t)n;
}

/* Every answer of the detector is stepped in the pass of the audio that asked: the loop's clock stands still within it,
 * but for a timer that comes due, which sets it to a whole millisecond. */
static void assert_same_pass(const char *journal)
{
    struct journal_reader r;
    struct arena arena;
    struct call_opts opts;
    struct call_event ev;
    struct span file;
    struct str build;
    uint64_t now_us = 0, media_us = 0, digest = 0, answers = 0, same = 0;
    int got;
    arena_init(&arena, 4 << 20);
    assert_ok(mapped_open(journal, &file));
    assert_ok(journal_open(&r, file, &arena, &opts, &build));
    while ((got = journal_next(&r, &ev, &now_us, &digest)) > 0) {
        if (ev.type == EV_LEG_MEDIA) {
            media_us = now_us;
        } else if (ev.type == EV_VAD) {
            assert_true(now_us == media_us || (now_us % 1000 == 0 && now_us - media_us < 20000));
            same += now_us == media_us;
            answers++;
        }
    }
    assert_int_equal(got, 0);
    assert_true(answers > 20 && same > answers / 2);
    mapped_close(file);
    arena_done(&arena);
}

/* The journal gives the same actions again, and so does the detector over the audio. */
static void assert_replays(const char *journal)
{
    struct vad_model *model = NULL;
    struct replay_report report;
    assert_ok(vad_model_builtin(&model));
    assert_ok(replay_run(journal, &(struct replay_opts){.vad = model}, &report));
    vad_model_free(model);
    assert_int_equal(report.first_diff, 0);
    assert_true(report.vad.chunks > 20);
    assert_int_equal(report.vad.unknown, 0);
    assert_true(report.vad.max_diff_ppm <= 100); /* batches of other sizes may round otherwise */
    assert_int_equal(report.vad.start_crossed + report.vad.end_crossed, 0);
}

static struct rig_reply record_of(struct rig *r, const char *id)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", id) < 0);
    struct rig_reply reply = rig_http(r, "GET", path, NULL, NULL);
    assert_int_equal(reply.status, 200);
    return reply;
}

static void assert_turns_tell(struct rig *r, const char *words)
{
    struct rig_reply reply = record_of(r, r->last_call);
    assert_has(rig_json(&reply, "turns"), words);
    buf_done(&reply.body);
}

/* Log lines of one event, one a line. */
struct log_lines {
    const char *event;
    enum log_level level;
    struct buf text;
};

static void on_log(enum log_level level, const struct log_scope *scope UNUSED, const char *event, const char *fields,
                   void *arg)
{
    struct log_lines *l = arg;
    if (strcmp(event, l[0].event) == 0 || strcmp(event, l[1].event) == 0) {
        struct log_lines *to = strcmp(event, l[0].event) == 0 ? &l[0] : &l[1];
        to->level = level;
        buf_printf(&to->text, "%s\n", fields);
    }
}

/* name=digit.digitdigit */
static bool has_level(const struct log_lines *l, const char *name)
{
    size_t at = str_search(buf_str(&l->text), str_from(name));
    struct str rest = {buf_str(&l->text).p + at + strlen(name), 4};
    return at != SIZE_MAX && at + strlen(name) + 4 <= l->text.len && rest.p[1] == '.' && rest.p[0] <= '1' &&
           rest.p[3] >= '0' && rest.p[3] <= '9';
}

/* Silence that ends a turn at the default of 400 ms: half of it must be undoubted, and a chunk may come on top. */
#define SILENCE_LEAST_MS 200
#define SILENCE_MOST_MS  432

static uint32_t number_behind(struct str text, struct str key)
{
    uint32_t n = 0;
    size_t at = SIZE_MAX; /* the last one: turn 0 is the greeting */
    for (size_t from = 0, next; (next = str_search((struct str){text.p + from, text.n - from}, key)) != SIZE_MAX;) {
        at = from + next;
        from = at + key.n;
    }
    for (size_t i = at == SIZE_MAX ? text.n : at + key.n; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
        n = n * 10 + (uint32_t)(text.p[i] - '0');
    }
    return n;
}

TEST(the_log_tells_by_which_figures_a_turn_began_and_ended)
{
    const struct phone_when after_it = {.kind = PHONE_WHEN_AFTER, .ms = 6000};
    struct log_lines l[2] = {{.event = "turn.start"}, {.event = "turn.end"}};
    struct rig r;
    buf_init(&l[0].text, 1 << 16);
    buf_init(&l[1].text, 1 << 16);
    log_set_sink(on_log, l, LOG_DEBUG);
    open_rig(&r, "");
    r.sounds[0] = sentence();
    rig_wait_over(rig_call(&r, &after_it, 1, agent_stops));
    rig_close(&r, false);
    log_set_sink(NULL, NULL, LOG_ERROR);
    for (size_t i = 0; i < ARRAY_LEN(l); i++) {
        assert_int_equal(l[i].level, LOG_DEBUG);
        assert_true(has_level(&l[i], " p="));
        assert_true(has_level(&l[i], " start="));
        assert_true(has_level(&l[i], " end="));
    }
    assert_true(str_starts(buf_str(&l[0].text), STR("speech_ms=")));
    assert_true(str_starts(buf_str(&l[1].text), STR("silence_ms=")));
    assert_in_range(number_behind(buf_str(&l[1].text), STR("silence_ms=")), SILENCE_LEAST_MS, SILENCE_MOST_MS);
    buf_done(&l[0].text);
    buf_done(&l[1].text);
}

TEST(a_turn_that_we_find_is_answered_and_timed)
{
    const struct phone_when after_it = {.kind = PHONE_WHEN_AFTER, .ms = 6000}; /* the greeting and its grace */
    struct rig r;
    open_rig(&r, "");
    r.sounds[0] = sentence();
    struct rig_call *c = rig_call(&r, &after_it, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_int_equal(c->n_turns, 1);
    assert_true(c->turns[0].answered);
    assert_int_equal(r.notes[NOTE_TURN_START], 1);
    assert_int_equal(r.notes[NOTE_TURN_END], 1);
    assert_int_equal(r.notes[NOTE_ILLEGAL], 0);
    assert_same_pass(r.last_journal);
    assert_replays(r.last_journal);
    struct rig_reply reply = record_of(&r, r.last_call);
    assert_has(rig_json(&reply, "turns"), "\"detection_ms\":");
    assert_in_range(number_behind(rig_json(&reply, "turns"), STR("\"end_silence_ms\":")), SILENCE_LEAST_MS,
                    SILENCE_MOST_MS);
    assert_str_is(rig_json(&reply, "line.echo"), "false");
    buf_done(&reply.body);
    assert_true(metric(&r, "ringtrip_vad_chunks_total") > 20);
    assert_true(metric(&r, "ringtrip_vad_batch_chunks_count") > 20);
    assert_int_equal(metric(&r, "ringtrip_vad_overloads_total"), 0);
    assert_int_equal(metric(&r, "ringtrip_turn_detection_seconds_count"), 1);
    assert_int_equal(metric(&r, "ringtrip_end_silence_seconds_count"), 1);
    rig_close(&r, false);
}

TEST(speech_over_the_agent_stops_it_for_good)
{
    struct rig r;
    open_rig(&r, "");
    r.sounds[0] = longer();
    struct rig_call *c = rig_call(&r, &over_the_greeting, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(c->err, 0);
    assert_true(c->clears >= 1);
    assert_int_equal(c->after_clear_bytes, 0);
    assert_true(r.notes[NOTE_PAUSE] >= 1);
    assert_true(r.notes[NOTE_BARGE_IN] >= 1);
    assert_same_pass(r.last_journal);
    assert_replays(r.last_journal);
    assert_turns_tell(&r, "\"interrupted\":true,\"verdict\":\"speech\"");
    assert_true(metric(&r, "ringtrip_barge_in_total{verdict=\"speech\"}") >= 1);
    rig_close(&r, false);
}

TEST(a_murmur_pauses_the_agent_and_it_goes_on)
{
    struct rig r;
    open_rig(&r, "");
    r.sounds[0] = murmur();
    struct rig_call *c = rig_call(&r, &over_the_greeting, 1, (struct phone_when){.kind = PHONE_WHEN_AFTER, .ms = 2500});
    rig_wait_over(c);
    assert_int_equal(r.notes[NOTE_PAUSE], 1);
    assert_int_equal(r.notes[NOTE_RESUME], 1);
    assert_int_equal(r.notes[NOTE_BARGE_IN], 0);
    assert_replays(r.last_journal);
    assert_turns_tell(&r, "\"interrupted\":false,\"verdict\":\"short\",\"pauses\":1,");
    assert_turns_tell(&r, "\"paused_for\":[\"short\"]");
    assert_int_equal(metric(&r, "ringtrip_false_pauses_total"), 1);
    assert_int_equal(metric(&r, "ringtrip_false_pause_seconds_count"), 1);
    assert_int_equal(metric(&r, "ringtrip_barge_in_total{verdict=\"short\"}"), 1);
    assert_int_equal(metric(&r, "ringtrip_barge_in_total{verdict=\"speech\"}"), 0);
    rig_close(&r, false);
}

TEST(without_a_detector_nothing_is_asked_of_it)
{
    struct phone_when when[1] = {{0}};
    struct rig r;
    rig_open(&r, &(struct rig_opts){0}); /* server_vad */
    struct rig_call *c = rig_call(&r, when, 1, agent_stops);
    rig_wait_over(c);
    assert_int_equal(metric(&r, "ringtrip_vad_chunks_total"), 0);
    assert_turns_tell(&r, "\"verdict\":null");
    rig_close(&r, false);
}

TEST(a_silent_caller_is_asked_and_then_let_go)
{
    struct rig r;
    rig_open(&r, &(struct rig_opts){.extra = "agent: {silence: {after_ms: 1000, again_ms: 1000, prompts: [Hello?], "
                                             "goodbye: Bye.}, greeting: {kind: none}}"});
    struct rig_call *c = rig_call(&r, NULL, 0, (struct phone_when){.kind = PHONE_WHEN_NEVER});
    rig_wait_over(c);
    assert_int_equal(r.last_reason, REASON_CALLER_SILENT);
    assert_int_equal(c->hangup, PHONE_SIDE_AGENT);
    assert_int_equal(r.notes[NOTE_SILENCE], 2);
    struct rig_reply reply = record_of(&r, r.last_call);
    assert_str_is(rig_json(&reply, "reason"), "caller-silent");
    assert_str_is(rig_json(&reply, "outcome"), "no_input_timeout");
    assert_str_is(rig_json(&reply, "status"), "completed");
    buf_done(&reply.body);
    assert_int_equal(metric(&r, "ringtrip_silence_prompts_total{rung=\"prompt\"}"), 1);
    assert_int_equal(metric(&r, "ringtrip_silence_prompts_total{rung=\"goodbye\"}"), 1);
    rig_close(&r, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_turn_that_we_find_is_answered_and_timed), T(speech_over_the_agent_stops_it_for_good),
        T(a_murmur_pauses_the_agent_and_it_goes_on),  T(the_log_tells_by_which_figures_a_turn_began_and_ended),
        T(without_a_detector_nothing_is_asked_of_it), T(a_silent_caller_is_asked_and_then_let_go)};
    return cmocka_run_group_tests(tests, map_voice, unmap_voice);
}
