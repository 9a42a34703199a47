/**
 * @file base.h
 * What every other header of libringtrip uses: errors, texts that a callback hands back, log lines.
 */
#ifndef RINGTRIP_BASE_H
#define RINGTRIP_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the library exports. */
#define RT_API __attribute__((visibility("default")))

/** Version of the library at run time, "0.1.0". Thread: any. */
RT_API const char *rt_version(void);

/**
 * Errors of our own. Functions that return int: 0 or more is success; negative is -Exxx of errno.h or the negative of
 * one of these.
 */
enum rt_err {
    RT_ERR_SYNTAX = 4097, /**< a text (JSON, YAML) is not well-formed */
    RT_ERR_MISSING,       /**< something that is required is not there */
    RT_ERR_TYPE,          /**< a value has the wrong type */
    RT_ERR_RANGE,         /**< a value is outside its limits */
    RT_ERR_BASE64,        /**< a payload is not base64 */
    RT_ERR_UTF8,          /**< a text is not UTF-8 */
    RT_ERR_TOO_BIG,       /**< something exceeds its limit */
    RT_ERR_STATE,         /**< not allowed now, or not on this thread */
    RT_ERR_CLOSED,        /**< the connection or the session is closed */
    RT_ERR_TLS,           /**< the TLS handshake failed */
    RT_ERR_HTTP,          /**< an HTTP peer answered with an error */
    RT_ERR_WS,            /**< a peer broke the WebSocket protocol */
    RT_ERR_DNS,           /**< a host name could not be resolved */
    RT_ERR_AUTH,          /**< credentials were refused */
    RT_ERR_CONFIG,        /**< the configuration is not usable */
    RT_ERR_CORRUPT,       /**< stored data is damaged */
    RT_ERR_REPLAY,        /**< a replay produced different actions */
    RT_ERR_LIMIT          /**< a configured limit is reached */
};

/** One sentence for a negative result of any function here. Never NULL. Thread: any. */
RT_API const char *rt_error_text(int err);
/** Short stable word for it: "wrong-state", "ETIMEDOUT"; "ok" for 0 and more. Never NULL. Thread: any. */
RT_API const char *rt_error_name(int err);

/**
 * A text that a callback gives back. The library owns it and lends it to the callback until that returns.
 */
struct rt_text;

/**
 * Puts a NUL-terminated UTF-8 text behind what is there already; it is copied. Returns 0, -ENOMEM, or -RT_ERR_TOO_BIG
 * (a megabyte is the limit).
 */
RT_API int rt_text_put(struct rt_text *out, const char *text);

/**
 * Somebody who knows a text when it is asked for: instructions, an API key. Returns 0, or a negative error, which then
 * is the result of whoever asked.
 */
typedef int (*rt_text_fn)(struct rt_text *out, void *arg);

/** How loud a log line is. */
enum rt_log_level { RT_LOG_ERROR, RT_LOG_WARN, RT_LOG_INFO, RT_LOG_DEBUG };

/**
 * One log line: a constant event name ("gateway.listening") and its fields ("key=value ..."). call_id is "" for lines
 * that belong to no call. Everything is lent. Thread: any, also several at once; it must not call the library.
 */
typedef void (*rt_log_fn)(enum rt_log_level level, const char *call_id, const char *event, const char *fields,
                          void *arg);

#ifdef __cplusplus
}
#endif

#endif
