/* What is told of calls (hooks.h): their steps as they come, and the whole record at the end. Loop thread. */
#ifndef GATEWAY_HOOK_EVENTS_H
#define GATEWAY_HOOK_EVENTS_H

#include "dialer/dialer.h"
#include "gateway/tap.h"

struct gateway;
struct host;

/* Every call's tap. */
void hook_events_tap(struct gateway *gw, const struct tap_event *e);
/* Every attempt's events. */
void hook_events_dial(struct gateway *gw, const struct dialer_event *ev);

#endif
