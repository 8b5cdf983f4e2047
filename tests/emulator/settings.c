/* The table of settings and its readers and writers. */
#include "tests/emulator/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING_NAME_MAX 32
#define SETTING_DAY_MS   (INT64_C(24) * 60 * 60 * 1000)
#define SETTING_QUOTA    1000000

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const accept_conflict[] = {"accept", "conflict", NULL};
static const char *const conflict_validation[] = {"conflict", "validation", NULL};
static const char *const max_min[] = {"max", "min", NULL};

#define AT(member) offsetof(struct settings, member)

static const struct setting table[] = {
    {"starting-ms", AT(starting_ms), NULL, SETTING_DAY_MS, 2000, "how long STARTING_HOSTING lasts"},
    {"stopping-ms", AT(stopping_ms), NULL, SETTING_DAY_MS, 1000, "how long STOPPING_HOSTING lasts"},
    {"running-models", AT(running_models), NULL, SETTING_QUOTA, 2,
     "quota L-82DA2ABD of the account; 0 = no limit"},
    {"units-per-model", AT(units_per_model), NULL, SETTING_QUOTA, 5,
     "quota L-84E8C9F8 of one start; 0 = no limit"},
    {"requests-per-second", AT(requests_per_second), NULL, SETTING_QUOTA, 5,
     "quota L-6C6DBBAE of each operation; 0 = no limit"},
    {"auto-models", AT(auto_models), no_yes, 0, SETTING_NO,
     "every well-formed name is a TRAINED model"},
    {"start-when-running", AT(start_when_running), accept_conflict, 0, SETTING_ACCEPT,
     "start of a model that starts or runs: 202 without effect, or 409"},
    {"stop-when-starting", AT(stop_when_starting), accept_conflict, 0, SETTING_ACCEPT,
     "stop of a model that is starting: it stops, or 409"},
    {"stop-when-stopped", AT(stop_when_stopped), accept_conflict, 0, SETTING_CONFLICT,
     "stop of a model that does not run: 202 without effect, or 409"},
    {"token-reuse", AT(token_reuse), conflict_validation, 0, SETTING_TOKEN_CONFLICT,
     "a client token that comes again with other parameters: 409, or 400"},
    {"quota-before-token", AT(quota_before_token), no_yes, 0, SETTING_NO,
     "judge the quotas before the client token, so that a replay can be refused with 402"},
    {"bill-starting", AT(bill_starting), no_yes, 0, SETTING_YES,
     "the bill runs while the model is STARTING_HOSTING"},
    {"bill-stopping", AT(bill_stopping), no_yes, 0, SETTING_YES,
     "the bill runs while the model is STOPPING_HOSTING"},
    {"bill-units", AT(bill_units), max_min, 0, SETTING_UNITS_MAX,
     "bill MaxInferenceUnits (where given), as if scaled up at once, or MinInferenceUnits"},
    {NULL, 0, NULL, 0, 0, NULL},
};

const struct setting *settings_table(void)
{
    return table;
}

static int64_t *setting_slot(struct settings *settings, const struct setting *setting)
{
    return (int64_t *)(void *)((char *)settings + setting->offset);
}

static int64_t get_value(const struct settings *settings, const struct setting *setting)
{
    int64_t value;

    memcpy(&value, (const char *)settings + setting->offset, sizeof(value));
    return value;
}

void settings_init(struct settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    for (const struct setting *row = table; row->name; row++)
        *setting_slot(settings, row) = row->initial;
}

static bool name_matches(const char *row_name, const char *name)
{
    for (; *row_name && *name; row_name++, name++)
        if (*row_name != *name && !(*row_name == '-' && *name == '_'))
            return false;
    return *row_name == *name;
}

const struct setting *settings_find(const char *name)
{
    for (const struct setting *row = table; row->name; row++)
        if (name_matches(row->name, name))
            return row;
    return NULL;
}

static int set_number(struct settings *settings, const struct setting *setting, int64_t value,
                      struct error *err)
{
    if (value < 0 || value > setting->max)
        return error_set(err, ERROR_INVALID, "%s: saw %" PRId64 ", expected 0 to %" PRId64,
                         setting->name, value, setting->max);
    *setting_slot(settings, setting) = value;
    return 0;
}

static int set_word(struct settings *settings, const struct setting *setting, const char *text,
                    struct error *err)
{
    for (int64_t i = 0; setting->words[i]; i++) {
        if (strcmp(setting->words[i], text) == 0) {
            *setting_slot(settings, setting) = i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "%s: saw \"%s\", expected %s or %s", setting->name, text,
                     setting->words[0], setting->words[1]);
}

int settings_set_text(struct settings *settings, const struct setting *setting, const char *text,
                      struct error *err)
{
    char *end = NULL;
    long long value;

    if (setting->words)
        return set_word(settings, setting, text, err);
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0')
        return error_set(err, ERROR_INVALID, "%s: saw \"%s\", expected a number", setting->name,
                         text);
    return set_number(settings, setting, value, err);
}

static int set_member(struct settings *settings, const char *name, const json_t *value,
                      struct error *err)
{
    const struct setting *setting = settings_find(name);

    if (!setting)
        return error_set(err, ERROR_INVALID, "there is no setting \"%s\"", name);
    if (!setting->words && json_is_integer(value))
        return set_number(settings, setting, json_integer_value(value), err);
    if (setting->words == no_yes && json_is_boolean(value))
        return set_word(settings, setting, json_is_true(value) ? "yes" : "no", err);
    if (setting->words && json_is_string(value))
        return set_word(settings, setting, json_string_value(value), err);
    return error_set(err, ERROR_INVALID, "%s: expected %s", name,
                     setting->words ? "one of its words as a string" : "an integer");
}

int settings_set_json(struct settings *settings, const json_t *object, struct error *err)
{
    struct settings changed = *settings;
    const char *name;
    json_t *value;
    void *iter;
    int rc;

    for (iter = json_object_iter((json_t *)(uintptr_t)object); iter;
         iter = json_object_iter_next((json_t *)(uintptr_t)object, iter)) {
        name = json_object_iter_key(iter);
        value = json_object_iter_value(iter);
        rc = set_member(&changed, name, value, err);
        if (rc != 0)
            return rc;
    }
    *settings = changed;
    return 0;
}

static void json_name(const char *name, char out[SETTING_NAME_MAX])
{
    snprintf(out, SETTING_NAME_MAX, "%s", name);
    for (char *c = out; *c; c++)
        if (*c == '-')
            *c = '_';
}

json_t *settings_json(const struct settings *settings)
{
    json_t *object = json_object();
    char name[SETTING_NAME_MAX];
    int64_t value;

    for (const struct setting *row = table; object && row->name; row++) {
        value = get_value(settings, row);
        json_name(row->name, name);
        if (json_object_set_new(object, name,
                                row->words ? json_string(row->words[value])
                                           : json_integer(value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}
