/* What the account tells by itself: signed requests, at once or late, none outliving the account. */
#include <stdlib.h>

#include "base/err.h"
#include "peer/exchange/exchange_impl.h"
#include "peer/phone/phone_url.h"

#define CALLBACK_MS 5000
#define LATE_US     2000000
#define BODY_MAX    65536u

/* One request of ours; with EXCHANGE_LATE it waits for its timer. */
struct callback {
    struct line *line;
    struct callback *next; /* of those that wait */
    struct timer *timer;   /* NULL: it was sent at once */
    struct buf headers, body, target;
};

static void callback_free(struct callback *c)
{
    timer_free(c->timer);
    buf_done(&c->headers);
    buf_done(&c->body);
    buf_done(&c->target);
    free(c);
}

static void on_callback_reply(const struct http_reply *reply, void *arg)
{
    struct callback *c = arg;
    struct line *l = c->line;
    l->pending--;
    if (reply->err < 0 || reply->status / 100 != 2) {
        l->e->stats.callbacks_failed++;
    }
    callback_free(c);
}

static int put_headers(const struct exchange *e, struct str url, const struct phone_form *form, struct buf *out)
{
    struct buf named;
    buf_init(&named, EXCHANGE_URL_MAX);
    buf_printf(out, "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nUser-Agent: %s\r\n",
               e->vendor->phone->hook_agent);
    int err = phone_url_rebase(url, e->o.sign_base, &named);
    const struct phone_claim claim = {e->o.auth_token, buf_str(&named), form};
    err = err < 0 ? err : e->vendor->phone->put_signature(out, &claim);
    buf_done(&named);
    return err < 0 ? err : out->err;
}

/* Where it really goes: the name in a callback's URL may be none that this machine can reach. */
int exchange_put_delivery(const struct exchange *e, struct str url, struct buf *out)
{
    return phone_url_rebase(url, e->o.deliver_base, out);
}

static void callback_send(struct callback *c)
{
    struct line *l = c->line;
    const struct http_call_opts call = {.method = "POST",
                                        .url = buf_str(&c->target),
                                        .headers = buf_str(&c->headers),
                                        .body = buf_span(&c->body),
                                        .deadline_ms = CALLBACK_MS};
    l->e->stats.callbacks++;
    if (http_call(l->e->o.http, &call, on_callback_reply, c, NULL) < 0) {
        l->e->stats.callbacks_failed++;
        callback_free(c);
    } else {
        l->pending++;
    }
}

static void on_late(void *arg)
{
    struct callback *c = arg;
    struct callback **at = &c->line->e->late;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    callback_send(c);
}

void exchange_post(struct line *l, struct str url, const struct phone_form *form)
{
    struct exchange *e = l->e;
    struct callback *c = calloc(1, sizeof(*c));
    if (!c) {
        e->stats.callbacks_failed++;
        return;
    }
    c->line = l;
    buf_init(&c->headers, BODY_MAX);
    buf_init(&c->body, BODY_MAX);
    buf_init(&c->target, EXCHANGE_URL_MAX);
    phone_form_encode(form, &c->body);
    int err = put_headers(e, url, form, &c->headers);
    err = err < 0 ? err : exchange_put_delivery(e, url, &c->target);
    err = err < 0 ? err : c->body.err;
    if (err >= 0 && (e->o.faults & EXCHANGE_LATE)) {
        err = timer_new(e->loop, on_late, c, &c->timer);
    }
    if (err < 0) {
        e->stats.callbacks_failed++;
        callback_free(c);
    } else if (c->timer) {
        c->next = e->late;
        e->late = c;
        timer_start(c->timer, LATE_US, 0);
    } else {
        callback_send(c);
    }
}

void exchange_callbacks_drop(struct exchange *e)
{
    while (e->late) {
        struct callback *c = e->late;
        e->late = c->next;
        callback_free(c);
    }
}
