/*
 * A security key in software: the middleware that OpenSSH loads by SSH_SK_PROVIDER, for tests.
 *
 * The key handle is the private key itself, so that nothing is kept. libcrypto's functions are
 * declared here by hand: Debian's openssh-client brings the library and not its headers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* OpenSSH's sk-api.h, version 10 of the interface (OpenSSH 9.0 and later). */
#define API_VERSION 0x000a0000
#define ALG_ECDSA 0
#define ALG_ED25519 1
#define ERR_GENERAL (-1)
#define ERR_UNSUPPORTED (-2)

struct sk_option;
struct sk_resident_key;
struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};
struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};

#define NID_P256 415
#define NID_ED25519 1087
#define UNCOMPRESSED 4
extern unsigned char *SHA256(const unsigned char *, size_t, unsigned char *);
extern int RAND_bytes(unsigned char *, int);
extern void *EVP_PKEY_new_raw_private_key(int, void *, const unsigned char *, size_t);
extern int EVP_PKEY_get_raw_public_key(void *, unsigned char *, size_t *);
extern void *EVP_MD_CTX_new(void);
extern int EVP_DigestSignInit(void *, void *, void *, void *, void *);
extern int EVP_DigestSign(void *, unsigned char *, size_t *, const unsigned char *, size_t);
extern void *EC_KEY_new_by_curve_name(int);
extern int EC_KEY_generate_key(void *);
extern int EC_KEY_set_private_key(void *, void *);
extern void *EC_KEY_get0_private_key(void *);
extern void *EC_KEY_get0_public_key(void *);
extern void *EC_KEY_get0_group(void *);
extern size_t EC_POINT_point2oct(void *, void *, int, unsigned char *, size_t, void *);
extern void *ECDSA_do_sign(const unsigned char *, int, void *);
extern void ECDSA_SIG_get0(void *, void **, void **);
extern void *BN_bin2bn(const unsigned char *, int, void *);
extern int BN_bn2binpad(void *, unsigned char *, int);

uint32_t sk_api_version(void)
{
	return API_VERSION;
}

static uint8_t *copy(const uint8_t *from, size_t length, size_t *told)
{
	uint8_t *to = malloc(length ? length : 1);

	if (to != NULL && length > 0)
		memcpy(to, from, length);
	*told = length;
	return to;
}

/* Draws a key: 32 octets of it, and its public half. */
static size_t draw(uint32_t alg, uint8_t *secret, uint8_t *public)
{
	size_t length = 32;
	void *key;

	if (alg == ALG_ED25519) {
		if (RAND_bytes(secret, 32) != 1)
			return 0;
		key = EVP_PKEY_new_raw_private_key(NID_ED25519, NULL, secret, 32);
		return key && EVP_PKEY_get_raw_public_key(key, public, &length) == 1 ? length : 0;
	}
	key = EC_KEY_new_by_curve_name(NID_P256);
	if (key == NULL || EC_KEY_generate_key(key) != 1)
		return 0;
	if (BN_bn2binpad(EC_KEY_get0_private_key(key), secret, 32) != 32)
		return 0;
	return EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key), UNCOMPRESSED,
	    public, 65, NULL);
}

int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len,
    const char *application, uint8_t flags, const char *pin, struct sk_option **options,
    struct sk_enroll_response **answer)
{
	uint8_t secret[32], public[65];
	struct sk_enroll_response *made;
	size_t length;

	(void)challenge, (void)challenge_len, (void)application, (void)pin, (void)options;
	if (alg != ALG_ECDSA && alg != ALG_ED25519)
		return ERR_UNSUPPORTED;
	length = draw(alg, secret, public);
	made = calloc(1, sizeof(*made));
	if (length == 0 || made == NULL)
		return ERR_GENERAL;
	made->flags = flags;
	made->public_key = copy(public, length, &made->public_key_len);
	made->key_handle = copy(secret, sizeof(secret), &made->key_handle_len);
	made->signature = copy(NULL, 0, &made->signature_len);
	made->attestation_cert = copy(NULL, 0, &made->attestation_cert_len);
	made->authdata = copy(NULL, 0, &made->authdata_len);
	*answer = made;
	return 0;
}

/* Signs what PROTOCOL.u2f says: SHA-256 of the application, flags, counter, SHA-256 of the data. */
int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application,
    const uint8_t *key_handle, size_t key_handle_len, uint8_t flags, const char *pin,
    struct sk_option **options, struct sk_sign_response **answer)
{
	uint8_t message[69], digest[32], signature[64];
	struct sk_sign_response *made;
	size_t length = sizeof(signature);
	void *key, *context, *signed_, *r, *s;

	(void)pin, (void)options;
	made = calloc(1, sizeof(*made));
	if (key_handle_len != 32 || made == NULL)
		return ERR_GENERAL;
	made->flags = flags;
	made->counter = 0x01020304;
	SHA256((const unsigned char *)application, strlen(application), message);
	message[32] = flags;
	memcpy(message + 33, "\1\2\3\4", 4);
	SHA256(data, data_len, message + 37);
	if (alg == ALG_ED25519) {
		key = EVP_PKEY_new_raw_private_key(NID_ED25519, NULL, key_handle, 32);
		context = EVP_MD_CTX_new();
		if (key == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
		    EVP_DigestSign(context, signature, &length, message, sizeof(message)) != 1)
			return ERR_GENERAL;
		made->sig_r = copy(signature, sizeof(signature), &made->sig_r_len);
	} else {
		key = EC_KEY_new_by_curve_name(NID_P256);
		SHA256(message, sizeof(message), digest);
		if (key == NULL ||
		    EC_KEY_set_private_key(key, BN_bin2bn(key_handle, 32, NULL)) != 1 ||
		    (signed_ = ECDSA_do_sign(digest, sizeof(digest), key)) == NULL)
			return ERR_GENERAL;
		ECDSA_SIG_get0(signed_, &r, &s);
		if (BN_bn2binpad(r, signature, 32) != 32 || BN_bn2binpad(s, signature + 32, 32) != 32)
			return ERR_GENERAL;
		made->sig_r = copy(signature, 32, &made->sig_r_len);
		made->sig_s = copy(signature + 32, 32, &made->sig_s_len);
	}
	*answer = made;
	return 0;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options,
    struct sk_resident_key ***keys, size_t *count)
{
	(void)pin, (void)options;
	*keys = NULL;
	*count = 0;
	return 0;
}
