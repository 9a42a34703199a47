/* Inside of the OpenAI provider: what its files share. Nobody else includes it. */
#ifndef PROVIDERS_OPENAI_IMPL_H
#define PROVIDERS_OPENAI_IMPL_H

#include <stdio.h>

#include "base/err.h"
#include "providers/link/link.h"
#include "providers/openai/openai.h"
#include "providers/openai/openai_audio.h"
#include "providers/openai/openai_tools.h"
#include "wire/openai.h"

#define OPENAI_SETUP_EVENT_ID "rt_setup"
#define OPENAI_SETUP_MAX      (4u << 20)

/* The last error event, kept because a close that follows at once means that it was the reason. */
struct openai_last_error {
    bool fresh; /* nothing came after it */
    char code[64];
    char message[320]; /* with the field in front when one was named */
};

/* What was asked for, to fill in what a sparse echo leaves out. */
struct openai_asked {
    enum openai_format in, out;
    bool interrupts, creates;
    uint32_t n_tools;
    char model[OPENAI_ID_MAX + 1];
    char voice[OPENAI_ID_MAX + 1];
};

struct openai_model {
    struct link link; /* its setup is session.update */
    bool created;     /* session.created has come, session.update is out */
    const struct call_opts *call;
    enum openai_dialect dialect;
    uint32_t created_ms, updated_ms;
    struct openai_scratch *scratch;
    struct openai_scratch own_scratch;
    struct openai_asked asked;
    struct openai_audio audio;
    struct openai_last_error last_error;
    struct openai_tools tools;
    uint32_t n_bad_messages, n_bad_audio, n_unknown;
};

static inline struct openai_model *openai_of(struct model *model)
{
    return CONTAINER_OF(model, struct openai_model, link.base);
}

/* openai_url.c: appends the URL; header lines with \r\n. -ERR_CONFIG */
MUST_USE int openai_put_url(struct buf *out, const struct openai_opts *opts, struct str model);
MUST_USE int openai_put_headers(struct buf *out, const struct openai_opts *opts);

/* openai_setup.c: writes session.update into m->setup and fills m->asked. -ERR_CONFIG, -ENOMEM */
MUST_USE int openai_setup_write(struct openai_model *m, const struct openai_opts *opts, const struct call_opts *call,
                                struct str model);
/* Turns the echo of session.updated into EV_MODEL_READY. text is the message. -ERR_CONFIG: a format we cannot speak,
 * *ret_what names the field. */
MUST_USE int openai_setup_confirm(struct openai_model *m, const struct openai_session_info *info, struct str text,
                                  struct call_event *ret, const char **ret_what);

/* Writes the session.update that makes somebody else speak: instructions and tools, nothing else can change. */
MUST_USE int openai_setup_update(struct openai_model *m, struct buf *out, struct str event_id,
                                 const struct call_persona *persona);

/* openai_items.c */
void openai_emit_item(struct openai_model *m, const struct openai_event *e);
/* -EINVAL: no such item can be put in; -ERR_TOO_BIG and others of the buffer. */
MUST_USE int openai_put_call_item(struct buf *out, struct str event_id, const struct call_item *it);

/* openai_events.c: one message of an established session. */
void openai_on_message(struct openai_model *m, struct str text);
/* Decodes one event into m->scratch; logs and counts what is not readable (then false). */
bool openai_read(struct openai_model *m, struct str text, struct openai_event *ret);
/* Keeps an error event for the case that a close follows. */
void openai_keep_error(struct openai_model *m, const struct openai_error *e);

extern const struct model_ops openai_model_ops;

#endif
