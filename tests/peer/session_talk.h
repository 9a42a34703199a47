/* What the tests of the sandbox's session say to it. */
#ifndef TESTS_PEER_SESSION_TALK_H
#define TESTS_PEER_SESSION_TALK_H

#include "session_box.h"

#define ULAW                                                                                                           \
    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":"      \
    "\"audio/pcmu\"},\"transcription\":{\"model\":\"gpt-4o-mini-transcribe\"},\"turn_detection\":{\"type\":"           \
    "\"server_vad\",\"prefix_padding_ms\":300,\"silence_duration_ms\":400%s}},\"output\":{\"format\":{\"type\":"       \
    "\"audio/pcmu\"}}},\"tools\":[{\"type\":\"function\",\"name\":\"check_order_status\",\"parameters\":{}},{"         \
    "\"type\":\"function\",\"name\":\"end_call\",\"parameters\":{}}]}}"

#define CREATE "{\"type\":\"response.create\"}"
#define CANCEL "{\"type\":\"response.cancel\"}"
#define COMMIT "{\"type\":\"input_audio_buffer.commit\"}"
#define TEXT(words)                                                                                                    \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"  \
    "\"input_text\",\"text\":\"" words "\"}]}}"

static UNUSED struct box *open_ulaw(const char *faults, const char *vad_extra)
{
    char json[2000];
    struct box *b = box_open(&(struct box_opts){.faults = faults});
    snprintf(json, sizeof(json), ULAW, vad_extra ? vad_extra : "");
    box_do(b, json);
    box_next(b, "session.created");
    return b;
}

static UNUSED struct box *open_ready(const char *faults, const char *vad_extra)
{
    struct box *b = open_ulaw(faults, vad_extra);
    box_next(b, "session.updated");
    return b;
}

static void format_do(struct box *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static UNUSED void format_do(struct box *b, const char *fmt, ...)
{
    char json[4000];
    va_list args;
    va_start(args, fmt);
    vsnprintf(json, sizeof(json), fmt, args);
    va_end(args);
    box_do(b, json);
}

#endif
