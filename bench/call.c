/*
 * CPU of the pure core alone: many calls on a virtual clock, continuous audio both ways, deltas of 100 ms in bursts,
 * marks, a transcript delta per audio delta, a barge-in every 10 s, with and without the journal. Prints CPU per
 * call-second. Method: process CPU time around the loop, events made beforehand; best of three rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "call/call.h"
#include "call/journal.h"

#define CALLS   100
#define SECONDS 30

struct one {
    struct call *call;
    struct journal_writer writer;
    struct buf journal;
    uint32_t marks[128];
    uint32_t n_marks;
    uint32_t response;
};

static struct call_opts opts;
static struct call_actions actions;
static bool with_journal;
static uint64_t sent_bytes;

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void step(struct one *o, const struct call_event *ev, uint64_t now_us)
{
    call_step(o->call, ev, now_us, &actions);
    if (with_journal) {
        journal_put(&o->writer, &o->journal, ev, now_us, &actions);
        if (o->journal.len > 8192) {
            buf_clear(&o->journal);
        }
    }
    for (uint32_t i = 0; i < actions.n; i++) {
        const struct call_action *a = &actions.list[i];
        if (a->type == ACT_LEG_MEDIA || a->type == ACT_LEG_MARK) {
            uint32_t mark = a->type == ACT_LEG_MEDIA ? a->leg_media.mark : a->leg_mark.mark;
            if (o->n_marks < ARRAY_LEN(o->marks)) {
                o->marks[o->n_marks++] = mark;
            }
            sent_bytes += a->type == ACT_LEG_MEDIA ? a->leg_media.audio.n : 0;
        } else if (a->type == ACT_LEG_CLEAR) {
            o->n_marks = 0;
        }
    }
}

static void begin_response(struct one *o, uint64_t now_us)
{
    static char id[16];
    snprintf(id, sizeof(id), "resp_%u", ++o->response);
    struct call_event ev = {.type = EV_MODEL_RESPONSE_CREATED};
    ev.model_response.response_id = str_from(id);
    step(o, &ev, now_us);
}

static void one_frame(struct one *o, uint32_t frame, uint64_t now_us)
{
    static uint8_t audio[800];
    struct call_event ev = {.type = EV_LEG_MEDIA};
    ev.leg_media.timestamp_ms = frame * 20;
    ev.leg_media.audio = span_from(audio, 160);
    step(o, &ev, now_us);
    char id[16];
    char item[16];
    snprintf(id, sizeof(id), "resp_%u", o->response);
    snprintf(item, sizeof(item), "item_%u", o->response);
    if (frame % 20 < 4) { /* four deltas of 100 ms, then a pause: real time on average */
        ev = (struct call_event){.type = EV_MODEL_AUDIO};
        ev.model_audio.response_id = str_from(id);
        ev.model_audio.item_id = str_from(item);
        ev.model_audio.audio = span_from(audio, sizeof(audio));
        step(o, &ev, now_us);
        ev = (struct call_event){.type = EV_MODEL_TEXT_DELTA};
        ev.model_text.response_id = str_from(id);
        ev.model_text.item_id = str_from(item);
        ev.model_text.text = STR(" word");
        step(o, &ev, now_us);
    }
    if (frame % 5 == 4 && o->n_marks) {
        ev = (struct call_event){.type = EV_LEG_MARK};
        ev.leg_mark.mark = o->marks[0];
        memmove(o->marks, o->marks + 1, --o->n_marks * sizeof(o->marks[0]));
        step(o, &ev, now_us);
    }
    if (frame % 500 == 499) {
        step(o, &(struct call_event){.type = EV_MODEL_SPEECH_STARTED}, now_us);
        ev = (struct call_event){.type = EV_MODEL_RESPONSE_DONE};
        ev.model_done.response_id = str_from(id);
        ev.model_done.status = RESPONSE_CANCELLED;
        step(o, &ev, now_us);
        step(o, &(struct call_event){.type = EV_MODEL_SPEECH_STOPPED}, now_us);
        step(o, &(struct call_event){.type = EV_MODEL_COMMITTED}, now_us);
        begin_response(o, now_us);
    }
}

static double round_us(void)
{
    static struct one all[CALLS];
    for (int i = 0; i < CALLS; i++) {
        struct one *o = &all[i];
        memset(o, 0, sizeof(*o));
        buf_init(&o->journal, (size_t)1 << 20);
        if (call_new(&opts, &o->call) < 0) {
            abort();
        }
        journal_begin(&o->writer, &o->journal, &opts, 1000000);
        step(o, &(struct call_event){.type = EV_BEGIN}, 1000000);
        step(o, &(struct call_event){.type = EV_LEG_START}, 1000000);
        struct call_event ready = {.type = EV_MODEL_READY};
        ready.model_ready.interrupts = ready.model_ready.creates = true;
        step(o, &ready, 1000000);
        begin_response(o, 1000000);
    }
    double from = cpu_ms();
    for (uint32_t frame = 0; frame < SECONDS * 50; frame++) {
        for (int i = 0; i < CALLS; i++) {
            one_frame(&all[i], frame, 1000000 + (uint64_t)(frame + 1) * 20000);
        }
    }
    double ms = cpu_ms() - from;
    for (int i = 0; i < CALLS; i++) {
        call_free(all[i].call);
        buf_done(&all[i].journal);
    }
    return ms * 1000 / (CALLS * SECONDS);
}

int main(void)
{
    call_opts_init(&opts);
    opts.greeting.kind = GREETING_NONE;
    opts.limits.max_call_s = 0;
    call_actions_init(&actions);
    for (int journal = 0; journal < 2; journal++) {
        with_journal = journal;
        double best = 1e9;
        for (int i = 0; i < 3; i++) {
            double us = round_us();
            best = us < best ? us : best;
        }
        printf("core%s: %.1f us of CPU per call-second\n", journal ? " and journal" : "", best);
    }
    printf("(%d calls, %d s each, %llu bytes of agent audio sent in all)\n", CALLS, SECONDS,
           (unsigned long long)sent_bytes);
    call_actions_done(&actions);
    return 0;
}
