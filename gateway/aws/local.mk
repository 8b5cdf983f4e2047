# F2: signing and credentials.
noinst_LIBRARIES += gateway/aws/libaws.a
gateway_aws_libaws_a_SOURCES = \
	%D%/credentials.h %D%/credentials.c %D%/credentials_env.c %D%/credentials_file.c \
	%D%/sigv4.h %D%/sigv4.c
