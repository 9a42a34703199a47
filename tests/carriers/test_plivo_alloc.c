/* The 20 ms path of a Plivo leg takes nothing from the heap: received and sent over real sockets. */
#include "carriers/plivo_bench.h"
#include "fakes/alloc_count.h"
#include "fakes/wait.h"
#include "test.h"

#define ROUNDS 50

struct count {
    struct plivo_bench *b;
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

/* One round as in a call: a clear and its answer, caller media in, agent media with a mark out; the next when it has
 * come. */
static bool next_round(void *arg)
{
    struct count *c = arg;
    if (c->media < c->sent) {
        return false;
    }
    if (c->sent == ROUNDS) {
        return true;
    }
    c->sent++;
    plivo_clear(c->b);
    plivo_play(c->b, 1, 800, 1);
    plivo_say(c->b, "{\"event\":\"clearedAudio\",\"streamId\":\"" SID "\"}");
    plivo_say(c->b, MEDIA("1705312200000", FRAME));
    plivo_play(c->b, 2, 800, 2);
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
    struct plivo_bench b;
    struct count c = {.b = &b};
    plivo_open_leg(&b);
    b.leg->handler = &counting;
    b.leg->arg = &c;
    exchange(&c);
    exchange(&c);
    alloc_count_restart();
    exchange(&c);
    assert_true(alloc_count_restart() <= 2); /* the waiting itself makes a timer */
    plivo_close_bench(&b);
    assert_true(c.gone);
}

TEST_MAIN(T(media_in_and_out_takes_nothing_from_the_heap))
