/* Model names that the service has switched off, and what takes their place. */
#include "providers/openai/openai.h"

/* A prefix each: dated snapshots of the same model go with it. */
static const char *const retired[] = {"gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview"};

struct str openai_model_current(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(retired); i++) {
        if (str_starts(name, str_from(retired[i]))) {
            return STR(OPENAI_DEFAULT_MODEL);
        }
    }
    return name;
}
