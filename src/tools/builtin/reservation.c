#include "tools/builtin/reservation.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/json.h"
#include "tools/builtin/args.h"
#include "tools/builtin/builtin.h"

#define PARTY_MAX 1000000

static void put_restaurant(struct json_w *w, const struct builtin_concierge *r)
{
    json_w_key(w, "restaurant");
    json_w_open(w);
    json_w_kstr(w, "name", r->name);
    json_w_kstr(w, "phone_number", r->phone);
    json_w_kstr(w, "address", r->address);
    json_w_kstr(w, "cuisine", r->cuisine);
    json_w_close(w);
}

static void put_error(struct buf *out, const char *message, bool *ret_failed)
{
    struct json_w w = json_w(out);
    *ret_failed = true;
    json_w_open(&w);
    json_w_kz(&w, "status", "error");
    json_w_kz(&w, "message", message);
    json_w_close(&w);
}

int reservation_find(const struct builtin_ctx *ctx, const struct builtin_args *args UNUSED, struct buf *out,
                     bool *ret_failed)
{
    struct json_w w = json_w(out);
    if (!ctx->concierge) {
        put_error(out, "There is no restaurant.", ret_failed);
        return out->err;
    }
    json_w_open(&w);
    json_w_kz(&w, "status", "found");
    put_restaurant(&w, ctx->concierge);
    json_w_close(&w);
    return out->err;
}

const char *reservation_lacks(const struct builtin_args *a)
{
    int64_t party = 0;
    if (a->restaurant_name.n == 0) {
        return "Please ask for the name of the restaurant.";
    }
    if (a->party_size.n == 0) {
        return "Please ask for how many people it is.";
    }
    if (str_to_i64(a->party_size, &party) < 0 || party <= 0 || party > PARTY_MAX) {
        return "The party size must be a whole number above 0.";
    }
    if (a->date.n == 0) {
        return "Please ask for the date.";
    }
    return a->time.n == 0 ? "Please ask for the time." : NULL;
}

/* Why nobody can be called; NULL: nobody has to be. */
static const char *cannot_call(const struct builtin_concierge *c)
{
    if (!c) {
        return "Reservations are not configured.";
    }
    if (!c->has_account) {
        return NULL;
    }
    return c->has_public_url ? "Calls cannot be placed from here. Nothing was booked."
                             : "Calls cannot be placed: PUBLIC_DOMAIN (server.public_url) is not set.";
}

static void put_or_null(struct json_w *w, const char *key, struct str s)
{
    if (s.n > 0) {
        json_w_kstr(w, key, s);
    } else {
        json_w_kz(w, key, NULL);
    }
}

static void put_request(struct json_w *w, const struct builtin_args *a)
{
    int64_t party = 0;
    ignore_result(str_to_i64(a->party_size, &party)); /* reservation_lacks has looked */
    json_w_key(w, "request");
    json_w_open(w);
    json_w_kstr(w, "restaurant_name", a->restaurant_name);
    json_w_ki64(w, "party_size", party);
    json_w_kstr(w, "date", a->date);
    json_w_kstr(w, "time", a->time);
    put_or_null(w, "user_name", a->customer_name);
    put_or_null(w, "user_phone", a->customer_phone);
    put_or_null(w, "special_requests", a->special_requests);
    json_w_close(w);
}

static void put_time(struct json_w *w, const char *key, uint64_t wall_us)
{
    char text[32];
    struct tm tm;
    time_t seconds = (time_t)(wall_us / 1000000);
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_w_kstr(w, key, (struct str){text, n});
}

void reservation_put_result(struct buf *out, const struct builtin_concierge *c, const struct builtin_args *args,
                            const struct reservation_result *r)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "status", r->status);
    put_restaurant(&w, c);
    put_request(&w, args);
    json_w_kstr(&w, "message", r->message);
    put_or_null(&w, "confirmation_number", r->confirmation);
    json_w_kf64(&w, "call_duration", r->duration_s);
    put_time(&w, "timestamp", r->wall_us);
    json_w_close(&w);
}

/* The number stands in the record of the call in which it was given. */
static int keep(const struct builtin_ctx *ctx, struct str confirmation)
{
    const struct store_call row = {.id = ctx->call_id, .confirmation = confirmation, .cost_micro = STORE_NO_COST};
    const struct store_op op = {.kind = STORE_CALL_UPDATE, .at_us = ctx->wall_us, .u.call = &row};
    int err = ctx->ops->write(ctx->store, &op, 1, NULL);
    return err == -ENOENT ? 0 : err; /* a call that is not recorded */
}

int reservation_call(const struct builtin_ctx *ctx, const struct builtin_args *args, struct buf *out, bool *ret_failed)
{
    const char *why = reservation_lacks(args);
    char number[40];
    why = why ? why : cannot_call(ctx->concierge);
    if (why) {
        put_error(out, why, ret_failed);
        return out->err;
    }
    int n = snprintf(number, sizeof(number), "DEMO-SIM-%llu", (unsigned long long)(ctx->wall_us / 1000000));
    struct str confirmation = {number, (size_t)n};
    int err = keep(ctx, confirmation);
    if (err < 0) {
        return err;
    }
    const struct reservation_result r = {
        .status = "confirmed",
        .message = STR("Simulated: no carrier is configured, so nobody was called. The table is not really booked."),
        .confirmation = confirmation,
        .duration_s = 2.0,
        .wall_us = ctx->wall_us,
    };
    reservation_put_result(out, ctx->concierge, args, &r);
    return out->err;
}
