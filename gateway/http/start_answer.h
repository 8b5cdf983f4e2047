/* What admission says of a start, as an HTTP response. */
#ifndef LOOKOUT_HTTP_START_ANSWER_H
#define LOOKOUT_HTTP_START_ANSWER_H

#include "gateway/control/admission.h"
#include "gateway/http/exchange.h"

void start_answer(struct exchange *exchange, const struct start_request *request,
                  const struct start_result *result);

#endif
