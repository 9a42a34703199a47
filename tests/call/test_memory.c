/*
 * What a call takes, held to a bound: whoever makes it larger changes a figure here, and docs/performance.md with it.
 * Bytes are counted by standing before the C library's allocator, as malloc_usable_size has them.
 */
#include "test.h"

#include <malloc.h>
#include <stdlib.h>

#include "call/state.h"
#include "sim.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static size_t in_use;

static void *took(void *p)
{
    in_use += p ? malloc_usable_size(p) : 0;
    return p;
}

void *malloc(size_t n)
{
    return took(__libc_malloc(n));
}

void *calloc(size_t n, size_t m)
{
    return took(__libc_calloc(n, m));
}

void *realloc(void *p, size_t n)
{
    size_t before = p ? malloc_usable_size(p) : 0;
    void *grown = __libc_realloc(p, n);
    in_use -= grown || n == 0 ? before : 0;
    return took(grown);
}

void free(void *p)
{
    in_use -= p ? malloc_usable_size(p) : 0;
    __libc_free(p);
}

static struct call_opts opts;
static struct call_actions actions;
static struct call *call;
static size_t before;
static uint64_t now_us;
static uint32_t frames;
static uint32_t marks[64];
static uint32_t n_marks;

static void step(const struct call_event *ev)
{
    call_step(call, ev, now_us, &actions);
    assert_false(actions.overflow);
    for (uint32_t i = 0; i < actions.n; i++) {
        const struct call_action *a = &actions.list[i];
        uint32_t mark = a->type == ACT_LEG_MEDIA ? a->leg_media.mark : a->type == ACT_LEG_MARK ? a->leg_mark.mark : 0;
        if (mark && n_marks < ARRAY_LEN(marks)) {
            marks[n_marks++] = mark;
        }
    }
}

/* Caller audio, and each mark back when five frames have passed. */
static void talk(uint32_t ms)
{
    for (uint32_t end = frames + ms / 20; frames < end; frames++) {
        uint8_t audio[160];
        memset(audio, 0xFF, sizeof(audio));
        struct call_event ev = {.type = EV_LEG_MEDIA};
        ev.leg_media.timestamp_ms = frames * 20;
        ev.leg_media.audio = span_from(audio, sizeof(audio));
        now_us += 20000;
        step(&ev);
        if (frames % 5 == 4 && n_marks) {
            ev = (struct call_event){.type = EV_LEG_MARK};
            ev.leg_mark.mark = marks[0];
            memmove(marks, marks + 1, --n_marks * sizeof(marks[0]));
            step(&ev);
        }
    }
}

/* As the gateway begins a call, but for its texts. */
static void begin(void)
{
    now_us = 1000000;
    frames = n_marks = 0;
    opts.renewal.on = true;
    opts.silence.on = opts.dead_air.on = false;
    opts.greeting.kind = GREETING_NONE;
    before = in_use;
    assert_ok(call_new(&opts, &call));
    step(&(struct call_event){.type = EV_BEGIN});
    step(&(struct call_event){.type = EV_LEG_START});
    struct call_event ready = {.type = EV_MODEL_READY};
    ready.model_ready.interrupts = ready.model_ready.creates = true;
    step(&ready);
    talk(5000);
}

static void answer(uint32_t ms)
{
    static uint8_t speech[2400];
    struct call_event created = {.type = EV_MODEL_RESPONSE_CREATED};
    created.model_response.response_id = STR("r1");
    step(&created);
    struct call_event audio = {.type = EV_MODEL_AUDIO};
    audio.model_audio.response_id = STR("r1");
    audio.model_audio.item_id = STR("i1");
    audio.model_audio.audio = span_from(speech, sizeof(speech));
    for (uint32_t done = 0; done < ms; done += (uint32_t)sizeof(speech) / 8) {
        step(&audio);
    }
    struct call_event done = {.type = EV_MODEL_AUDIO_DONE};
    done.model_audio = audio.model_audio;
    done.model_audio.audio = (struct span){0};
    step(&done);
    struct call_event over = {.type = EV_MODEL_RESPONSE_DONE};
    over.model_response.response_id = STR("r1");
    step(&over);
}

static void end(void)
{
    call_free(call);
    assert_int_equal(in_use, before);
}

static void assert_within(size_t most)
{
    if (in_use - before > most) {
        fail_msg("the call takes %zu bytes, more than %zu", in_use - before, most);
    }
}

/* The actions' arena belongs to the worker, not to a call: it is as large as it gets before anything is counted. */
static int warm(void **state UNUSED)
{
    call_actions_init(&actions);
    assert_non_null(arena_raw(&actions.bytes, 60000));
    arena_reset(&actions.bytes);
    return 0;
}

static int done(void **state UNUSED)
{
    call_actions_done(&actions);
    return 0;
}

TEST(the_struct_of_a_call_is_bounded)
{
    assert_true(sizeof(struct call) <= 11000);
    assert_true(sizeof(struct call_opts) <= 1100);
}

TEST(a_call_in_which_nobody_speaks)
{
    call_opts_init(&opts);
    opts.echo_guard = false;
    begin();
    assert_within(27000); /* 10 kB of it the last second of the caller, 5 the recording's window */
    end();
}

TEST(a_call_with_detector_and_echo_guard)
{
    call_opts_init(&opts);
    opts.turn.kind = TURN_LOCAL;
    opts.vad.on = opts.echo_guard = opts.dtmf_in_band = true;
    begin();
    assert_within(29500);
    end();
}

TEST(waiting_audio_costs_little_more_than_its_bytes_and_goes_when_it_was_heard)
{
    call_opts_init(&opts);
    opts.echo_guard = false;
    begin();
    size_t idle = in_use;
    answer(30000);
    assert_true(in_use - idle > 230000); /* the queue is counted at all */
    assert_true(in_use - idle < 240000 * 21 / 20 + 8000);
    talk(32000);
    struct call_view v;
    call_view(call, &v);
    assert_int_equal(v.playout, PLAYOUT_EMPTY);
    if (in_use > idle + 9000) { /* the agent's window of the recording, the item's text, ledger and spares */
        fail_msg("%zu bytes are left of an answer that was heard", in_use - idle);
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(the_struct_of_a_call_is_bounded), T(a_call_in_which_nobody_speaks),
                                       T(a_call_with_detector_and_echo_guard),
                                       T(waiting_audio_costs_little_more_than_its_bytes_and_goes_when_it_was_heard)};
    return cmocka_run_group_tests(tests, warm, done);
}
