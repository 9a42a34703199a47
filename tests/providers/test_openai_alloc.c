/* The 20 ms path of an OpenAI session takes nothing from the heap: appended and received over real sockets. */
#include "call/model_ops.h"
#include "fakes/alloc_count.h"
#include "fakes/wait.h"
#include "providers/fake_openai.h"
#include "providers/openai/openai.h"
#include "test.h"

#define ROUNDS 100

struct count {
    struct fake_openai f;
    struct model *model;
    uint32_t audio, text;
    bool ready, gone;
};

static void on_event(struct model *model UNUSED, const struct call_event *ev, void *arg)
{
    struct count *c = arg;
    c->ready = c->ready || ev->type == EV_MODEL_READY;
    c->audio += ev->type == EV_MODEL_AUDIO;
    c->text += ev->type == EV_MODEL_TEXT_DELTA;
}

static void on_closed(struct model *model UNUSED, int err UNUSED, void *arg)
{
    ((struct count *)arg)->gone = true;
}

static const struct model_handler counting = {.on_event = on_event, .on_closed = on_closed};

static bool is_ready(void *arg)
{
    return ((struct count *)arg)->ready;
}

static bool is_gone(void *arg)
{
    return ((struct count *)arg)->gone;
}

static bool all_came(void *arg)
{
    struct count *c = arg;
    return c->audio == ROUNDS && c->text == ROUNDS;
}

static void exchange(struct count *c)
{
    static const uint8_t frame[160];
    const struct call_action append = {.type = ACT_MODEL_APPEND,
                                       .model_append = {.audio = span_from(frame, sizeof(frame))}};
    c->audio = c->text = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_ok(model_perform(c->model, &append));
        fake_openai_say(&c->f, "{\"type\":\"response.output_audio.delta\",\"response_id\":\"r1\",\"item_id\":\"a1\","
                               "\"delta\":\"////////////////////////////////////////////////\"}");
        fake_openai_say(&c->f,
                        "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":\"r1\",\"item_id\":"
                        "\"a1\",\"delta\":\" caf\\u00e9\"}");
    }
    wait_until(c->f.loop, all_came, c);
    buf_clear(&c->f.got);
}

TEST(audio_in_and_out_takes_nothing_from_the_heap)
{
    struct count c = {.f = {.on_open = FAKE_CREATED, .on_update = FAKE_UPDATED}};
    struct call_opts call;
    char url[64];
    fake_openai_open(&c.f);
    call_opts_init(&call);
    struct openai_opts o = {.url = str_from(fake_openai_url(&c.f, url, sizeof(url)))};
    assert_ok(openai_open(c.f.loop, &o, &call, &counting, &c, &c.model));
    wait_until(c.f.loop, is_ready, &c);
    exchange(&c);
    exchange(&c);
    alloc_count_restart();
    exchange(&c);
    assert_true(alloc_count_restart() <= 2); /* the waiting itself makes a timer */
    model_close(c.model);
    wait_until(c.f.loop, is_gone, &c);
    fake_openai_done(&c.f);
}

TEST_MAIN(T(audio_in_and_out_takes_nothing_from_the_heap))
