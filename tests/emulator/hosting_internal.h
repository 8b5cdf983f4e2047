/* What hosting.c and hosting_calls.c share: the clockwork of one model. */
#ifndef LOOKOUT_EMULATOR_HOSTING_INTERNAL_H
#define LOOKOUT_EMULATOR_HOSTING_INTERNAL_H

#include "tests/emulator/hosting.h"

struct hosting {
    const struct settings *settings;
    struct hosting_model **models; /* in the order they were made */
    size_t count, capacity;
    struct hosting_model **buckets;    /* chains by the hash of the name */
    size_t bucket_count;               /* a power of two */
    struct hosting_project **projects; /* in the order of their first models */
    size_t project_count, project_capacity;
    void *projects_by_name;      /* tree of tsearch(3) */
    struct hosting_model **live; /* all that run, and some that have stopped since */
    size_t live_count, live_capacity;
};

/* Makes room for one more element; false when `max` are there or memory is out. */
bool hosting_grow(void **array, size_t *capacity, size_t count, size_t element_size, size_t max);

struct hosting_project *hosting_find_project(const struct hosting *hosting, const char *name);
/* Puts a new model into its project, which is made when it is its first. False = no memory. */
bool hosting_add_to_project(struct hosting *hosting, const char *project,
                            struct hosting_model *model);
void hosting_clear_projects(struct hosting *hosting);

/* Does what time has done: STARTING becomes HOSTED, STOPPING becomes TRAINED. */
void hosting_settle(const struct hosting *hosting, struct hosting_model *model, int64_t now_ms);

/*
 * Makes room for everything that a change to a running status will write, so that the change
 * itself cannot fail half-way.
 */
bool hosting_reserve(struct hosting *hosting, struct hosting_model *model);

/* The change itself; `until_ms` ends STARTING and STOPPING. */
void hosting_change(struct hosting *hosting, struct hosting_model *model,
                    enum hosting_status status, int64_t at_ms);

#endif
