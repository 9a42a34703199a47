#include "api/api_approvals.h"

#include "base/err.h"
#include "base/json.h"

#define LIST_MAX    (16u << 20)
#define MESSAGE_MAX 2000 /* bytes of what the model is told of a rejection */

/* As the model wrote them: JSON, or a text when they are none. */
static void put_arguments(struct json_w *w, struct str arguments)
{
    struct json_val v;
    json_w_key(w, "arguments");
    if (json_parse(arguments, &v) >= 0 && utf8_valid(arguments)) {
        json_w_raw(w, arguments);
    } else {
        json_w_str(w, arguments);
    }
}

static void put_one(const struct api_approval *a, void *arg)
{
    struct json_w *w = arg;
    json_w_open(w);
    json_w_kstr(w, "id", a->id);
    json_w_kstr(w, "call_id", a->call_id);
    json_w_kstr(w, "tool_call_id", a->tool_call_id);
    json_w_kstr(w, "tool", a->tool);
    put_arguments(w, a->arguments);
    json_w_kstr(w, "agent", a->agent);
    json_w_kstr(w, "caller", a->caller);
    json_w_ki64(w, "asked_at", (int64_t)(a->asked_wall_us / 1000000));
    if (a->expires_wall_us) {
        json_w_ki64(w, "expires_at", (int64_t)(a->expires_wall_us / 1000000));
        json_w_kz(w, "on_timeout", a->expires_approved ? "approve" : "reject");
    } else {
        json_w_kz(w, "expires_at", NULL);
        json_w_kz(w, "on_timeout", NULL);
    }
    json_w_close(w);
}

void api_approvals_list(struct api *api, struct http_exchange *x)
{
    struct buf out;
    buf_init(&out, LIST_MAX);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_key(&w, "approvals");
    json_w_array(&w);
    uint32_t n = api->o.host->approvals(put_one, &w, api->o.arg);
    json_w_end(&w);
    json_w_ki64(&w, "total", n);
    json_w_close(&w);
    if (out.err < 0) {
        api_error(api, x, 500, STR_NULL, err_text(out.err));
    } else {
        api_respond(api, x, 200, STR_NULL, buf_str(&out));
    }
    buf_done(&out);
}

/* False: the body makes no sense. scratch keeps a message that had to be unescaped. */
static bool read_decision(struct span body, struct buf *scratch, struct api_decision *ret)
{
    struct json_val doc;
    if (json_parse(str_of_span(body), &doc) < 0 || doc.type != JSON_OBJECT) {
        return false;
    }
    struct json_val decision = json_get(doc, "decision");
    struct json_val always = json_get(doc, "always");
    struct json_val message = json_get(doc, "message");
    *ret = (struct api_decision){.message = STR("")};
    ret->approve = decision.type == JSON_STRING && str_is(decision.s, "approve");
    bool reject = decision.type == JSON_STRING && str_is(decision.s, "reject");
    if (!ret->approve && !reject) {
        return false;
    }
    if (always.type != JSON_NONE && json_to_bool(always, &ret->always) < 0) {
        return false;
    }
    if (message.type != JSON_NONE && message.type != JSON_NULL && json_to_str(message, scratch, &ret->message) < 0) {
        return false;
    }
    return ret->message.n <= MESSAGE_MAX && utf8_valid(ret->message);
}

static void answer(struct api *api, struct http_exchange *x, struct str id, const struct api_decision *d)
{
    struct buf out;
    buf_init(&out, 1024);
    struct json_w w = json_w(&out);
    json_w_open(&w);
    json_w_kstr(&w, "id", id);
    json_w_kz(&w, "status", d->approve ? "approved" : "rejected");
    json_w_kbool(&w, "always", d->always);
    json_w_close(&w);
    api_respond(api, x, 200, STR_NULL, buf_str(&out));
    buf_done(&out);
}

void api_approvals_decide(struct api *api, struct http_exchange *x, struct str id, struct span body)
{
    struct api_decision d;
    struct buf scratch;
    buf_init(&scratch, MESSAGE_MAX * 8);
    if (!read_decision(body, &scratch, &d)) {
        api_error(api, x, 400, STR_NULL,
                  "The body must be {\"decision\": \"approve\" or \"reject\"}, with \"always\": true for the rest of "
                  "the call and a \"message\" of at most 2000 bytes");
    } else {
        int err = api->o.host->decide(id, &d, api->o.arg);
        if (err == -ENOENT) {
            api_error(api, x, 404, STR_NULL,
                      "Nothing waits under this id: it was decided, its time was up, or its call is over");
        } else if (err < 0) {
            api_error(api, x, 503, STR("Retry-After: 5\r\n"), err_text(err));
        } else {
            answer(api, x, id, &d);
        }
    }
    buf_done(&scratch);
}
