/*
 * Feeds whole documents to the parser: those in documents/good and the examples are taken, those in
 * documents/bad are refused with the pointer and the words that documents/refusals.txt has for
 * them.
 */
#include "gateway/base/zone_file.h"
#include "tests/policy/policy_file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_FOLDER    "tests/policy/documents/bad"
#define REFUSALS_PATH "tests/policy/documents/refusals.txt"

static size_t failures;

static void fail(const char *path, const char *expected, const char *got)
{
    failures++;
    fprintf(stderr, "%s: expected %s, got %s\n", path, expected, got);
}

static int ends_with_json(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".json") == 0;
}

static int parse_file(const char *path, struct error *err)
{
    struct policy *policy = NULL;
    size_t len;
    char *text = policy_file_read(path, &len);
    int rc;

    if (text == NULL)
        return error_set(err, ERROR_IO, "not readable");
    rc = policy_parse(text, len, zone_file_load, NULL, &policy, err);
    policy_free(&policy);
    free(text);
    return rc;
}

/* How many documents the folder has; each of them, where `taken`, must parse. */
static int check_folder(const char *folder, bool taken)
{
    const char *root = getenv("top_srcdir");
    struct dirent **entries = NULL;
    struct error err;
    char path[2048];
    int count;

    snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : ".", folder);
    count = scandir(path, &entries, ends_with_json, alphasort);
    if (count <= 0)
        fail(folder, "documents", "none");
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (taken && parse_file(path, &err) != 0)
            fail(path, "a policy", err.message);
        free(entries[i]);
    }
    free(entries);
    return count;
}

/* One line of refusals.txt: the file's name, the pointer, the message. */
static void check_refusal(char *line)
{
    struct error err = {.message = "no refusal"};
    char path[256], got[ERROR_POINTER_MAX + ERROR_MESSAGE_MAX + 1];
    char *name = line, *expected = strchr(line, ' ');

    if (expected == NULL) {
        fail(REFUSALS_PATH, "a name, a pointer and a message", line);
        return;
    }
    *expected++ = '\0';
    snprintf(path, sizeof(path), "%s/%s", BAD_FOLDER, name);
    if (parse_file(path, &err) == 0)
        err.pointer[0] = '\0';
    snprintf(got, sizeof(got), "%s %s", err.pointer[0] != '\0' ? err.pointer : "-", err.message);
    if (strcmp(got, expected) != 0)
        fail(path, expected, got);
}

static int check_refusals(void)
{
    size_t len;
    char *text = policy_file_read(REFUSALS_PATH, &len);
    int count = 0;

    if (text == NULL) {
        fail(REFUSALS_PATH, "a file", "none");
        return 0;
    }
    for (char *line = text, *next; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        check_refusal(line);
        count++;
    }
    free(text);
    return count;
}

int main(void)
{
    int refused;

    unsetenv("TZDIR"); /* the messages name the folder of the time zones */
    check_folder("policy/examples", true);
    check_folder("tests/policy/documents/good", true);
    refused = check_refusals();
    if (check_folder(BAD_FOLDER, false) != refused)
        fail(REFUSALS_PATH, "as many lines as there are files in " BAD_FOLDER, "another number");
    printf("%d refusals, %zu failures\n", refused, failures);
    return failures == 0 ? 0 : 1;
}
