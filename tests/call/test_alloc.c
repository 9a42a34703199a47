/* After set-up the 20 ms path allocates nothing: counted by standing before the C library's allocator. */
#include "test.h"

#include <stdlib.h>

#include "sim.h"

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t m);
void *__libc_realloc(void *p, size_t n);
static uint64_t allocations;

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t m)
{
    allocations++;
    return __libc_calloc(n, m);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

static struct call_opts opts;
static struct call_actions actions;
static struct call *call;
static uint64_t now_us = 1000000;
static uint32_t marks[64];
static uint32_t n_marks;

static void step(const struct call_event *ev)
{
    call_step(call, ev, now_us, &actions);
    for (uint32_t i = 0; i < actions.n; i++) {
        const struct call_action *a = &actions.list[i];
        uint32_t mark = a->type == ACT_LEG_MEDIA ? a->leg_media.mark : a->type == ACT_LEG_MARK ? a->leg_mark.mark : 0;
        if (mark && n_marks < ARRAY_LEN(marks)) {
            marks[n_marks++] = mark;
        }
    }
}

static void frame(uint32_t i)
{
    uint8_t audio[160] = {0};
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = i * 20;
    ev.leg_media.audio = span_from(audio, sizeof(audio));
    now_us += 20000;
    step(&ev);
    /* A mark comes back every 100 ms: in step with what is played. */
    if (i % 5 == 4 && n_marks) {
        ev = (struct call_event){.type = EV_LEG_MARK};
        ev.leg_mark.mark = marks[0];
        memmove(marks, marks + 1, --n_marks * sizeof(marks[0]));
        step(&ev);
    }
}

TEST(media_path_allocates_nothing_after_set_up)
{
    call_opts_init(&opts);
    opts.greeting.kind = GREETING_NONE;
    assert_ok(call_new(&opts, &call));
    call_actions_init(&actions);
    step(&(struct call_event){.type = EV_BEGIN});
    step(&(struct call_event){.type = EV_LEG_START});
    struct call_event ready = {.type = EV_MODEL_READY};
    step(&ready);
    struct call_event created = {.type = EV_MODEL_RESPONSE_CREATED};
    created.model_response.response_id = STR("r1");
    step(&created);
    static uint8_t speech[240000];
    struct call_event audio = {.type = EV_MODEL_AUDIO};
    audio.model_audio.response_id = STR("r1");
    audio.model_audio.item_id = STR("i1");
    audio.model_audio.audio = span_from(speech, sizeof(speech));
    step(&audio);
    uint32_t i = 0;
    for (; i < 500; i++) {
        frame(i); /* buffers find their size */
    }
    uint64_t before = allocations;
    for (; i < 1200; i++) {
        frame(i);
    }
    assert_int_equal(allocations - before, 0);
    struct call_view v;
    call_view(call, &v);
    assert_int_equal(v.playout, PLAYOUT_PLAYING);
    assert_true(v.sent_bytes > (uint64_t)i * 150);
    call_free(call);
    call_actions_done(&actions);
}

TEST_MAIN(T(media_path_allocates_nothing_after_set_up))
