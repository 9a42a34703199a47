/**
 * @file history.h
 * The conversation so far, as items in order: messages, tool calls with their outputs.
 */
#ifndef RINGTRIP_HISTORY_H
#define RINGTRIP_HISTORY_H

#include <ringtrip/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an item is. */
enum rt_item_kind { RT_ITEM_MESSAGE, RT_ITEM_FUNCTION_CALL };
/** Who said a message. */
enum rt_role { RT_ROLE_USER, RT_ROLE_ASSISTANT, RT_ROLE_SYSTEM };
/** How far an item is. */
enum rt_item_status { RT_ITEM_IN_PROGRESS, RT_ITEM_COMPLETED, RT_ITEM_INCOMPLETE };

/** One item. Texts are never NULL; "" where there is none. Members may be added at the end. */
struct rt_history_item {
    enum rt_item_kind kind;       /**< which of the following members mean something */
    enum rt_role role;            /**< messages */
    enum rt_item_status status;   /**< how far it is */
    const char *item_id;          /**< the model's */
    const char *previous_item_id; /**< the one before it, as the model told; NULL: none */
    const char *agent;            /**< who was speaking with the user */
    const char *text;             /**< messages: text and transcripts of all parts */
    const char *unheard;          /**< of an interrupted answer: what was not heard any more */
    const char *tool_call_id;     /**< function calls */
    const char *tool_name;        /**< function calls */
    const char *arguments;        /**< function calls: JSON */
    const char *output;           /**< function calls: NULL while there is none */
    const char *json;             /**< the item as one JSON object */
};

/** A copy of a conversation at one moment. Thread: any; it does not change. */
struct rt_history;

/** Items. */
RT_API size_t rt_history_count(const struct rt_history *history);
/** One item, 0 is the oldest; NULL: there is none of this number. Lent until the history is freed. */
RT_API const struct rt_history_item *rt_history_item(const struct rt_history *history, size_t index);
/** All of it as a JSON array. Lent until the history is freed. */
RT_API const char *rt_history_json(const struct rt_history *history);
/** NULL is fine. Not for histories that an event lends. */
RT_API void rt_history_free(struct rt_history *history);

#ifdef __cplusplus
}
#endif

#endif
