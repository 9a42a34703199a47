/* Time zones by name: fixed offsets, or the system's zone files, each read once a load. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "config/draft.h"
#include "config/zones.h"

#define ZONE_FOLDER    "/usr/share/zoneinfo/"
#define ZONE_MAX_BYTES 65536
#define ZONE_MAX_NAME  64

/* Names are paths below the folder: nothing that leads out of it. */
static bool name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
              c == '+' || (c == '/' && i > 0 && name.p[i - 1] != '/'))) {
            return false;
        }
    }
    return name.n > 0 && name.n < ZONE_MAX_NAME;
}

static int read_zone(struct str name, struct arena *a, struct zone **ret)
{
    char path[sizeof(ZONE_FOLDER) + ZONE_MAX_NAME];
    uint8_t bytes[ZONE_MAX_BYTES];
    size_t n = 0;
    ssize_t got = 0;
    int fd;

    snprintf(path, sizeof(path), ZONE_FOLDER STR_FMT, STR_ARG(name)); /* the name is short enough */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    do {
        got = read(fd, bytes + n, sizeof(bytes) - n);
        n += got > 0 ? (size_t)got : 0;
    } while (got > 0 && n < sizeof(bytes));
    close(fd);
    return got < 0 ? -EINVAL : zone_parse((struct span){bytes, n}, a, ret); /* a folder is no zone either */
}

int zone_load(struct str name, struct arena *a, struct zone **ret)
{
    int err = zone_fixed(name, a, ret);

    if (err != -ERR_SYNTAX) {
        return err;
    }
    return name_ok(name) ? read_zone(name, a, ret) : -ENOENT;
}

const struct zone *draft_zone(struct draft *d, struct str name, const struct origin *at, const char *key)
{
    struct zone *zone = NULL;
    int err;

    for (uint32_t i = 0; i < d->zone_count; i++) {
        if (str_eq(d->zones[i].name, name)) {
            return d->zones[i].zone;
        }
    }
    err = zone_load(name, d->arena, &zone);
    if (err == -ENOMEM) {
        d->out_of_memory = true;
    } else if (err < 0) {
        draft_fail(d, at, "%s: \"%.60s\" is no time zone of this system; write one such as Europe/Berlin or +02:00%s",
                   key, name.p, access(ZONE_FOLDER, R_OK) < 0 ? " (names need the package tzdata)" : "");
    } else if (d->zone_count < DRAFT_MAX_ZONES) {
        d->zones[d->zone_count].name = name;
        d->zones[d->zone_count++].zone = zone;
    }
    return zone;
}
