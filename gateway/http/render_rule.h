/*
 * Rules, limits and decisions of the policy as JSON. Unit-hours are decimal numbers for people,
 * rounded to thousandths; UnitMilliseconds has the exact ones, in which the gateway counts.
 */
#ifndef LOOKOUT_HTTP_RENDER_RULE_H
#define LOOKOUT_HTTP_RENDER_RULE_H

#include "gateway/base/strbuf.h"
#include "policy/quota.h"

/*
 * The members Rule, Scope, Pointer, Unit, Limit, Used, Reserved, Requested, FitsNow, Admits and
 * EverAdmits of an object that is open; Unit and numbers only where the rule counts something. Of
 * unit-hours also UnitMilliseconds, Period, TimeZone, PeriodStartsAt and ResetsAt; their FitsNow
 * counts units.
 */
void render_rule(struct strbuf *out, const struct quota_rule *rule);

/*
 * The members PolicyDigest, LargestFit, LargestLeaseMinutes, EarliestFit and Rules of an object
 * that is open. What is not limited, or not known, is left out.
 */
void render_decision(struct strbuf *out, const struct quota_decision *decision,
                     const char *policy_digest);

/*
 * All limits of one scope as an object: each with what is used, reserved and left. `survey` is
 * policy_survey's; what is held is shown also where nothing limits it.
 */
void render_limits(struct strbuf *out, const char *name, enum quota_scope scope,
                   const struct quota_decision *survey, const struct quota_usage *usage);

#endif
