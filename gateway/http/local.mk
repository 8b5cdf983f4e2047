# F5: the server. CivetWeb is compiled from the source that configure was shown; none of it is ours.
noinst_LIBRARIES += gateway/http/libhttp.a
gateway_http_libhttp_a_SOURCES =

CIVETWEB_CPPFLAGS = -I$(CIVETWEB_SOURCE)/include -DUSE_IPV6 -DNO_SSL_DL -DOPENSSL_API_3_0
civetweb_object = gateway/http/civetweb.o
EXTRA_LIBRARIES =
CLEANFILES += $(civetweb_object)
# 1 MiB of stack for each worker (CivetWeb's own 100 KiB is too little for a JSON parser's recursion
# and for us); its warnings are not ours, its sanitizers are.
$(civetweb_object): $(CIVETWEB_SOURCE)/src/civetweb.c $(CIVETWEB_SOURCE)/include/civetweb.h
	@$(MKDIR_P) gateway/http
	$(AM_V_CC)$(CC) -std=gnu11 -w $(CIVETWEB_CPPFLAGS) -DNO_CGI -DNO_FILES -DNO_CACHING \
		-DUSE_STACK_SIZE=1048576 $(SSL_CFLAGS) $(HARDEN_CFLAGS) $(SAN_CFLAGS) $(CFLAGS) \
		-c -o $@ $(CIVETWEB_SOURCE)/src/civetweb.c
