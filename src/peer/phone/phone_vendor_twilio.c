/* The phone as Twilio. */
#include <stdio.h>

#include "base/err.h"
#include "peer/phone/phone_vendor.h"
#include "wire/twilio.h"

static void new_call_id(const char hex[33], char ret[40])
{
    ignore_result(snprintf(ret, 40, "CA%s", hex) < 0); /* it fits */
}

static void new_stream_id(const char hex[33], char ret[40])
{
    ignore_result(snprintf(ret, 40, "MZ%s", hex) < 0); /* it fits */
}

static void fill_start(struct twilio_msg *t, const struct phone_message *m)
{
    t->event = TWILIO_START;
    t->start = (struct twilio_start){.account_sid = m->account_id,
                                     .call_sid = m->call_id,
                                     .inbound = true,
                                     .encoding = STR("audio/x-mulaw"),
                                     .rate_hz = 8000,
                                     .channels = 1,
                                     .n_params = (uint32_t)m->n_params};
    for (size_t i = 0; i < m->n_params; i++) {
        t->start.params[i] = m->params[i];
    }
}

static void put(struct buf *out, const struct phone_message *m)
{
    struct twilio_msg t = {.event = TWILIO_UNKNOWN, .sequence = m->sequence, .stream_sid = m->stream_id};
    switch (m->kind) {
    case PHONE_MESSAGE_CONNECTED:
        t.event = TWILIO_CONNECTED;
        t.connected = (struct twilio_connected){.protocol = STR("Call"), .version = STR("1.0.0")};
        break;
    case PHONE_MESSAGE_START:
        fill_start(&t, m);
        break;
    case PHONE_MESSAGE_MEDIA:
        t.event = TWILIO_MEDIA;
        t.media = (struct twilio_media){
            .track = TWILIO_TRACK_INBOUND, .has_timestamp = true, .chunk = m->chunk, .timestamp_ms = m->timestamp_ms};
        twilio_put_carrier_media(out, &t, m->audio);
        return;
    case PHONE_MESSAGE_MARK:
        t.event = TWILIO_MARK;
        t.mark = m->name;
        break;
    case PHONE_MESSAGE_KEY:
        t.event = TWILIO_DTMF;
        t.dtmf = (struct twilio_dtmf){.digit = m->digit, .track = STR("inbound_track")};
        break;
    case PHONE_MESSAGE_STOP:
        t.event = TWILIO_STOP;
        t.stop = (struct twilio_stop){.account_sid = m->account_id, .call_sid = m->call_id};
        break;
    case PHONE_MESSAGE_CLEARED:
        return; /* this vendor does not say so */
    }
    twilio_put_carrier(out, &t);
}

static uint32_t read_command(struct str text, bool binary, struct str stream_id, struct phone_command *ret,
                             const char **why)
{
    static const enum phone_command_kind kinds[] = {
        [TWILIO_CMD_MEDIA] = PHONE_COMMAND_AUDIO,
        [TWILIO_CMD_MARK] = PHONE_COMMAND_MARK,
        [TWILIO_CMD_CLEAR] = PHONE_COMMAND_CLEAR,
    };
    struct twilio_server_msg msg;
    int code = twilio_decode_server(text, binary, stream_id, &msg, why);
    if (code != 0) {
        return (uint32_t)code;
    }
    ret->kind = kinds[msg.command];
    ret->text = msg.text;
    if (msg.command == TWILIO_CMD_MARK && msg.text.p == msg.name) {
        memcpy(ret->name, msg.name, sizeof(msg.name));
        ret->text = str_from(ret->name);
    }
    return 0;
}

static void add_key(struct phone_form *f, struct str key)
{
    phone_form_add(f, "Digits", key);
    phone_form_add(f, "FinishedOnKey", STR(""));
    phone_form_add(f, "msg", STR("Gather End"));
}

static void add_failure(struct phone_form *f, struct str code, struct str url)
{
    phone_form_add(f, "ErrorCode", code);
    phone_form_add(f, "ErrorUrl", url);
}

static void add_end(struct phone_form *f, const struct phone_call_end *end)
{
    phone_form_add(f, "CallbackSource", STR("call-progress-events"));
    phone_form_add(f, "SequenceNumber", STR("0")); /* only the final one is sent */
    phone_form_add(f, "Timestamp", end->timestamp);
    phone_form_add(f, "CallDuration", end->seconds);
    phone_form_add(f, "Duration", end->minutes);
    phone_form_add(f, "SipResponseCode", STR("200"));
}

static void stream_form(struct phone_form *f, const struct phone_party *party, const struct phone_stream_news *news)
{
    phone_form_add(f, "AccountSid", party->account_sid);
    phone_form_add(f, "CallSid", party->call_sid);
    phone_form_add(f, "StreamSid", news->stream_id);
    phone_form_add(f, "StreamName", news->stream_id);
    phone_form_add(f, "StreamEvent",
                   news->error     ? STR("stream-error")
                   : news->started ? STR("stream-started")
                                   : STR("stream-stopped"));
    if (news->error) {
        phone_form_add(f, "StreamError", str_from(news->error));
    }
    phone_form_add(f, "Timestamp", news->timestamp);
}

static int put_signature(struct buf *out, const struct phone_claim *c)
{
    char signature[PHONE_SIGNATURE_BYTES];
    int err = phone_sign(c->token, c->url, c->form, signature);
    if (err == 0) {
        buf_printf(out, "X-Twilio-Signature: %s\r\n", signature);
        err = out->err;
    }
    return err;
}

const struct phone_vendor phone_twilio = {
    .name = "twilio",
    .hook_agent = "TwilioProxy/1.1",
    .media_agent = "Twilio.TmeWs/1.0",
    .greets = true,
    .stops = true,
    .overflow_code = TWILIO_ERR_INVALID,
    .document_code = TWIML_WARN_SCHEMA,
    .new_call_id = new_call_id,
    .new_stream_id = new_stream_id,
    .put = put,
    .read = read_command,
    .token_header = "I-Twilio-Idempotency-Token",
    .call_form = phone_form_call,
    .add_key = add_key,
    .add_failure = add_failure,
    .add_end = add_end,
    .stream_form = stream_form,
    .put_signature = put_signature,
};
