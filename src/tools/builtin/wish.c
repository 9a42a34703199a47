#include "tools/builtin/wish.h"

#include <errno.h>

#include "base/err.h"
#include "base/json.h"
#include "numbers/number.h"
#include "tools/builtin/args.h"

#define TEXT_MAX_BYTES 1600
#define KEYS_MAX       32
#define PREVIEW_CHARS  50
#define REFUSAL_MAX    2048

static const struct {
    const char *tool;
    enum builtin_wish_kind kind;
} kinds[] = {
    {"send_sms", BUILTIN_WISH_SMS},
    {"transfer_call", BUILTIN_WISH_TRANSFER},
    {"send_dtmf", BUILTIN_WISH_KEYS},
};

enum builtin_wish_kind builtin_wish_kind(struct str tool)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_is(tool, kinds[i].tool)) {
            return kinds[i].kind;
        }
    }
    return BUILTIN_WISH_NONE;
}

void builtin_put_refusal(struct buf *out, struct str why)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "status", "error");
    json_w_kstr(&w, "message", why);
    json_w_close(&w);
}

void builtin_put_departments(struct buf *out, const struct builtin_wish_ctx *ctx)
{
    for (uint32_t i = 0; i < ctx->n_departments; i++) {
        bool last = i + 1 == ctx->n_departments;
        buf_puts(out, i == 0 ? "" : last ? " or " : ", ");
        buf_put_str(out, ctx->departments[i].name);
    }
    if (ctx->n_departments == 0) {
        buf_puts(out, "none");
    }
}

/* ---- text messages ---- */

/* What the caller's table and the carrier's bill would not stand is refused with words that let the model ask again. */
static const char *read_sms(const struct builtin_wish_ctx *ctx, const struct builtin_args *args, struct arena *a,
                            struct builtin_wish *ret)
{
    char number[E164_MAX];
    int err = args->phone_number.n ? e164_normalize(args->phone_number, ctx->country, number) : -ENOENT;
    if (args->phone_number.n && err != -ERR_MISSING) {
        err = phone_number_read(args->phone_number, ctx->country, number, NULL);
    }
    if (err == -ENOENT) {
        return "Please ask for the telephone number.";
    }
    if (err < 0) {
        return err == -ERR_MISSING ? "Please ask for the telephone number with its country code."
                                   : "That is not a complete telephone number. Please ask again.";
    }
    if (args->message.n == 0) {
        return "The message is empty.";
    }
    if (args->message.n > TEXT_MAX_BYTES || !utf8_valid(args->message)) {
        return "The message is too long for a text message. Please shorten it.";
    }
    ret->to = arena_str(a, str_from(number));
    ret->text = args->message;
    return NULL;
}

/* The first so many characters, never half of one. */
static struct str preview(struct str text)
{
    size_t chars = 0;
    size_t i = 0;
    for (; i < text.n; i++) {
        bool begins = ((uint8_t)text.p[i] & 0xC0) != 0x80;
        if (begins && chars++ == PREVIEW_CHARS) {
            break;
        }
    }
    return (struct str){text.p, i};
}

static void put_sent(struct buf *out, const struct builtin_wish *wish, const struct carrier_result *r)
{
    struct buf shown;
    struct str head = preview(wish->text);
    buf_init(&shown, REFUSAL_MAX);
    buf_put_str(&shown, head);
    buf_puts(&shown, head.n < wish->text.n ? "..." : "");
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "status", "sent");
    json_w_kstr(&w, "phone_number", wish->to);
    json_w_kstr(&w, "message_preview", buf_str(&shown));
    json_w_kstr(&w, "confirmation_id", r->id);
    json_w_close(&w);
    buf_done(&shown);
}

bool builtin_put_sms_result(struct buf *out, const struct builtin_wish *wish, const struct carrier_result *r)
{
    struct buf why;
    if (r->err >= 0) {
        put_sent(out, wish, r);
        return true;
    }
    buf_init(&why, REFUSAL_MAX);
    if (r->err == -ERR_HTTP && r->message.n) {
        buf_puts(&why, "The carrier refused the message: ");
        buf_put_str(&why, r->message);
    } else if (r->err == -ERR_HTTP) {
        buf_printf(&why, "The carrier refused the message with status %d", r->status);
    } else {
        buf_puts(&why, "The carrier cannot be reached; it is not known whether the message was sent");
    }
    if (r->code) {
        buf_printf(&why, " (error %lld)", (long long)r->code);
    }
    builtin_put_refusal(out, why.err < 0 ? STR("The message could not be sent.") : buf_str(&why));
    buf_done(&why);
    return false;
}

/* ---- transfers ---- */

void builtin_put_transfer_parameters(struct buf *out, const struct builtin_wish_ctx *ctx)
{
    struct buf who;
    buf_init(&who, REFUSAL_MAX);
    buf_puts(&who, "Who should take the call: ");
    builtin_put_departments(&who, ctx);
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "type", "object");
    json_w_key(&w, "properties");
    json_w_open(&w);
    json_w_key(&w, "department");
    json_w_open(&w);
    json_w_kz(&w, "type", "string");
    json_w_kstr(&w, "description", who.err < 0 ? STR("Who should take the call") : buf_str(&who));
    json_w_close(&w);
    json_w_key(&w, "reason");
    json_w_open(&w);
    json_w_kz(&w, "type", "string");
    json_w_kz(&w, "description", "What it is about");
    json_w_close(&w);
    json_w_close(&w);
    json_w_key(&w, "required");
    json_w_array(&w);
    json_w_str(&w, STR("department"));
    json_w_end(&w);
    json_w_close(&w);
    buf_done(&who);
}

static char lower(char ch)
{
    return ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch;
}

static bool same(struct str a, struct str b)
{
    for (size_t i = 0; a.n == b.n && i < a.n; i++) {
        if (lower(a.p[i]) != lower(b.p[i])) {
            return false;
        }
    }
    return a.n == b.n;
}

/* "the Support department", "support team": people's words around a name. */
static bool names(struct str said, struct str name)
{
    for (size_t i = 0; i + name.n <= said.n; i++) {
        bool starts = i == 0 || said.p[i - 1] == ' ';
        bool ends = i + name.n == said.n || said.p[i + name.n] == ' ';
        if (starts && ends && same((struct str){said.p + i, name.n}, name)) {
            return true;
        }
    }
    return false;
}

/* Exactly; whatever the case; the only one that is named among other words. NULL: none, or more than one. */
static const struct builtin_department *find_department(const struct builtin_wish_ctx *ctx, struct str said)
{
    const struct builtin_department *found = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < ctx->n_departments; i++) {
        if (str_eq(ctx->departments[i].name, said)) {
            return &ctx->departments[i];
        }
    }
    for (uint32_t i = 0; i < ctx->n_departments; i++) {
        if (same(ctx->departments[i].name, said)) {
            return &ctx->departments[i];
        }
        if (names(said, ctx->departments[i].name)) {
            found = &ctx->departments[i];
            n++;
        }
    }
    return n == 1 ? found : NULL;
}

static void refuse_department(const struct builtin_wish_ctx *ctx, struct str said, struct buf *out)
{
    struct buf why;
    buf_init(&why, REFUSAL_MAX);
    if (ctx->n_departments == 0) {
        buf_puts(&why, "Transfers are not configured: there are no departments.");
    } else {
        buf_puts(&why, said.n ? "There is no department \"" : "Please ask for the department");
        buf_put_str(&why, (struct str){said.p, MIN(said.n, (size_t)64)});
        buf_puts(&why, said.n ? "\". The departments are: " : ". They are: ");
        builtin_put_departments(&why, ctx);
        buf_putc(&why, '.');
    }
    builtin_put_refusal(out, why.err < 0 ? STR("There is no such department.") : buf_str(&why));
    buf_done(&why);
}

/* ---- keys ---- */

static const char *read_keys(const struct builtin_args *args, struct arena *a, struct builtin_wish *ret)
{
    char *keys = arena_alloc(a, args->digits.n + 1);
    size_t n = 0;
    for (size_t i = 0; keys && i < args->digits.n; i++) {
        char ch = args->digits.p[i];
        if (ch == ',') {
            keys[n++] = 'w'; /* what people write for a pause */
        } else if (ch != ' ' && ch != '-') {
            keys[n++] = ch;
        }
    }
    ret->text = (struct str){keys, n};
    return n == 0 ? "Which keys? Give digits." : n > KEYS_MAX ? "Those are too many keys at once: 32 at most." : NULL;
}

int builtin_wish_read(const struct builtin_wish_ctx *ctx, struct str tool, struct str args_json, struct arena *a,
                      struct builtin_wish *ret, struct buf *ret_refusal)
{
    struct builtin_args args;
    const struct builtin_department *d;
    const char *why = NULL;
    int err = builtin_args_read(args_json, a, &args);
    *ret = (struct builtin_wish){.kind = builtin_wish_kind(tool), .to = STR(""), .name = STR(""), .text = STR("")};
    if (err < 0) {
        return err;
    }
    if (args.too_long.n && !str_is(args.too_long, "message")) { /* its own limit is another one */
        builtin_put_refusal(ret_refusal,
                            STR("An argument is too long. Please call the function again with less text."));
        return -EINVAL;
    }
    switch (ret->kind) {
    case BUILTIN_WISH_SMS:
        why = read_sms(ctx, &args, a, ret);
        break;
    case BUILTIN_WISH_KEYS:
        why = read_keys(&args, a, ret);
        break;
    case BUILTIN_WISH_TRANSFER:
        d = find_department(ctx, args.department);
        if (!d) {
            refuse_department(ctx, args.department, ret_refusal);
            return -EINVAL;
        }
        ret->to = d->number;
        ret->name = d->name;
        break;
    case BUILTIN_WISH_NONE:
        why = "There is no such tool.";
        break;
    }
    if (why) {
        builtin_put_refusal(ret_refusal, str_from(why));
        return -EINVAL;
    }
    return ret->to.p && ret->text.p ? 0 : -ENOMEM;
}
