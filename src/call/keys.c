/*
 * Keys that we press, for menus and extensions: DTMF tones in the leg's audio, when the agent has fallen silent, paced
 * like everything else that is sent. Nobody interrupts them: a menu talks on while it is served.
 */
#include "audio/codec.h"
#include "base/err.h"
#include "base/json.h"
#include "call/state.h"

#define TONE_MS  120
#define PAUSE_MS 100
#define WAIT_MS  500 /* of a w; twice that for W */
#define FRAME_MS 20
#define BURST_MS 100
#define DEAF_MS  500
#define RATE_MAX 24000
#define ALL_KEYS "0123456789*#ABCDabcd"

static void answer(struct call *c, struct str tool_call_id, const char *status, const char *message)
{
    struct buf out;
    if (tool_call_id.n == 0) {
        return;
    }
    buf_init(&out, 512);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kz(&w, "status", status);
    if (message) {
        json_w_kz(&w, "message", message);
    } else {
        json_w_ki64(&w, "keys", c->keys_out.n);
    }
    json_w_close(&w);
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = tool_call_id;
    ev.tool_result.output = buf_str(&out);
    ev.tool_result.failed = message != NULL;
    tools_result(c, &ev);
    buf_done(&out);
}

static bool is_wait(char key)
{
    return key == 'w' || key == 'W';
}

/* How many of them are keys; 0 when something else stands among them. */
static uint32_t count_keys(struct str keys)
{
    uint32_t n = 0;
    for (size_t i = 0; i < keys.n; i++) {
        bool key = keys.p[i] && strchr(ALL_KEYS, keys.p[i]);
        if (!key && !is_wait(keys.p[i])) {
            return 0;
        }
        n += key;
    }
    return n;
}

void keys_wanted(struct call *c, const struct call_event *ev)
{
    struct keys_out *k = &c->keys_out;
    struct str keys = ev->control_keys.keys;
    const char *why = NULL;
    if (k->state != KEYS_NONE) {
        why = "Keys are being pressed already. Try again when they are done.";
    } else if (c->leg != LEG_UP || c->phase == PHASE_FAREWELL) {
        why = "Keys cannot be pressed now.";
    } else if (keys.n > CALL_KEYS_OUT_MAX || count_keys(keys) == 0) {
        why = "That are no keys. Give 1 to 32 of 0-9, *, #, A-D, and w for half a second of waiting.";
    }
    if (why) {
        answer(c, ev->control_keys.tool_call_id, "error", why);
        return;
    }
    *k = (struct keys_out){.state = KEYS_WAITING, .n = count_keys(keys)};
    memcpy(k->keys, keys.p, keys.n);
    call_copy_id(k->tool_call_id, ev->control_keys.tool_call_id);
}

bool keys_pending(const struct call *c)
{
    return c->keys_out.state != KEYS_NONE;
}

bool keys_sounding(const struct call *c)
{
    return c->keys_out.state == KEYS_SENDING || c->keys_out.state == KEYS_DRAINING;
}

bool keys_deaf(const struct call *c)
{
    return keys_sounding(c) || c->now_us < c->keys_out.deaf_until_us;
}

void keys_drop(struct call *c)
{
    c->keys_out = (struct keys_out){.deaf_until_us = c->now_us + ms_us(DEAF_MS)};
}

/* The next key's tone or wait is set up. */
static void begin_key(struct call *c)
{
    struct keys_out *k = &c->keys_out;
    struct tone_spec spec;
    uint32_t rate = audio_rate_hz(c->leg_format);
    char key = k->keys[k->at];
    uint32_t ms = key == 'W' ? 2 * WAIT_MS : key == 'w' ? WAIT_MS : TONE_MS + PAUSE_MS;
    k->begun = true;
    k->left = ms * (rate / 1000);
    if (!is_wait(key) && (tone_spec_digit(&spec, key, TONE_MS, PAUSE_MS) < 0 || tone_init(&k->tone, rate, &spec) < 0)) {
        k->left = 0; /* count_keys has looked: a leg of another rate than we know */
    }
}

/* The next samples of keys and waits, at most n. Returns how many there were. */
static size_t make_tones(struct call *c, int16_t *pcm, size_t n)
{
    struct keys_out *k = &c->keys_out;
    size_t made = 0;
    while (made < n && k->keys[k->at]) {
        if (!k->begun) {
            begin_key(c);
        }
        size_t want = MIN(n - made, (size_t)k->left);
        size_t got = is_wait(k->keys[k->at]) ? 0 : tone_run(&k->tone, pcm + made, want);
        memset(pcm + made + got, 0, (want - got) * sizeof(*pcm));
        made += want;
        k->left -= (uint32_t)want;
        if (k->left == 0) {
            k->begun = false;
            k->at++;
        }
    }
    return made;
}

static void send_tones(struct call *c)
{
    struct keys_out *k = &c->keys_out;
    uint32_t per_ms = audio_rate_hz(c->leg_format) / 1000;
    for (uint32_t room = playout_tones_room_ms(c); room >= FRAME_MS; room = playout_tones_room_ms(c)) {
        int16_t pcm[BURST_MS * (RATE_MAX / 1000)];
        uint32_t ms = MIN(room - room % FRAME_MS, (uint32_t)BURST_MS);
        size_t n = make_tones(c, pcm, (size_t)ms * per_ms);
        uint8_t *audio = arena_raw(&c->out->bytes, n * audio_sample_bytes(c->leg_format) + 1);
        if (n == 0) {
            k->state = KEYS_DRAINING;
            return;
        }
        if (!audio) {
            c->out->overflow = true;
            return;
        }
        if (!playout_tones(c, span_from(audio, codec_encode(c->leg_format, pcm, n, audio)))) {
            return;
        }
    }
}

void keys_pump(struct call *c)
{
    struct keys_out *k = &c->keys_out;
    bool over = c->response == RESPONSE_NONE || c->response == RESPONSE_DONE;
    if (k->state == KEYS_WAITING && over && c->playout == PLAYOUT_EMPTY && ledger_idle(&c->ledger)) {
        k->state = KEYS_SENDING;
    }
    if (k->state == KEYS_SENDING && c->leg == LEG_UP) {
        send_tones(c);
    }
    if (k->state == KEYS_DRAINING && ledger_idle(&c->ledger)) {
        char id[CALL_ID_MAX];
        uint32_t n = k->n;
        call_copy_id(id, str_from(k->tool_call_id));
        call_remark(c, NOTE_KEYS, n, STR_NULL);
        keys_drop(c);
        k->n = n;
        answer(c, str_from(id), "sent", NULL);
        k->n = 0;
    }
}
