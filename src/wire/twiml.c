/* Strict parser of TwiML, over libexpat. */
#include "wire/twiml.h"

#include <expat.h>
#include <stdio.h>

#include "base/err.h"

#define IN(kind) TWIML_IN(kind)

static const char *const none[] = {NULL};
static const char *const connect_attrs[] = {"action", "method", NULL};
static const char *const stream_attrs[] = {
    "url",         "name",       "track", "statusCallback", "statusCallbackMethod", "connectorName",
    "audioFormat", "sampleRate", NULL};
static const char *const parameter_attrs[] = {"name", "value", NULL};
static const char *const say_attrs[] = {"voice", "language", "loop", NULL};
static const char *const play_attrs[] = {"loop", "digits", NULL};
static const char *const pause_attrs[] = {"length", NULL};
static const char *const dial_attrs[] = {"action",
                                         "method",
                                         "timeout",
                                         "timeLimit",
                                         "callerId",
                                         "answerOnBridge",
                                         "hangupOnStar",
                                         "record",
                                         "trim",
                                         "recordingStatusCallback",
                                         "recordingStatusCallbackMethod",
                                         "recordingStatusCallbackEvent",
                                         "recordingTrack",
                                         "ringTone",
                                         "sequential",
                                         "referUrl",
                                         "referMethod",
                                         "events",
                                         NULL};
static const char *const number_attrs[] = {"sendDigits",
                                           "url",
                                           "method",
                                           "statusCallbackEvent",
                                           "statusCallback",
                                           "statusCallbackMethod",
                                           "byoc",
                                           "machineDetection",
                                           "machineDetectionTimeout",
                                           "machineDetectionSpeechThreshold",
                                           "machineDetectionSpeechEndThreshold",
                                           "machineDetectionSilenceTimeout",
                                           "amdStatusCallback",
                                           "amdStatusCallbackMethod",
                                           NULL};
static const char *const sip_attrs[] = {
    "username", "password", "url", "method", "statusCallback", "statusCallbackEvent", "statusCallbackMethod", NULL};
static const char *const redirect_attrs[] = {"method", NULL};
static const char *const record_attrs[] = {"action",
                                           "method",
                                           "timeout",
                                           "finishOnKey",
                                           "maxLength",
                                           "playBeep",
                                           "trim",
                                           "recordingStatusCallback",
                                           "recordingStatusCallbackMethod",
                                           "recordingStatusCallbackEvent",
                                           "transcribe",
                                           "transcribeCallback",
                                           NULL};
static const char *const gather_attrs[] = {"action",
                                           "method",
                                           "input",
                                           "numDigits",
                                           "finishOnKey",
                                           "timeout",
                                           "speechTimeout",
                                           "speechModel",
                                           "enhanced",
                                           "hints",
                                           "language",
                                           "profanityFilter",
                                           "partialResultCallback",
                                           "partialResultCallbackMethod",
                                           "actionOnEmptyResult",
                                           "bargeIn",
                                           NULL};
static const char *const reject_attrs[] = {"reason", NULL};
static const char *const message_attrs[] = {"to", "from", "action", "method", "statusCallback", NULL};

/* Names are case-sensitive. attrs NULL: any. */
static const struct twiml_element elements[] = {
    {"Connect", TWIML_CONNECT, IN(TWIML_RESPONSE), connect_attrs},
    {"Start", TWIML_START, IN(TWIML_RESPONSE), connect_attrs},
    {"Stop", TWIML_STOP, IN(TWIML_RESPONSE), connect_attrs},
    {"Stream", TWIML_STREAM, IN(TWIML_CONNECT) | IN(TWIML_START) | IN(TWIML_STOP), stream_attrs},
    {"Parameter", TWIML_PARAMETER, IN(TWIML_STREAM), parameter_attrs},
    {"Say", TWIML_SAY, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), say_attrs},
    {"Play", TWIML_PLAY, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), play_attrs},
    {"Pause", TWIML_PAUSE, IN(TWIML_RESPONSE) | IN(TWIML_GATHER), pause_attrs},
    {"Dial", TWIML_DIAL, IN(TWIML_RESPONSE), dial_attrs},
    {"Number", TWIML_NUMBER, IN(TWIML_DIAL), number_attrs},
    {"Sip", TWIML_SIP, IN(TWIML_DIAL), sip_attrs},
    {"Client", TWIML_CLIENT, IN(TWIML_DIAL), NULL},
    {"Conference", TWIML_CONFERENCE, IN(TWIML_DIAL), NULL},
    {"Queue", TWIML_QUEUE, IN(TWIML_DIAL), NULL},
    {"Redirect", TWIML_REDIRECT, IN(TWIML_RESPONSE), redirect_attrs},
    {"Record", TWIML_RECORD, IN(TWIML_RESPONSE), record_attrs},
    {"Reject", TWIML_REJECT, IN(TWIML_RESPONSE), reject_attrs},
    {"Hangup", TWIML_HANGUP, IN(TWIML_RESPONSE), none},
    {"Message", TWIML_MESSAGE, IN(TWIML_RESPONSE), message_attrs},
    {"Gather", TWIML_GATHER, IN(TWIML_RESPONSE), gather_attrs},
    {"Enqueue", TWIML_OTHER, IN(TWIML_RESPONSE), NULL},
    {"Leave", TWIML_OTHER, IN(TWIML_RESPONSE), NULL},
    {"Refer", TWIML_OTHER, IN(TWIML_RESPONSE), NULL},
};

static const struct twiml_grammar grammar = {elements, ARRAY_LEN(elements)};

struct parse {
    struct twiml *t;
    const struct twiml_grammar *grammar;
    XML_Parser xml;
    uint16_t path[TWIML_DEPTH_MAX * 2]; /* indices of the open nodes */
    uint32_t depth;
    int err;
    const char *why;
};

static void stop(struct parse *p, int err, const char *why)
{
    if (p->err == 0) {
        p->err = err;
        p->why = why;
        ignore_result(XML_StopParser(p->xml, XML_FALSE) == 0); /* p->err decides */
    }
}

static void warn(struct parse *p, const char *what, const char *name, const char *where)
{
    struct twiml *t = p->t;
    if (t->n_warnings < TWIML_WARNINGS_MAX) {
        struct twiml_warning *w = &t->warnings[t->n_warnings];
        w->line = (unsigned)XML_GetCurrentLineNumber(p->xml);
        /* For people; a cut name does no harm. */
        ignore_result(snprintf(w->text, sizeof(w->text), "%s '%.40s' in '%.40s'", what, name, where) < 0);
    }
    t->n_warnings++;
}

static struct str keep(struct parse *p, const char *text, size_t n)
{
    struct buf *b = &p->t->text;
    size_t from = b->len;
    /* The room was taken at the start: past it the buffer would move under the slices. */
    if (b->cap - b->len < n) {
        stop(p, -ERR_TOO_BIG, "the document holds too much text");
        return STR_NULL;
    }
    buf_put(b, text, n);
    return (struct str){(const char *)buf_ptr(b) + from, n};
}

static const struct twiml_element *element_of(const struct twiml_grammar *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++) {
        if (str_is(str_from(name), g->elements[i].name)) {
            return &g->elements[i];
        }
    }
    return NULL;
}

static bool listed(const char *const *names, const char *name)
{
    for (; *names; names++) {
        if (str_is(str_from(name), *names)) {
            return true;
        }
    }
    return false;
}

/* Below an unknown or opaque element nothing is judged. */
static enum twiml_kind judge(struct parse *p, const char *name, const struct twiml_node *parent,
                             const char *const **ret_attrs)
{
    *ret_attrs = NULL;
    if (parent->kind == TWIML_UNKNOWN || parent->kind == TWIML_OTHER) {
        return TWIML_UNKNOWN;
    }
    const struct twiml_element *e = element_of(p->grammar, name);
    char where[44];
    if (str_copy(where, sizeof(where), parent->name) < 0) {
        where[0] = 0;
    }
    if (!e || !(e->parents & IN(parent->kind))) {
        warn(p, "element not allowed:", name, where);
        return TWIML_UNKNOWN;
    }
    *ret_attrs = e->attrs;
    return e->kind;
}

static void keep_attrs(struct parse *p, struct twiml_node *node, const char **attrs, const char *const *known)
{
    struct twiml *t = p->t;
    node->first_attr = (uint16_t)t->n_attrs;
    for (; *attrs && p->err == 0; attrs += 2) {
        if (known && !listed(known, attrs[0])) {
            char where[44];
            if (str_copy(where, sizeof(where), node->name) < 0) {
                where[0] = 0;
            }
            warn(p, "attribute not allowed:", attrs[0], where);
        }
        if (t->n_attrs == TWIML_ATTRS_MAX) {
            stop(p, -ERR_TOO_BIG, "the document holds too many attributes");
            return;
        }
        struct twiml_attr *a = &t->attrs[t->n_attrs++];
        a->name = keep(p, attrs[0], strlen(attrs[0]));
        a->value = keep(p, attrs[1], strlen(attrs[1]));
        node->n_attrs++;
    }
}

static void on_start(void *arg, const XML_Char *name, const XML_Char **attrs)
{
    struct parse *p = arg;
    struct twiml *t = p->t;
    const char *const *known = none;
    if (p->err < 0) {
        return;
    }
    if (t->n_nodes == TWIML_NODES_MAX || p->depth == ARRAY_LEN(p->path)) {
        stop(p, -ERR_TOO_BIG, "the document holds too many elements");
        return;
    }
    struct twiml_node *node = &t->nodes[t->n_nodes];
    *node = (struct twiml_node){.kind = TWIML_RESPONSE};
    if (p->depth == 0) {
        if (!str_is(str_from(name), "Response")) {
            stop(p, -ERR_SYNTAX, "the root element is not Response");
            return;
        }
    } else {
        node->parent = p->path[p->depth - 1];
        node->kind = judge(p, name, &t->nodes[node->parent], &known);
    }
    node->name = keep(p, name, strlen(name));
    keep_attrs(p, node, attrs, known);
    p->path[p->depth++] = (uint16_t)t->n_nodes++;
}

static void on_end(void *arg, const XML_Char *name UNUSED)
{
    struct parse *p = arg;
    if (p->err < 0 || p->depth == 0) {
        return;
    }
    struct twiml_node *node = &p->t->nodes[p->path[--p->depth]];
    node->text = str_trim(node->text);
}

/* Character data comes in pieces. What does not follow the last piece directly is moved behind it first. */
static void on_text(void *arg, const XML_Char *text, int n)
{
    struct parse *p = arg;
    if (p->err < 0 || p->depth == 0) {
        return;
    }
    struct twiml_node *node = &p->t->nodes[p->path[p->depth - 1]];
    const char *end = (const char *)buf_ptr(&p->t->text) + p->t->text.len;
    if (node->text.p && node->text.p + node->text.n != end) {
        node->text = keep(p, node->text.p, node->text.n);
    }
    struct str more = p->err == 0 ? keep(p, text, (size_t)n) : STR_NULL;
    if (p->err == 0) {
        node->text = node->text.p ? (struct str){node->text.p, node->text.n + more.n} : more;
    }
}

static void on_doctype(void *arg, const XML_Char *name UNUSED, const XML_Char *sys UNUSED, const XML_Char *pub UNUSED,
                       int internal UNUSED)
{
    stop(arg, -ERR_SYNTAX, "a document type is not allowed");
}

static int run(struct parse *p, struct str text, struct twiml_error *ret_error)
{
    XML_SetUserData(p->xml, p);
    XML_SetElementHandler(p->xml, on_start, on_end);
    XML_SetCharacterDataHandler(p->xml, on_text);
    XML_SetStartDoctypeDeclHandler(p->xml, on_doctype);
    enum XML_Status status = XML_Parse(p->xml, text.p ? text.p : "", (int)text.n, XML_TRUE);
    if (status == XML_STATUS_OK && p->err == 0) {
        return 0;
    }
    const char *why = p->err < 0 ? p->why : XML_ErrorString(XML_GetErrorCode(p->xml));
    ret_error->line = (unsigned)XML_GetCurrentLineNumber(p->xml);
    ignore_result(snprintf(ret_error->text, sizeof(ret_error->text), "%s", why ? why : "no XML") < 0); /* for people */
    return p->err < 0 ? p->err : -ERR_SYNTAX;
}

static int fail_early(struct twiml_error *ret_error, int err)
{
    ret_error->line = 0;
    ignore_result(snprintf(ret_error->text, sizeof(ret_error->text), "%s", err_text(err)) < 0); /* it fits */
    return err;
}

int twiml_parse(struct str text, struct twiml *ret, struct twiml_error *ret_error)
{
    return twiml_parse_as(&grammar, text, ret, ret_error);
}

int twiml_parse_as(const struct twiml_grammar *g, struct str text, struct twiml *ret, struct twiml_error *ret_error)
{
    ret->n_nodes = ret->n_attrs = ret->n_warnings = 0;
    buf_init(&ret->text, TWIML_TEXT_MAX);
    if (text.n > TWIML_TEXT_MAX) {
        return fail_early(ret_error, -ERR_TOO_BIG);
    }
    struct parse p = {.t = ret, .grammar = g, .xml = XML_ParserCreate(NULL)};
    if (!p.xml || !buf_room(&ret->text, TWIML_TEXT_MAX)) {
        if (p.xml) {
            XML_ParserFree(p.xml);
        }
        return fail_early(ret_error, -ENOMEM);
    }
    int err = run(&p, text, ret_error);
    XML_ParserFree(p.xml);
    if (err < 0) {
        twiml_done(ret);
    }
    return err;
}

void twiml_done(struct twiml *t)
{
    buf_done(&t->text);
    t->n_nodes = t->n_attrs = 0;
}

uint32_t twiml_next(const struct twiml *t, uint32_t parent, uint32_t prev)
{
    for (uint32_t i = prev + 1; i < t->n_nodes; i++) {
        if (t->nodes[i].parent == parent) {
            return i;
        }
    }
    return 0;
}

uint32_t twiml_child(const struct twiml *t, uint32_t parent, enum twiml_kind kind)
{
    uint32_t i = parent;
    while ((i = twiml_next(t, parent, i)) != 0) {
        if (t->nodes[i].kind == kind) {
            return i;
        }
    }
    return 0;
}

struct str twiml_attr(const struct twiml *t, uint32_t node, const char *name)
{
    const struct twiml_node *n = &t->nodes[node];
    for (uint32_t i = n->first_attr; i < (uint32_t)n->first_attr + n->n_attrs; i++) {
        if (str_is(t->attrs[i].name, name)) {
            return t->attrs[i].value;
        }
    }
    return STR_NULL;
}
