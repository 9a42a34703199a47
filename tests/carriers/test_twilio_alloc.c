/* The 20 ms path of a Twilio leg takes nothing from the heap: received and sent over real sockets. */
#include "call/leg_ops.h"
#include "carriers/twilio_bench.h"
#include "fakes/alloc_count.h"
#include "fakes/wait.h"
#include "test.h"

#define ROUNDS 100

struct count {
    struct bench *b;
    uint32_t media, sent;
    bool gone;
};

static void on_event(struct leg *leg UNUSED, const struct call_event *ev, void *arg)
{
    ((struct count *)arg)->media += ev->type == EV_LEG_MEDIA;
}

static void on_closed(struct leg *leg UNUSED, int err UNUSED, void *arg)
{
    ((struct count *)arg)->gone = true;
}

static const struct leg_handler counting = {.on_event = on_event, .on_closed = on_closed};

/* One round as in a call: caller media in, agent media with a mark and a clear out; the next when it has come. */
static bool next_round(void *arg)
{
    static const uint8_t audio[800];
    static const struct call_action acts[] = {
        {.type = ACT_LEG_MEDIA, .leg_media = {.audio = {audio, sizeof(audio)}, .mark = 1}},
        {.type = ACT_LEG_CLEAR},
    };
    struct count *c = arg;
    if (c->media < c->sent) {
        return false;
    }
    if (c->sent == ROUNDS) {
        return true;
    }
    c->sent++;
    bench_say(c->b, BENCH_MEDIA("155", "/////////////////////////////////////////////////////////////////////////w=="));
    assert_ok(leg_perform(c->b->leg, &acts[0]));
    assert_ok(leg_perform(c->b->leg, &acts[1]));
    return false;
}

static void exchange(struct count *c)
{
    c->media = c->sent = 0;
    wait_until(c->b->loop, next_round, c);
    buf_clear(&c->b->got);
}

TEST(media_in_and_out_takes_nothing_from_the_heap)
{
    struct bench b;
    struct count c = {.b = &b};
    bench_init(&b);
    bench_start(&b);
    bench_leg(&b);
    b.leg->handler = &counting;
    b.leg->arg = &c;
    exchange(&c);
    exchange(&c);
    alloc_count_restart();
    exchange(&c);
    assert_true(alloc_count_restart() <= 2); /* the waiting itself makes a timer */
    bench_done(&b);
    assert_true(c.gone);
}

TEST_MAIN(T(media_in_and_out_takes_nothing_from_the_heap))
