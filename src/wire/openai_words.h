/* Word to enum for the two OpenAI codecs; not for users of them. All give the first constant (none) when unknown. */
#ifndef WIRE_OPENAI_WORDS_H
#define WIRE_OPENAI_WORDS_H

#include "wire/openai.h"

enum openai_event_type openai_event_of(struct str name); /* GA and beta names */
enum openai_status openai_status_of(struct str name);
enum openai_item_type openai_item_type_of(struct str name);
enum openai_role openai_role_of(struct str name);
enum openai_effort openai_effort_of(struct str name);
enum openai_eagerness openai_eagerness_of(struct str name);
enum openai_format openai_format_of(struct str name); /* GA and beta names */

#endif
