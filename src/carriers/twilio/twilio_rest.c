/* REST requests of the account: how they are written, and what the answers mean. */
#include "base/json.h"
#include "carriers/twilio/twilio_impl.h"

#define LIST_MAX_BYTES (256u << 10)

static bool read_reply(const struct http_reply *reply, bool over_is_fine, struct account_scratch *scratch,
                       struct carrier_result *ret)
{
    struct json_val doc = {0};
    if (json_open(str_of_span(reply->body), &doc) == 0) {              /* gateways in front of it answer HTML */
        ignore_result(json_to_i64(json_get(doc, "code"), &ret->code)); /* absent: 0 */
        ret->message = account_text(doc, "message", &scratch->of[0]);
        ret->id = account_text(doc, "sid", &scratch->of[1]);
        ret->state = account_text(doc, "status", &scratch->of[2]);
    }
    /* The vendor's ways to say that there is no such call any more. */
    bool over = (reply->status == 404 && (ret->code == 20404 || ret->code == 0)) ||
                (reply->status == 400 && ret->code == 21220);
    return (reply->status >= 200 && reply->status < 300) || (over_is_fine && over);
}

bool twilio_can_rest(const struct twilio *t)
{
    return t->cloud.http && t->opts->account_sid.n > 0 && t->opts->n_auth_tokens > 0;
}

int twilio_rest_start(struct twilio *t, const struct twilio_order *o, const struct account_wait *w)
{
    char what[CLOUD_ID_MAX + 32];
    struct buf url;
    if (!twilio_can_rest(t)) {
        return -ERR_STATE;
    }
    int err = str_copy(what, sizeof(what), o->resource);
    buf_init(&url, CLOUD_URL_MAX);
    buf_put_str(&url, or_str(t->opts->api_base, "https://api.twilio.com"));
    buf_printf(&url, "/2010-04-01/Accounts/" STR_FMT "/%s", STR_ARG(t->opts->account_sid), err < 0 ? "" : what);
    if (o->get && o->form.n > 0) {
        buf_putc(&url, '?');
        buf_put_str(&url, o->form);
    }
    const struct account_order order = {
        .method = o->get ? "GET" : "POST",
        .url = buf_str(&url),
        .content_type = o->get ? STR("") : STR("application/x-www-form-urlencoded"),
        .body = o->get ? (struct span){NULL, 0} : span_of_str(o->form),
        .user = t->opts->account_sid,
        .password = t->opts->auth_tokens[0],
        .what = o->resource,
        .max_response_bytes = o->get ? LIST_MAX_BYTES : 0,
        .over_is_fine = o->over_is_fine,
        .makes = o->makes,
        .read = read_reply,
    };
    err = err < 0 ? err : url.err < 0 ? url.err : account_start(&t->cloud, &order, w);
    buf_done(&url);
    return err;
}
