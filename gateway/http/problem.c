/* The table of problem.h as data. */
#include "gateway/http/problem.h"

#include <assert.h>
#include <stddef.h>

static const struct problem_info infos[PROBLEM_TYPE_COUNT] = {
#define PROBLEM_INFO(constant, name, status, title) [PROBLEM_##constant] = {name, status, title},
    PROBLEM_TYPES(PROBLEM_INFO)
#undef PROBLEM_INFO
};

const struct problem_info *problem_info(enum problem_type type)
{
    assert(type > PROBLEM_NONE && type < PROBLEM_TYPE_COUNT);
    return &infos[type];
}
