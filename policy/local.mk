# F0: the policy. Pure: libc and jansson only (tests/lint/policy-purity.sh proves it).
noinst_LIBRARIES += policy/libpolicy.a
policy_libpolicy_a_SOURCES = \
	%D%/error.h %D%/error.c \
	%D%/text.h %D%/text.c \
	%D%/strict_json.h %D%/strict_json.c \
	%D%/document.h %D%/document.c \
	%D%/quota.h %D%/quota.c \
	%D%/evaluator.h %D%/evaluator.c
