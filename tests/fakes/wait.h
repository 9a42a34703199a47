/* Running a real loop until something holds, for tests over loopback sockets. */
#ifndef TESTS_FAKES_WAIT_H
#define TESTS_FAKES_WAIT_H

#include "base/buf.h"
#include "net/loop.h"

/* Runs the loop until cond(arg) holds; the test fails after 10 s. */
void wait_until(struct loop *loop, bool (*cond)(void *arg), void *arg);
/* The same until a text that grows holds this part. */
void wait_text(struct loop *loop, const struct buf *text, const char *part);
/* Runs the loop long enough for what is under way on loopback sockets to arrive. */
void settle(struct loop *loop);

#endif
