/* The judgement over a report: each expectation by itself, with what was wanted and what came. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "peer/phone/phone_playout.h"
#include "peer/phone/phone_report.h"

void phone_expect_init(struct phone_expect *e)
{
    *e = (struct phone_expect){.gap_ms = PHONE_EXPECT_NONE,
                               .stop_ms = PHONE_EXPECT_NONE,
                               .overlap_ms = PHONE_EXPECT_NONE,
                               .agent_speech_ms = PHONE_EXPECT_NONE,
                               .turns = PHONE_EXPECT_NONE,
                               .no_warnings = true};
}

struct verdicts {
    struct phone_verdict *list;
    size_t n;
};

static void PRINTF_LIKE(4, 5) verdict(struct verdicts *v, bool held, struct phone_verdict verdict, const char *fmt, ...)
{
    verdict.held = held;
    va_list args;
    va_start(args, fmt);
    ignore_result(vsnprintf(verdict.text, sizeof(verdict.text), fmt, args) < 0); /* a cut sentence is still one */
    va_end(args);
    v->list[v->n++] = verdict;
}

static void check_gap(struct verdicts *v, int32_t want, const struct phone_turns *t)
{
    int32_t worst = 0;
    size_t unanswered = 0;
    for (size_t i = 0; i < t->n_turns; i++) {
        unanswered += !t->turns[i].answered;
        worst = t->turns[i].answered ? MAX(worst, t->turns[i].gap_ms) : worst;
    }
    bool held = t->n_turns > 0 && unanswered == 0 && worst <= want;
    verdict(v, held, (struct phone_verdict){"gap-ms", want, worst, false, ""},
            t->n_turns == 0  ? "the caller said nothing"
            : unanswered > 0 ? "%d of %zu turns were not answered"
                             : "the longest response gap was %d ms",
            unanswered > 0 ? (int)unanswered : (int)worst, t->n_turns);
}

static void check_stop(struct verdicts *v, int32_t want, const struct phone_turns *t)
{
    int32_t worst = -1;
    for (size_t i = 0; i < t->n_turns; i++) {
        worst = t->turns[i].barge_in ? MAX(worst, t->turns[i].stop_ms) : worst;
    }
    if (worst < 0) {
        verdict(v, false, (struct phone_verdict){"stop-ms", want, worst, false, ""},
                "the caller never spoke over the agent");
        return;
    }
    verdict(v, worst <= want, (struct phone_verdict){"stop-ms", want, worst, false, ""},
            "the agent was heard for %d ms after the caller began to speak", (int)worst);
}

static void check_numbers(struct verdicts *v, const struct phone_expect *e, const struct phone_report *r)
{
    if (e->overlap_ms >= 0) {
        int64_t got = (int64_t)r->turns.overlap_frames * PHONE_FRAME_MS;
        verdict(v, got <= e->overlap_ms, (struct phone_verdict){"overlap-ms", e->overlap_ms, got, false, ""},
                "both spoke at once for %d ms", (int)got);
    }
    if (e->agent_speech_ms >= 0) {
        int64_t got = phone_turns_agent_ms(&r->turns);
        verdict(v, got >= e->agent_speech_ms,
                (struct phone_verdict){"agent-speech-ms", e->agent_speech_ms, got, false, ""},
                "the agent spoke for %d ms only", (int)got);
    }
    if (e->turns >= 0) {
        int64_t got = 0;
        for (size_t i = 0; i < r->turns.n_turns; i++) {
            got += r->turns.turns[i].answered;
        }
        verdict(v, got >= e->turns, (struct phone_verdict){"turns", e->turns, got, false, ""}, "%d turns were answered",
                (int)got);
    }
}

size_t phone_expect_check(const struct phone_expect *e, const struct phone_report *r,
                          struct phone_verdict ret[PHONE_VERDICTS_MAX])
{
    struct verdicts v = {ret, 0};
    if (e->gap_ms >= 0) {
        check_gap(&v, e->gap_ms, &r->turns);
    }
    if (e->stop_ms >= 0) {
        check_stop(&v, e->stop_ms, &r->turns);
    }
    check_numbers(&v, e, r);
    if (e->hangup != PHONE_SIDE_NONE) {
        verdict(&v, r->hangup == e->hangup, (struct phone_verdict){"hangup", e->hangup, r->hangup, false, ""},
                "ended by %s: %s", phone_side_name(r->hangup), r->reason);
    }
    if (e->no_late) {
        int64_t got = (int64_t)r->sent_late_frames + r->underruns;
        verdict(&v, got == 0, (struct phone_verdict){"no-late", 0, got, false, ""},
                "%llu frames left late, %u underruns", (unsigned long long)r->sent_late_frames, r->underruns);
    }
    if (e->no_after_clear) {
        verdict(&v, r->after_clear_bytes == 0,
                (struct phone_verdict){"no-after-clear", 0, (int64_t)r->after_clear_bytes, false, ""},
                "%llu bytes of audio came after a clear", (unsigned long long)r->after_clear_bytes);
    }
    if (e->no_warnings) {
        verdict(&v, r->warnings_total == 0, (struct phone_verdict){"no-warnings", 0, r->warnings_total, false, ""},
                "%u warnings, the first is %u", r->warnings_total, r->n_warnings ? r->warnings[0].code : 0);
    }
    return v.n;
}
