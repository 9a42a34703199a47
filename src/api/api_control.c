#include "api/api_control.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

static void answer(struct api *api, struct http_exchange *x, int status, struct str id, const char *key,
                   const char *word)
{
    struct buf out;
    buf_init(&out, 1024);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kstr(&w, "call_id", id);
    json_w_kz(&w, key, word);
    json_w_close(&w);
    api_respond(api, x, status, STR_NULL, buf_str(&out));
    buf_done(&out);
}

void api_control_refused(struct api *api, struct http_exchange *x, const char *guardrail)
{
    char text[160];
    ignore_result(snprintf(text, sizeof(text), "The guardrail %s refuses this text", guardrail)); /* its name fits */
    api_error(api, x, 422, STR_NULL, text);
}

/* What the host said of a wish that it did not fulfil. */
static void refuse(struct api *api, struct http_exchange *x, struct str id, int err, const char *why)
{
    if (err == -ENOENT) {
        api_calls_absent(api, x, id);
    } else if (err == -ERR_STATE) {
        api_error(api, x, 409, STR_NULL, why);
    } else if (err == -ERR_RANGE) {
        api_control_refused(api, x, why);
    } else {
        api_error(api, x, 503, STR("Retry-After: 5\r\n"), err_text(err));
    }
}

void api_control_hangup(struct api *api, struct http_exchange *x, struct str id)
{
    int err = api->o.host->hangup(id, api->o.arg);
    if (err < 0) {
        refuse(api, x, id, err, NULL);
    } else {
        answer(api, x, 202, id, "status", "hanging_up");
    }
}

void api_control_record(struct api *api, struct http_exchange *x, struct str id)
{
    const char *why = NULL;
    int err = api->o.host->record(id, &why, api->o.arg);
    if (err < 0) {
        refuse(api, x, id, err, why);
    } else {
        answer(api, x, 202, id, "status", "recording_asked");
    }
}

/* The string member of a body that is one object; in scratch when it had to be unescaped. */
static int read_member(struct span body, const char *key, struct buf *scratch, struct str *ret)
{
    struct json_val doc;
    int err = json_parse(str_of_span(body), &doc);
    if (err < 0 || doc.type != JSON_OBJECT) {
        return err < 0 ? err : -ERR_TYPE;
    }
    struct json_val v = json_get(doc, key);
    return v.type == JSON_STRING ? json_to_str(v, scratch, ret) : -ERR_MISSING;
}

static bool parse_cue(struct str word, enum turn_cue *ret)
{
    for (uint32_t i = 0; i < TURN_CUE_N; i++) {
        if (str_is(word, turn_cue_name((enum turn_cue)i))) {
            *ret = (enum turn_cue)i;
            return true;
        }
    }
    return false;
}

void api_control_turn(struct api *api, struct http_exchange *x, struct str id, struct span body)
{
    enum turn_cue cue = TURN_CUE_START;
    const char *why = NULL;
    struct str word = STR_NULL;
    struct buf scratch;
    buf_init(&scratch, 64);
    int err = read_member(body, "action", &scratch, &word);
    bool known = err >= 0 && parse_cue(word, &cue);
    buf_done(&scratch);
    if (!known) {
        api_error(api, x, 400, STR_NULL, "The body must be {\"action\": \"start\", \"commit\" or \"discard\"}");
        return;
    }
    err = api->o.host->turn(id, cue, &why, api->o.arg);
    if (err < 0) {
        refuse(api, x, id, err, why);
    } else {
        answer(api, x, 200, id, "action", turn_cue_name(cue));
    }
}

void api_control_text(struct api *api, struct http_exchange *x, struct str id, struct span body)
{
    const char *why = NULL;
    struct str text = STR_NULL;
    struct buf scratch;
    buf_init(&scratch, API_TEXT_MAX + 1);
    int err = read_member(body, "text", &scratch, &text);
    text = str_trim(text);
    if (err < 0 || text.n == 0 || text.n > API_TEXT_MAX || !utf8_valid(text)) {
        api_error(api, x, 400, STR_NULL, "The body must be {\"text\": \"...\"} with 1 to 8000 bytes of UTF-8");
    } else {
        err = api->o.host->text(id, text, &why, api->o.arg);
        if (err < 0) {
            refuse(api, x, id, err, why);
        } else {
            answer(api, x, 200, id, "status", "accepted");
        }
    }
    buf_done(&scratch);
}
