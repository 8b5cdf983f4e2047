/*
 * What the emulator can be told about the service it stands for: durations, quotas, and one switch
 * for each answer that AWS documents nowhere. One table drives the command line, the environment,
 * the help and /_emulator/settings.
 */
#ifndef LOOKOUT_EMULATOR_SETTINGS_H
#define LOOKOUT_EMULATOR_SETTINGS_H

#include "policy/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Values of the switches; each row of the table names the words for its own. */
enum { SETTING_NO = 0, SETTING_YES = 1 };
enum { SETTING_ACCEPT = 0, SETTING_CONFLICT = 1 };
enum { SETTING_TOKEN_CONFLICT = 0, SETTING_TOKEN_VALIDATION = 1 };
enum { SETTING_UNITS_MAX = 0, SETTING_UNITS_MIN = 1 };

struct settings {
    int64_t starting_ms; /* how long STARTING_HOSTING and STOPPING_HOSTING last */
    int64_t stopping_ms;
    int64_t running_models; /* quotas; 0 = no limit */
    int64_t units_per_model;
    int64_t requests_per_second; /* of each operation by itself */
    int64_t auto_models;         /* every well-formed name is a TRAINED model */
    int64_t start_when_running;
    int64_t stop_when_starting;
    int64_t stop_when_stopped;
    int64_t token_reuse;
    int64_t quota_before_token;
    int64_t bill_starting;
    int64_t bill_stopping;
    int64_t bill_units;
};

struct setting {
    const char *name;         /* as on the command line: "starting-ms" */
    size_t offset;            /* of its int64_t in struct settings */
    const char *const *words; /* the values in order, ends with NULL; NULL for a number */
    int64_t max;              /* of a number; the least is 0 */
    int64_t initial;
    const char *help;
};

/* All settings, in the order of the help; ends with a row whose name is NULL. */
const struct setting *settings_table(void);

void settings_init(struct settings *settings);

/* Any of "starting-ms" and "starting_ms"; NULL when there is no such setting. */
const struct setting *settings_find(const char *name);

/* ERROR_INVALID says which values are allowed. */
int settings_set_text(struct settings *settings, const struct setting *setting, const char *text,
                      struct error *err) __attribute__((warn_unused_result));

/*
 * Takes the members of an object ("starting_ms": 100, "token_reuse": "validation", "auto_models":
 * true): all of them, or none when one is wrong.
 */
int settings_set_json(struct settings *settings, const json_t *object, struct error *err)
    __attribute__((warn_unused_result));

/* All settings as an object; NULL when memory is out. The caller owns it. */
json_t *settings_json(const struct settings *settings);

#endif
