/*
 * What an answer of an AWS service says about the request's fate. Pure: one whole response in, one
 * judgement out. The rules of money hang on it, so whatever is not known is doubt.
 */
#ifndef LOOKOUT_UPSTREAM_AWS_ANSWER_H
#define LOOKOUT_UPSTREAM_AWS_ANSWER_H

#include "gateway/net/http_client.h"
#include "gateway/upstream/upstream.h"

#include <jansson.h>
#include <stdbool.h>

/* Copies what stands in the head: status, request id, Date, Retry-After. */
void aws_answer_read_head(const struct http_response *response, struct upstream_answer *answer);

/*
 * Judges an answer that is not 2xx, and copies error type, message and the members of the service's
 * errors. The fate becomes UPSTREAM_REFUSED, UPSTREAM_THROTTLED or UPSTREAM_DOUBT. AWS repeats the
 * canonical request when it dislikes a signature: where the message has `session_token` (NULL for
 * none), it is cut there.
 */
void aws_answer_judge_error(const struct http_response *response, const char *session_token,
                            struct upstream_answer *answer);

/* True when a refused request was signed with a time that AWS does not accept. */
bool aws_answer_blames_clock(const struct upstream_answer *answer);

/* The answers of a 2xx, whole: sets status and UPSTREAM_ACCEPTED; otherwise UPSTREAM_DOUBT, and the
 * message says what was wrong. `asked_version` is what DescribeModel was asked for. */
void aws_answer_decode_status(const struct http_response *response, struct upstream_answer *answer);
void aws_answer_decode_description(const struct http_response *response, const char *asked_version,
                                   struct upstream_answer *answer,
                                   struct upstream_description *description);
/* One page of a list: `call` is what was asked. An entry that is not what the service's model says,
 * or that belongs to another project or account than its neighbours, spoils the whole page. */
enum aws_list { AWS_LIST_PROJECTS, AWS_LIST_MODELS };
void aws_answer_decode_page(const struct http_response *response, enum aws_list list,
                            const struct upstream_call *call, struct upstream_answer *answer,
                            struct upstream_page *page);

/* "Mon, 23 Nov 2026 15:48:00 GMT" (RFC 9110 section 5.6.7) to milliseconds; 0 when it is not that.
 */
int64_t aws_answer_parse_date(const char *text);

#endif
