/*
 * Talks to an agent with a sound file: what a user says comes as WAV on standard input, what the agent answers leaves
 * as WAV on standard output, and who says what goes to standard error.
 *
 *     cc talk.c -o talk $(pkg-config --cflags --libs ringtrip)
 *     ./talk < question.wav > answer.wav
 *
 * Without OPENAI_API_KEY the offline sandbox answers. An address as the first argument names another service.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringtrip/ringtrip.h>

#define PIECE_MS  20
#define ANSWER_MS 10000 /* without any event the agent has nothing more to say */

static unsigned le16(const unsigned char *p)
{
    return (unsigned)p[0] | (unsigned)p[1] << 8;
}

static unsigned long le32(const unsigned char *p)
{
    return (unsigned long)le16(p) | (unsigned long)le16(p + 2) << 16;
}

/* Reads a WAV head up to the sound; -1 when it is none that a session takes: 16 bit, one channel, 8, 16 or 24 kHz. */
static int read_head(FILE *f, enum rt_audio_format *ret)
{
    unsigned char h[16];
    unsigned long rate = 0;
    if (fread(h, 1, 12, f) != 12 || memcmp(h, "RIFF", 4) != 0 || memcmp(h + 8, "WAVE", 4) != 0) {
        return -1;
    }
    while (fread(h, 1, 8, f) == 8 && memcmp(h, "data", 4) != 0) {
        unsigned long n = le32(h + 4);
        int is_format = memcmp(h, "fmt ", 4) == 0 && n >= 16;
        unsigned long done = 0;
        if (is_format) {
            if (fread(h, 1, 16, f) != 16) {
                return -1;
            }
            rate = le16(h) == 1 && le16(h + 2) == 1 && le16(h + 14) == 16 ? le32(h + 4) : 0;
            done = 16;
        }
        for (; done < n + n % 2; done++) {
            if (fgetc(f) == EOF) {
                return -1;
            }
        }
    }
    *ret = rate == 8000 ? RT_AUDIO_PCM16_8K : rate == 16000 ? RT_AUDIO_PCM16_16K : RT_AUDIO_PCM16_24K;
    return rate == 8000 || rate == 16000 || rate == 24000 ? 0 : -1;
}

static void put32(unsigned char *p, unsigned long v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (unsigned char)(v >> (8 * i));
    }
}

/* A pipe cannot be corrected later: the sizes say "until the end". */
static int write_head(FILE *f, enum rt_audio_format format)
{
    static const unsigned char start[] = "RIFF\377\377\377\377WAVEfmt \20\0\0\0\1\0\1\0";
    unsigned char h[44];
    unsigned long rate = rt_audio_bytes_per_ms(format) * 500ul;
    memcpy(h, start, 24);
    put32(h + 24, rate);
    put32(h + 28, rate * 2);
    memcpy(h + 32, "\2\0\20\0data\377\377\377\377", 12);
    return fwrite(h, 1, sizeof(h), f) == sizeof(h) ? 0 : -1;
}

/* Takes the events that are there; waits timeout_ms for the first. 1: there was one, 0: none, negative: it is over. */
static int listen(struct rt_session *s, int timeout_ms)
{
    struct rt_event *e = NULL;
    int got = rt_session_next_event(s, timeout_ms, &e);
    if (got != 1) {
        return got;
    }
    if (e->type == RT_EVENT_AUDIO) {
        fwrite(e->audio, 1, e->audio_bytes, stdout);
    } else if (e->type == RT_EVENT_TRANSCRIPT_DONE) {
        fprintf(stderr, "agent: %s\n", e->text);
    } else if (e->type == RT_EVENT_INPUT_TRANSCRIPT) {
        fprintf(stderr, "you: %s\n", e->text);
    } else if (e->type == RT_EVENT_ERROR) {
        fprintf(stderr, "error: %s\n", e->text);
    }
    got = e->type == RT_EVENT_AUDIO_END ? 2 : 1;
    rt_event_free(e);
    return got;
}

/* Says the whole file, hears the agent meanwhile, then until its answer is over. */
static int talk(struct rt_session *s, enum rt_audio_format format)
{
    unsigned char piece[PIECE_MS * 48];
    size_t bytes = (size_t)PIECE_MS * rt_audio_bytes_per_ms(format), n;
    int got = 0;
    while ((n = fread(piece, 1, bytes, stdin)) > 0 && got >= 0) {
        int err = rt_session_send_audio(s, piece, n - n % 2, 0);
        while (err == -11 && got >= 0) { /* EAGAIN: it is taken as fast as it is spoken */
            got = listen(s, 50);
            err = rt_session_send_audio(s, piece, n - n % 2, 0);
        }
        while (got >= 0 && (got = listen(s, 0)) > 0) {
        }
    }
    memset(piece, 0, sizeof(piece));
    for (int i = 0; i < 1000 / PIECE_MS; i++) { /* a second of silence: the turn is over */
        rt_session_send_audio(s, piece, bytes, 0);
    }
    do {
        got = listen(s, ANSWER_MS);
    } while (got == 1);
    return got < 0 ? got : 0;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "talk: %s: %s\n", what, why);
    return 1;
}

static int run(struct rt_runner *runner, const char *url)
{
    struct rt_session_opts o;
    struct rt_session *s = NULL;
    rt_session_opts_init(&o);
    o.url = url;
    if (read_head(stdin, &o.format) < 0) {
        return fail("standard input", "needs WAV: 16 bit, one channel, 8, 16 or 24 kHz");
    }
    int err = rt_session_new(runner, &o, &s);
    if (err < 0) {
        return fail("session", rt_error_text(err));
    }
    err = rt_session_connect(s);
    if (err < 0) {
        int status = fail("connect", rt_session_error(s));
        rt_session_free(s);
        return status;
    }
    err = write_head(stdout, o.format);
    err = err < 0 ? err : talk(s, o.format);
    int status = err < 0 ? fail("talk", rt_session_error(s)) : 0;
    rt_session_free(s);
    return status;
}

int main(int argc, char **argv)
{
    struct rt_runner_opts o;
    struct rt_agent *agent = NULL;
    struct rt_runner *runner = NULL;
    char why[512] = "";
    rt_runner_opts_init(&o);
    int err = rt_agent_new("helper", &agent);
    err = err < 0 ? err : rt_agent_set_instructions(agent, "You are of help. Answer in one short sentence.");
    o.agent = agent;
    err = err < 0 ? err : rt_runner_new(&o, &runner, why, sizeof(why));
    int status = err < 0 ? fail("runner", why[0] ? why : rt_error_text(err)) : run(runner, argc > 1 ? argv[1] : NULL);
    rt_runner_free(runner);
    rt_agent_free(agent);
    return status;
}
