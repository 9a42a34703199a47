#include "peer/sandbox/sandbox_join.h"

#include "base/err.h"
#include "net/crypto.h"
#include "wire/form.h"

static void query_copy(struct str query, const char *name, char *out, size_t cap)
{
    struct buf value;
    buf_init(&value, cap);
    out[0] = '\0';
    if (form_find(query, name, &value)) {
        ignore_result(str_copy(out, cap, buf_str(&value))); /* too long: as good as absent */
    }
    buf_done(&value);
}

/* A key in the browser's way; true when "realtime" is offered. */
static bool read_protocols(struct str offer, char key[JOIN_KEY_BYTES])
{
    static const struct str prefix = {"openai-insecure-api-key.", 24};
    struct str part;
    bool realtime = false;
    while (str_split(&offer, ',', &part)) {
        part = str_trim(part);
        realtime = realtime || str_is(part, "realtime");
        if (str_starts(part, prefix)) {
            struct str rest = {part.p + prefix.n, part.n - prefix.n};
            ignore_result(str_copy(key, JOIN_KEY_BYTES, rest)); /* too long: wrong */
        }
    }
    return realtime;
}

void join_read_key(const struct http_request *req, char ret[JOIN_KEY_BYTES])
{
    struct str auth = http_header(req, "Authorization");
    struct str api_key = http_header(req, "api-key");
    struct str goog_key = http_header(req, "x-goog-api-key");
    ret[0] = '\0';
    if (auth.n > 7 && str_ieq((struct str){auth.p, 7}, STR("Bearer "))) {
        ignore_result(str_copy(ret, JOIN_KEY_BYTES, str_trim((struct str){auth.p + 7, auth.n - 7})));
    } else if (auth.n > 6 && str_ieq((struct str){auth.p, 6}, STR("Token "))) {
        ignore_result(str_copy(ret, JOIN_KEY_BYTES, str_trim((struct str){auth.p + 6, auth.n - 6})));
    } else if (api_key.n > 0 || goog_key.n > 0) {
        ignore_result(str_copy(ret, JOIN_KEY_BYTES, str_trim(goog_key.n > 0 ? goog_key : api_key)));
    } else {
        query_copy(req->query, "key", ret, JOIN_KEY_BYTES);
        if (ret[0] == '\0') {
            query_copy(req->query, "access_token", ret, JOIN_KEY_BYTES);
        }
    }
    read_protocols(http_header(req, "Sec-WebSocket-Protocol"), ret);
}

void join_read(struct join *j, const struct http_request *req, const struct sandbox_faults *base,
               const struct secrets *secrets, int64_t now_s)
{
    char text[64], faults[1024], ignored[JOIN_KEY_BYTES];
    *j = (struct join){.faults = *base};
    buf_init(&j->err, 1024);
    query_copy(req->query, "model", j->model, sizeof(j->model));
    query_copy(req->query, "intent", text, sizeof(text));
    j->transcription = strcmp(text, "transcription") == 0;
    query_copy(req->query, "call_id", text, sizeof(text));
    j->has_call_id = text[0] != '\0';
    query_copy(req->query, "fault", faults, sizeof(faults));
    if (faults_parse(&j->faults, str_from(faults), &j->err) < 0 && j->err.len == 0) {
        buf_puts(&j->err, "out of memory");
    }
    join_read_key(req, j->key);
    j->protocol_realtime = read_protocols(http_header(req, "Sec-WebSocket-Protocol"), ignored);
    j->secret = secrets_find(secrets, str_from(j->key), now_s);
    if (j->secret && j->model[0] == '\0') {
        memcpy(j->model, j->secret->model, sizeof(j->model));
    }
    j->transcription = j->transcription || (j->secret && j->secret->transcription);
    j->beta = str_is(str_trim(http_header(req, "OpenAI-Beta")), "realtime=v1");
}

void join_done(struct join *j)
{
    buf_done(&j->err);
}

static bool model_known(const char *model)
{
    static const char *const parts[] = {"realtime", "gpt-audio", "transcribe", "sandbox"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (str_search(str_from(model), str_from(parts[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

bool join_key_right(struct str key, const char *given)
{
    if (key.n == 0) {
        return !str_starts(str_from(given), STR(SECRET_PREFIX));
    }
    return crypto_equal(span_of_str(key), span_of_str(str_from(given)));
}

bool join_refused(const struct join *j, struct str key, struct openai_server_error *e, uint16_t *ret_code)
{
    *ret_code = 4000;
    if (!j->secret && !join_key_right(key, j->key)) {
        *ret_code = 3000;
        openai_server_error_set(e, "invalid_api_key", NULL, "Incorrect API key provided.");
    } else if (j->beta) {
        openai_server_error_set(
            e, "beta_api_shape_disabled", NULL,
            "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.");
    } else if (!j->transcription && j->model[0] == '\0') {
        openai_server_error_set(e, "missing_model", NULL, "You must provide a model parameter.");
    } else if (j->model[0] && !model_known(j->model)) {
        openai_server_error_set(e, "invalid_model", NULL, "Model \"%s\" is not supported in realtime mode.", j->model);
    } else if (j->err.len > 0) {
        openai_server_error_set(e, "invalid_fault", "fault", STR_FMT, STR_ARG(buf_str(&j->err)));
    } else {
        return false;
    }
    return true;
}
