# F4: the only place where policy, ledger and upstream meet.
noinst_LIBRARIES += gateway/control/libcontrol.a
gateway_control_libcontrol_a_SOURCES = \
	%D%/admission.h %D%/admission.c \
	%D%/context.h \
	%D%/control.h %D%/control.c \
	%D%/model_calls.h %D%/model_calls.c \
	%D%/model_change.h %D%/model_change.c \
	%D%/model_name.h %D%/model_name.c \
	%D%/model_status.h %D%/model_status.c \
	%D%/policy_store.h %D%/policy_store.c \
	%D%/reconciler.h %D%/reconciler.c \
	%D%/rules.h %D%/rules.c
