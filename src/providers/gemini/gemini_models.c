/* Facts about the service's models that change over time: its model pages, November 2026. */
#include "providers/gemini/gemini_impl.h"

static bool names(struct str model, const char *part)
{
    return str_search(model, str_from(part)) != SIZE_MAX;
}

enum gemini_family gemini_family(struct str model)
{
    if (names(model, "extended-thinking")) {
        return GEMINI_THINKING;
    }
    if (names(model, "gemini-2.") || names(model, "live-2.5")) {
        return GEMINI_25;
    }
    return names(model, "gemini-3.1") ? GEMINI_31 : GEMINI_38;
}

/* Shut down, or open only to those who used them before: a configured one is still tried. */
struct str gemini_successor(struct str model)
{
    static const char *const old[] = {"gemini-2.0-", "gemini-live-2.5-flash-preview", "gemini-2.5-flash-",
                                      "gemini-3.1-flash-live"};
    struct str bare = model;
    size_t slash = str_find(bare, '/');
    while (slash < bare.n) {
        bare = (struct str){bare.p + slash + 1, bare.n - slash - 1};
        slash = str_find(bare, '/');
    }
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (str_starts(bare, str_from(old[i]))) {
            return STR(GEMINI_DEFAULT_MODEL);
        }
    }
    return STR("");
}
