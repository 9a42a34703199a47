#include "base/loopback.h"

static bool is_made_of(struct str s, const char *set)
{
    struct str allowed = str_from(set);
    bool ok = true;
    for (size_t i = 0; i < s.n && ok; i++) {
        ok = str_find(allowed, s.p[i]) < allowed.n;
    }
    return ok;
}

/* Without ":8000" at its end. */
static struct str without_port(struct str host)
{
    size_t colon = host.n;
    while (colon > 0 && host.p[colon - 1] != ':') {
        colon--;
    }
    struct str port = {host.p + colon, host.n - colon};
    return colon > 0 && is_made_of(port, "0123456789") ? (struct str){host.p, colon - 1} : host;
}

bool loopback_host(struct str host)
{
    struct str name = without_port(host);
    bool is_address = str_starts(name, STR("127.")) && is_made_of(name, "0123456789.");
    return is_address || str_ieq(name, STR("localhost")) || str_is(name, "[::1]") || str_is(host, "::1");
}

bool loopback_url(struct str url)
{
    static const char ends[] = "/?#";
    size_t scheme = str_search(url, STR("://"));
    if (scheme == SIZE_MAX) {
        return false;
    }
    struct str host = {url.p + scheme + 3, url.n - scheme - 3};
    for (size_t i = 0; ends[i]; i++) {
        host.n = str_find(host, ends[i]);
    }
    return loopback_host(host);
}
