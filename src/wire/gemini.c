/* Decoder of Gemini Live server messages. */
#include "wire/gemini.h"

#include "wire/reader.h"

/* ---- small values ---- */

/* A count that may be missing, a string, fractional or nonsense: bookkeeping must not end a call. */
static uint64_t count_of(struct json_val v)
{
    int64_t n = 0;
    if (v.type == JSON_STRING) {
        return str_to_i64(v.s, &n) == 0 && n > 0 ? (uint64_t)n : 0;
    }
    return json_to_i64(v, &n) == 0 && n > 0 ? (uint64_t)n : 0;
}

/* Missing, null and false are the same. */
static int read_bool(struct reader *r, struct json_val v, const char *field, bool *ret)
{
    *ret = v.type == JSON_TRUE;
    bool fine = v.type == JSON_TRUE || v.type == JSON_FALSE || reader_absent(v);
    return fine ? 0 : reader_fail(r, field, -ERR_TYPE);
}

int gemini_duration_ms(struct str text, uint32_t *ret)
{
    if (text.n < 2 || text.p[text.n - 1] != 's') {
        return -ERR_TYPE;
    }
    struct json_val number;
    double s = 0;
    if (json_parse((struct str){text.p, text.n - 1}, &number) < 0 || json_to_f64(number, &s) < 0) {
        return -ERR_TYPE;
    }
    if (s < 0 || s > 4000000) {
        return -ERR_RANGE;
    }
    *ret = (uint32_t)(s * 1000 + 0.5);
    return 0;
}

void gemini_put_compact(struct buf *out, struct str json)
{
    bool inside = false;
    size_t from = 0;
    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i];
        if (inside && c == '\\') {
            i++;
        } else if (c == '"') {
            inside = !inside;
        } else if (!inside && (c == ' ' || c == '\n' || c == '\r' || c == '\t')) {
            buf_put(out, json.p + from, i - from);
            from = i + 1;
        }
    }
    buf_put(out, json.p + MIN(from, json.n), json.n - MIN(from, json.n));
}

/* ---- usage ---- */

static void add_details(struct json_val list, uint64_t *text, uint64_t *audio)
{
    struct json_it it = json_array(list);
    struct json_val v;
    while (json_elem(&it, &v)) {
        struct json_val modality = json_get(v, "modality");
        uint64_t n = count_of(json_get(v, "tokenCount"));
        if (modality.type == JSON_STRING && str_is(modality.s, "AUDIO")) {
            *audio += n;
        } else {
            *text += n; /* pictures and documents are priced as text */
        }
    }
}

static struct json_val either(struct json_val v, const char *name, const char *other)
{
    struct json_val found = json_get(v, name);
    return found.type != JSON_NONE ? found : json_get(v, other);
}

static void read_usage(struct json_val v, struct gemini_usage *u)
{
    if (v.type != JSON_OBJECT) {
        return;
    }
    u->present = true;
    u->in = count_of(json_get(v, "promptTokenCount")) + count_of(json_get(v, "toolUsePromptTokenCount"));
    u->out = count_of(either(v, "responseTokenCount", "candidatesTokenCount"));
    u->cached = count_of(json_get(v, "cachedContentTokenCount"));
    u->thoughts = count_of(json_get(v, "thoughtsTokenCount"));
    add_details(json_get(v, "promptTokensDetails"), &u->in_text, &u->in_audio);
    add_details(json_get(v, "toolUsePromptTokensDetails"), &u->in_text, &u->in_audio);
    add_details(json_get(v, "cacheTokensDetails"), &u->cached_text, &u->cached_audio);
    add_details(either(v, "responseTokensDetails", "candidatesTokensDetails"), &u->out_text, &u->out_audio);
}

/* ---- members ---- */

static int read_transcript(struct reader *r, struct json_val v, const char *field, struct str *ret, bool *ret_finished)
{
    if (v.type != JSON_OBJECT) {
        return reader_fail(r, field, -ERR_TYPE);
    }
    *ret = STR("");
    int err = reader_opt_str(r, json_get(v, "text"), field, SIZE_MAX, ret);
    return err < 0 ? err : read_bool(r, json_get(v, "finished"), field, ret_finished);
}

static int read_status(struct reader *r, struct json_val v, struct gemini_message *m)
{
    if (v.type != JSON_STRING) {
        return reader_fail(r, "interactionStatus", -ERR_TYPE);
    }
    m->has_status = true;
    m->idle = str_is(v.s, "IDLE");
    return 0;
}

static int read_turn(struct reader *r, struct json_val v, struct gemini_message *m)
{
    struct json_val parts = json_get(v, "parts");
    if (v.type != JSON_OBJECT || (parts.type != JSON_ARRAY && !reader_absent(parts))) {
        return reader_fail(r, "serverContent.modelTurn", -ERR_TYPE);
    }
    m->parts = parts;
    return 0;
}

static int read_content_member(struct reader *r, struct str key, struct json_val v, struct gemini_message *m)
{
    bool finished = false;
    if (reader_absent(v)) {
        return 0;
    }
    if (KEY_IS(key, "modelTurn")) {
        return read_turn(r, v, m);
    }
    if (KEY_IS(key, "interrupted")) {
        return read_bool(r, v, "serverContent.interrupted", &m->interrupted);
    }
    if (KEY_IS(key, "generationComplete")) {
        return read_bool(r, v, "serverContent.generationComplete", &m->generation_complete);
    }
    if (KEY_IS(key, "turnComplete")) {
        return read_bool(r, v, "serverContent.turnComplete", &m->turn_complete);
    }
    if (KEY_IS(key, "waitingForInput")) {
        return read_bool(r, v, "serverContent.waitingForInput", &m->waiting_for_input);
    }
    if (KEY_IS(key, "inputTranscription")) {
        m->has_heard = true;
        return read_transcript(r, v, "serverContent.inputTranscription", &m->heard, &m->heard_finished);
    }
    if (KEY_IS(key, "outputTranscription")) {
        m->has_said = true;
        return read_transcript(r, v, "serverContent.outputTranscription", &m->said, &finished);
    }
    if (KEY_IS(key, "turnCompleteReason")) {
        return reader_str(r, v, "serverContent.turnCompleteReason", GEMINI_ID_MAX, &m->reason);
    }
    if (KEY_IS(key, "interactionStatus")) {
        return read_status(r, v, m);
    }
    m->n_unknown++;
    return 0;
}

static int read_content(struct reader *r, struct json_val v, struct gemini_message *m)
{
    if (v.type != JSON_OBJECT) {
        return reader_fail(r, "serverContent", -ERR_TYPE);
    }
    struct json_it it = json_object(v);
    struct str key;
    struct json_val member;
    while (json_next(&it, &key, &member)) {
        int err = read_content_member(r, key, member, m);
        if (err < 0) {
            return err;
        }
    }
    return it.err < 0 ? reader_fail(r, "serverContent", it.err) : 0;
}

static int read_list(struct reader *r, struct json_val v, const char *member, const char *field, struct json_val *ret)
{
    struct json_val list = json_get(v, member);
    if (v.type != JSON_OBJECT || (list.type != JSON_ARRAY && !reader_absent(list))) {
        return reader_fail(r, field, -ERR_TYPE);
    }
    *ret = list;
    return 0;
}

static int read_go_away(struct reader *r, struct json_val v, struct gemini_message *m)
{
    struct json_val left = json_get(v, "timeLeft");
    if (v.type != JSON_OBJECT) {
        return reader_fail(r, "goAway", -ERR_TYPE);
    }
    m->go_away = true;
    if (left.type == JSON_STRING && gemini_duration_ms(left.s, &m->left_ms) < 0) {
        m->left_ms = 0; /* that it goes matters more than when */
    }
    return 0;
}

static int read_resumption(struct reader *r, struct json_val v, struct gemini_message *m)
{
    if (v.type != JSON_OBJECT) {
        return reader_fail(r, "sessionResumptionUpdate", -ERR_TYPE);
    }
    m->has_resumption = true;
    m->handle = STR("");
    int err = read_bool(r, json_get(v, "resumable"), "sessionResumptionUpdate.resumable", &m->resumable);
    err = err < 0 ? err
                  : reader_opt_str(r, json_get(v, "newHandle"), "sessionResumptionUpdate.newHandle", GEMINI_HANDLE_MAX,
                                   &m->handle);
    m->resumable = m->resumable && m->handle.n > 0; /* an empty handle is refused by the service */
    return err;
}

static int read_voice(struct reader *r, struct json_val v, struct gemini_message *m)
{
    struct json_val type = either(v, "type", "voiceActivityType");
    if (v.type != JSON_OBJECT) {
        return reader_fail(r, "voiceActivity", -ERR_TYPE);
    }
    if (type.type == JSON_STRING) {
        m->voice = str_is(type.s, "ACTIVITY_START") ? GEMINI_VOICE_START
                   : str_is(type.s, "ACTIVITY_END") ? GEMINI_VOICE_END
                                                    : GEMINI_VOICE_NONE;
    }
    return 0;
}

static int read_setup_complete(struct reader *r, struct json_val v, struct gemini_message *m)
{
    m->setup_complete = v.type == JSON_OBJECT;
    m->session_id = STR("");
    return m->setup_complete
               ? reader_opt_str(r, json_get(v, "sessionId"), "setupComplete.sessionId", GEMINI_ID_MAX, &m->session_id)
               : reader_fail(r, "setupComplete", -ERR_TYPE);
}

static int read_member(struct reader *r, struct str key, struct json_val v, struct gemini_message *m)
{
    if (reader_absent(v)) {
        return 0;
    }
    if (KEY_IS(key, "serverContent")) {
        return read_content(r, v, m);
    }
    if (KEY_IS(key, "usageMetadata")) {
        read_usage(v, &m->usage);
        return 0;
    }
    if (KEY_IS(key, "toolCall")) {
        return read_list(r, v, "functionCalls", "toolCall", &m->calls);
    }
    if (KEY_IS(key, "toolCallCancellation")) {
        return read_list(r, v, "ids", "toolCallCancellation", &m->cancelled);
    }
    if (KEY_IS(key, "sessionResumptionUpdate")) {
        return read_resumption(r, v, m);
    }
    if (KEY_IS(key, "goAway")) {
        return read_go_away(r, v, m);
    }
    if (KEY_IS(key, "voiceActivity")) {
        return read_voice(r, v, m);
    }
    if (KEY_IS(key, "interactionStatus")) {
        return read_status(r, v, m);
    }
    if (KEY_IS(key, "setupComplete")) {
        return read_setup_complete(r, v, m);
    }
    m->n_unknown++;
    return 0;
}

int gemini_decode(struct str text, struct buf *scratch, struct gemini_message *ret, const char **ret_field)
{
    struct reader r = reader_of(text, scratch);
    struct json_val top;
    struct str key;
    struct json_val v;
    *ret = (struct gemini_message){.bytes = text.n};
    int err = json_open(text, &top);
    struct json_it it = json_object(top);
    while (err >= 0 && json_next(&it, &key, &v)) {
        err = read_member(&r, key, v, ret);
    }
    if (err >= 0 && it.err < 0) {
        err = it.err;
    }
    if (err < 0 && ret_field) {
        *ret_field = r.field;
    }
    return err;
}

/* ---- lists inside ---- */

static struct reader reader_on(const struct gemini_message *msg, struct buf *scratch)
{
    return (struct reader){scratch, msg->bytes, NULL};
}

/* "audio/pcm;rate=24000" */
static uint32_t rate_of(struct str type)
{
    size_t at = str_search(type, STR("rate="));
    int64_t hz = 0;
    if (at == SIZE_MAX) {
        return GEMINI_OUT_HZ;
    }
    struct str digits = {type.p + at + 5, type.n - at - 5};
    digits.n = MIN(digits.n, str_find(digits, ';'));
    return str_to_i64(digits, &hz) == 0 && hz > 0 && hz <= 192000 ? (uint32_t)hz : GEMINI_OUT_HZ;
}

static bool read_inline(struct reader *r, struct json_val data, struct gemini_part *ret)
{
    struct str type = STR("");
    bool fine = reader_opt_str(r, json_get(data, "mimeType"), "inlineData.mimeType", GEMINI_ID_MAX, &type) == 0 &&
                reader_str(r, json_get(data, "data"), "inlineData.data", SIZE_MAX, &ret->text) == 0;
    if (fine && str_starts(type, STR("audio/"))) {
        ret->kind = GEMINI_PART_AUDIO;
        ret->rate_hz = rate_of(type);
    }
    return fine;
}

static void read_part(struct reader *r, struct json_val v, struct gemini_part *ret)
{
    struct json_val data = json_get(v, "inlineData");
    struct json_val text = json_get(v, "text");
    *ret = (struct gemini_part){.kind = GEMINI_PART_OTHER, .text = STR("")};
    if (json_get(v, "thought").type == JSON_TRUE) {
        ret->kind = GEMINI_PART_THOUGHT;
    } else if (data.type == JSON_OBJECT) {
        ignore_result(read_inline(r, data, ret)); /* what is no audio stays "other" */
    } else if (text.type == JSON_STRING && reader_str(r, text, "text", SIZE_MAX, &ret->text) == 0) {
        ret->kind = GEMINI_PART_TEXT;
    }
}

bool gemini_part_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch,
                      struct gemini_part *ret)
{
    struct reader r = reader_on(msg, scratch);
    struct json_val v;
    if (!json_elem(it, &v)) {
        return false;
    }
    read_part(&r, v, ret);
    return true;
}

bool gemini_call_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch,
                      struct gemini_call *ret)
{
    struct reader r = reader_on(msg, scratch);
    struct json_val v;
    while (json_elem(it, &v)) {
        struct json_val args = json_get(v, "args");
        *ret = (struct gemini_call){.id = STR(""), .name = STR(""), .args = STR("{}")};
        bool fine = reader_opt_str(&r, json_get(v, "id"), "functionCalls.id", GEMINI_ID_MAX, &ret->id) == 0 &&
                    reader_str(&r, json_get(v, "name"), "functionCalls.name", GEMINI_ID_MAX, &ret->name) == 0;
        if (args.type == JSON_OBJECT) {
            ret->args = args.s;
        }
        if (fine && ret->name.n > 0) {
            return true;
        }
    }
    return false;
}

bool gemini_id_next(struct json_it *it, const struct gemini_message *msg, struct buf *scratch, struct str *ret)
{
    struct reader r = reader_on(msg, scratch);
    struct json_val v;
    while (json_elem(it, &v)) {
        if (reader_str(&r, v, "toolCallCancellation.ids", GEMINI_ID_MAX, ret) == 0) {
            return true;
        }
    }
    return false;
}
