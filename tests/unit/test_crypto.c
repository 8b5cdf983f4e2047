/* crypto: published vectors, strict decoding, the shape of a UUID. */
#include "gateway/base/crypto.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static void test_sha256_matches_fips_180(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(crypto_sha256(cases[i].text, strlen(cases[i].text), digest), 0);
        crypto_hex(digest, sizeof(digest), hex);
        assert_string_equal(hex, cases[i].want);
    }
}

/* RFC 4231, test cases 1, 2, 6 and 7. */
static void test_hmac_matches_rfc_4231(void **state)
{
    static const char long_data[] =
        "This is a test using a larger than block-size key and a larger than block-size data. The "
        "key needs to be hashed before being used by the HMAC algorithm.";
    static const struct {
        int fill; /* the key is this byte, repeated; or "Jefe" */
        size_t key_len;
        const char *data, *want;
    } cases[] = {
        {0x0b, 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {0, 4, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {0xaa, 131, long_data, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    unsigned char key[131];
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(key, cases[i].fill, sizeof(key));
        if (cases[i].fill == 0)
            memcpy(key, "Jefe", 4);
        assert_int_equal(
            crypto_hmac_sha256(key, cases[i].key_len, cases[i].data, strlen(cases[i].data), digest),
            0);
        crypto_hex(digest, sizeof(digest), hex);
        assert_string_equal(hex, cases[i].want);
    }
}

static void test_hmac_takes_empty_key_and_data(void **state)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    char hex[CRYPTO_SHA256_HEX_LEN + 1];

    (void)state;
    assert_int_equal(crypto_hmac_sha256(NULL, 0, NULL, 0, digest), 0);
    crypto_hex(digest, sizeof(digest), hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_uuid4_has_its_shape(void **state)
{
    char first[CRYPTO_UUID_LEN + 1];
    char second[CRYPTO_UUID_LEN + 1];

    (void)state;
    for (int i = 0; i < 64; i++) {
        assert_int_equal(crypto_uuid4(first), 0);
        assert_int_equal(crypto_uuid4(second), 0);
        assert_int_equal(strlen(first), CRYPTO_UUID_LEN);
        assert_string_not_equal(first, second);
        assert_int_equal(strspn(first, "0123456789abcdef-"), CRYPTO_UUID_LEN);
        assert_true(first[8] == '-' && first[13] == '-' && first[18] == '-' && first[23] == '-');
        assert_int_equal(first[14], '4');
        assert_non_null(strchr("89ab", first[19]));
    }
}

static void test_unhex_is_exact(void **state)
{
    unsigned char out[3] = {0};

    (void)state;
    assert_true(crypto_unhex("00fFa5", out, 3));
    assert_memory_equal(out, "\x00\xff\xa5", 3);
    assert_false(crypto_unhex("00fFa", out, 3));
    assert_false(crypto_unhex("00fFa57", out, 3));
    assert_false(crypto_unhex("00fga5", out, 3));
    assert_false(crypto_unhex("", out, 3));
}

static void test_base64url_round_trips(void **state)
{
    static const char *const want[] = {"", "-w", "-_8", "-_--", "-_--_w", "-_--__8", "-_--__-_"};
    static const unsigned char bytes[] = {0xFB, 0xFF, 0xBE, 0xFF, 0xFF, 0xBF};
    unsigned char back[16];
    char text[16];

    (void)state;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        crypto_base64url(bytes, len, text);
        assert_string_equal(text, want[len]);
        assert_int_equal(crypto_base64url_decode(text, strlen(text), back), (long)len);
        assert_memory_equal(back, bytes, len);
    }
}

static void test_base64url_decode_is_strict(void **state)
{
    static const char *const wrong[] = {"A",     "AAAAA", "AA==", "AA=",   "A+AA",      "A/AA",
                                        "AA AA", "AB",    "AAB",  "A\nAA", "\303\244AA"};
    unsigned char out[16];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(crypto_base64url_decode(wrong[i], strlen(wrong[i]), out), -1);
    assert_int_equal(crypto_base64url_decode("A\0AA", 4, out), -1);
    assert_int_equal(crypto_base64url_decode("AA", 2, out), 1);
}

static void test_equal_and_wipe(void **state)
{
    char secret[] = "secret";

    (void)state;
    assert_true(crypto_equal(secret, "secret", 6));
    assert_false(crypto_equal(secret, "secreT", 6));
    crypto_wipe(secret, 6);
    assert_memory_equal(secret, "\0\0\0\0\0\0", 6);
    crypto_wipe(NULL, 0);
}

static void test_uuid7_sorts_by_time(void **state)
{
    char first[CRYPTO_UUID_LEN + 1], second[CRYPTO_UUID_LEN + 1], last[CRYPTO_UUID_LEN + 1];

    (void)state;
    /* The time of the example in RFC 9562, appendix A.6: 2022-02-22T14:22:22-05:00. */
    assert_int_equal(crypto_uuid7(1645557742000, first), 0);
    assert_int_equal(crypto_uuid7(1645557742000, second), 0);
    assert_int_equal(crypto_uuid7(1645557742001, last), 0);
    assert_memory_equal(first, "017f22e2-79b0-7", 15);
    assert_non_null(strchr("89ab", first[19]));
    assert_int_equal(strlen(first), CRYPTO_UUID_LEN);
    assert_string_not_equal(first, second);
    assert_true(strcmp(first, last) < 0 && strcmp(second, last) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_matches_fips_180),
        cmocka_unit_test(test_hmac_matches_rfc_4231),
        cmocka_unit_test(test_hmac_takes_empty_key_and_data),
        cmocka_unit_test(test_uuid4_has_its_shape),
        cmocka_unit_test(test_uuid7_sorts_by_time),
        cmocka_unit_test(test_unhex_is_exact),
        cmocka_unit_test(test_base64url_round_trips),
        cmocka_unit_test(test_base64url_decode_is_strict),
        cmocka_unit_test(test_equal_and_wipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
