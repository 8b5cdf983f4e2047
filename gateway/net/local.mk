# F2: the network, outwards.
noinst_LIBRARIES += gateway/net/libnet.a
gateway_net_libnet_a_SOURCES = \
	%D%/http_client.h %D%/http_client.c \
	%D%/pacing.h %D%/pacing.c \
	%D%/retry.h %D%/retry.c
