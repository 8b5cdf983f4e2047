/* Good answers of the upstream: whatever the bytes are, what is taken from them is what it must be.
 */
#include "gateway/upstream/aws_answer.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void look_at_page(const struct http_response *response, enum aws_list list)
{
    static struct upstream_page page;
    const struct upstream_call call = {.page_token = "asked"};
    struct upstream_answer answer = {.http_status = 200};

    aws_answer_decode_page(response, list, &call, &answer, &page);
    MUST(answer.fate == UPSTREAM_ACCEPTED || answer.fate == UPSTREAM_DOUBT);
    MUST(answer.fate == UPSTREAM_ACCEPTED || page.count == 0);
    MUST(page.count <= UPSTREAM_PAGE_MAX && strcmp(page.next_token, "asked") != 0);
    for (size_t i = 0; i < page.count; i++)
        MUST(page.entries[i].name[0] != '\0' && strpbrk(page.entries[i].name, "/.%?&") == NULL);
}

static void look_at_description(const struct http_response *response)
{
    struct upstream_description description;
    struct upstream_answer answer = {.http_status = 200};

    aws_answer_decode_description(response, "latest", &answer, &description);
    MUST((answer.fate == UPSTREAM_ACCEPTED) == (description.version[0] != '\0'));
    MUST(description.min_inference_units >= 0 && description.max_inference_units >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = malloc(size + 1);

    MUST(body != NULL);
    memcpy(body, data, size);
    body[size] = '\0';
    const struct http_response response = {.status = 200, .body = body, .body_len = size};
    look_at_description(&response);
    look_at_page(&response, AWS_LIST_PROJECTS);
    look_at_page(&response, AWS_LIST_MODELS);
    free(body);
    return 0;
}
