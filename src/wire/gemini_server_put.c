/* Writers of Gemini Live server messages. */
#include "wire/gemini_server.h"

static void open_member(struct json_w *w, const char *key)
{
    json_w_key(w, key);
    json_w_open(w);
}

/* Braces of empty objects stay together, as the service writes them. */
void gemini_server_pretty(struct buf *out, struct str json)
{
    uint32_t depth = 0;
    bool inside = false;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        char next = i + 1 < json.n ? json.p[i + 1] : '\0';
        if (inside) {
            buf_putc(out, c);
            if (c == '\\' && i + 1 < json.n) {
                buf_putc(out, json.p[++i]);
            } else if (c == '"') {
                inside = false;
            }
            continue;
        }
        bool opens = c == '{' || c == '[';
        bool closes = c == '}' || c == ']';
        bool empty = opens && (next == '}' || next == ']');
        if (closes) {
            depth--;
            buf_printf(out, "\n%*s", (int)(2 * depth), "");
        }
        inside = c == '"';
        buf_putc(out, c);
        if (empty) {
            buf_putc(out, next);
            i++;
        } else if (opens || c == ',') {
            depth += opens;
            buf_printf(out, "\n%*s", (int)(2 * depth), "");
        } else if (c == ':') {
            buf_putc(out, ' ');
        }
    }
    buf_putc(out, '\n');
}

/* Compact first; then made as broad as the service makes it. */
static struct json_w begin(struct buf *compact)
{
    buf_init(compact, 48u << 20);
    return json_w(compact);
}

static void end(struct buf *compact, struct buf *out)
{
    buf_clear(out);
    gemini_server_pretty(out, buf_str(compact));
    buf_done(compact);
}

void gemini_server_put_ready(struct buf *out)
{
    buf_clear(out);
    gemini_server_pretty(out, STR("{\"setupComplete\":{}}"));
}

static void put_part(struct json_w *w, const struct gemini_server_content *c)
{
    open_member(w, "modelTurn");
    json_w_key(w, "parts");
    json_w_array(w);
    json_w_open(w);
    if (c->thought.n > 0) {
        json_w_kstr(w, "text", c->thought);
        json_w_kbool(w, "thought", true);
    } else {
        open_member(w, "inlineData");
        json_w_kz(w, "mimeType", "audio/pcm;rate=24000");
        json_w_kstr(w, "data", c->audio);
        json_w_close(w);
    }
    json_w_close(w);
    json_w_end(w);
    json_w_kz(w, "role", "model");
    json_w_close(w);
}

static void put_words(struct json_w *w, const char *key, struct str text)
{
    if (text.n > 0) {
        open_member(w, key);
        json_w_kstr(w, "text", text);
        json_w_close(w);
    }
}

static void put_flag(struct json_w *w, const char *key, bool on)
{
    if (on) {
        json_w_kbool(w, key, true);
    }
}

static void put_details(struct json_w *w, const char *key, uint32_t text, uint32_t audio)
{
    json_w_key(w, key);
    json_w_array(w);
    if (text) {
        json_w_open(w);
        json_w_kz(w, "modality", "TEXT");
        json_w_ki64(w, "tokenCount", text);
        json_w_close(w);
    }
    if (audio) {
        json_w_open(w);
        json_w_kz(w, "modality", "AUDIO");
        json_w_ki64(w, "tokenCount", audio);
        json_w_close(w);
    }
    json_w_end(w);
}

static void put_usage(struct json_w *w, const struct gemini_server_content *c)
{
    uint32_t prompt = c->prompt_text + c->prompt_audio;
    open_member(w, "usageMetadata");
    json_w_ki64(w, "promptTokenCount", prompt);
    if (c->response_audio) { /* absent when it is 0 */
        json_w_ki64(w, "responseTokenCount", c->response_audio);
    }
    json_w_ki64(w, "totalTokenCount", prompt + c->response_audio);
    put_details(w, "promptTokensDetails", c->prompt_text, c->prompt_audio);
    if (c->response_audio) {
        put_details(w, "responseTokensDetails", 0, c->response_audio);
    }
    json_w_close(w);
}

void gemini_server_put_content(struct buf *out, const struct gemini_server_content *c)
{
    struct buf compact;
    struct json_w w = begin(&compact);
    json_w_open(&w);
    open_member(&w, "serverContent");
    if (c->audio.n > 0 || c->thought.n > 0) {
        put_part(&w, c);
    }
    put_words(&w, "inputTranscription", c->heard);
    put_words(&w, "outputTranscription", c->said);
    put_flag(&w, "interrupted", c->interrupted);
    put_flag(&w, "generationComplete", c->generation_complete);
    put_flag(&w, "turnComplete", c->turn_complete);
    if (c->reason.n > 0) {
        json_w_kstr(&w, "turnCompleteReason", c->reason);
    }
    json_w_close(&w);
    if (c->usage) {
        put_usage(&w, c);
    }
    json_w_close(&w);
    end(&compact, out);
}

void gemini_server_put_voice(struct buf *out, bool start, uint64_t offset_ms)
{
    buf_clear(out);
    buf_printf(out, "{\n  \"voiceActivity\": {\n    \"type\": \"%s\",\n    \"audioOffset\": \"%llu.%03llus\"\n  }\n}\n",
               start ? "ACTIVITY_START" : "ACTIVITY_END", (unsigned long long)(offset_ms / 1000),
               (unsigned long long)(offset_ms % 1000));
}

void gemini_server_put_resumption(struct buf *out, struct str handle, bool resumable)
{
    struct buf compact;
    struct json_w w = begin(&compact);
    json_w_open(&w);
    open_member(&w, "sessionResumptionUpdate");
    if (resumable) {
        json_w_kstr(&w, "newHandle", handle);
        json_w_kbool(&w, "resumable", true);
    }
    json_w_close(&w);
    json_w_close(&w);
    end(&compact, out);
}

void gemini_server_put_go_away(struct buf *out, uint32_t left_ms)
{
    buf_clear(out);
    buf_printf(out, "{\n  \"goAway\": {\n    \"timeLeft\": \"%u.%03us\"\n  }\n}\n", left_ms / 1000, left_ms % 1000);
}

void gemini_server_put_calls(struct buf *out, const struct gemini_server_call *calls, size_t n)
{
    struct buf compact;
    struct json_w w = begin(&compact);
    json_w_open(&w);
    open_member(&w, "toolCall");
    json_w_key(&w, "functionCalls");
    json_w_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_w_open(&w);
        json_w_kstr(&w, "name", calls[i].name);
        json_w_key(&w, "args");
        json_w_raw(&w, calls[i].args.n > 0 ? calls[i].args : STR("{}"));
        json_w_kstr(&w, "id", calls[i].id);
        json_w_close(&w);
    }
    json_w_end(&w);
    json_w_close(&w);
    json_w_close(&w);
    end(&compact, out);
}

void gemini_server_put_cancelled(struct buf *out, const struct str *ids, size_t n)
{
    struct buf compact;
    struct json_w w = begin(&compact);
    json_w_open(&w);
    open_member(&w, "toolCallCancellation");
    json_w_key(&w, "ids");
    json_w_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_w_str(&w, ids[i]);
    }
    json_w_end(&w);
    json_w_close(&w);
    json_w_close(&w);
    end(&compact, out);
}
