#include "spool/ack_list.h"

#include "tunnel/frame.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

enum err ack_list_add(struct ack_list *list, const struct spool_ack *ack, char *text, int64_t now_us)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : FIRST_CAPACITY;
        struct spool_ack *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown) {
            free(text);
            return ERR_NO_MEMORY;
        }
        list->items = grown;
        list->capacity = capacity;
    }
    list->since_us = list->count == 0 ? now_us : list->since_us;
    list->items[list->count] = *ack;
    list->items[list->count].text = text;
    list->count++;
    return ERR_OK;
}

void ack_list_clear(struct ack_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].text);
    }
    list->count = 0;
}

void ack_list_fini(struct ack_list *list)
{
    ack_list_clear(list);
    free(list->items);
    *list = (struct ack_list){0};
}

int64_t ack_list_deadline_us(const struct ack_list *list)
{
    return list->count > 0 ? list->since_us + ACK_LIST_DELAY_US : INT64_MAX;
}

enum err ack_list_write(const struct ack_list *list, struct spool *spool, uint64_t *highest,
                        struct err_text *why)
{
    enum err result = ERR_OK;
    *highest = 0;
    for (size_t i = 0; result == ERR_OK && i < list->count; i++) {
        const struct spool_ack *ack = &list->items[i];
        *highest = ack->result != ACK_REJECTED && ack->seq > *highest ? ack->seq : *highest;
        result = spool_ack(spool, ack, why);
    }
    return result;
}
