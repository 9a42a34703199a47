#include "demo_screen.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "obs/log_writer.h"

#define QUEUE_BYTES ((size_t)1 << 20)
#define HELD_BYTES  ((size_t)64 << 10)

struct screen {
    struct log_writer *out;
    bool colour, speaks;
    struct buf row, held;
};

static const char *const tones[TONE_N] = {
    [TONE_PLAIN] = "",         [TONE_DIM] = "\033[2m",   [TONE_BOLD] = "\033[1m", [TONE_CALLER] = "\033[32m",
    [TONE_AGENT] = "\033[36m", [TONE_TOOL] = "\033[33m", [TONE_BAD] = "\033[31m",
};

int screen_new(bool colour, struct screen **ret)
{
    struct screen *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->colour = colour;
    buf_init(&s->row, HELD_BYTES);
    buf_init(&s->held, HELD_BYTES);
    int err = log_writer_new(STDOUT_FILENO, false, QUEUE_BYTES, &s->out);
    if (err < 0) {
        free(s);
        return err;
    }
    *ret = s;
    return 0;
}

struct screen *screen_free(struct screen *s)
{
    if (s) {
        log_writer_free(s->out);
        buf_done(&s->row);
        buf_done(&s->held);
        free(s);
    }
    return NULL;
}

const char *screen_begin(const struct screen *s, enum screen_tone tone)
{
    return s->colour ? tones[tone] : "";
}

const char *screen_end(const struct screen *s)
{
    return s->colour ? "\033[0m" : "";
}

static void show(struct screen *s, struct buf *text)
{
    if (text->len > 0) {
        ignore_result(log_writer_put(s->out, buf_str(text))); /* nobody reads */
    }
    buf_clear(text);
}

static void put_row(const struct screen *s, struct buf *out, int32_t at_ms, enum screen_tone tone, const char *who,
                    struct str text)
{
    buf_printf(out, "%7.2f s  %s%-7s " STR_FMT "%s\n", (double)MAX(at_ms, 0) / 1000.0, screen_begin(s, tone), who,
               STR_ARG(text), screen_end(s));
}

void screen_row(struct screen *s, int32_t at_ms, enum screen_tone tone, const char *who, struct str text)
{
    if (tone != TONE_AGENT) {
        show(s, &s->held);
    }
    put_row(s, &s->row, at_ms, tone, who, text);
    show(s, &s->row);
    show(s, &s->held);
}

void screen_agent_speaks(struct screen *s, bool speaks)
{
    s->speaks = speaks;
}

void screen_row_meanwhile(struct screen *s, int32_t at_ms, enum screen_tone tone, const char *who, struct str text)
{
    bool wait = s->speaks || s->held.len > 0;
    put_row(s, wait ? &s->held : &s->row, at_ms, tone, who, text);
    show(s, &s->row);
}

void screen_text(struct screen *s, struct str text)
{
    show(s, &s->held);
    ignore_result(log_writer_put(s->out, text)); /* nobody reads */
}
