# F3: the service that runs models.
noinst_LIBRARIES += gateway/upstream/libupstream.a
gateway_upstream_libupstream_a_SOURCES = \
	%D%/lookoutvision.h %D%/lookoutvision.c \
	%D%/upstream.h %D%/upstream.c
