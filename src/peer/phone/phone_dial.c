/* What the carrier does around the media: asks for TwiML, follows it verb by verb, opens the stream it names. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/crypto.h"
#include "peer/phone/phone_impl.h"
#include "peer/phone/phone_url.h"

#define REQUESTS_MAX    10 /* webhook, actions, redirects of one call: a document that redirects to itself ends */
#define URL_MAX         4096u
#define PARAM_BYTES_MAX 500 /* name and value of one together */

static void on_twiml(struct phone *p, const struct http_reply *reply);

/* The caller, or the time limit, has ended the call; a stream that failed has not. */
static bool hung_up(const struct phone *p)
{
    return p->closing || p->report.hangup == PHONE_SIDE_CALLER || p->report.hangup == PHONE_SIDE_LIMIT;
}

/* ---- documents ---- */

static int fetch(struct phone *p, struct str ref, const char *status, const struct phone_failure *failed)
{
    struct buf url;
    buf_init(&url, URL_MAX);
    int err = phone_url_resolve(p->doc_url, ref, &url);
    if (err == 0 && ++p->n_requests > REQUESTS_MAX) {
        err = -ERR_LIMIT;
    }
    if (err == 0) {
        struct str kept = arena_str(&p->arena, buf_str(&url));
        err = kept.p ? 0 : -ENOMEM;
        p->doc_url = kept;
    }
    if (err == 0) {
        err = phone_request_twiml(p, p->doc_url, status, failed, on_twiml);
    }
    buf_done(&url);
    return err;
}

/* The document for calls whose own one cannot be had. Not for one that replaces the talk's. */
static bool fall_back(struct phone *p, uint32_t code)
{
    if (p->o.fallback_url.n == 0 || p->fell_back || p->stream) {
        return false;
    }
    p->fell_back = true;
    const struct phone_failure failed = {code, p->doc_url};
    return fetch(p, p->o.fallback_url, p->o.called || p->frame > 0 ? "in-progress" : "ringing", &failed) >= 0;
}

/* No usable document. The vendor asks the fallback URL; without one it would say "application error", and hang up. */
static void fetch_failed(struct phone *p, uint32_t code, int err, const char *text)
{
    phone_warn(p, code, text);
    if (fall_back(p, code)) {
        return;
    }
    if (p->stream) { /* the document of a redirection: the talk goes with it */
        phone_report_end(&p->report, PHONE_SIDE_ERROR, text);
        phone_wheel_leave(&p->seat);
        phone_stream_hang_up(p->stream);
        return;
    }
    if (p->frame == 0) {
        phone_fail(p, err, text);
        return;
    }
    phone_report_end(&p->report, PHONE_SIDE_ERROR, text); /* there has been a call all the same */
    phone_leave(p);
}

void phone_fetch_failed(struct phone *p, int err, const char *text)
{
    fetch_failed(p, PHONE_ERR_FETCH, err, text);
}

int phone_fetch(struct phone *p, struct str ref, const char *status)
{
    return fetch(p, ref, status, NULL);
}

int phone_dial(struct phone *p)
{
    struct phone_url url;
    int err = phone_url_parse(p->o.url, &url);
    if (err < 0) {
        return err;
    }
    p->doc_url = p->o.url;
    return phone_fetch(p, p->o.url, p->o.called ? "in-progress" : "ringing");
}

static bool is_xml(struct str content_type)
{
    struct str type = str_trim((struct str){content_type.p, str_find(content_type, ';')});
    return str_ieq(type, STR("text/xml")) || str_ieq(type, STR("application/xml"));
}

static int take_document(struct phone *p, struct str text)
{
    struct twiml_error error = {0};
    struct twiml *doc = malloc(sizeof(*doc));
    if (!doc) {
        return -ENOMEM;
    }
    const struct phone_vendor *as = p->o.as;
    int err = as->grammar ? twiml_parse_as(as->grammar, text, doc, &error) : twiml_parse(text, doc, &error);
    if (err < 0) {
        char what[PHONE_TEXT_MAX];
        ignore_result(snprintf(what, sizeof(what), "the document, line %u: %s", error.line, error.text) < 0);
        free(doc);
        fetch_failed(p, as->strict_documents ? as->document_code : TWIML_ERR_PARSE, err, what);
        return err;
    }
    for (uint32_t i = 0; i < MIN(doc->n_warnings, (uint32_t)TWIML_WARNINGS_MAX); i++) {
        phone_warn(p, as->document_code, doc->warnings[i].text);
    }
    if (as->strict_documents && doc->n_warnings > 0) {
        twiml_done(doc);
        free(doc);
        fetch_failed(p, as->document_code, -ERR_SYNTAX, "the document holds what the vendor does not take");
        return -ERR_SYNTAX;
    }
    phone_doc_drop(p);
    p->doc = doc;
    p->verb = 0;
    return 0;
}

void phone_doc_drop(struct phone *p)
{
    if (p->doc) {
        twiml_done(p->doc);
        free(p->doc);
        p->doc = NULL;
    }
}

static void on_twiml(struct phone *p, const struct http_reply *reply)
{
    if (hung_up(p)) {
        phone_leave(p);
        return;
    }
    char text[PHONE_TEXT_MAX];
    p->report.http_status = reply->status;
    if (reply->err < 0) {
        ignore_result(snprintf(text, sizeof(text), "the webhook was not answered: %s",
                               reply->detail ? reply->detail : err_text(reply->err)) < 0);
        fetch_failed(p, reply->err == -ETIMEDOUT ? PHONE_ERR_FETCH : PHONE_ERR_CONNECT, reply->err, text);
    } else if (reply->status / 100 != 2) {
        ignore_result(snprintf(text, sizeof(text), "the webhook answered HTTP %d", reply->status) < 0);
        fetch_failed(p, PHONE_ERR_FETCH, -ERR_HTTP, text);
    } else if (!is_xml(reply->content_type)) {
        ignore_result(snprintf(text, sizeof(text), "the webhook answered with content type \"%.*s\"",
                               (int)MIN(reply->content_type.n, 60u),
                               reply->content_type.p ? reply->content_type.p : "") < 0);
        fetch_failed(p, PHONE_ERR_CONTENT, -ERR_HTTP, text);
    } else {
        phone_report_doc(&p->report, str_of_span(reply->body));
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_TWIML, .text = str_of_span(reply->body)});
        if (take_document(p, str_of_span(reply->body)) == 0) {
            phone_follow(p);
        }
    }
}

/* ---- the stream ---- */

int phone_connect(struct phone *p, struct str url, struct str signed_url, const struct str_pair *params,
                  size_t n_params)
{
    uint8_t raw[16];
    char hex[33];
    struct buf signature;
    buf_init(&signature, 4096);
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), hex);
    p->o.as->new_stream_id(hex, p->stream_sid);
    memcpy(p->report.stream_sid, p->stream_sid, sizeof(p->report.stream_sid));
    free(p->report.stream_url);
    p->report.stream_url = str_dup(url);
    int err = p->report.stream_url ? 0 : -ENOMEM;
    if (err == 0 && p->o.auth_token.n > 0) {
        err = p->o.as->put_signature(&signature, &(struct phone_claim){p->o.auth_token, signed_url, NULL});
    }
    if (err < 0) {
        buf_done(&signature);
        return err;
    }
    struct phone_stream_opts opts = {.url = url,
                                     .vendor = p->o.as,
                                     .variants = p->o.variants,
                                     .signature = buf_str(&signature),
                                     .stream_sid = str_from(p->stream_sid),
                                     .call_sid = p->o.call_sid,
                                     .account_sid = p->o.account_sid,
                                     .params = params,
                                     .n_params = n_params,
                                     .tls = p->tls,
                                     .delay_ms = p->o.delay_ms,
                                     .jitter_ms = p->o.jitter_ms,
                                     .seed = p->o.seed};
    err = phone_stream_open(p->loop, &opts, &phone_stream_events, p, &p->stream);
    buf_done(&signature);
    if (err == 0) {
        phone_set_state(p, PHONE_CONNECTING);
    }
    return err;
}

int phone_connect_direct(struct phone *p)
{
    struct buf signed_url;
    buf_init(&signed_url, URL_MAX);
    struct buf base;
    buf_init(&base, URL_MAX);
    phone_url_put_ws(p->o.sign_base, &base);
    int err = phone_url_rebase(p->o.ws_url, buf_str(&base), &signed_url);
    if (err == 0) {
        err = phone_connect(p, p->o.ws_url, buf_str(&signed_url), p->o.params, p->o.n_params);
    }
    buf_done(&base);
    buf_done(&signed_url);
    return err;
}

static size_t stream_params(struct phone *p, uint32_t stream, struct str_pair params[PHONE_PARAMS_MAX])
{
    size_t n = 0;
    for (uint32_t i = twiml_next(p->doc, stream, stream); i != 0; i = twiml_next(p->doc, stream, i)) {
        if (p->doc->nodes[i].kind != TWIML_PARAMETER) {
            continue;
        }
        struct str_pair one = {twiml_attr(p->doc, i, "name"), twiml_attr(p->doc, i, "value")};
        if (n == PHONE_PARAMS_MAX || one.name.n + one.value.n >= PARAM_BYTES_MAX) {
            phone_warn(p, TWIML_WARN_SCHEMA, "a <Parameter> is too long or one too many: left out");
            continue;
        }
        params[n++] = one;
    }
    return n;
}

/* Absolute, ws or wss, without a query string: what is signed. */
static int stream_url(struct phone *p, uint32_t stream, struct buf *out)
{
    struct buf ref;
    struct phone_url url;
    buf_init(&ref, URL_MAX);
    struct str given = p->o.as->keeps_query ? p->doc->nodes[stream].text : twiml_attr(p->doc, stream, "url");
    int err = phone_url_resolve(p->doc_url, given, &ref);
    if (err == 0) {
        phone_url_put_ws(buf_str(&ref), out);
        err = out->err ? out->err : phone_url_parse(buf_str(out), &url);
    }
    buf_done(&ref);
    if (err < 0) {
        return err;
    }
    bool http = str_starts(given, STR("http://")) || str_starts(given, STR("https://"));
    if (http || !(str_is(url.scheme, "ws") || str_is(url.scheme, "wss"))) {
        phone_warn(p, PHONE_ERR_SCHEME, "the url of <Stream> is neither ws nor wss");
        return -ERR_SYNTAX;
    }
    if (p->o.as->keeps_query) {
        return 0;
    }
    if (url.query.p) {
        phone_warn(p, TWIML_WARN_SCHEMA, "the query string in the url of <Stream> is dropped");
    }
    out->len = url.base.n + url.path.n;
    return 0;
}

static int open_stream(struct phone *p, uint32_t connect, uint32_t stream)
{
    struct buf signed_url, url;
    struct str_pair params[PHONE_PARAMS_MAX];
    buf_init(&signed_url, URL_MAX);
    buf_init(&url, URL_MAX);
    p->action_url = arena_str(&p->arena, twiml_attr(p->doc, connect, "action"));
    p->stream_callback =
        arena_str(&p->arena, twiml_attr(p->doc, stream, p->o.as->keeps_query ? "statusCallbackUrl" : "statusCallback"));
    int err = p->action_url.p && p->stream_callback.p ? stream_url(p, stream, &signed_url) : -ENOMEM;
    if (err == 0) {
        err = phone_url_rebase(buf_str(&signed_url), p->o.stream_base, &url);
    }
    if (err == 0) {
        size_t n = stream_params(p, stream, params);
        err = phone_connect(p, buf_str(&url), buf_str(&signed_url), params, n);
    }
    buf_done(&signed_url);
    buf_done(&url);
    return err;
}

/* ---- verbs ---- */

static void tell_verb(struct phone *p, uint32_t verb)
{
    const struct twiml_node *n = &p->doc->nodes[verb];
    struct buf text;
    buf_init(&text, 8192);
    buf_put_str(&text, n->name);
    if (n->text.n > 0) {
        buf_putc(&text, ' ');
        buf_put(&text, n->text.p, MIN(n->text.n, 1000u));
    }
    for (size_t i = 0; i < text.len; i++) {
        char *c = (char *)buf_ptr(&text) + i;
        *c = *c == '\n' || *c == '\r' ? ' ' : *c;
    }
    buf_put_str(&p->report.verbs, buf_str(&text));
    buf_putc(&p->report.verbs, '\n');
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_VERB, .text = buf_str(&text)});
    buf_done(&text);
}

/* The agent's side ended the call, by a verb or by the end of the document. */
static void agent_ends(struct phone *p, const char *how)
{
    char reason[PHONE_TEXT_MAX];
    ignore_result(snprintf(reason, sizeof(reason), "%s%s%.100s", how, p->stream_end[0] ? ", the stream was " : "",
                           p->stream_end) < 0);
    phone_report_end(&p->report, PHONE_SIDE_AGENT, reason);
    phone_leave(p);
}

enum verdict { VERB_NEXT, VERB_WAIT, VERB_END };

/* A vendor whose streams stand in the Response itself carries audio both ways, and waits, only when it is told so. */
static bool stream_is_ours(struct phone *p, uint32_t stream)
{
    static const struct {
        const char *name, *want;
    } attrs[] = {{"bidirectional", "true"}, {"keepCallAlive", "true"}, {"contentType", "audio/x-mulaw;rate=8000"}};
    for (size_t i = 0; i < ARRAY_LEN(attrs) && p->o.as->keeps_query; i++) {
        if (!str_is(twiml_attr(p->doc, stream, attrs[i].name), attrs[i].want)) {
            char text[PHONE_TEXT_MAX];
            ignore_result(snprintf(text, sizeof(text), "<Stream> has no %s=\"%s\"", attrs[i].name, attrs[i].want) < 0);
            phone_warn(p, p->o.as->document_code, text);
            return false;
        }
    }
    return true;
}

static enum verdict do_connect(struct phone *p, uint32_t verb)
{
    bool bare = p->doc->nodes[verb].kind == TWIML_STREAM;
    uint32_t stream = bare ? verb : twiml_child(p->doc, verb, TWIML_STREAM);
    if (stream == 0) {
        return VERB_NEXT;
    }
    p->stream_tries = 1;
    if (!stream_is_ours(p, stream)) {
        phone_report_end(&p->report, PHONE_SIDE_ERROR, "the stream is not one that can talk");
        return VERB_NEXT;
    }
    int err = open_stream(p, verb, stream);
    if (err < 0) {
        p->report.err = p->frame == 0 ? err : p->report.err;
        phone_report_end(&p->report, PHONE_SIDE_ERROR, "the stream could not be opened");
        return VERB_NEXT;
    }
    return VERB_WAIT;
}

static enum verdict do_redirect(struct phone *p, uint32_t verb)
{
    int err = phone_fetch(p, p->doc->nodes[verb].text, "in-progress");
    if (err < 0) {
        fetch_failed(p, PHONE_ERR_FETCH, err, err == -ERR_LIMIT ? "too many redirects" : "a <Redirect> leads nowhere");
        return VERB_WAIT;
    }
    return VERB_WAIT;
}

/* What is said meanwhile is told, too. */
static enum verdict do_gather(struct phone *p, uint32_t verb)
{
    for (uint32_t i = twiml_next(p->doc, verb, verb); i != 0; i = twiml_next(p->doc, verb, i)) {
        tell_verb(p, i);
    }
    int err = hung_up(p) ? 0 : phone_prompt(p, verb);
    if (err < 0) {
        phone_fetch_failed(p, err, "a prompt could not be played");
    }
    return VERB_WAIT;
}

static enum verdict do_verb(struct phone *p, uint32_t verb)
{
    switch (p->doc->nodes[verb].kind) {
    case TWIML_CONNECT:
    case TWIML_STREAM:
        return do_connect(p, verb);
    case TWIML_REDIRECT:
        return do_redirect(p, verb);
    case TWIML_GATHER:
        return do_gather(p, verb);
    case TWIML_HANGUP:
        agent_ends(p, "<Hangup>");
        return VERB_END;
    case TWIML_REJECT:
        agent_ends(p, "<Reject>");
        return VERB_END;
    case TWIML_DIAL:
        agent_ends(p, "<Dial>");
        return VERB_END;
    default: /* spoken, waited for or unknown: told, and over at once */
        return VERB_NEXT;
    }
}

void phone_follow(struct phone *p)
{
    enum verdict verdict = VERB_NEXT;
    while (verdict == VERB_NEXT && p->doc && !hung_up(p)) {
        p->verb = twiml_next(p->doc, 0, p->verb);
        if (p->verb == 0) {
            agent_ends(p, "the TwiML ended");
            return;
        }
        enum twiml_kind kind = p->doc->nodes[p->verb].kind;
        if (kind != TWIML_CONNECT && kind != TWIML_STREAM) {
            tell_verb(p, p->verb);
        }
        verdict = hung_up(p) ? VERB_NEXT : do_verb(p, p->verb);
    }
    if (verdict == VERB_NEXT) { /* a handler hung up or closed in between */
        phone_leave(p);
    }
}

bool phone_connect_again(struct phone *p)
{
    if (hung_up(p) || p->redirecting || !p->doc || p->stream_tries >= p->o.as->stream_tries) {
        return false;
    }
    uint32_t stream =
        p->doc->nodes[p->verb].kind == TWIML_STREAM ? p->verb : twiml_child(p->doc, p->verb, TWIML_STREAM);
    p->stream_tries++;
    return stream != 0 && open_stream(p, p->verb, stream) >= 0;
}

/* ---- another document in mid-call ---- */

void phone_moved_on(struct phone *p)
{
    if (!p->redirected || hung_up(p)) {
        phone_leave(p);
        return;
    }
    p->redirected = false;
    phone_set_state(p, PHONE_AFTER);
    phone_follow(p);
}

/* The new document is here. A stream that still runs gives way to it. */
static void move_on(struct phone *p)
{
    p->redirected = true;
    if (p->stream) {
        phone_wheel_leave(&p->seat);
        phone_stream_hang_up(p->stream);
    } else {
        phone_moved_on(p);
    }
}

static void on_redirected(struct phone *p, const struct http_reply *reply)
{
    bool usable = reply->err >= 0 && reply->status / 100 == 2 && is_xml(reply->content_type);
    if (hung_up(p)) {
        if (!p->stream) {
            phone_leave(p);
        }
        return;
    }
    p->redirecting = false;
    if (!usable) {
        fetch_failed(p, PHONE_ERR_FETCH, -ERR_HTTP, "the document of a redirection could not be had");
        return;
    }
    phone_report_doc(&p->report, str_of_span(reply->body));
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_TWIML, .text = str_of_span(reply->body)});
    if (take_document(p, str_of_span(reply->body)) == 0) {
        move_on(p);
    }
}

int phone_redirect(struct phone *p, struct str url, struct str document)
{
    bool up = p->state == PHONE_TALKING || p->state == PHONE_CONNECTING || phone_prompting(p);
    if (!up || hung_up(p) || p->redirecting || p->redirected) {
        return -ERR_STATE;
    }
    if ((url.n > 0) == (document.n > 0)) {
        return -EINVAL;
    }
    if (url.n > 0) {
        struct str kept = arena_str(&p->arena, url);
        struct phone_url parts;
        int err = kept.p ? phone_url_parse(kept, &parts) : -ENOMEM;
        if (err == 0 && ++p->n_requests > REQUESTS_MAX) {
            err = -ERR_LIMIT;
        }
        if (err == 0) {
            phone_prompt_stop(p);
            p->doc_url = kept;
            err = phone_request_twiml(p, kept, "in-progress", NULL, on_redirected);
        }
        p->redirecting = err == 0;
        return err;
    }
    phone_prompt_stop(p);
    if (take_document(p, document) == 0) { /* else the call ends for it, and says why */
        move_on(p);
    }
    return 0;
}

void phone_resume(struct phone *p)
{
    if (hung_up(p)) {
        phone_leave(p);
    } else if (p->redirecting) {
        return; /* the new document is on its way */
    } else if (!p->doc) {
        agent_ends(p, "direct call");
    } else if (p->action_url.n > 0) {
        if (phone_fetch(p, p->action_url, "in-progress") < 0) {
            fetch_failed(p, PHONE_ERR_FETCH, -ERR_HTTP, "the action URL of <Connect> leads nowhere");
        }
    } else {
        phone_follow(p);
    }
}
