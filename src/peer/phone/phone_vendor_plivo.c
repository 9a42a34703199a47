/* The phone as Plivo. Its signature is own code on purpose, as phone_sign is: see phone_webhook.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/crypto.h"
#include "peer/phone/phone_vendor.h"
#include "wire/form.h"
#include "wire/plivo.h"
#include "wire/plivo_xml.h"

#define QUEUE_MAX_S      40
#define SIGNED_MAX_BYTES (1u << 20)

/* A random UUID out of 16 bytes of hex. */
static void new_id(const char hex[33], char ret[40])
{
    ignore_result(snprintf(ret, 40, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20) < 0);
}

/* The encoded form of <Stream extraHeaders>; without a variant as most captures have it. */
static void put_extra(struct buf *out, const struct phone_message *m)
{
    bool json = (m->variants & PHONE_VARIANT_JSON) != 0;
    bool pairs = (m->variants & PHONE_VARIANT_PAIRS) != 0;
    buf_puts(out, pairs ? "" : "{");
    for (size_t i = 0; i < m->n_params; i++) {
        struct str name = m->params[i].name;
        struct str value = m->params[i].value;
        if (pairs) {
            buf_printf(out, "%s" STR_FMT "=" STR_FMT, i ? ";" : "", STR_ARG(name), STR_ARG(value));
        } else if (json) {
            buf_printf(out, "%s\"" STR_FMT "\":\"" STR_FMT "\"", i ? "," : "", STR_ARG(name), STR_ARG(value));
        } else {
            buf_printf(out, "%sX-PH-" STR_FMT ": " STR_FMT, i ? ", " : "", STR_ARG(name), STR_ARG(value));
        }
    }
    buf_puts(out, pairs ? "" : "}");
}

static void put(struct buf *out, const struct phone_message *m)
{
    struct plivo_msg p = {.event = PLIVO_UNKNOWN, .sequence = m->sequence, .stream_id = m->stream_id};
    p.numbers_as_text = (m->variants & PHONE_VARIANT_STRINGS) != 0;
    struct buf extra;
    buf_init(&extra, 8192);
    put_extra(&extra, m);
    p.extra_headers = buf_str(&extra);
    switch (m->kind) {
    case PHONE_MESSAGE_START:
        p.event = PLIVO_START;
        p.start = (struct plivo_start){.call_id = m->call_id,
                                       .account_id = m->account_id,
                                       .inbound = true,
                                       .encoding = STR(PLIVO_MULAW),
                                       .rate_hz = 8000};
        break;
    case PHONE_MESSAGE_MEDIA:
        p.event = PLIVO_MEDIA;
        p.media = (struct plivo_media){
            .has_timestamp = true, .chunk = m->chunk, .timestamp_ms = m->epoch_ms + m->timestamp_ms};
        break;
    case PHONE_MESSAGE_MARK:
        p.event = PLIVO_PLAYED;
        p.event_name = m->variants & PHONE_VARIANT_PLAYED ? STR("played") : STR_NULL;
        p.name = m->name;
        p.extra_headers = STR_NULL;
        break;
    case PHONE_MESSAGE_CLEARED:
        p.event = PLIVO_CLEARED;
        p.sequence = 0;
        p.extra_headers = STR_NULL;
        break;
    case PHONE_MESSAGE_KEY:
        p.event = PLIVO_DTMF;
        p.digit = m->digit;
        break;
    case PHONE_MESSAGE_STOP:
        p.event = PLIVO_STOP;
        p.text = STR("");
        break;
    case PHONE_MESSAGE_CONNECTED:
        break; /* start comes first */
    }
    if (p.event == PLIVO_MEDIA) {
        plivo_put_carrier_media(out, &p, m->audio);
    } else if (p.event != PLIVO_UNKNOWN) {
        plivo_put_carrier(out, &p);
    }
    buf_done(&extra);
}

static uint32_t read_command(struct str text, bool binary, struct str stream_id, struct phone_command *ret,
                             const char **why)
{
    static const enum phone_command_kind kinds[] = {
        [PLIVO_CMD_AUDIO] = PHONE_COMMAND_AUDIO,
        [PLIVO_CMD_CHECKPOINT] = PHONE_COMMAND_MARK,
        [PLIVO_CMD_CLEAR] = PHONE_COMMAND_CLEAR,
        [PLIVO_CMD_KEYS] = PHONE_COMMAND_KEYS,
    };
    struct plivo_server_msg msg;
    enum plivo_fault fault = plivo_decode_server(text, binary, stream_id, &msg, why);
    if (fault != PLIVO_FAULT_NONE) {
        return (uint32_t)fault;
    }
    ret->kind = kinds[msg.command];
    ret->text = msg.text;
    if (msg.command == PLIVO_CMD_CHECKPOINT) {
        memcpy(ret->name, msg.name, sizeof(msg.name));
        ret->text = str_from(ret->name);
    }
    return 0;
}

/* ---- webhooks ---- */

static struct str bare(struct str number)
{
    return number.n > 0 && number.p[0] == '+' ? (struct str){number.p + 1, number.n - 1} : number;
}

static void call_form(struct phone_form *f, const struct phone_party *party, const char *status)
{
    bool over = str_is(str_from(status), "completed");
    bool asked_for = party->called && party->request_id.n > 0;
    if (asked_for) {
        phone_form_add(f, "ALegRequestUUID", party->request_id);
        phone_form_add(f, "ALegUUID", party->call_sid);
    }
    phone_form_add(f, "BillRate", STR("0.0055"));
    phone_form_add(f, "CallStatus", str_from(status));
    phone_form_add(f, "CallUUID", party->call_sid);
    phone_form_add(f, "CallerName", party->from);
    phone_form_add(f, "Direction", party->called ? STR("outbound") : STR("inbound"));
    phone_form_add(f, "Event", over ? STR("Hangup") : party->again ? STR("Redirect") : STR("StartApp"));
    phone_form_add(f, "From", bare(party->from));
    if (party->machine.n > 0) {
        phone_form_add(f, "Machine", party->machine);
    }
    phone_form_add(f, "ParentAuthID", party->account_sid);
    if (asked_for) {
        phone_form_add(f, "RequestUUID", party->request_id);
    }
    phone_form_add(f, "SessionStart", STR("2026-01-05 10:00:00.123456"));
    phone_form_add(f, "To", bare(party->to));
}

static void add_key(struct phone_form *f, struct str key)
{
    phone_form_add(f, "Digits", key);
    phone_form_add(f, "InputType", STR("dtmf"));
}

static void add_end(struct phone_form *f, const struct phone_call_end *end)
{
    phone_form_add(f, "BillDuration", end->seconds);
    phone_form_add(f, "Duration", end->seconds);
    phone_form_add(f, "HangupCause", STR("NORMAL_CLEARING"));
    phone_form_add(f, "HangupCauseCode", STR("4000"));
    phone_form_add(f, "HangupCauseName", STR("Normal Hangup"));
    phone_form_add(f, "HangupSource", end->by_caller ? STR("Caller") : STR("Plivo"));
}

static void stream_form(struct phone_form *f, const struct phone_party *party, const struct phone_stream_news *news)
{
    phone_form_add(f, "CallUUID", party->call_sid);
    phone_form_add(f, "Event",
                   news->error     ? STR("DroppedStream")
                   : news->started ? STR("StartStream")
                                   : STR("StopStream"));
    phone_form_add(f, "From", bare(party->from));
    if (news->error) {
        phone_form_add(f, "StatusReason", STR("connection_failed"));
    }
    phone_form_add(f, "StreamID", news->stream_id);
    phone_form_add(f, "Timestamp", news->timestamp);
    phone_form_add(f, "To", bare(party->to));
}

static int order(const void *a, const void *b)
{
    const struct form_pair *x = a;
    const struct form_pair *y = b;
    int by_name = memcmp(x->name.p, y->name.p, MIN(x->name.n, y->name.n));
    if (by_name == 0 && x->name.n != y->name.n) {
        by_name = x->name.n < y->name.n ? -1 : 1;
    }
    if (by_name != 0) {
        return by_name;
    }
    int by_value = memcmp(x->value.p, y->value.p, MIN(x->value.n, y->value.n));
    return by_value ? by_value : (x->value.n > y->value.n) - (x->value.n < y->value.n);
}

/* The text of V3: see protocols, 12.2. */
static int put_text(struct buf *out, const struct phone_claim *c, const char *nonce)
{
    struct form query;
    size_t mark = str_find(c->url, '?');
    form_init(&query, SIGNED_MAX_BYTES);
    int err = mark < c->url.n ? form_decode(&query, (struct str){c->url.p + mark + 1, c->url.n - mark - 1}) : 0;
    if (err == 0) {
        qsort(query.pairs, query.n, sizeof(query.pairs[0]), order);
        buf_put(out, c->url.p, mark);
        buf_puts(out, query.n > 0 || (c->form && c->form->n > 0) ? "?" : "");
        for (size_t i = 0; i < query.n; i++) {
            buf_printf(out, "%s" STR_FMT "=" STR_FMT, i ? "&" : "", STR_ARG(query.pairs[i].name),
                       STR_ARG(query.pairs[i].value));
        }
        if (c->form && c->form->n > 0) {
            struct form_pair sorted[PHONE_FORM_MAX];
            buf_puts(out, query.n > 0 ? "." : "");
            for (size_t i = 0; i < c->form->n; i++) {
                sorted[i] = (struct form_pair){c->form->fields[i].name, c->form->fields[i].value};
            }
            qsort(sorted, c->form->n, sizeof(sorted[0]), order);
            for (size_t i = 0; i < c->form->n; i++) {
                buf_put_str(out, sorted[i].name);
                buf_put_str(out, sorted[i].value);
            }
        }
        buf_printf(out, ".%s", nonce);
    }
    form_done(&query);
    return err ? err : out->err;
}

static int put_signature(struct buf *out, const struct phone_claim *c)
{
    uint8_t raw[10];
    uint8_t mac[32];
    char nonce[21];
    char signature[45];
    struct buf text;
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), nonce);
    buf_init(&text, SIGNED_MAX_BYTES);
    int err = put_text(&text, c, nonce);
    if (err == 0) {
        crypto_hmac_sha256(span_of_str(c->token), buf_span(&text), mac);
        signature[base64_encode(signature, span_from(mac, sizeof(mac)))] = '\0';
        buf_printf(out, "X-Plivo-Signature-V3: %s\r\nX-Plivo-Signature-Ma-V3: %s\r\nX-Plivo-Signature-V3-Nonce: %s\r\n",
                   signature, signature, nonce);
        err = out->err;
    }
    buf_done(&text);
    return err;
}

const struct phone_vendor phone_plivo = {
    .name = "plivo",
    .hook_agent = "plivo",
    .media_agent = "plivo",
    .answers_clear = true,
    .keeps_query = true,
    .strict_documents = true,
    .queue_max_bytes = QUEUE_MAX_S * 8000,
    .overflow_code = PLIVO_FAULT_OVERFLOW,
    .document_code = PLIVO_ERR_ANSWER_XML,
    .hangup_path = "/hangup",
    .stream_tries = 3,
    .grammar = &plivo_xml_grammar,
    .new_call_id = new_id,
    .new_stream_id = new_id,
    .put = put,
    .read = read_command,
    .call_form = call_form,
    .add_key = add_key,
    .add_end = add_end,
    .stream_form = stream_form,
    .put_signature = put_signature,
};

uint32_t phone_variant_find(struct str word)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } variants[] = {
#define X(name, bit, word) {word, bit},
        PHONE_VARIANT_LIST(X)
#undef X
    };
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        if (str_is(word, variants[i].word)) {
            return variants[i].bit;
        }
    }
    return 0;
}

const struct phone_vendor *phone_vendor_find(struct str name)
{
    static const struct phone_vendor *const vendors[] = {&phone_twilio, &phone_plivo};
    for (size_t i = 0; i < ARRAY_LEN(vendors); i++) {
        if (str_is(name, vendors[i]->name)) {
            return vendors[i];
        }
    }
    return NULL;
}
