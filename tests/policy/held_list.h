/* What is held, in tables of cases: "line:2:2026-11-25T08:00+12,...". */
#ifndef LOOKOUT_TESTS_HELD_LIST_H
#define LOOKOUT_TESTS_HELD_LIST_H

#include "policy/held.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Each is team:units:begin+hours (in quarters), with `-` instead of `+` where it has ended; "-" is
 * nothing. Writes into `text`. False where it can't be read, or there are more than `capacity`.
 */
bool held_list_read(char *text, struct held *out, size_t capacity, size_t *count);

#endif
