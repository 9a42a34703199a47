#include "library/span_id.h"

#include <string.h>

bool span_id_read(const char *hex, uint8_t ret[TRACE_SPAN_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    if (!hex || strlen(hex) != 2u * TRACE_SPAN_BYTES) {
        return false;
    }
    for (size_t i = 0; i < TRACE_SPAN_BYTES; i++) {
        const char *high = strchr(digits, hex[i * 2]), *low = strchr(digits, hex[i * 2 + 1]);
        if (!high || !low || !*high || !*low) {
            return false;
        }
        ret[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}
