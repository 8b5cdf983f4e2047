/* The good answers of Lookout for Vision: what counts as one, and what is taken from it. */
#include "gateway/upstream/aws_answer.h"

#include "policy/strict_json.h"
#include "policy/text.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BODY_MAX  (1024 * 1024)
#define ANSWER_DEPTH_MAX 32
#define STATUS_WORD_MAX  64
#define ACCOUNT_DIGITS   12

static void doubt(struct upstream_answer *answer, const char *why)
{
    answer->fate = UPSTREAM_DOUBT;
    (void)snprintf(answer->message, sizeof(answer->message), "the upstream answered %d, but %s",
                   answer->http_status, why);
    text_drop_partial(answer->message);
}

/* NULL when it is none, with the doubt noted. */
static json_t *parse_object(const struct http_response *response, struct upstream_answer *answer)
{
    const struct json_limits limits = {.max_bytes = ANSWER_BODY_MAX, .max_depth = ANSWER_DEPTH_MAX};
    struct error err = {0};
    json_t *body = NULL;

    if (strict_json_parse(response->body, response->body_len, &limits, &body, &err) != 0) {
        doubt(answer, err.message);
        return NULL;
    }
    if (!json_is_object(body)) {
        doubt(answer, "its body is no JSON object");
        json_decref(body);
        return NULL;
    }
    return body;
}

/* `Status` of an object; a word that we don't know is a status too. */
static bool take_status(const json_t *object, struct upstream_answer *answer,
                        enum model_status *out)
{
    const char *word = json_string_value(json_object_get(object, "Status"));

    if (word == NULL || word[0] == '\0' || strnlen(word, STATUS_WORD_MAX + 1) > STATUS_WORD_MAX) {
        doubt(answer, "it has no Status");
        return false;
    }
    *out = model_status_parse(word);
    return true;
}

void aws_answer_decode_status(const struct http_response *response, struct upstream_answer *answer)
{
    json_t *body = parse_object(response, answer);

    if (body != NULL && take_status(body, answer, &answer->status))
        answer->fate = UPSTREAM_ACCEPTED;
    json_decref(body);
}

/* A member that may be absent or null. False when it is no string, or longer than fits; a text for
 * people (`may_cut`) is cut instead. */
static bool take_string(const json_t *object, const char *name, char *out, size_t size,
                        bool may_cut)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_string(value) || (!may_cut && json_string_length(value) >= size))
        return false;
    (void)snprintf(out, size, "%s", json_string_value(value));
    text_drop_partial(out);
    return true;
}

/* A member that may be absent or null. False when it is no integer of at least 0. */
static bool take_units(const json_t *object, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL || json_is_null(value))
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = json_integer_value(value);
    return true;
}

/* "arn:aws:lookoutvision:region:123456789012:model/…": the fifth field, if it is an account. */
static void take_account(const char *arn, char out[ACCOUNT_DIGITS + 1])
{
    for (int field = 0; field < 4; field++) {
        const char *colon = strchr(arn, ':');
        if (colon == NULL)
            return;
        arn = colon + 1;
    }
    if (strspn(arn, "0123456789") == ACCOUNT_DIGITS && arn[ACCOUNT_DIGITS] == ':')
        (void)snprintf(out, ACCOUNT_DIGITS + 1, "%s", arn);
}

/* An answer about another version than asked for would free or charge the wrong model. */
static bool is_asked_version(const char *seen, const char *asked)
{
    return strcmp(asked, "latest") == 0 ? seen[0] != '\0'
                                        : seen[0] == '\0' || strcmp(seen, asked) == 0;
}

static bool is_number(const char *version)
{
    return version[strspn(version, "0123456789")] == '\0' && version[0] != '0';
}

static bool take_description(const json_t *model, const char *asked_version,
                             struct upstream_answer *answer,
                             struct upstream_description *description)
{
    if (!take_string(model, "ModelVersion", description->version, sizeof(description->version),
                     false) ||
        !is_number(description->version) ||
        !is_asked_version(description->version, asked_version)) {
        doubt(answer, "its ModelVersion is not the one that was asked for");
        return false;
    }
    if (!take_string(model, "ModelArn", description->arn, sizeof(description->arn), false) ||
        !take_string(model, "StatusMessage", description->status_message,
                     sizeof(description->status_message), true) ||
        !take_units(model, "MinInferenceUnits", &description->min_inference_units) ||
        !take_units(model, "MaxInferenceUnits", &description->max_inference_units)) {
        doubt(answer, "a member of its ModelDescription has the wrong type");
        return false;
    }
    if (description->version[0] == '\0')
        (void)snprintf(description->version, sizeof(description->version), "%s", asked_version);
    take_account(description->arn, description->account);
    return take_status(model, answer, &answer->status);
}

void aws_answer_decode_description(const struct http_response *response, const char *asked_version,
                                   struct upstream_answer *answer,
                                   struct upstream_description *description)
{
    json_t *body = parse_object(response, answer);
    const json_t *model = json_object_get(body, "ModelDescription");

    *description = (struct upstream_description){0};
    if (body == NULL)
        return;
    if (!json_is_object(model))
        doubt(answer, "it has no ModelDescription");
    else if (take_description(model, asked_version, answer, description))
        answer->fate = UPSTREAM_ACCEPTED;
    if (answer->fate != UPSTREAM_ACCEPTED)
        *description = (struct upstream_description){0};
    json_decref(body);
}

/* ---- lists ---- */

#define ALPHANUMERIC "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct list_shape {
    const char *array, *name, *arn, *what;
} list_shapes[] = {
    [AWS_LIST_PROJECTS] = {"Projects", "ProjectName", "ProjectArn",
                           "an entry of its Projects is none"},
    [AWS_LIST_MODELS] = {"Models", "ModelVersion", "ModelArn", "an entry of its Models is none"},
};

/* ProjectName of the service's model. What is none of its names must not become a path. */
static bool is_project(const char *name)
{
    return name[0] != '_' && name[0] != '-' && name[strspn(name, ALPHANUMERIC "_-")] == '\0';
}

static bool is_page_token(const char *token)
{
    return token[strspn(token, ALPHANUMERIC "/+=")] == '\0';
}

/* The account of the first entry that names one; false where a later one names another. */
static bool take_page_account(const json_t *entry, const struct list_shape *shape,
                              struct upstream_page *page)
{
    char arn[512] = "";
    char account[sizeof(page->account)] = "";

    if (!take_string(entry, shape->arn, arn, sizeof(arn), false))
        return false;
    take_account(arn, account);
    if (page->account[0] == '\0')
        memcpy(page->account, account, sizeof(account));
    return account[0] == '\0' || strcmp(account, page->account) == 0;
}

static bool take_entry(const json_t *entry, enum aws_list list, struct upstream_answer *answer,
                       struct upstream_page *page)
{
    const struct list_shape *shape = &list_shapes[list];
    char *name = page->entries[page->count].name;
    const size_t size = list == AWS_LIST_MODELS ? MODEL_VERSION_MAX + 1 : MODEL_PROJECT_MAX + 1;

    name[0] = '\0';
    page->entries[page->count].status = MODEL_STATUS_UNKNOWN;
    if (!json_is_object(entry) || !take_string(entry, shape->name, name, size, false) ||
        name[0] == '\0' || !(list == AWS_LIST_MODELS ? is_number(name) : is_project(name)) ||
        !take_page_account(entry, shape, page)) {
        doubt(answer, shape->what);
        return false;
    }
    if (list == AWS_LIST_MODELS && !take_status(entry, answer, &page->entries[page->count].status))
        return false;
    page->count++;
    return true;
}

/* A list that goes on where it was would never end. */
static bool take_next_token(const json_t *body, const struct upstream_call *call,
                            struct upstream_answer *answer, struct upstream_page *page)
{
    if (!take_string(body, "NextToken", page->next_token, sizeof(page->next_token), false) ||
        !is_page_token(page->next_token) ||
        (page->next_token[0] != '\0' && call->page_token != NULL &&
         strcmp(page->next_token, call->page_token) == 0)) {
        doubt(answer, "its NextToken is none, or is the one that it was asked with");
        return false;
    }
    return true;
}

static bool take_page(json_t *body, enum aws_list list, const struct upstream_call *call,
                      struct upstream_answer *answer, struct upstream_page *page)
{
    json_t *array = json_object_get(body, list_shapes[list].array);
    json_t *entry;
    size_t i;

    if (!json_is_array(array) || json_array_size(array) > UPSTREAM_PAGE_MAX) {
        doubt(answer, "it is no list of at most 100 entries");
        return false;
    }
    json_array_foreach(array, i, entry) if (!take_entry(entry, list, answer, page)) return false;
    return take_next_token(body, call, answer, page);
}

void aws_answer_decode_page(const struct http_response *response, enum aws_list list,
                            const struct upstream_call *call, struct upstream_answer *answer,
                            struct upstream_page *page)
{
    json_t *body = parse_object(response, answer);

    upstream_page_clear(page);
    if (body != NULL && take_page(body, list, call, answer, page))
        answer->fate = UPSTREAM_ACCEPTED;
    else
        upstream_page_clear(page);
    json_decref(body);
}
