#include "peer/sandbox/sandbox_secrets.h"

#include <stdlib.h>

#include "base/err.h"
#include "net/crypto.h"

#define SETTINGS_MAX_BYTES (2u << 20)
#define DEFAULT_S          600
#define SHORTEST_S         10
#define LONGEST_S          7200

static void secret_free(struct secret *e)
{
    if (e) {
        buf_done(&e->settings);
        free(e);
    }
}

void secrets_done(struct secrets *s)
{
    while (s->first) {
        struct secret *e = s->first;
        s->first = e->next;
        secret_free(e);
    }
    s->n = 0;
}

const struct secret *secrets_find(const struct secrets *s, struct str value, int64_t now_s)
{
    const struct secret *found = NULL;
    for (const struct secret *e = s->first; e; e = e->next) {
        if (now_s < e->expires_at && crypto_equal(span_of_str(value), span_of_str(str_from(e->value)))) {
            found = e;
        }
    }
    return found;
}

static void secrets_add(struct secrets *s, struct secret *e)
{
    struct secret **at = &s->first;
    while (*at) {
        at = &(*at)->next;
    }
    *at = e;
    if (++s->n > SECRETS_MAX) {
        struct secret *oldest = s->first;
        s->first = oldest->next;
        s->n--;
        secret_free(oldest);
    }
}

/* ---- making one ---- */

/* "ek_" or "sess_" and random letters and digits. */
static void random_id(const char *prefix, char *out, size_t letters_n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[32];
    crypto_random(bytes, sizeof(bytes));
    size_t n = strlen(prefix);
    memcpy(out, prefix, n);
    for (size_t i = 0; i < letters_n; i++) {
        out[n + i] = letters[bytes[i] % (sizeof(letters) - 1)];
    }
    out[n + letters_n] = '\0';
}

static int read_expiry(struct json_val body, int64_t *ret_s, struct openai_server_error *e)
{
    struct json_val after = json_get(body, "expires_after");
    struct json_val anchor = json_get(after, "anchor"), seconds = json_get(after, "seconds");
    *ret_s = DEFAULT_S;
    if (anchor.type != JSON_NONE && !str_is(anchor.s, "created_at")) {
        openai_server_error_set(e, "invalid_value", "expires_after.anchor",
                                "Invalid value: '" STR_FMT "'. Supported values are: 'created_at'.", STR_ARG(anchor.s));
        return -ERR_RANGE;
    }
    if (seconds.type == JSON_NONE) {
        return 0;
    }
    if (json_to_i64(seconds, ret_s) < 0 || *ret_s < SHORTEST_S || *ret_s > LONGEST_S) {
        openai_server_error_set(e, "invalid_value", "expires_after.seconds",
                                "Invalid value: expected an integer between %d and %d.", SHORTEST_S, LONGEST_S);
        return -ERR_RANGE;
    }
    return 0;
}

/* The session as it would be told to who connects with the secret. */
static int put_answer(struct buf *out, const struct secret *e, const struct openai_server_session *conf)
{
    struct buf event;
    struct json_val whole;
    buf_init(&event, SETTINGS_MAX_BYTES);
    openai_server_put_session(&event, STR("event_0"), OPENAI_SESSION_CREATED, conf);
    int err = event.err ? event.err : json_parse(buf_str(&event), &whole);
    if (err >= 0) {
        struct json_w w = json_w(out);
        json_w_open(&w);
        json_w_kz(&w, "value", e->value);
        json_w_ki64(&w, "expires_at", e->expires_at);
        json_w_key(&w, "session");
        json_w_raw(&w, json_get(whole, "session").s);
        json_w_close(&w);
        err = out->err;
    }
    buf_done(&event);
    return err;
}

static int secret_fill(struct secret *e, struct json_val body, int64_t now_s, struct buf *out,
                       struct openai_server_error *ret_error)
{
    struct openai_server_session conf;
    struct json_val session = json_get(body, "session"), model = json_get(session, "model");
    char id[40];
    int64_t length_s = 0;
    int err = read_expiry(body, &length_s, ret_error);
    if (err < 0) {
        return err;
    }
    random_id("sess_", id, 21);
    struct str name = model.type == JSON_STRING && !model.escaped ? model.s : STR("gpt-realtime");
    err = openai_server_session_init(&conf, str_from(id), name);
    if (err < 0) {
        openai_server_error_set(ret_error, "invalid_value", "session.model", "The model name is too long.");
        return err;
    }
    if (session.type != JSON_NONE) {
        conf.transcription_only = str_is(json_get(session, "type").s, "transcription");
        err = openai_server_apply_update(&conf, session, ret_error);
        buf_put_str(&e->settings, session.s);
    }
    random_id(SECRET_PREFIX, e->value, 32);
    e->expires_at = now_s + length_s;
    e->transcription = conf.transcription_only;
    memcpy(e->model, model.type == JSON_NONE ? "" : conf.model, model.type == JSON_NONE ? 1 : sizeof(e->model));
    conf.expires_at = e->expires_at;
    if (err >= 0) {
        err = e->settings.err ? e->settings.err : put_answer(out, e, &conf);
    }
    openai_server_session_done(&conf);
    return err;
}

int secrets_make(struct secrets *s, struct str body, int64_t now_s, struct buf *out,
                 struct openai_server_error *ret_error)
{
    struct json_val v;
    openai_server_error_set(ret_error, "invalid_json", NULL, "The body is not a JSON object.");
    int err = json_parse(str_trim(body).n ? body : STR("{}"), &v);
    if (err < 0 || v.type != JSON_OBJECT) {
        return err < 0 ? err : -ERR_TYPE;
    }
    struct secret *e = calloc(1, sizeof(*e));
    if (!e) {
        return -ENOMEM;
    }
    buf_init(&e->settings, SETTINGS_MAX_BYTES);
    err = secret_fill(e, v, now_s, out, ret_error);
    if (err < 0) {
        secret_free(e);
        return err;
    }
    secrets_add(s, e);
    return 0;
}
