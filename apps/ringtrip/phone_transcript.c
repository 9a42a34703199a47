#include "phone_transcript.h"

#include "answer.h"
#include "base/err.h"
#include "gateway/control_client.h"
#include "net/loop.h"
#include "peer/phone/phone_url.h"

#define TRIES    25
#define PAUSE_US 200000

/* "wss://host:1/media-stream" -> "https://host:1" */
static int put_origin(struct str url, struct buf *out)
{
    struct phone_url u;
    int err = phone_url_parse(url, &u);
    if (err < 0) {
        return err;
    }
    size_t host = str_search(u.base, STR("://"));
    bool tls = str_is(u.scheme, "wss") || str_is(u.scheme, "https");
    buf_printf(out, "http%s" STR_FMT, tls ? "s" : "", STR_ARG(((struct str){u.base.p + host, u.base.n - host})));
    return out->err;
}

static bool is_over(const struct buf *record)
{
    struct json_val doc;
    return json_parse(buf_str(record), &doc) >= 0 && json_get(doc, "ended_at").type == JSON_STRING;
}

static void on_rest_over(void *loop)
{
    loop_stop(loop);
}

static void rest(void)
{
    struct loop *loop;
    struct timer *timer;
    if (loop_new(&loop) < 0) {
        return;
    }
    if (timer_new(loop, on_rest_over, loop, &timer) >= 0) {
        timer_start(timer, PAUSE_US, 0);
        loop_run(loop);
        timer_free(timer);
    }
    loop_free(loop);
}

static int ask_until_over(const struct control_request *r, struct buf *out, struct buf *ret_err)
{
    int status = 0;
    for (int i = 0; i < TRIES; i++) {
        buf_clear(out);
        status = control_ask(r, out, ret_err);
        if (status != 200 || is_over(out)) {
            break;
        }
        rest();
    }
    return status;
}

/* The gateway said no, or it is no gateway of ours. */
static int tell_refusal(int status, const struct buf *answer, struct buf *ret_err)
{
    struct json_val doc;
    buf_printf(ret_err, "status %d", status);
    if (json_parse(buf_str(answer), &doc) >= 0 && json_get(doc, "error").type == JSON_STRING) {
        buf_puts(ret_err, ", ");
        answer_put_text(ret_err, doc, "error", 0);
    }
    if (status == 401) {
        buf_puts(ret_err, "; --api-token or RINGTRIP_API_TOKEN is one of its server.tokens");
    }
    return -EPROTO;
}

int phone_transcript_get(const struct phone_transcript_opts *o, struct buf *out, struct buf *ret_err)
{
    struct buf origin, path, answer;
    buf_init(&origin, 4096);
    buf_init(&path, 4096);
    buf_init(&answer, 32u << 20);
    buf_puts(&path, "/v1/calls/");
    answer_put_escaped(&path, o->call_id);
    int err = put_origin(o->url, &origin);
    if (err >= 0 && (!buf_cstr(&origin) || !buf_cstr(&path))) {
        err = -ENOMEM;
    }
    if (err >= 0) {
        const struct control_request r = {.url = buf_cstr(&origin),
                                          .token = o->token,
                                          .ca_file = o->ca_file,
                                          .method = "GET",
                                          .path = buf_cstr(&path)};
        int status = ask_until_over(&r, &answer, ret_err);
        err = status < 0 ? status : status == 200 ? 0 : tell_refusal(status, &answer, ret_err);
    } else {
        buf_puts(ret_err, err_text(err));
    }
    if (err >= 0) {
        buf_put_str(out, buf_str(&answer));
        err = out->err;
    }
    buf_done(&origin);
    buf_done(&path);
    buf_done(&answer);
    return err;
}

void phone_transcript_text(struct str record, struct buf *out)
{
    struct json_val doc, line;
    if (json_parse(record, &doc) < 0) {
        return;
    }
    for (struct json_it it = json_array(json_get(doc, "transcript")); json_elem(&it, &line);) {
        buf_printf(out, "%7.2f s  ", (double)answer_i64(line, "at_ms") / 1000.0);
        answer_put_text(out, line, "who", 7);
        answer_put_text(out, line, "text", 0);
        if (json_get(line, "unheard").type == JSON_STRING && json_get(line, "unheard").s.n > 0) {
            buf_puts(out, json_get(line, "text").s.n > 0 ? " [interrupted, not heard: " : "[not heard: ");
            answer_put_text(out, line, "unheard", 0);
            buf_putc(out, ']');
        }
        buf_putc(out, '\n');
    }
}
