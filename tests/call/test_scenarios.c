/*
 * Runs tests/scenarios/NAME.call: one command a line, see tests/scenarios/README.md. A bug report becomes a file there
 * first. Each file is replayed from its own journal at the end.
 */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "sim.h"

static struct sim s;
static const char *current_file;
static int current_line;
static size_t log_from;  /* expectations look forward from here */
static size_t log_block; /* what '!' looks at */

#define bad(...)                                                                                                       \
    do {                                                                                                               \
        print_error("%s:%d: ", current_file, current_line);                                                            \
        fail_msg(__VA_ARGS__);                                                                                         \
    } while (0)

/* Words, with "quoted texts" as one. */
static uint32_t words(struct str line, struct str out[16])
{
    uint32_t n = 0;
    while (n < 16) {
        line = str_trim(line);
        if (line.n == 0) {
            break;
        }
        if (line.p[0] == '"') {
            line.p++;
            line.n--;
            size_t end = str_find(line, '"');
            out[n++] = (struct str){line.p, end};
            end = MIN(end + 1, line.n);
            line.p += end;
            line.n -= end;
        } else {
            size_t end = str_find(line, ' ');
            out[n++] = (struct str){line.p, end};
            line.p += end;
            line.n -= end;
        }
    }
    return n;
}

static const char *z(struct str w)
{
    static char slots[8][512];
    static unsigned next;
    char *slot = slots[next++ % 8];
    if (str_copy(slot, sizeof(slots[0]), w) < 0) {
        bad("word too long");
    }
    return slot;
}

static uint32_t number(struct str w)
{
    int64_t v = 0;
    if (str_to_i64(w, &v) < 0 || v < 0 || v > 100000000) {
        bad("not a number: " STR_FMT, STR_ARG(w));
    }
    return (uint32_t)v;
}

static bool line_has(struct str line, const struct str *w, uint32_t n)
{
    struct str name = {line.p, str_find(line, ' ')};
    if (!str_eq(name, w[0])) {
        return false;
    }
    for (uint32_t i = 1; i < n; i++) {
        if (str_search(line, w[i]) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool find_line(size_t from, const struct str *w, uint32_t n, size_t *ret_end)
{
    struct str rest = buf_str(&s.log);
    rest.p += from;
    rest.n -= from;
    struct str line;
    while (rest.n && str_split(&rest, '\n', &line)) {
        if (line_has(line, w, n)) {
            *ret_end = (size_t)(line.p + line.n - buf_str(&s.log).p) + 1;
            return true;
        }
        if (!rest.p) {
            break;
        }
    }
    return false;
}

static void expect(const struct str *w, uint32_t n, struct str line)
{
    size_t end;
    if (!find_line(log_from, w, n, &end)) {
        print_error("actions since the last match:\n%s\n", buf_cstr(&s.log) + log_from);
        bad("expected:" STR_FMT, STR_ARG(line));
    }
    log_from = end;
}

static void check_state(const struct str *w, uint32_t n)
{
    struct call_view v;
    call_view(s.call, &v);
    char now[160];
    snprintf(now, sizeof(now), "phase=%s caller=%s response=%s playout=%s", call_phase_name(v.phase),
             caller_state_name(v.caller), response_state_name(v.response), playout_state_name(v.playout));
    for (uint32_t i = 0; i < n; i++) {
        if (str_search(str_from(now), w[i]) == SIZE_MAX) {
            bad("state is %s", now);
        }
    }
}

static void set_turn_kind(struct str word)
{
    for (unsigned k = 0; k < TURN_KIND_N; k++) {
        if (str_is(word, turn_kind_name((enum turn_kind)k))) {
            s.opts.turn.kind = (enum turn_kind)k;
            s.opts.vad.on = k == TURN_LOCAL || k == TURN_HYBRID;
            return;
        }
    }
    bad("unknown kind of turn detection");
}

static void set_option(const struct str *w, uint32_t n)
{
    struct call_opts *o = &s.opts;
    if (str_is(w[1], "greeting") && n == 4 && str_is(w[2], "text")) {
        o->greeting.kind = GREETING_TEXT;
        o->greeting.text = (struct str){str_dup(w[3]), w[3].n};
    } else if (str_is(w[1], "greeting") && n == 3) {
        o->greeting.kind = str_is(w[2], "prompt") ? GREETING_PROMPT : GREETING_NONE;
    } else if (str_is(w[1], "protect")) {
        o->greeting.protect = true;
        s.lossy = true;
    } else if (str_is(w[1], "turn") && n == 3) {
        set_turn_kind(w[2]);
    } else if (str_is(w[1], "barge_in") && n == 3) {
        o->barge_in.on = str_is(w[2], "on");
    } else if (str_is(w[1], "silence_ms") && n == 3) {
        o->silence.on = true;
        o->silence.after_ms = o->silence.again_ms = number(w[2]);
    } else if (str_is(w[1], "max_call_s") && n == 3) {
        o->limits.max_call_s = number(w[2]);
    } else if (str_is(w[1], "lead_ms") && n == 3) {
        o->playout.lead_ms = number(w[2]);
    } else if (str_is(w[1], "tool_ms") && n == 3) {
        o->deadlines.tool_ms = number(w[2]);
    } else if (str_is(w[1], "delay_ms") && n == 3) {
        s.delay_us = (uint64_t)number(w[2]) * 1000;
    } else {
        bad("unknown option");
    }
}

static enum response_status status_of(struct str w)
{
    static const char *const words_of[] = {"completed", "cancelled", "incomplete", "failed"};
    for (unsigned i = 0; i < ARRAY_LEN(words_of); i++) {
        if (str_is(w, words_of[i])) {
            return (enum response_status)i;
        }
    }
    bad("unknown status");
    return RESPONSE_COMPLETED;
}

static bool simple_command(const struct str *w, uint32_t n)
{
    static const struct {
        const char *word;
        enum call_event_type type;
    } simple[] = {{"begin", EV_BEGIN},
                  {"stop", EV_LEG_STOP},
                  {"speech.start", EV_MODEL_SPEECH_STARTED},
                  {"speech.stop", EV_MODEL_SPEECH_STOPPED},
                  {"commit", EV_MODEL_COMMITTED}};
    for (size_t i = 0; i < ARRAY_LEN(simple); i++) {
        if (n == 1 && str_is(w[0], simple[i].word)) {
            sim_simple(&s, simple[i].type);
            return true;
        }
    }
    return false;
}

static bool model_command(const struct str *w, uint32_t n)
{
    struct call_event ev = {0};
    if (str_is(w[0], "ready")) {
        bool interrupts = false;
        bool creates = false;
        for (uint32_t i = 1; i < n; i++) {
            interrupts = interrupts || str_is(w[i], "interrupts");
            creates = creates || str_is(w[i], "creates");
        }
        sim_model_ready(&s, interrupts, creates);
    } else if (str_is(w[0], "model.failed") && n == 3) {
        ev.type = EV_MODEL_FAILED;
        ev.model_failed.code = w[1];
        ev.model_failed.was_ready = str_is(w[2], "ready");
        sim_event(&s, &ev);
    } else if (str_is(w[0], "created") && n == 2) {
        sim_created(&s, z(w[1]));
    } else if (str_is(w[0], "audio") && n == 4) {
        sim_audio(&s, z(w[1]), (uint8_t)number(w[2]), number(w[3]));
    } else if (str_is(w[0], "audio.done") && n == 4) {
        sim_audio_done(&s, z(w[1]), (uint8_t)number(w[2]), z(w[3]));
    } else if (str_is(w[0], "done") && n == 3) {
        sim_response_done(&s, z(w[1]), status_of(w[2]));
    } else if (str_is(w[0], "tool") && n == 4) {
        sim_tool(&s, z(w[1]), z(w[2]), z(w[3]));
    } else if (str_is(w[0], "user-text") && n == 2) {
        ev.type = EV_MODEL_USER_TEXT;
        ev.model_user_text.text = w[1];
        sim_event(&s, &ev);
    } else if (str_is(w[0], "error") && n == 3) {
        ev.type = EV_MODEL_ERROR;
        ev.model_error.code = w[1];
        ev.model_error.request = str_is(w[2], "ours") ? s.in_flight : number(w[2]);
        sim_event(&s, &ev);
    } else {
        return false;
    }
    return true;
}

static bool other_command(const struct str *w, uint32_t n)
{
    struct call_event ev = {0};
    if (str_is(w[0], "leg.start")) {
        sim_leg_start(&s);
    } else if (str_is(w[0], "wait") && n == 2) {
        sim_run(&s, s.now_us + (uint64_t)number(w[1]) * 1000);
    } else if (str_is(w[0], "sound") && n == 2) {
        s.ppm = number(w[1]) * 10000;
    } else if (str_is(w[0], "cue") && n == 2) {
        ev.type = EV_CONTROL_TURN;
        while (ev.control_turn.cue < TURN_CUE_N && !str_is(w[1], turn_cue_name(ev.control_turn.cue))) {
            ev.control_turn.cue++;
        }
        sim_event(&s, &ev);
    } else if (str_is(w[0], "media") && n == 2) {
        s.media = str_is(w[1], "on");
        s.next_media_us = MAX(s.next_media_us, s.now_us);
    } else if (str_is(w[0], "result") && n == 3) {
        ev.type = EV_TOOL_RESULT;
        ev.tool_result.tool_call_id = w[1];
        ev.tool_result.output = w[2];
        sim_event(&s, &ev);
    } else if (str_is(w[0], "text") && n == 2) {
        ev.type = EV_CONTROL_USER_TEXT;
        ev.control_text.text = w[1];
        sim_event(&s, &ev);
    } else if (str_is(w[0], "hangup") && n == 2) {
        ev.type = EV_CONTROL_HANGUP;
        ev.control_hangup.reason = call_reason_parse(z(w[1]));
        sim_event(&s, &ev);
    } else if (str_is(w[0], "closed")) {
        ev.type = EV_LEG_CLOSED;
        sim_event(&s, &ev);
    } else if (str_is(w[0], "heard") && n == 3) {
        uint32_t ms = sim_heard(&s, (uint8_t)number(w[1])) / 8;
        if (ms != number(w[2])) {
            bad("%u ms were heard", ms);
        }
    } else {
        return false;
    }
    return true;
}

static void run_line(struct str line)
{
    struct str w[16];
    line = str_trim(line);
    if (line.n == 0 || line.p[0] == '#') {
        log_block = line.n == 0 ? s.log.len : log_block;
        return;
    }
    uint32_t n = words(line, w);
    if (str_is(w[0], "set")) {
        set_option(w, n);
        return;
    }
    if (!s.call) {
        sim_start(&s);
    }
    if (str_is(w[0], ">")) {
        expect(w + 1, n - 1, line);
    } else if (str_is(w[0], "!")) {
        size_t end;
        if (find_line(log_block, w + 1, n - 1, &end)) {
            bad("must not happen: " STR_FMT, STR_ARG(line));
        }
    } else if (str_is(w[0], "=")) {
        check_state(w + 1, n - 1);
    } else if (!simple_command(w, n) && !model_command(w, n) && !other_command(w, n)) {
        bad("unknown command: " STR_FMT, STR_ARG(line));
    }
    if (s.failure[0]) {
        bad("invariant broken: %s", s.failure);
    }
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fail_msg("cannot open %s", path);
    }
    current_file = path;
    current_line = 0;
    log_from = log_block = 0;
    sim_init(&s);
    s.opts.greeting.kind = GREETING_NONE;
    char line[1024];
    while (fgets(line, sizeof(line), f)) {
        current_line++;
        run_line(str_from(line));
    }
    fclose(f);
    assert_non_null(s.call);
    sim_replay(&s, NULL);
    assert_string_equal(s.failure, "");
    if (s.opts.greeting.kind == GREETING_TEXT) {
        free((void *)(uintptr_t)s.opts.greeting.text.p);
    }
    sim_done(&s);
}

static void run_scenario(void **state)
{
    run_file(*state);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_scenario(const struct dirent *d)
{
    return str_ends(str_from(d->d_name), STR(".call"));
}

int main(int argc, char **argv)
{
    static char paths[128][512];
    static char names[128][128];
    static struct CMUnitTest tests[128];
    struct dirent **list;
    int n = argc == 2 ? scandir(argv[1], &list, is_scenario, by_name) : -1;
    if (n <= 0 || n > 128) {
        fprintf(stderr, "usage: test_scenarios FOLDER\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", argv[1], list[i]->d_name);
        snprintf(names[i], sizeof(names[i]), "%.*s", (int)strlen(list[i]->d_name) - 5, list[i]->d_name);
        tests[i] = (struct CMUnitTest){names[i], run_scenario, NULL, NULL, paths[i]};
        free(list[i]);
    }
    free(list);
    return _cmocka_run_group_tests("scenarios", tests, (size_t)n, NULL, NULL);
}
