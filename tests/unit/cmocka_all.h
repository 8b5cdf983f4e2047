/* cmocka and what its header needs before it. */
#ifndef LOOKOUT_TESTS_UNIT_CMOCKA_ALL_H
#define LOOKOUT_TESTS_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
