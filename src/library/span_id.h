/* Ids of spans as a program gives them back: 16 hexadecimal digits. Any thread. */
#ifndef LIBRARY_SPAN_ID_H
#define LIBRARY_SPAN_ID_H

#include "obs/trace.h"
#include "obs/trace_json.h"

/* false: that is no id. NULL is none. */
bool span_id_read(const char *hex, uint8_t ret[TRACE_SPAN_BYTES]);

#endif
