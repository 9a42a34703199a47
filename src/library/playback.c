#include "library/playback.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/str.h"

struct rt_playback {
    pthread_mutex_t lock;
    bool playing;
    char item_id[129];
    uint32_t content_index;
    double ms;
    double bytes; /* reported before the format was known */
    uint32_t bytes_per_ms;
    bool claimed;
};

int rt_playback_new(struct rt_playback **ret)
{
    struct rt_playback *p = ret ? calloc(1, sizeof(*p)) : NULL;
    if (!p) {
        return ret ? -ENOMEM : -EINVAL;
    }
    if (pthread_mutex_init(&p->lock, NULL) != 0) {
        free(p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

void rt_playback_free(struct rt_playback *playback)
{
    if (playback) {
        pthread_mutex_destroy(&playback->lock);
        free(playback);
    }
}

static int played(struct rt_playback *p, const char *item_id, uint32_t content_index, double ms, double bytes)
{
    if (!p || !item_id || !*item_id || strlen(item_id) >= sizeof(p->item_id) || !isfinite(ms) || ms < 0) {
        return -EINVAL;
    }
    pthread_mutex_lock(&p->lock);
    if (!p->playing || strcmp(p->item_id, item_id) != 0 || p->content_index != content_index) {
        ignore_result(str_copy(p->item_id, sizeof(p->item_id), str_from(item_id))); /* it fits */
        p->content_index = content_index;
        p->ms = p->bytes = 0;
        p->playing = true;
    }
    p->ms += ms;
    if (p->bytes_per_ms > 0) {
        p->ms += bytes / p->bytes_per_ms;
    } else {
        p->bytes += bytes;
    }
    pthread_mutex_unlock(&p->lock);
    return 0;
}

int rt_playback_on_play_ms(struct rt_playback *playback, const char *item_id, uint32_t content_index, double ms)
{
    return played(playback, item_id, content_index, ms, 0);
}

int rt_playback_on_play_bytes(struct rt_playback *playback, const char *item_id, uint32_t content_index, size_t bytes)
{
    return played(playback, item_id, content_index, 0, (double)bytes);
}

void rt_playback_on_interrupted(struct rt_playback *playback)
{
    if (playback) {
        pthread_mutex_lock(&playback->lock);
        playback->playing = false;
        playback->item_id[0] = '\0';
        playback->ms = playback->bytes = 0;
        pthread_mutex_unlock(&playback->lock);
    }
}

int rt_playback_get_state(struct rt_playback *playback, struct rt_playback_state *ret)
{
    if (!playback || !ret || ret->struct_size < sizeof(ret->struct_size)) {
        return -EINVAL;
    }
    struct rt_playback_state full = {.struct_size = ret->struct_size};
    pthread_mutex_lock(&playback->lock);
    full.playing = playback->playing;
    full.content_index = playback->playing ? playback->content_index : 0;
    full.elapsed_ms = playback->playing ? playback->ms : 0;
    memcpy(full.item_id, playback->item_id, sizeof(full.item_id));
    pthread_mutex_unlock(&playback->lock);
    memcpy(ret, &full, MIN(ret->struct_size, sizeof(full)));
    return 0;
}

int playback_claim(struct rt_playback *p)
{
    pthread_mutex_lock(&p->lock);
    int err = p->claimed ? -EBUSY : 0;
    p->claimed = true;
    pthread_mutex_unlock(&p->lock);
    return err;
}

void playback_release(struct rt_playback *p)
{
    pthread_mutex_lock(&p->lock);
    p->claimed = false;
    pthread_mutex_unlock(&p->lock);
}

void playback_set_format(struct rt_playback *p, uint32_t bytes_per_ms)
{
    pthread_mutex_lock(&p->lock);
    p->bytes_per_ms = bytes_per_ms;
    if (bytes_per_ms > 0) {
        p->ms += p->bytes / bytes_per_ms;
        p->bytes = 0;
    }
    pthread_mutex_unlock(&p->lock);
}
