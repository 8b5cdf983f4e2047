# F1: what everything stands on. The clock is two libraries with one header; a program links one.
noinst_LIBRARIES += gateway/base/libbase.a gateway/base/libclock_system.a \
	gateway/base/libclock_movable.a
gateway_base_libbase_a_SOURCES = \
	%D%/clock.h %D%/clock_format.c \
	%D%/crypto.h %D%/crypto.c \
	%D%/log.h %D%/log.c \
	%D%/metrics.h %D%/metrics.c \
	%D%/strbuf.h %D%/strbuf.c
gateway_base_libclock_system_a_SOURCES = %D%/clock.h %D%/clock_system.c
gateway_base_libclock_movable_a_SOURCES = %D%/clock.h %D%/clock_movable.c
