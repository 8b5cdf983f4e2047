/* One table of options of our own, then the table of settings. */
#include "tests/emulator/options.h"

#include "gateway/base/crypto.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OPTION_NAME_MAX 64
#define ENV_PREFIX      "LOOKOUT_EMULATOR_"
#define HELP_WIDTH      28
#define PORT_MAX        65535
#define THREADS_MAX     4096
/* The keys of AWS's own documentation: nobody's. */
#define EXAMPLE_KEY_ID     "AKIAIOSFODNN7EXAMPLE"
#define EXAMPLE_SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

enum option_kind { OPTION_STRING, OPTION_NUMBER, OPTION_FLAG, OPTION_SEED };

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset;
    int64_t max; /* of a number */
    const char *initial;
    const char *help;
};

#define AT(member) offsetof(struct options, member)

static const struct option_row table[] = {
    {"listen", OPTION_STRING, AT(listen), 0, "127.0.0.1", "address to listen on"},
    {"port", OPTION_NUMBER, AT(port), PORT_MAX, "0", "port to listen on; 0 = any that is free"},
    {"port-file", OPTION_STRING, AT(port_file), 0, NULL,
     "file that receives the port when it listens"},
    {"threads", OPTION_NUMBER, AT(threads), THREADS_MAX, "160", "connections served at a time"},
    {"certificate", OPTION_STRING, AT(certificate), 0, NULL, "PEM file: speak TLS"},
    {"key", OPTION_STRING, AT(key), 0, NULL, "PEM file of the certificate's key"},
    {"region", OPTION_STRING, AT(region), 0, "us-east-1", "region that it stands for"},
    {"account", OPTION_STRING, AT(account), 0, "123456789012", "account that it stands for"},
    {"access-key-id", OPTION_STRING, AT(access_key_id), 0, EXAMPLE_KEY_ID, "the key that may call"},
    {"secret-access-key", OPTION_STRING, AT(secret_access_key), 0, EXAMPLE_SECRET_KEY,
     "its secret"},
    {"secret-access-key-file", OPTION_STRING, AT(secret_access_key_file), 0, NULL,
     "file with its secret"},
    {"session-token", OPTION_STRING, AT(session_token), 0, NULL,
     "token that must come with the key"},
    {"seed-model", OPTION_SEED, 0, 0, NULL, "PROJECT/VERSION that is TRAINED; repeatable"},
    {"log", OPTION_FLAG, AT(log), 0, NULL, "log each request to standard error"},
    {"help", OPTION_FLAG, AT(help), 0, NULL, "show this"},
    {NULL, OPTION_FLAG, 0, 0, NULL, NULL},
};

static const struct option_row *find_row(const char *name)
{
    for (const struct option_row *row = table; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row;
    return NULL;
}

static int set_number(struct options *options, const struct option_row *row, const char *value,
                      struct error *err)
{
    char *end = NULL;
    long long number;
    int64_t stored;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || number < 0 || number > row->max)
        return error_set(err, ERROR_INVALID, "--%s: saw \"%s\", expected 0 to %" PRId64, row->name,
                         value, row->max);
    stored = number;
    memcpy((char *)options + row->offset, &stored, sizeof(stored));
    return 0;
}

static int set_flag(struct options *options, const struct option_row *row, const char *value,
                    struct error *err)
{
    bool yes = strcmp(value, "yes") == 0;

    if (!yes && strcmp(value, "no") != 0)
        return error_set(err, ERROR_INVALID, "--%s: saw \"%s\", expected yes or no", row->name,
                         value);
    memcpy((char *)options + row->offset, &yes, sizeof(yes));
    return 0;
}

static int set_row(struct options *options, const struct option_row *row, const char *value,
                   struct error *err)
{
    switch (row->kind) {
    case OPTION_STRING:
        memcpy((char *)options + row->offset, &value, sizeof(value));
        return 0;
    case OPTION_NUMBER:
        return set_number(options, row, value, err);
    case OPTION_FLAG:
        return set_flag(options, row, value, err);
    case OPTION_SEED:
        if (options->seed_count == OPTIONS_SEEDS_MAX)
            return error_set(err, ERROR_INVALID, "--seed-model: at most %d", OPTIONS_SEEDS_MAX);
        options->seeds[options->seed_count++] = value;
        return 0;
    }
    return 0;
}

static int set_defaults(struct options *options, struct error *err)
{
    int rc;

    memset(options, 0, sizeof(*options));
    settings_init(&options->settings);
    for (const struct option_row *row = table; row->name; row++) {
        if (!row->initial)
            continue;
        rc = set_row(options, row, row->initial, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static const char *from_environment(const char *name)
{
    char variable[sizeof(ENV_PREFIX) + OPTION_NAME_MAX];
    size_t len = strlen(ENV_PREFIX);

    snprintf(variable, sizeof(variable), "%s%s", ENV_PREFIX, name);
    for (char *c = variable + len; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return getenv(variable);
}

static int read_environment(struct options *options, struct error *err)
{
    const char *value;
    int rc;

    for (const struct option_row *row = table; row->name; row++) {
        value = from_environment(row->name);
        if (value && (rc = set_row(options, row, value, err)) != 0)
            return rc;
    }
    for (const struct setting *row = settings_table(); row->name; row++) {
        value = from_environment(row->name);
        if (value && (rc = settings_set_text(&options->settings, row, value, err)) != 0)
            return rc;
    }
    return 0;
}

/* A flag and a yes/no setting may stand alone: --log, --auto-models. */
static bool may_stand_alone(const struct option_row *row, const struct setting *setting)
{
    if (row)
        return row->kind == OPTION_FLAG;
    return setting->words && strcmp(setting->words[SETTING_YES], "yes") == 0;
}

/* One argument (and its value); moves `*index` to the last that was used. */
static int read_argument(struct options *options, int argc, char **argv, int *index,
                         struct error *err)
{
    const char *argument = argv[*index];
    char name[OPTION_NAME_MAX];
    const char *equals = strchr(argument, '=');
    const struct option_row *row;
    const struct setting *setting;
    const char *value = NULL;

    if (strncmp(argument, "--", 2) != 0)
        return error_set(err, ERROR_INVALID, "saw \"%s\", expected an option", argument);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    row = find_row(name);
    setting = row ? NULL : settings_find(name);
    if (!row && !setting)
        return error_set(err, ERROR_INVALID, "there is no option --%s; --help lists them", name);
    if (equals)
        value = equals + 1;
    else if (*index + 1 < argc && strncmp(argv[*index + 1], "--", 2) != 0)
        value = argv[++*index];
    else if (may_stand_alone(row, setting))
        value = "yes";
    else
        return error_set(err, ERROR_INVALID, "--%s needs a value", name);
    return row ? set_row(options, row, value, err)
               : settings_set_text(&options->settings, setting, value, err);
}

static int read_secret(struct options *options, struct error *err)
{
    const char *path = options->secret_access_key_file;
    FILE *file;
    bool ok;

    if (!path)
        return 0;
    file = fopen(path, "re");
    if (!file)
        return error_set(err, ERROR_IO, "--secret-access-key-file: %s: %s", path, strerror(errno));
    ok = fgets(options->secret, sizeof(options->secret), file) != NULL;
    fclose(file);
    options->secret[strcspn(options->secret, "\r\n")] = '\0';
    if (!ok || options->secret[0] == '\0')
        return error_set(err, ERROR_INVALID, "--secret-access-key-file: %s has no first line",
                         path);
    options->secret_access_key = options->secret;
    return 0;
}

int options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    int rc = set_defaults(options, err);

    if (rc == 0)
        rc = read_environment(options, err);
    for (int i = 1; rc == 0 && i < argc; i++)
        rc = read_argument(options, argc, argv, &i, err);
    if (rc == 0 && options->key && !options->certificate)
        rc = error_set(err, ERROR_INVALID, "--key needs --certificate");
    if (rc == 0)
        rc = read_secret(options, err);
    return rc;
}

static void print_line(FILE *out, const char *name, const char *value, const char *help,
                       const char *initial)
{
    int used = fprintf(out, "  --%s%s%s", name, value ? " " : "", value ? value : "");

    fprintf(out, "%*s%s", used < HELP_WIDTH ? HELP_WIDTH - used : 1, "", help);
    if (initial)
        fprintf(out, " (default: %s)", initial);
    fputc('\n', out);
}

void options_print_help(FILE *out)
{
    char words[OPTION_NAME_MAX];
    char initial[OPTION_NAME_MAX];

    fputs("usage: lookout-emulator [OPTION]...\n"
          "Stands for Amazon Lookout for Vision: StartModel, StopModel and DescribeModel.\n"
          "Each option can be set in the environment: LOOKOUT_EMULATOR_STARTING_MS=100.\n\n",
          out);
    for (const struct option_row *row = table; row->name; row++)
        print_line(out, row->name, row->kind == OPTION_FLAG ? NULL : "X", row->help, row->initial);
    fputc('\n', out);
    for (const struct setting *row = settings_table(); row->name; row++) {
        if (row->words) {
            snprintf(words, sizeof(words), "%s|%s", row->words[0], row->words[1]);
            snprintf(initial, sizeof(initial), "%s", row->words[row->initial]);
        } else {
            snprintf(words, sizeof(words), "N");
            snprintf(initial, sizeof(initial), "%" PRId64, row->initial);
        }
        print_line(out, row->name, words, row->help, initial);
    }
}

void options_wipe(struct options *options)
{
    crypto_wipe(options->secret, sizeof(options->secret));
}
