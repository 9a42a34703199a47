#include "tools/builtin/builtin.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "tools/builtin/args.h"

#define MAX_PHONE      24
#define MIN_DIGITS     7
#define MAX_DIGITS     15 /* E.164 */
#define MAX_NAME_SHOWN 64
#define ID_TRIES       8

#define TEXT(lit)                                                                                                      \
    {                                                                                                                  \
        (lit), sizeof(lit) - 1                                                                                         \
    }

/* In the order of builtin_tool; run_fns below follows it. */
static const struct call_tool tools[] = {
    {.name = TEXT("check_order_status"),
     .description = TEXT("Looks up an order of the shop by its number or by the customer's e-mail address. "
                         "Ask the caller for one of them first."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"order_number\":{\"type\":\"string\",\"description\":\"The order number, digits only\"},"
                        "\"email\":{\"type\":\"string\",\"description\":\"The e-mail address given with the order\"}"
                        "},\"required\":[]}"),
     .kind = CALL_TOOL_HOST},
    {.name = TEXT("schedule_callback"),
     .description = TEXT("Notes that somebody of the shop calls the customer back. Confirm the telephone number with "
                         "the caller before."),
     .parameters =
         TEXT("{\"type\":\"object\",\"properties\":{"
              "\"phone_number\":{\"type\":\"string\",\"description\":\"Number to call, with country code\"},"
              "\"reason\":{\"type\":\"string\",\"description\":\"What it is about\"},"
              "\"preferred_time\":{\"type\":\"string\",\"description\":\"When it suits, as the caller says "
              "it\"},"
              "\"department\":{\"type\":\"string\",\"description\":\"Who should call: sales, support, billing "
              "or general\"}"
              "},\"required\":[\"phone_number\",\"reason\",\"department\"]}"),
     .kind = CALL_TOOL_HOST},
    {.name = TEXT("end_call"),
     .description = TEXT("Hangs up. Say goodbye first; the call ends when the goodbye has been heard."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"reason\":{\"type\":\"string\",\"description\":\"Why the call ends\"},"
                        "\"resolution\":{\"type\":\"string\",\"description\":\"What was achieved\"}"
                        "},\"required\":[]}"),
     .kind = CALL_TOOL_END},
    {.name = TEXT("hangup_call"),
     .description = TEXT("Hangs up after a goodbye. Do not say goodbye yourself before; give it as farewell_message."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"farewell_message\":{\"type\":\"string\",\"description\":\"One short sentence of goodbye\"}"
                        "},\"required\":[]}"),
     .kind = CALL_TOOL_END},
    {.name = TEXT("send_sms"),
     .description = TEXT("Sends a text message. Confirm the telephone number with the caller before."),
     .parameters =
         TEXT("{\"type\":\"object\",\"properties\":{"
              "\"phone_number\":{\"type\":\"string\",\"description\":\"Number to send to, with country code\"},"
              "\"message\":{\"type\":\"string\",\"description\":\"What it says, at most 1600 bytes\"}"
              "},\"required\":[\"phone_number\",\"message\"]}"),
     .kind = CALL_TOOL_HOST},
    {.name = TEXT("transfer_call"),
     .description = TEXT("Connects the caller with a department of the house and ends your part of the call. Tell the "
                         "caller before."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"department\":{\"type\":\"string\",\"description\":\"Who should take the call\"},"
                        "\"reason\":{\"type\":\"string\",\"description\":\"What it is about\"}"
                        "},\"required\":[\"department\"]}"),
     .kind = CALL_TOOL_HOST,
     .deadline_ms = 90000}, /* the announcement, the keys and the carrier's answer are in it */
    {.name = TEXT("send_dtmf"),
     .description = TEXT("Presses keys of the telephone, for a menu or an extension. It happens when you have finished "
                         "speaking."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"digits\":{\"type\":\"string\",\"description\":\"0-9, *, #, A-D; w waits half a second\"}"
                        "},\"required\":[\"digits\"]}"),
     .kind = CALL_TOOL_HOST,
     .deadline_ms = 60000},
    {.name = TEXT("find_restaurant"),
     .description = TEXT("Finds a restaurant and its telephone number."),
     .parameters = TEXT("{\"type\":\"object\",\"properties\":{"
                        "\"restaurant_name\":{\"type\":\"string\",\"description\":\"Name of the restaurant\"}"
                        "},\"required\":[\"restaurant_name\"]}"),
     .kind = CALL_TOOL_HOST},
    {.name = TEXT("initiate_reservation_call"),
     .description = TEXT("Calls a restaurant to book a table. Find the restaurant first, and repeat the details to the "
                         "customer before."),
     .parameters =
         TEXT("{\"type\":\"object\",\"properties\":{"
              "\"restaurant_name\":{\"type\":\"string\",\"description\":\"Name of the restaurant\"},"
              "\"restaurant_phone\":{\"type\":\"string\",\"description\":\"As find_restaurant gave it\"},"
              "\"party_size\":{\"type\":[\"integer\",\"string\"],\"description\":\"How many people\"},"
              "\"date\":{\"type\":\"string\",\"description\":\"The day, as YYYY-MM-DD when it is known\"},"
              "\"time\":{\"type\":\"string\",\"description\":\"The time, as HH:MM when it is known\"},"
              "\"customer_name\":{\"type\":\"string\",\"description\":\"For whom the table is\"},"
              "\"customer_phone\":{\"type\":\"string\",\"description\":\"Number of the customer\"},"
              "\"special_requests\":{\"type\":\"string\",\"description\":\"Anything else, such as a high chair\"}"
              "},\"required\":[\"restaurant_name\",\"party_size\",\"date\",\"time\"]}"),
     .kind = CALL_TOOL_HOST,
     .deadline_ms = 200000}, /* a call of three minutes, and its end */
};

uint32_t builtin_tool_count(void)
{
    return ARRAY_LEN(tools);
}

const struct call_tool *builtin_tool(uint32_t index)
{
    return index < ARRAY_LEN(tools) ? &tools[index] : NULL;
}

const struct call_tool *builtin_tool_find(struct str name)
{
    for (uint32_t i = 0; i < ARRAY_LEN(tools); i++) {
        if (str_eq(tools[i].name, name)) {
            return &tools[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ arguments */

/* "#10-01", "order 1001": the digits are the number. */
static struct str digits_of(struct str s, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < cap; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9') {
            out[n++] = s.p[i];
        }
    }
    return (struct str){out, n};
}

/* Digits with a leading + when there was one; empty when it is no telephone number. */
static struct str phone_of(struct str s, char out[MAX_PHONE])
{
    struct str digits = digits_of(s, out + 1, MAX_PHONE - 1);

    out[0] = '+';
    if (digits.n < MIN_DIGITS || digits.n > MAX_DIGITS) {
        return STR("");
    }
    return s.p[0] == '+' ? (struct str){out, digits.n + 1} : digits;
}

/* ------------------------------------------------------------------------------------------------ results */

struct run {
    const struct builtin_ctx *ctx;
    const struct builtin_args *args;
    struct arena *arena;
    struct buf *out;
    bool failed;
};

static void put_error(struct run *r, const char *message)
{
    struct json_w w = json_w(r->out);

    r->failed = true;
    json_w_open(&w);
    json_w_kz(&w, "status", "error");
    json_w_kz(&w, "message", message);
    json_w_close(&w);
}

/* "November 23", days from now. */
static void put_day(struct json_w *w, const char *key, uint64_t wall_us, int32_t days)
{
    static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};
    time_t when = (time_t)(wall_us / 1000000) + (time_t)days * 86400;
    char text[32];
    struct tm tm;
    int n;

    gmtime_r(&when, &tm);
    n = snprintf(text, sizeof(text), "%s %d", months[tm.tm_mon % 12], tm.tm_mday);
    json_w_kstr(w, key, (struct str){text, (size_t)n});
}

static void put_order(struct run *r, const struct store_order *o)
{
    struct json_w w = json_w(r->out);

    json_w_open(&w);
    json_w_kstr(&w, "order_number", o->number);
    json_w_kstr(&w, "status", o->status);
    json_w_kstr(&w, "item", o->item);
    if (o->carrier.n) {
        json_w_kstr(&w, "carrier", o->carrier);
    }
    if (o->tracking.n) {
        json_w_kstr(&w, "tracking_number", o->tracking);
    }
    if (str_is(o->status, "shipped")) {
        put_day(&w, "estimated_delivery", r->ctx->wall_us, o->days);
    }
    if (str_is(o->status, "delivered")) {
        put_day(&w, "delivered_date", r->ctx->wall_us, -o->days);
    }
    if (o->signed_by.n) {
        json_w_kstr(&w, "signed_by", o->signed_by);
    }
    if (o->detail.n) {
        json_w_kstr(&w, "detail", o->detail);
    }
    json_w_close(&w);
}

static void put_not_found(struct run *r)
{
    struct json_w w = json_w(r->out);

    json_w_open(&w);
    json_w_kz(&w, "status", "not_found");
    if (r->args->order_number.n) {
        json_w_kstr(&w, "order_number", r->args->order_number);
    } else {
        json_w_kstr(&w, "email", r->args->email);
    }
    json_w_kz(&w, "message", "There is no such order. Ask the caller to check the number.");
    json_w_close(&w);
}

static int check_order_status(struct run *r)
{
    char digits[32];
    struct str number = digits_of(r->args->order_number, digits, sizeof(digits));
    struct store_order order;
    int err;

    if (!number.n && !r->args->email.n) {
        put_error(r, "Please ask for the order number or the e-mail address.");
        return 0;
    }
    err = r->ctx->ops->order_get(r->ctx->store, number, r->args->email, r->arena, &order);
    if (err >= 0) {
        put_order(r, &order);
    } else if (err == -ENOENT) {
        put_not_found(r);
        err = 0;
    }
    return err;
}

/* Steps through the ids from a given random number (splitmix64), so that a taken one is not the end. */
static uint32_t six_digits(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) % 1000000);
}

static int add_callback(struct run *r, struct store_callback *c, struct buf *id)
{
    const struct store_op op = {.kind = STORE_CALLBACK_ADD, .at_us = r->ctx->wall_us, .u.callback = c};
    uint64_t state = r->ctx->random;
    int err = -EEXIST;

    for (uint32_t i = 0; i < ID_TRIES && err == -EEXIST; i++) {
        buf_clear(id);
        buf_printf(id, "CB%06u", six_digits(&state));
        c->id = buf_str(id);
        err = id->err < 0 ? id->err : r->ctx->ops->write(r->ctx->store, &op, 1, NULL);
    }
    return err;
}

static void put_callback(struct run *r, const struct store_callback *c)
{
    struct json_w w = json_w(r->out);

    json_w_open(&w);
    json_w_kz(&w, "status", "scheduled");
    json_w_kstr(&w, "callback_id", c->id);
    json_w_kstr(&w, "phone_number", c->phone);
    json_w_kstr(&w, "department", c->department);
    json_w_kstr(&w, "scheduled_time", c->scheduled);
    json_w_kstr(&w, "reason", c->reason);
    json_w_close(&w);
}

static int schedule_callback(struct run *r)
{
    const struct builtin_args *args = r->args;
    char digits[MAX_PHONE];
    struct store_callback c = {.call_id = r->ctx->call_id,
                               .phone = phone_of(args->phone_number, digits),
                               .department = args->department.n ? args->department : STR("general"),
                               .reason = args->reason,
                               .scheduled =
                                   args->preferred_time.n ? args->preferred_time : STR("within 2 business hours"),
                               .created_us = r->ctx->wall_us};
    struct buf id;
    int err;

    if (!c.phone.n) {
        put_error(r, args->phone_number.n ? "That is not a complete telephone number. Please ask again."
                                          : "Please ask for the telephone number.");
        return 0;
    }
    buf_init(&id, 32);
    err = add_callback(r, &c, &id);
    if (err >= 0) {
        put_callback(r, &c);
    }
    buf_done(&id);
    return err;
}

static int end_call(struct run *r)
{
    struct json_w w = json_w(r->out);

    json_w_open(&w);
    json_w_kz(&w, "status", "call_ending");
    json_w_kstr(&w, "reason", r->args->reason.n ? r->args->reason : STR("conversation complete"));
    json_w_close(&w);
    return 0;
}

static int find_restaurant(struct run *r)
{
    return reservation_find(r->ctx, r->args, r->out, &r->failed);
}

static int initiate_reservation_call(struct run *r)
{
    return reservation_call(r->ctx, r->args, r->out, &r->failed);
}

/* What only the host can do: see wish.h. */
static int not_here(struct run *r)
{
    put_error(r, "The tool cannot be used here.");
    return 0;
}

/* ------------------------------------------------------------------------------------------------ running */

static void put_unknown(struct buf *out, struct str name)
{
    char text[MAX_NAME_SHOWN + 32];
    int n = snprintf(text, sizeof(text), "Unknown function: %.*s", (int)MIN(name.n, (size_t)MAX_NAME_SHOWN), name.p);

    buf_puts(out, "{\"error\":");
    json_put_quoted(out, (struct str){text, (size_t)n});
    buf_putc(out, '}');
}

static int run_known(struct run *r, const struct call_tool *tool)
{
    static int (*const fns[ARRAY_LEN(tools)])(struct run * r) = {
        check_order_status, schedule_callback,        end_call, end_call, not_here, not_here, not_here,
        find_restaurant,    initiate_reservation_call};
    size_t before = r->out->len;
    int err;

    if (r->args->too_long.n) {
        put_error(r, "An argument is too long. Please call the function again with less text.");
        return 0;
    }
    err = fns[tool - tools](r);
    if (err < 0 && r->out->len == before) {
        put_error(r, "The records cannot be reached at the moment.");
    }
    return err;
}

int builtin_tool_run(const struct builtin_ctx *ctx, struct str name, struct str args_json, struct buf *ret_output,
                     bool *ret_failed)
{
    const struct call_tool *tool = builtin_tool_find(name);
    struct builtin_args args;
    struct arena arena;
    struct run r = {.ctx = ctx, .args = &args, .arena = &arena, .out = ret_output};
    int err;

    if (!tool) {
        put_unknown(ret_output, name);
        *ret_failed = true;
        return ret_output->err;
    }
    arena_init(&arena, (size_t)1024 * 1024);
    err = builtin_args_read(args_json, &arena, &args);
    if (err >= 0) {
        err = run_known(&r, tool);
    }
    arena_done(&arena);
    *ret_failed = r.failed || err < 0;
    return err < 0 ? err : ret_output->err;
}
