/*
 * The echo guard on simulated calls: bench_echo [calls] [-v] [-sSET] [--silence]. Agent and caller speak with flite in
 * several pitches; echo of -12 to -30 dB, 40 to 400 ms late, clipped or not, mu-law both ways, noise, delays that move
 * between and within runs, rooms; the detector listens behind the guard. First its cost in ns per frame. Prints only.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audio/comfort.h"
#include "audio/echo.h"
#include "audio/vad/vad.h"
#include "echo_line.h"
#include "peer/speech/speech_tts.h"

#define CALL_S     40
#define CALL_N     (CALL_S * LINE_HZ)
#define FRAMES     (CALL_N / LINE_FRAME)
#define CALLS_MAX  1000
#define FRAME_MS   20
#define CHUNK      256 /* of the VAD */
#define CHUNKS     (CALL_N / CHUNK)
#define NEAR_AFTER 15   /* frames behind the caller's voice that may still be open */
#define LEAD       1600 /* samples at the carrier */
#define BURST      800

static const char *const agent_says[] = {
    "Hello, and thank you for calling the clinic. My name is Anna. How can I help you today?",
    "I have found three free slots for you. Tuesday at nine, Wednesday at half past two, and Friday at four. Which one "
    "would suit you best?",
    "Of course. Please tell me your date of birth and the name of your doctor, then I can look up your appointment.",
    "Your order was shipped on Monday and will arrive by the end of this week. Is there anything else I can do for "
    "you?",
    "I am sorry to hear that. Let me check what we can do. It will take a moment, please stay on the line.",
    "All right, I have moved your booking to next Thursday at eleven o'clock. You will get a message with the details.",
};
static const char *const caller_says[] = {
    "No, wait, I need a different day.",
    "Yes, that would be fine for me.",
    "Stop. Can I speak to a person please?",
    "Sorry, could you say that again?",
    "Hang on a second.",
    "Actually, I would like to cancel it.",
};

struct voice {
    struct tts_audio agent[ARRAY_LEN(agent_says)];
    struct tts_audio caller[ARRAY_LEN(caller_says)];
};

static int voices(struct voice *v)
{
    for (size_t i = 0; i < ARRAY_LEN(agent_says); i++) {
        if (tts_say(str_from(agent_says[i]), TTS_KAL_16K, &v->agent[i]) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(caller_says); i++) {
        if (tts_say(str_from(caller_says[i]), TTS_KAL_16K, &v->caller[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Another speaker: faster and higher, or slower and lower; at a level of its loud parts. */
static struct line_speech speak(const struct tts_audio *a, float pitch, float dbfs)
{
    struct line_speech s = {.n = (size_t)((float)a->n / 2 / pitch)};
    s.x = calloc(s.n, sizeof(*s.x));
    double sum = 0;
    size_t loud = 0;
    for (size_t i = 0; i < s.n; i++) {
        float at = (float)i * 2 * pitch;
        size_t k = MIN((size_t)at, a->n - 2);
        float part = at - (float)k;
        s.x[i] = ((float)a->samples[k] * (1 - part) + (float)a->samples[k + 1] * part) / 32768;
        if (fabsf(s.x[i]) > 0.02f) {
            sum += (double)s.x[i] * (double)s.x[i];
            loud++;
        }
    }
    float gain = powf(10, dbfs / 20) / (float)sqrt(sum / (double)MAX(loud, 1u));
    for (size_t i = 0; i < s.n; i++) {
        s.x[i] *= gain;
    }
    return s;
}

/* What one call showed. */
struct result {
    uint32_t echo_frames, leaked_frames, longest_leak_ms, late_leak_ms;
    uint32_t learn_ms; /* of echo heard until found */
    bool found;
    float delay_error_ms, loss_error_db;
    uint32_t near_frames, gated_frames;
    uint32_t onsets;
    uint32_t onset_ms[LINE_TALKS];
    uint32_t closures, gated_ms;
    uint32_t self;      /* starts of speech that the VAD sees where nobody but the agent speaks, behind the guard */
    uint32_t self_bare; /* without it */
    uint32_t vad_ms[LINE_TALKS], vad_alone_ms[LINE_TALKS]; /* from the caller's onset until the VAD is sure */
};

struct plan {
    struct line_opts line;
    float agent_dbfs;
    float near_db; /* of the caller, against what near_to_echo says */
    bool near_to_echo;
    bool near_early; /* talks in the first second already */
    bool talks;
};

static const struct vad_model *model;

/* Probability of speech in each chunk of 32 ms. */
static void hear(const int16_t *x, float *p)
{
    struct vad_state state;
    vad_reset(&state);
    for (size_t k = 0; k < CHUNKS; k++) {
        struct vad_job job = {.state = &state, .pcm = x + k * CHUNK};
        vad_run(model, VAD_8K, &job, 1);
        p[k] = job.probability;
    }
}

/* Starts of speech while the caller is silent, and has been for a while. */
static uint32_t self_starts(const struct line_call *c, const float *p)
{
    uint32_t starts = 0;
    for (size_t k = 1; k < CHUNKS; k++) {
        if (p[k] >= 0.5f && p[k - 1] < 0.5f) {
            size_t first = k * CHUNK - MIN(k * CHUNK, (size_t)LINE_HZ / 2);
            starts += line_dbfs(c->near + first, (k + 1) * CHUNK - first) < -70;
        }
    }
    return starts;
}

/* From sample onset on. */
static uint32_t heard_after(const float *p, size_t onset)
{
    size_t k = onset / CHUNK;
    while (k + 1 < CHUNKS && p[k] < 0.5f) {
        k++;
    }
    return (uint32_t)(((k + 1) * CHUNK - onset) / (LINE_HZ / 1000));
}

static bool near_active(const struct line_call *c, size_t f, float level)
{
    return line_dbfs(c->near + f * LINE_FRAME, LINE_FRAME) > level;
}

static void score(const struct line_call *c, const uint8_t *verdict, const bool *was_found, float near_dbfs,
                  const struct line_talk *caller, size_t caller_n, struct result *r)
{
    uint32_t run = 0;
    for (size_t f = 0; f < FRAMES; f++) {
        float e = line_dbfs(c->echo + f * LINE_FRAME, LINE_FRAME);
        float noise = line_dbfs(c->noise + f * LINE_FRAME, LINE_FRAME);
        bool near = false;
        for (size_t k = f - MIN(f, (size_t)NEAR_AFTER); k <= f; k++) {
            near = near || near_active(c, k, -70);
        }
        bool audible = e > -50 && e > noise + 3;
        if (near || verdict[f] == ECHO_ONLY) {
            run = 0;
        } else if (audible) {
            run += FRAME_MS;
            r->longest_leak_ms = MAX(r->longest_leak_ms, run);
            if (was_found[f]) {
                r->late_leak_ms = MAX(r->late_leak_ms, run);
            }
        }
        if (audible && !near) {
            r->echo_frames++;
            r->leaked_frames += verdict[f] != ECHO_ONLY;
            r->learn_ms += was_found[f] || r->found ? 0 : FRAME_MS;
        }
        r->found = r->found || was_found[f];
        if (near_active(c, f, near_dbfs - 20)) {
            r->near_frames++;
            r->gated_frames += verdict[f] == ECHO_ONLY;
        }
    }
    static float p[CHUNKS], bare[CHUNKS], alone[CHUNKS];
    hear(c->guarded, p);
    hear(c->heard, bare);
    hear(c->alone, alone);
    r->self = self_starts(c, p);
    r->self_bare = self_starts(c, bare);
    for (size_t k = 0; k < caller_n; k++) {
        size_t f = caller[k].at / LINE_FRAME;
        while (f < FRAMES && !near_active(c, f, near_dbfs - 20)) {
            f++;
        }
        size_t onset = f;
        while (f < FRAMES && verdict[f] == ECHO_ONLY) {
            f++;
        }
        r->vad_ms[r->onsets] = heard_after(p, onset * LINE_FRAME);
        r->vad_alone_ms[r->onsets] = heard_after(alone, onset * LINE_FRAME);
        r->onset_ms[r->onsets++] = (uint32_t)(f - onset) * FRAME_MS;
    }
}

static double energy(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

/* Runs the guard as the call does: bursts ahead of time, frames as they come, what is gated filled from the line. */
static enum { HIDE_NOISE, HIDE_SILENCE } hide;
static struct echo_stats guard(const struct line_call *c, const struct line_talk *agent, size_t agent_n,
                               uint8_t *verdict, bool *was_found)
{
    static struct echo_guard e;
    struct comfort comfort;
    int16_t room[COMFORT_ROOM_MAX];
    struct echo_stats stats = {0};
    echo_init(&e, LINE_HZ);
    comfort_init(&comfort, LINE_HZ, room);
    size_t run = 0, sent = 0, end = 0;
    for (size_t f = 0; f < FRAMES; f++) {
        size_t now = f * LINE_FRAME;
        if (run < agent_n && agent[run].at <= now) {
            sent = agent[run].at;
            end = agent[run].at + agent[run].speech.n;
            run++;
        }
        while (sent < end && sent < now + LEAD) {
            size_t n = MIN((size_t)BURST, end - sent);
            echo_sent(&e, sent, c->sent + sent, n);
            sent += n;
        }
        verdict[f] = (uint8_t)echo_judge(&e, now, c->heard + now, LINE_FRAME);
        memcpy(c->guarded + now, c->heard + now, LINE_FRAME * sizeof(int16_t));
        if (verdict[f] == ECHO_ONLY && hide == HIDE_NOISE) {
            comfort_rest(&comfort, c->guarded + now, LINE_FRAME);
        } else if (verdict[f] == ECHO_ONLY) {
            memset(c->guarded + now, 0, LINE_FRAME * sizeof(int16_t));
        } else {
            comfort_hear(&comfort, c->guarded + now, LINE_FRAME);
        }
        echo_stats(&e, &stats);
        was_found[f] = stats.found;
    }
    return stats;
}

static void run_call(const struct voice *v, const struct plan *p, struct result *r, bool verbose)
{
    uint32_t seed = p->line.seed;
    struct line_talk agent[LINE_RUNS], caller[LINE_TALKS];
    size_t agent_n = 0, caller_n = 0;
    float pitch = 0.85f + 0.4f * line_random(&seed);
    float other = 0.85f + 0.4f * line_random(&seed);
    float near_dbfs = p->agent_dbfs + p->near_db - (p->near_to_echo ? p->line.loss_db : 0);
    for (size_t at = 4000 + (size_t)(line_random(&seed) * 4000); agent_n < LINE_RUNS && at + 3 * LINE_HZ < CALL_N;) {
        size_t which = (size_t)(line_random(&seed) * (float)ARRAY_LEN(agent_says));
        struct line_speech s = speak(&v->agent[which], pitch, p->agent_dbfs);
        agent[agent_n++] = (struct line_talk){at, s};
        if (p->talks && (agent_n > 1 || p->near_early)) {
            which = (size_t)(line_random(&seed) * (float)ARRAY_LEN(caller_says));
            size_t when = at + (agent_n == 1 ? 2000 : (size_t)(0.5f * line_random(&seed) * (float)s.n));
            caller[caller_n++] = (struct line_talk){when, speak(&v->caller[which], other, near_dbfs)};
        }
        at += s.n + 4000 + (size_t)(line_random(&seed) * 16000);
    }
    struct line_call c;
    static uint8_t verdict[FRAMES];
    static bool was_found[FRAMES];
    *r = (struct result){0};
    if (line_render(&p->line, agent, agent_n, caller, caller_n, CALL_N, &c) < 0) {
        abort();
    }
    struct echo_stats st = guard(&c, agent, agent_n, verdict, was_found);
    score(&c, verdict, was_found, near_dbfs, caller, caller_n, r);
    double sent = 0;
    for (size_t i = 0; i < CALL_N; i++) {
        sent += (double)c.sent[i] * c.sent[i] / (32768.0 * 32768.0);
    }
    float loss = (float)(10 * log10(sent / MAX(energy(c.echo, CALL_N), 1e-12)));
    size_t last = agent[agent_n - 1].at / LINE_FRAME + 50;
    r->found = st.found;
    r->delay_error_ms = st.found ? (float)st.delay_ms - (float)c.delay[MIN(last, (size_t)FRAMES - 1)] / 8 : 0;
    r->loss_error_db = st.found ? (float)st.loss_cb / 10 - loss : 0;
    r->closures = st.closures;
    r->gated_ms = st.gated_ms;
    if (verbose) {
        printf("%3u self %u loss %4.1f (%4.1f) delay %3u clip %.2f%s noise %3.0f agent %3.0f%s%s shift %u: %s learn "
               "%4u leak "
               "%u/%u "
               "longest %u late %u derr %.0f lerr %.1f near %u gated %u onset %u closures %u gated %u ms\n",
               p->line.seed, r->self, (double)p->line.loss_db, (double)loss, p->line.delay_ms, (double)p->line.clip,
               p->line.soft_clip ? "s" : "h", (double)p->line.noise_dbfs, (double)p->agent_dbfs,
               p->line.room ? " room" : "", p->line.wander ? " wander" : "", p->line.shift_ms, st.found ? "found" : "-",
               r->learn_ms, r->leaked_frames, r->echo_frames, r->longest_leak_ms, r->late_leak_ms,
               (double)r->delay_error_ms, (double)r->loss_error_db, r->near_frames, r->gated_frames,
               r->onsets ? r->onset_ms[0] : 0, r->closures, r->gated_ms);
    }
    line_done(&c);
    for (size_t i = 0; i < agent_n; i++) {
        free(agent[i].speech.x);
    }
    for (size_t i = 0; i < caller_n; i++) {
        free(caller[i].speech.x);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(uint32_t *v, size_t n, uint32_t percent)
{
    qsort(v, n, sizeof(*v), by_value);
    return n ? v[MIN(n * percent / 100, n - 1)] : 0;
}

static void run_calls(const struct voice *v, const char *name, const struct plan *base, uint32_t calls, bool verbose)
{
    static uint32_t onset[CALLS_MAX * LINE_TALKS], vad[CALLS_MAX * LINE_TALKS], vad_alone[CALLS_MAX * LINE_TALKS],
        learn[CALLS_MAX], leak[CALLS_MAX], late[CALLS_MAX];
    size_t onset_n = 0, found = 0, over = 0;
    uint64_t self = 0, self_calls = 0, self_bare = 0, heard = 0, missed = 0, echo = 0, leaked = 0, near = 0, gated = 0,
             closures = 0, gated_ms = 0, derr = 0, lerr = 0;
    uint32_t seed = 12345;
    for (uint32_t i = 0; i < calls; i++) {
        struct plan p = *base;
        struct result r;
        p.line.seed = i + 1;
        p.line.loss_db = 12 + 18 * line_random(&seed);
        p.line.delay_ms = 40 + (uint32_t)(360 * line_random(&seed));
        p.line.clip = line_random(&seed) < 0.5f ? 1 : 0.1f + 0.4f * line_random(&seed);
        p.line.soft_clip = line_random(&seed) < 0.5f;
        p.line.noise_dbfs = -60 + 15 * line_random(&seed);
        p.line.room = line_random(&seed) < 0.25f;
        p.line.shift_ms = line_random(&seed) < 0.5f ? 20 : 60;
        p.line.wander = line_random(&seed) < 0.3f;
        p.line.hum = i % 3 == 2;
        p.agent_dbfs = -15 - 12 * line_random(&seed);
        if (p.near_to_echo && p.agent_dbfs - p.line.loss_db + p.near_db < -48) {
            leak[i] = late[i] = learn[i] = 0;
            continue; /* nobody would hear that */
        }
        run_call(v, &p, &r, verbose);
        echo += r.echo_frames;
        leaked += r.leaked_frames;
        near += r.near_frames;
        gated += r.gated_frames;
        self += r.self;
        self_calls += r.self > 0;
        self_bare += r.self_bare;
        closures += r.closures;
        gated_ms += r.gated_ms;
        found += r.found;
        heard += r.echo_frames >= 100;
        missed += r.echo_frames >= 100 && !r.found;
        derr += r.echo_frames >= 100 && r.found && fabsf(r.delay_error_ms) > 10;
        lerr += r.echo_frames >= 100 && r.found && fabsf(r.loss_error_db) > 3;
        leak[i] = r.longest_leak_ms;
        late[i] = r.late_leak_ms;
        over += r.longest_leak_ms > 60;
        learn[i] = r.learn_ms;
        for (size_t k = 0; k < r.onsets; k++) {
            vad[onset_n] = r.vad_ms[k];
            vad_alone[onset_n] = r.vad_alone_ms[k];
            onset[onset_n++] = r.onset_ms[k];
        }
    }
    printf("%-25s found %zu, of %" PRIu64 " with loud echo all but %" PRIu64 "; delay off in %" PRIu64
           ", loss in %" PRIu64
           "; learn p50 %u p95 %u ms; leaked %.2f %%, longest p95 %u max %u ms (learned: %u, %u), > 60 ms in %zu calls",
           name, found, heard, missed, derr, lerr, percentile(learn, calls, 50), percentile(learn, calls, 95),
           echo ? 100.0 * (double)leaked / (double)echo : 0, percentile(leak, calls, 95), percentile(leak, calls, 100),
           percentile(late, calls, 95), percentile(late, calls, 100), over);
    printf("; VAD starts %" PRIu64 " in %" PRIu64 " calls (bare %" PRIu64 ")", self, self_calls, self_bare);
    if (near) {
        printf("; VAD hears after p50 %u p95 %u max %u ms (without echo %u %u %u)", percentile(vad, onset_n, 50),
               percentile(vad, onset_n, 95), percentile(vad, onset_n, 100), percentile(vad_alone, onset_n, 50),
               percentile(vad_alone, onset_n, 95), percentile(vad_alone, onset_n, 100));
        printf("; near gated %.2f %%, onset p50 %u p95 %u max %u ms", 100.0 * (double)gated / (double)near,
               percentile(onset, onset_n, 50), percentile(onset, onset_n, 95), percentile(onset, onset_n, 100));
    }
    printf("; closures %.1f, %.1f s a call\n", (double)closures / calls, (double)gated_ms / calls / 1000);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * Nanoseconds of CPU for a frame of 20 ms, echo_sent and echo_judge together: the best of 200 rounds of 200 frames,
 * with agent audio all the time or never, and an echo of it or none.
 */
static double cost(bool outstanding, float gain, size_t delay)
{
    enum { N = LINE_HZ * 2 };
    static struct echo_guard e;
    static int16_t x[2 * N], y[2 * N];
    uint32_t seed = 5;
    for (size_t i = 0; i < N; i++) {
        x[i] = x[i + N] = (int16_t)((line_random(&seed) - 0.5f) * 8000 * (1 + sinf((float)i * 0.004f)));
    }
    for (size_t i = 0; i < N; i++) {
        y[i] = y[i + N] = (int16_t)((float)x[(i + N - delay) % N] * gain);
    }
    uint64_t best = UINT64_MAX;
    echo_init(&e, LINE_HZ);
    for (uint64_t at = 0, round = 0; round < 200; round++) {
        uint64_t start = now_ns();
        for (int f = 0; f < 200; f++, at += LINE_FRAME) {
            if (outstanding && f % 5 == 0) {
                echo_sent(&e, at, x + at % N, 5 * LINE_FRAME);
            }
            echo_judge(&e, at, y + at % N, LINE_FRAME);
        }
        best = MIN(best, now_ns() - start);
    }
    return (double)best / 200;
}

int main(int argc, char **argv)
{
    int64_t calls = 100;
    int64_t only = -1;
    bool verbose = false;
    for (int i = 1; i < argc; i++) {
        struct str arg = str_from(argv[i]);
        if (str_is(arg, "-v")) {
            verbose = true;
        } else if (str_is(arg, "--silence")) {
            hide = HIDE_SILENCE;
        } else if (arg.n > 2 && memcmp(arg.p, "-s", 2) == 0 && str_to_i64(str_from(argv[i] + 2), &only) == 0) {
            continue;
        } else if (str_to_i64(arg, &calls) < 0 || calls < 1 || calls > CALLS_MAX) {
            fprintf(stderr, "usage: bench_echo [calls] [-v] [-sSET] [--silence]\n");
            return 2;
        }
    }
    printf("struct echo_guard: %zu bytes\n", sizeof(struct echo_guard));
    printf("cost: %.0f ns a frame with echo, %.0f without echo, %.0f without agent audio\n", cost(true, 0.1f, 1200),
           cost(true, 0.0f, 0), cost(false, 0.1f, 1200));
    struct vad_model *weights;
    if (vad_model_builtin(&weights) < 0) {
        return 1;
    }
    model = weights;
    static struct voice v;
    if (voices(&v) < 0) {
        printf("no speech: built without flite\n");
        return 0;
    }
    static const struct {
        const char *name;
        struct plan plan;
    } sets[] = {
        {"agent only", {.line = {.has_echo = true}}},
        {"near = agent", {.line = {.has_echo = true}, .talks = true}},
        {"near = agent - 6 dB", {.line = {.has_echo = true}, .talks = true, .near_db = -6}},
        {"near = agent + 6 dB", {.line = {.has_echo = true}, .talks = true, .near_db = 6}},
        {"near = echo", {.line = {.has_echo = true}, .talks = true, .near_to_echo = true}},
        {"near = echo - 6 dB", {.line = {.has_echo = true}, .talks = true, .near_to_echo = true, .near_db = -6}},
        {"near = echo + 6 dB", {.line = {.has_echo = true}, .talks = true, .near_to_echo = true, .near_db = 6}},
        {"no echo, near = agent", {.talks = true}},
        {"no echo, near = agent - 12", {.talks = true, .near_db = -12}},
        {"no echo, near - 12 early", {.talks = true, .near_db = -12, .near_early = true}},
    };
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        if (only < 0 || (size_t)only == i) {
            run_calls(&v, sets[i].name, &sets[i].plan, (uint32_t)calls, verbose);
        }
    }
    return 0;
}
