#include "gateway/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"

#define FIELDS 8 /* the eighth is what was stolen; guests behind it are counted in user time already */

int machine_parse(struct str text, struct machine_time *ret)
{
    struct machine_time t = {0, 0};
    struct str line = {text.p, str_find(text, '\n')};
    struct str word;
    int n = 0;
    if (!str_starts(line, STR("cpu "))) {
        return -ERR_SYNTAX;
    }
    line = (struct str){line.p + 4, line.n - 4};
    while (n < FIELDS && str_split(&line, ' ', &word)) {
        int64_t v = 0;
        if (word.n == 0) {
            continue; /* two blanks stand behind the name */
        }
        if (str_to_i64(word, &v) < 0 || v < 0) {
            return -ERR_SYNTAX;
        }
        t.all += (uint64_t)v;
        t.stolen = (uint64_t)v;
        n++;
    }
    if (n < FIELDS) {
        return -ERR_SYNTAX;
    }
    *ret = t;
    return 0;
}

int machine_read(struct machine_time *ret)
{
    char text[1024];
    int fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = read(fd, text, sizeof(text));
    int err = n < 0 ? -errno : 0;
    close(fd);
    return err < 0 ? err : machine_parse((struct str){text, (size_t)n}, ret);
}

bool machine_tells(const struct machine_time *before, const struct machine_time *now)
{
    return now->all >= before->all + MACHINE_LEAST_TICKS;
}

uint32_t machine_stolen_permille(const struct machine_time *before, const struct machine_time *now)
{
    uint64_t all = now->all > before->all ? now->all - before->all : 0;
    uint64_t stolen = now->stolen > before->stolen ? now->stolen - before->stolen : 0;
    return all == 0 ? 0 : (uint32_t)(MIN(stolen, all) * 1000 / all);
}
