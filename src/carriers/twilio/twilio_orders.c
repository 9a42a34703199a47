/* What is asked of the account: calls ended, given other TwiML, handed over or recorded; text messages. */
#include "carriers/twilio/twilio_impl.h"
#include "carriers/twilio/twilio_twiml.h"

#define FORM_MAX      (64u << 10)
#define TWIML_MAX     (16u << 10)
#define SMS_MAX_BYTES 1600 /* longer ones are refused (21617) */
#define RING_S        30

bool twilio_is_sid(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))) {
            return false;
        }
    }
    return s.n > 0 && s.n <= TWILIO_NAME_MAX;
}

/* ---- calls ---- */

/* part: "" or what is behind the call, "/Recordings". */
static int order_part(struct twilio *t, struct str call_sid, const char *part, const struct twilio_order *what,
                      const struct account_wait *w)
{
    char resource[TWILIO_NAME_MAX + 32];
    if (!twilio_is_sid(call_sid)) {
        return -EINVAL;
    }
    struct twilio_order o = *what;
    int n = snprintf(resource, sizeof(resource), "Calls/" STR_FMT "%s.json", STR_ARG(call_sid), part);
    o.resource = (struct str){resource, (size_t)n};
    return twilio_rest_start(t, &o, w);
}

static int order_call(struct twilio *t, struct str call_sid, const struct twilio_order *what,
                      const struct account_wait *w)
{
    return order_part(t, call_sid, "", what, w);
}

static int order_twiml(struct twilio *t, struct str call_sid, const struct buf *twiml, bool over_is_fine,
                       const struct account_wait *w)
{
    struct buf form;
    buf_init(&form, FORM_MAX);
    form_put(&form, STR("Twiml"), buf_str(twiml));
    struct twilio_order o = {.form = buf_str(&form), .over_is_fine = over_is_fine};
    int err = twiml->err < 0 ? twiml->err : form.err < 0 ? form.err : order_call(t, call_sid, &o, w);
    buf_done(&form);
    return err;
}

int twilio_order_hangup(struct twilio *t, struct str call_sid, struct str apology, const struct account_wait *w)
{
    if (!apology.p) {
        return order_call(t, call_sid, &(struct twilio_order){.form = STR("Status=completed"), .over_is_fine = true},
                          w);
    }
    struct buf twiml;
    buf_init(&twiml, TWIML_MAX);
    twilio_put_say(&twiml, apology.n > 0 ? apology : twilio_apology(t));
    int err = order_twiml(t, call_sid, &twiml, true, w);
    buf_done(&twiml);
    return err;
}

int twilio_order_redirect(struct twilio *t, struct str call_sid, struct str url, const struct account_wait *w)
{
    struct buf form;
    buf_init(&form, FORM_MAX);
    form_put(&form, STR("Url"), url);
    form_put(&form, STR("Method"), STR("POST"));
    int err = form.err < 0 ? form.err : order_call(t, call_sid, &(struct twilio_order){.form = buf_str(&form)}, w);
    buf_done(&form);
    return err;
}

int twilio_order_update(struct twilio *t, struct str call_sid, struct str twiml, const struct account_wait *w)
{
    struct buf text;
    buf_init(&text, FORM_MAX);
    buf_put_str(&text, twiml);
    int err = twiml.n > 0 ? order_twiml(t, call_sid, &text, false, w) : -EINVAL;
    buf_done(&text);
    return err;
}

/* Where Twilio asks when the transfer is over; empty when nobody knows how we are reached. */
static void put_dialled_url(const struct twilio *t, struct buf *out)
{
    if (t->opts->public_url.n > 0) {
        buf_put_str(out, t->opts->public_url);
        buf_puts(out, TWILIO_DIALLED_PATH);
    }
}

int twilio_order_transfer(struct twilio *t, struct str call_sid, struct str to, const struct account_wait *w)
{
    bool sip = cloud_is_sip(to);
    struct buf twiml;
    struct buf url;
    if (!sip && !cloud_is_number(to)) {
        return -EINVAL;
    }
    buf_init(&twiml, TWIML_MAX);
    buf_init(&url, CLOUD_URL_MAX);
    put_dialled_url(t, &url);
    twilio_put_transfer(&twiml, to, buf_str(&url), or_u32(t->opts->transfer_ring_s, RING_S));
    int err = url.err < 0 ? url.err : order_twiml(t, call_sid, &twiml, false, w);
    buf_done(&twiml);
    buf_done(&url);
    return err;
}

int twilio_record(struct carrier *carrier, const struct carrier_call_ref *ref, carrier_done_fn done, void *arg,
                  uint64_t *ret_id)
{
    struct twilio *t = twilio_of(carrier);
    struct account_request *r = NULL;
    struct buf form;
    struct buf url;
    buf_init(&form, FORM_MAX);
    buf_init(&url, CLOUD_URL_MAX);
    form_put(&form, STR("RecordingChannels"), STR("dual"));
    if (t->opts->public_url.n > 0) {
        cloud_put_own_url(&t->cloud, &url, TWILIO_RECORDING_PATH, STR(""));
        form_put(&form, STR("RecordingStatusCallback"), buf_str(&url));
        form_put(&form, STR("RecordingStatusCallbackMethod"), STR("POST"));
        form_put(&form, STR("RecordingStatusCallbackEvent"), STR("completed"));
        form_put(&form, STR("RecordingStatusCallbackEvent"), STR("absent"));
    }
    const struct twilio_order o = {.form = buf_str(&form), .makes = true};
    const struct account_wait w = {.done = done, .arg = arg, .ret = &r};
    int err = url.err < 0 ? url.err : form.err < 0 ? form.err : order_part(t, ref->call_id, "/Recordings", &o, &w);
    buf_done(&form);
    buf_done(&url);
    if (err >= 0 && ret_id) {
        *ret_id = account_id(r);
    }
    return err;
}

int twilio_update_call(struct twilio *t, struct str call_sid, struct str twiml, carrier_done_fn done, void *arg)
{
    return twilio_order_update(t, call_sid, twiml, &(struct account_wait){.done = done, .arg = arg});
}

/* ---- what carrier.h asks ---- */

const char *twilio_cannot(struct carrier *carrier, enum carrier_service service)
{
    const struct twilio *t = twilio_of(carrier);
    if (service == CARRIER_DIAL) {
        return twilio_cannot_dial(t);
    }
    if (!twilio_can_rest(t)) {
        return "Text messages are not configured: there is no Twilio account.";
    }
    return t->opts->phone_number.n == 0 && t->opts->messaging_service.n == 0
               ? "Text messages are not configured: there is no number to send them from."
               : NULL;
}

static void put_message(const struct twilio *t, const struct carrier_sms *sms, struct buf *form)
{
    form_put(form, STR("To"), sms->to);
    if (sms->from.n > 0) {
        form_put(form, STR("From"), sms->from);
    } else if (t->opts->messaging_service.n > 0) {
        form_put(form, STR("MessagingServiceSid"), t->opts->messaging_service);
    } else {
        form_put(form, STR("From"), t->opts->phone_number);
    }
    form_put(form, STR("Body"), sms->text);
}

int twilio_send_sms(struct carrier *carrier, const struct carrier_sms *sms, carrier_done_fn done, void *arg,
                    uint64_t *ret_id)
{
    struct twilio *t = twilio_of(carrier);
    struct account_request *r = NULL;
    struct buf form;
    if (twilio_cannot(carrier, CARRIER_SMS)) {
        return -ERR_STATE;
    }
    if (!cloud_is_number(sms->to) || sms->text.n == 0 || sms->text.n > SMS_MAX_BYTES) {
        return -EINVAL;
    }
    buf_init(&form, FORM_MAX);
    put_message(t, sms, &form);
    const struct twilio_order o = {.resource = STR("Messages.json"), .form = buf_str(&form)};
    int err =
        form.err < 0 ? form.err : twilio_rest_start(t, &o, &(struct account_wait){.done = done, .arg = arg, .ret = &r});
    buf_done(&form);
    if (err >= 0) {
        *ret_id = account_id(r);
    }
    return err;
}
