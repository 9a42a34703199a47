/*
 * Spans as JSON: attributes and events in plain form for the record store, and whole spans as OTLP/HTTP wants them.
 * Pure. Source: OTLP 1.9, "JSON Protobuf Encoding": ids in hex, enums and counts as numbers, 64-bit figures as strings.
 */
#ifndef OBS_TRACE_JSON_H
#define OBS_TRACE_JSON_H

#include "base/buf.h"
#include "obs/trace.h"

/* {"gen_ai.tool.name":"look_up","ringtrip.turn.number":3} */
void trace_put_attrs(struct buf *out, const struct trace_attr *attrs, uint32_t n);
/* [{"name":"barge-in","at_us":1,"attributes":{...}}] */
void trace_put_events(struct buf *out, const struct trace_span *s);
/* One element of "spans". */
void trace_put_otlp(struct buf *out, const struct trace_span *s);
/* {"key":"k","value":{"stringValue":"v"}} */
void trace_put_otlp_str(struct buf *out, struct str key, struct str value);
/* Lower-case hex with a closing NUL. */
void trace_hex(const uint8_t *p, size_t n, char *out);

#endif
