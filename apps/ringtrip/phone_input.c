#include "phone_input.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_speech.h"

struct phone_input {
    struct loop *loop;
    const struct phone_input_handler *h;
    void *arg;
    pthread_mutex_t lock;
    bool stopped; /* under the lock: the loop may be gone */
};

enum note_kind { NOTE_ITEM, NOTE_PROBLEM, NOTE_END, NOTE_BYE };

/* From the thread to the loop. */
struct note {
    struct phone_input *in;
    enum note_kind kind;
    struct phone_item item;
    const char *problem;
};

static void note_arrive(void *arg)
{
    struct note *n = arg;
    struct phone_input *in = n->in;
    bool stopped = in->stopped; /* set on this thread */
    if (stopped) {
        free(n->item.owned);
    } else if (n->kind == NOTE_ITEM) {
        in->h->on_item(&n->item, in->arg);
    } else if (n->kind == NOTE_PROBLEM) {
        in->h->on_problem(n->problem, in->arg);
    } else {
        in->h->on_end(n->kind == NOTE_BYE, in->arg);
    }
    free(n);
}

static void note_send(struct phone_input *in, struct note note)
{
    struct note *n = malloc(sizeof(*n));
    if (!n) {
        free(note.item.owned);
        return;
    }
    *n = note;
    n->in = in;
    pthread_mutex_lock(&in->lock);
    bool sent = !in->stopped && loop_post(in->loop, note_arrive, n) == 0;
    pthread_mutex_unlock(&in->lock);
    if (!sent) {
        free(n->item.owned);
        free(n);
    }
}

/* Audio and label in one block, so that both go with the item. */
static int item_make(struct span audio, struct str label, struct phone_item *item)
{
    item->owned = malloc(audio.n + label.n + 1);
    if (!item->owned) {
        return -ENOMEM;
    }
    memcpy(item->owned, audio.p, audio.n);
    char *text = (char *)item->owned + audio.n;
    memcpy(text, label.p, label.n);
    text[label.n] = '\0';
    item->mulaw = span_from(item->owned, audio.n);
    item->label = text;
    item->when = (struct phone_when){PHONE_WHEN_AFTER, 0};
    return 0;
}

static void line_keys(struct phone_input *in, struct str digits)
{
    struct note n = {.kind = NOTE_ITEM, .item = {.kind = PHONE_KEYS, .when = {PHONE_WHEN_AFTER, 0}}};
    size_t good = 0;
    while (good < digits.n && strchr("0123456789*#ABCD", digits.p[good])) {
        good++;
    }
    if (digits.n == 0 || good < digits.n || str_copy(n.item.keys, sizeof(n.item.keys), digits) < 0) {
        n = (struct note){.kind = NOTE_PROBLEM, .problem = "keys are 0-9 * # A-D"};
    }
    note_send(in, n);
}

static void line_speech(struct phone_input *in, struct str line)
{
    struct note n = {.kind = NOTE_ITEM, .item = {.kind = PHONE_SAY}};
    struct phone_speech s;
    int err = phone_speech_say(line, &s);
    if (err == 0) {
        err = item_make(span_from(s.mulaw, s.n), line, &n.item);
        free(s.mulaw);
    }
    if (err < 0) {
        n = (struct note){.kind = NOTE_PROBLEM,
                          .problem = err == -ENOTSUP ? "this build cannot speak" : "this cannot be spoken"};
    }
    note_send(in, n);
}

static void *reader(void *arg)
{
    struct phone_input *in = arg;
    char *text = NULL;
    size_t cap = 0;
    enum note_kind end = NOTE_END;
    ssize_t n;
    while ((n = getline(&text, &cap, stdin)) >= 0) {
        struct str line = str_trim((struct str){text, (size_t)n});
        if (str_is(line, "/bye")) {
            end = NOTE_BYE;
            break;
        }
        if (str_starts(line, STR("/dtmf "))) {
            line_keys(in, str_trim((struct str){line.p + 6, line.n - 6}));
        } else if (line.n > 0) {
            line_speech(in, line);
        }
    }
    free(text);
    note_send(in, (struct note){.kind = end});
    return NULL;
}

int phone_input_start(struct loop *loop, const struct phone_input_handler *h, void *arg, struct phone_input **ret)
{
    struct phone_input *in = calloc(1, sizeof(*in));
    if (!in) {
        return -ENOMEM;
    }
    in->loop = loop;
    in->h = h;
    in->arg = arg;
    pthread_t thread;
    int err = pthread_mutex_init(&in->lock, NULL);
    err = err ? err : pthread_create(&thread, NULL, reader, in);
    if (err) {
        free(in);
        return -err;
    }
    pthread_detach(thread);
    *ret = in;
    return 0;
}

void phone_input_stop(struct phone_input *in)
{
    pthread_mutex_lock(&in->lock);
    in->stopped = true;
    pthread_mutex_unlock(&in->lock);
}
