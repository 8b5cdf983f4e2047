/* Tokens of one model: a short list, searched from its end. */
#include "tests/emulator/hosting_token.h"

#include "tests/emulator/hosting_internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static bool expired(const struct hosting_token *entry, int64_t now_ms)
{
    return now_ms - entry->at_ms >= HOSTING_TOKEN_LIFE_MS;
}

const struct hosting_token *hosting_token_find(const struct hosting_model *model,
                                               enum hosting_operation operation, const char *token,
                                               int64_t now_ms)
{
    const struct hosting_token *entry;

    for (size_t i = model->token_count; i-- > 0 && *token;) {
        entry = &model->tokens[i];
        if (entry->operation == operation && !expired(entry, now_ms) &&
            strcmp(entry->text, token) == 0)
            return entry;
    }
    return NULL;
}

bool hosting_token_reserve(struct hosting_model *model, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < model->token_count; i++)
        if (!expired(&model->tokens[i], now_ms))
            model->tokens[kept++] = model->tokens[i];
    model->token_count = kept;
    return hosting_grow((void **)&model->tokens, &model->token_capacity, model->token_count,
                        sizeof(*model->tokens), HOSTING_TOKENS_MAX);
}

void hosting_token_remember(struct hosting_model *model, enum hosting_operation operation,
                            const struct hosting_call *call, enum hosting_status answered,
                            int64_t now_ms)
{
    struct hosting_token *entry;

    if (*call->token == '\0')
        return;
    assert(model->token_count < model->token_capacity);
    entry = &model->tokens[model->token_count++];
    snprintf(entry->text, sizeof(entry->text), "%s", call->token);
    entry->operation = operation;
    entry->min_units = call->min_units;
    entry->max_units = call->max_units;
    entry->answered = answered;
    entry->at_ms = now_ms;
}
