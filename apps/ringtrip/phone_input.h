/*
 * Typed lines for an interactive phone: a thread reads standard input, speaks each line by flite and hands it to the
 * loop. Not here: the phone.
 */
#ifndef APPS_RINGTRIP_PHONE_INPUT_H
#define APPS_RINGTRIP_PHONE_INPUT_H

#include "net/loop.h"
#include "peer/phone/phone_script.h"

struct phone_input;

/* On the loop. */
struct phone_input_handler {
    void (*on_item)(const struct phone_item *item, void *arg); /* item->owned is the handler's now */
    void (*on_problem)(const char *text, void *arg);
    void (*on_end)(bool bye, void *arg); /* last: "/bye", or the end of the input */
};

MUST_USE int phone_input_start(struct loop *loop, const struct phone_input_handler *h, void *arg,
                               struct phone_input **ret);
/* Nothing is called any more. The thread may sit in a read: it, and the memory, live until the process ends. */
void phone_input_stop(struct phone_input *in);

#endif
