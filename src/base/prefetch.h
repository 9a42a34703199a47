/*
 * Memory that will be read soon, fetched while something else is done.
 *
 * The state of a call lies in a dozen of pieces: socket, WebSocket, leg, host, call, queues, files. At hundreds of
 * calls they come from far away each time, one after the other, for each lies behind a pointer of the one before. So
 * the loop, which knows whose bytes have come, asks for the pieces of all these calls at once before it handles the
 * first of them: the X_prefetch functions are called for all by turns with depth 0, then 1, and so on. At depth 0 a
 * piece fetches its own lines; at greater ones, when they are there, it hands depth - 1 to those that it points at.
 * Nothing changes, and what is left out is only slower.
 */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

enum { PREFETCH_DEPTHS = 8 }; /* from a socket to the far ends: a file's last block, the other side's socket */

/* Any address will do. */
static inline void prefetch(const void *p, size_t n)
{
    const char *line = (const char *)p - (uintptr_t)p % 64;
    for (; line < (const char *)p + n; line += 64) {
        __builtin_prefetch(line);
    }
}

/* From one member of *p up to another one, which has to lie behind it. */
#define PREFETCH_MEMBERS(p, from, to)                                                                                  \
    do {                                                                                                               \
        _Static_assert(offsetof(__typeof__(*(p)), from) < offsetof(__typeof__(*(p)), to), "members in this order");    \
        prefetch(&(p)->from, offsetof(__typeof__(*(p)), to) - offsetof(__typeof__(*(p)), from));                       \
    } while (0)

#endif
