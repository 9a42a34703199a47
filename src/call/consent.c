/*
 * The caller's own yes. The first use of such a tool runs nothing: the agent is told to ask. The same use again counts
 * only when the agent has spoken since, and then the caller has, and what the caller said holds a word that agrees and
 * none that refuses. Transcripts come late, also those of what was said before the question: only speech that was
 * committed after it counts, and a use that comes before its transcript waits for it.
 */
#include "base/err.h"
#include "call/state.h"

#define ASK_FIRST                                                                                                      \
    "{\"status\":\"approval_required\",\"instruction\":\"Do not do this yet. Tell the caller exactly what you are "    \
    "about to do and ask for a clear yes or no. When the caller has agreed, call the function again with the same "    \
    "arguments.\"}"
#define NOT_UNDERSTOOD                                                                                                 \
    "{\"status\":\"approval_required\",\"instruction\":\"The caller's answer was not a clear yes. Ask again for a "    \
    "clear yes or no, then call the function again with the same arguments.\"}"
#define REFUSED                                                                                                        \
    "{\"status\":\"not_approved\",\"instruction\":\"The caller has refused. Do not call the function again unless "    \
    "the caller asks for it.\"}"

/* ---- words ---- */

static bool is_letter(uint8_t ch)
{
    return ch >= 0x80 || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

/* The small letter of a two-byte capital: Latin, Greek, Cyrillic. Others stay as they are. */
static uint32_t small_letter(uint32_t cp)
{
    bool latin = cp >= 0xC0 && cp <= 0xDE && cp != 0xD7;
    bool greek = cp >= 0x391 && cp <= 0x3A9;
    bool cyrillic = cp >= 0x410 && cp <= 0x42F;
    bool old_cyrillic = cp >= 0x400 && cp <= 0x40F;
    return latin || greek || cyrillic ? cp + 32 : old_cyrillic ? cp + 80 : cp;
}

/*
 * Words in small letters with a blank before and behind each, apostrophes left out, so that a phrase is found by
 * looking for " phrase ".
 */
static void put_words(struct buf *out, struct str s)
{
    bool blank = true;
    buf_putc(out, ' ');
    for (size_t i = 0; i < s.n; i++) {
        uint8_t ch = (uint8_t)s.p[i];
        bool quote = ch == '\'' || (ch == 0xE2 && i + 2 < s.n && memcmp(s.p + i, "\xE2\x80\x99", 3) == 0);
        if (quote) {
            i += ch == '\'' ? 0 : 2;
        } else if (ch >= 0xC2 && ch <= 0xDF && i + 1 < s.n) {
            uint32_t cp = small_letter((ch & 0x1Fu) << 6 | ((uint8_t)s.p[++i] & 0x3Fu));
            buf_putc(out, (char)(0xC0 | cp >> 6));
            buf_putc(out, (char)(0x80 | (cp & 0x3F)));
            blank = false;
        } else if (is_letter(ch)) {
            buf_putc(out, (char)(ch >= 'A' && ch <= 'Z' ? ch | 32 : ch));
            blank = false;
        } else if (!blank) {
            buf_putc(out, ' ');
            blank = true;
        }
    }
    if (!blank) {
        buf_putc(out, ' ');
    }
}

static bool holds_one(struct str said, struct str phrases)
{
    bool found = false;
    while (phrases.n && !found) {
        struct str line = {phrases.p, str_find(phrases, '\n')};
        struct buf words;
        size_t used = MIN(line.n + 1, phrases.n);
        buf_init(&words, 512);
        put_words(&words, line);
        found = words.err == 0 && words.len > 2 && str_search(said, buf_str(&words)) != SIZE_MAX;
        buf_done(&words);
        phrases = (struct str){phrases.p + used, phrases.n - used};
    }
    return found;
}

static void weigh(struct call *c, struct consent *k, struct str text)
{
    struct buf said;
    buf_init(&said, CALL_TEXT_MAX);
    put_words(&said, text);
    k->yes = k->yes || holds_one(buf_str(&said), c->o->approvals.yes);
    k->no = k->no || said.err < 0 || holds_one(buf_str(&said), c->o->approvals.no);
    buf_done(&said);
}

/* ---- a use ---- */

static struct consent *consent_of(struct call *c, const struct tool_slot *s)
{
    return &c->tool_records[s->tool].consent;
}

static bool awaits_transcript(const struct consent *k)
{
    for (int i = 0; i < CALL_CONSENT_SPEECH; i++) {
        if (k->speech[i]) {
            return true;
        }
    }
    return false;
}

static void tell_to_ask(struct call *c, struct tool_slot *s, struct str how)
{
    struct consent *k = consent_of(c, s);
    *k = (struct consent){.state = CONSENT_TOLD, .what = s->what};
    call_copy_id(k->response_id, str_from(s->response_id));
    approval_decided(c, s, APPROVAL_CALLER_ASKED);
    tools_ready(c, s, how);
}

/* All that the caller said since the question is known, or never will be. */
static void judge(struct call *c, struct tool_slot *s)
{
    struct consent *k = consent_of(c, s);
    if (k->no) {
        *k = (struct consent){.state = CONSENT_NONE};
        approval_decided(c, s, APPROVAL_CALLER_REJECTED);
        tools_ready(c, s, STR(REFUSED));
    } else if (k->yes && !k->lost) {
        *k = (struct consent){.state = CONSENT_NONE};
        approval_decided(c, s, APPROVAL_CALLER_APPROVED);
        tools_start(c, s);
    } else {
        tell_to_ask(c, s, STR(NOT_UNDERSTOOD));
    }
}

void consent_begin(struct call *c, struct tool_slot *s)
{
    const struct consent *k = consent_of(c, s);
    if (k->state != CONSENT_HEARD || k->what != s->what) {
        tell_to_ask(c, s, STR(ASK_FIRST));
    } else if (awaits_transcript(k)) {
        s->state = TOOL_CONFIRMING;
        s->deadline_us = c->now_us + ms_us(c->o->approvals.transcript_ms);
        tools_rearm(c);
    } else {
        judge(c, s);
    }
}

void consent_expired(struct call *c, struct tool_slot *s)
{
    consent_of(c, s)->lost = true;
    judge(c, s);
}

/* ---- what is heard ---- */

void consent_asked(struct call *c, const struct item *it)
{
    if (str_is(str_from(it->response_id), c->filler_id)) {
        return; /* "one moment" is no question */
    }
    for (uint32_t i = 0; c->tool_records && i < c->o->n_tools; i++) {
        struct consent *k = &c->tool_records[i].consent;
        if (k->state == CONSENT_TOLD && !str_is(str_from(it->response_id), k->response_id)) {
            k->state = CONSENT_HEARD;
        }
    }
}

void consent_committed(struct call *c, struct str item_id)
{
    for (uint32_t i = 0; c->tool_records && i < c->o->n_tools; i++) {
        struct consent *k = &c->tool_records[i].consent;
        int at = 0;
        if (k->state != CONSENT_HEARD) {
            continue;
        }
        while (at < CALL_CONSENT_SPEECH && k->speech[at]) {
            at++;
        }
        if (at == CALL_CONSENT_SPEECH || item_id.n == 0) {
            k->lost = true; /* it cannot be told what was said */
        } else {
            k->speech[at] = str_hash(item_id);
        }
    }
}

static void judge_waiting(struct call *c)
{
    for (uint32_t i = 0; i < c->n_slots; i++) {
        struct tool_slot *s = &c->tools[i];
        if (s->state == TOOL_CONFIRMING && !awaits_transcript(consent_of(c, s))) {
            judge(c, s);
        }
    }
}

void consent_said(struct call *c, struct str item_id, struct str text, bool failed)
{
    uint64_t h = str_hash(item_id);
    for (uint32_t i = 0; c->tool_records && i < c->o->n_tools; i++) {
        struct consent *k = &c->tool_records[i].consent;
        for (int at = 0; at < CALL_CONSENT_SPEECH && k->state == CONSENT_HEARD; at++) {
            if (k->speech[at] != h) {
                continue;
            }
            k->speech[at] = 0;
            k->lost = k->lost || failed;
            if (!failed) {
                weigh(c, k, text);
            }
        }
    }
    judge_waiting(c);
}

void consent_typed(struct call *c, struct str text)
{
    for (uint32_t i = 0; c->tool_records && i < c->o->n_tools; i++) {
        struct consent *k = &c->tool_records[i].consent;
        if (k->state == CONSENT_HEARD) {
            weigh(c, k, text);
        }
    }
}
