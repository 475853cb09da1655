/*
 * alarm_file: the states of alarms on disk, so that a restart forgets neither an alarm, nor that it was
 * acknowledged or shelved. A SQLite file of its own beside the store: alarms work with every kind of store
 * and never take its one writer's time. One thread.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_FILE_H
#define BOURDON_SERVER_ALARM_ALARM_FILE_H

#include "alarm/alarm_board.h"

struct alarm_file;

MUST_USE enum err alarm_file_open(const char *path, struct alarm_file **file, struct err_text *why);
void alarm_file_close(struct alarm_file *file); /* NULL is fine */

/* What the board has no rule for is removed; that, too, becomes durable with alarm_file_commit(). */
MUST_USE enum err alarm_file_load(struct alarm_file *file, struct alarm_board *board, struct err_text *why);

/* Changes go into one transaction, which begins by itself; alarm_file_commit() makes them durable. */
MUST_USE enum err alarm_file_put(struct alarm_file *file, const struct alarm_view *view,
                                 struct err_text *why);
MUST_USE enum err alarm_file_remove(struct alarm_file *file, const char *bridge, const char *tag, int level,
                                    struct err_text *why);
MUST_USE enum err alarm_file_commit(struct alarm_file *file, struct err_text *why);

#endif
