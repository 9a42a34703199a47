/*
 * The concierge's call to the restaurant: asked of the gateway that listens (this one, or the one beside a chat in the
 * terminal), followed every two seconds for three minutes, and told to the agent: confirmed with its number, pending,
 * rejected, or why not. Only ever to the configured number.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/control_client.h"
#include "gateway/host_impl.h"
#include "tools/builtin/args.h"
#include "tools/builtin/reservation.h"
#include "tools/builtin/wish.h"

#define TOOL           "initiate_reservation_call"
#define ASK_MS         10000
#define OUTPUT_MAX     16384
#define ARENA_BYTES    (256u << 10)
#define RESOLUTION_MAX 1100
#define REJECTED       "rejected"

/* A booking under way. Owns all it needs: the call in which it was asked for may be gone before it is over. */
struct booking {
    struct worker *worker;
    struct host_id id;
    struct log_scope log;
    char own_call[CALL_ID_MAX + 1], tool_call_id[CALL_ID_MAX + 1];
    struct snapshot *snapshot;
    struct arena arena;
    struct builtin_args args;
    struct timer *timer;
    char call_id[CALL_ID_MAX + 1]; /* of the call to the restaurant; "": not made yet */
    uint64_t started_us;
    bool given_up;
};

bool host_dials_reservation(const struct host *h, struct str tool)
{
    const struct builtin_concierge *c = &h->snapshot->concierge;
    return str_is(tool, TOOL) && c->has_account && c->has_public_url;
}

static void booking_free(struct booking *b)
{
    b->worker->tool_jobs--;
    timer_free(b->timer);
    arena_done(&b->arena);
    snapshot_unref(b->snapshot);
    free(b);
}

/* ---- the answer ---- */

static void keep_number(struct booking *b, struct str confirmation)
{
    const struct store_call row = {
        .id = str_from(b->own_call), .confirmation = confirmation, .cost_micro = STORE_NO_COST};
    const struct store_op op = {.kind = STORE_CALL_UPDATE, .at_us = (uint64_t)clock_wall_us(), .u.call = &row};
    if (confirmation.n > 0) {
        scribe_put(b->worker->env.scribe, &op);
    }
}

static void finish(struct booking *b, const char *status, const char *message, struct str confirmation)
{
    struct host *h = worker_by_id(b->worker, b->id);
    bool failed = str_is(str_from(status), "error");
    uint64_t took_us = loop_now_us(b->worker->env.loop) - b->started_us;
    const struct reservation_result r = {
        .status = status,
        .message = str_from(message),
        .confirmation = confirmation,
        .duration_s = (double)(took_us / 100000) / 10,
        .wall_us = (uint64_t)clock_wall_us(),
    };
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    reservation_put_result(&out, &b->snapshot->concierge, &b->args, &r);
    keep_number(b, confirmation);
    metrics_add_word(b->worker->env.metrics, METRIC_TOOLS, failed ? STR("error") : STR("ok"), 1);
    metrics_observe_us(b->worker->env.metrics, METRIC_TOOL_SECONDS, took_us);
    log_info(&b->log, "tool.done", "name=" TOOL " ms=%llu result=%s call=%s", (unsigned long long)took_us / 1000,
             status, b->call_id);
    if (h) {
        struct call_event ev = {.type = EV_TOOL_RESULT};
        ev.tool_result.tool_call_id = str_from(b->tool_call_id);
        ev.tool_result.output = out.err < 0 ? STR("{\"status\":\"error\"}") : buf_str(&out);
        ev.tool_result.failed = failed;
        host_tap(h, TAP_TOOL_RESULT, NULL, &ev);
        host_event(h, &ev);
    }
    buf_done(&out);
    booking_free(b);
}

/* ---- the gateway's HTTP ---- */

static int ask(struct booking *b, const char *method, const char *path, struct str body, http_reply_fn done)
{
    const struct config *cfg = b->snapshot->cfg;
    const struct worker_env *env = &b->worker->env;
    struct control_address at;
    struct buf url;
    struct buf headers;
    int err = control_own_address(cfg, env->own_port ? env->own_port(env->arg) : 0, &at);
    if (err < 0) {
        return err;
    }
    buf_init(&url, 4096);
    buf_init(&headers, 8192);
    buf_puts(&url, at.url);
    buf_puts(&url, path);
    buf_puts(&headers, at.headers);
    if (cfg->server.tokens.n > 0) {
        buf_printf(&headers, "Authorization: Bearer " STR_FMT "\r\n", STR_ARG(cfg->server.tokens.v[0]));
    }
    buf_puts(&headers, "Content-Type: application/json\r\n");
    const struct http_call_opts call = {
        .method = method,
        .url = buf_str(&url),
        .headers = buf_str(&headers),
        .body = span_of_str(body),
        .ca_file = at.ca_file,
        .connect_to = at.connect_to,
        .deadline_ms = ASK_MS,
        .max_response_bytes = 16u << 20,
    };
    err = url.err ? url.err : headers.err ? headers.err : http_call(env->http, &call, done, b, NULL);
    buf_done(&url);
    buf_done(&headers);
    return err;
}

static struct str text_at(const struct http_reply *reply, const char *path, char *room, size_t cap)
{
    struct json_val doc;
    struct json_val v = {0};
    if (json_parse(str_of_span(reply->body), &doc) >= 0) {
        v = json_path(doc, path);
    }
    return v.type == JSON_STRING && json_copy_str(v, room, cap) >= 0 ? str_from(room) : STR("");
}

static void look_again(struct booking *b)
{
    timer_start(b->timer, b->snapshot->cfg->concierge.poll_ms * UINT64_C(1000), 0);
}

static void on_hung_up(const struct http_reply *reply, void *arg)
{
    struct booking *b = arg;
    if (reply->err == -ECANCELED) { /* the gateway ends */
        booking_free(b);
        return;
    }
    finish(b, "error", "The call to the restaurant took too long and was ended. Nothing was booked.", STR(""));
}

static void give_up(struct booking *b)
{
    char path[160];
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s/hangup", b->call_id) < 0); /* fits */
    if (ask(b, "POST", path, STR(""), on_hung_up) < 0) {
        finish(b, "error", "The call to the restaurant took too long. Nothing was booked.", STR(""));
    }
}

/* The agent who called says so with end_call, see examples/concierge. */
static bool is_rejection(struct str resolution)
{
    return resolution.n >= strlen(REJECTED) && str_ieq((struct str){resolution.p, strlen(REJECTED)}, STR(REJECTED));
}

static void conclude(struct booking *b, struct str outcome, struct str resolution, struct str confirmation)
{
    if (str_is(outcome, "answered") && is_rejection(resolution)) {
        char text[RESOLUTION_MAX + 64];
        ignore_result(snprintf(text, sizeof(text),
                               "The restaurant has no such table (" STR_FMT "). Nothing was booked.",
                               STR_ARG(resolution)) < 0); /* bounded by its room */
        finish(b, "rejected", text, STR(""));
    } else if (confirmation.n > 0) {
        finish(b, "confirmed", "The restaurant has confirmed the table.", confirmation);
    } else if (str_is(outcome, "answered")) {
        finish(b, "pending", "The restaurant was reached, but gave no confirmation number.", STR(""));
    } else {
        char text[128];
        ignore_result(snprintf(text, sizeof(text),
                               "The restaurant could not be reached (" STR_FMT "). Nothing was booked.",
                               STR_ARG(outcome)) < 0); /* a short word */
        finish(b, "error", text, STR(""));
    }
}

static void on_record(const struct http_reply *reply, void *arg)
{
    struct booking *b = arg;
    char outcome[32];
    char ended[64];
    char number[64];
    char resolution[RESOLUTION_MAX];
    if (reply->err == -ECANCELED) {
        booking_free(b);
        return;
    }
    struct str how = text_at(reply, "dial.outcome", outcome, sizeof(outcome));
    bool over = how.n > 0 && text_at(reply, "ended_at", ended, sizeof(ended)).n > 0;
    if (over) {
        conclude(b, how, text_at(reply, "dial.detail", resolution, sizeof(resolution)),
                 text_at(reply, "confirmation_number", number, sizeof(number)));
    } else if (loop_now_us(b->worker->env.loop) - b->started_us >=
               b->snapshot->cfg->concierge.wait_s * UINT64_C(1000000)) {
        give_up(b);
    } else {
        look_again(b);
    }
}

static void on_timer(void *arg)
{
    struct booking *b = arg;
    char path[160];
    if (!worker_by_id(b->worker, b->id)) {
        booking_free(b); /* nobody waits for it any more; the call goes on, and its record keeps what it brings */
        return;
    }
    ignore_result(snprintf(path, sizeof(path), "/v1/calls/%s", b->call_id) < 0); /* fits */
    if (ask(b, "GET", path, STR(""), on_record) < 0) {
        finish(b, "error", "The call to the restaurant cannot be followed.", STR(""));
    }
}

static void on_made(const struct http_reply *reply, void *arg)
{
    struct booking *b = arg;
    char why[512];
    if (reply->err == -ECANCELED) {
        booking_free(b);
    } else if (reply->err < 0) {
        finish(b, "error",
               "No gateway is running that could call: start ringtrip serve with the same configuration. Nothing was "
               "booked.",
               STR(""));
    } else if (reply->status / 100 != 2 || text_at(reply, "call_id", b->call_id, sizeof(b->call_id)).n == 0) {
        struct str text = text_at(reply, "error", why, sizeof(why));
        finish(b, "error", text.n ? why : "The restaurant cannot be called. Nothing was booked.", STR(""));
    } else {
        log_info(&b->log, "reservation.calling", "call=%s", b->call_id);
        look_again(b);
    }
}

/* ---- the request ---- */

static void put_what(struct buf *out, const struct builtin_args *a)
{
    buf_printf(out, "a table for " STR_FMT " on " STR_FMT " at " STR_FMT, STR_ARG(a->party_size), STR_ARG(a->date),
               STR_ARG(a->time));
    if (a->customer_name.n > 0) {
        buf_printf(out, ", in the name of " STR_FMT, STR_ARG(a->customer_name));
    }
}

static void put_context(struct buf *out, const struct builtin_args *a)
{
    buf_printf(out, "Restaurant: " STR_FMT ".", STR_ARG(a->restaurant_name));
    if (a->customer_phone.n > 0) {
        buf_printf(out, " Telephone number of the customer: " STR_FMT ".", STR_ARG(a->customer_phone));
    }
    if (a->special_requests.n > 0) {
        buf_printf(out, " Special requests: " STR_FMT ".", STR_ARG(a->special_requests));
    }
}

static int make_call(struct booking *b)
{
    const struct config *cfg = b->snapshot->cfg;
    char key[2 * CALL_ID_MAX + 2];
    struct buf body;
    struct buf text;
    buf_init(&body, 64u << 10);
    buf_init(&text, 16u << 10);
    struct json_w w = json_w(&body);
    ignore_result(snprintf(key, sizeof(key), "%s/%s", b->own_call, b->tool_call_id) < 0); /* fits */
    json_w_open(&w);
    json_w_kstr(&w, "to", cfg->concierge.phone);
    if (cfg->concierge.agent.n > 0) {
        json_w_kstr(&w, "agent", cfg->concierge.agent);
    }
    put_what(&text, &b->args);
    json_w_kstr(&w, "opening_reason", buf_str(&text));
    json_w_kz(&w, "objective", "Book the table and ask for a confirmation number.");
    buf_clear(&text);
    put_context(&text, &b->args);
    json_w_kstr(&w, "context", buf_str(&text));
    json_w_kz(&w, "idempotency_key", key);
    json_w_close(&w);
    int err = body.err ? body.err : text.err ? text.err : ask(b, "POST", "/v1/calls", buf_str(&body), on_made);
    buf_done(&body);
    buf_done(&text);
    return err;
}

static int fill(struct booking *b, const struct host *h, struct str tool_call_id, struct str arguments,
                struct buf *refusal)
{
    b->id = h->id;
    b->snapshot = snapshot_ref(h->snapshot);
    b->started_us = loop_now_us(h->worker->env.loop);
    memcpy(b->own_call, h->call_id, sizeof(b->own_call));
    b->log = (struct log_scope){.call_id = b->own_call, .worker = -1};
    int err = str_copy(b->tool_call_id, sizeof(b->tool_call_id), tool_call_id);
    err = err < 0 ? err : builtin_args_read(arguments, &b->arena, &b->args);
    const char *lacks = err < 0 ? NULL : reservation_lacks(&b->args);
    if (lacks) {
        builtin_put_refusal(refusal, str_from(lacks));
        return -EINVAL;
    }
    return err < 0 ? err : timer_new(h->worker->env.loop, on_timer, b, &b->timer);
}

int host_run_reservation(struct host *h, struct str tool_call_id, struct str arguments, struct buf *refusal)
{
    struct booking *b = calloc(1, sizeof(*b));
    if (!b) {
        return -ENOMEM;
    }
    b->worker = h->worker;
    h->worker->tool_jobs++;
    arena_init(&b->arena, ARENA_BYTES);
    int err = fill(b, h, tool_call_id, arguments, refusal);
    err = err < 0 ? err : make_call(b);
    if (err < 0) {
        booking_free(b);
    }
    return err;
}
