#include "image/hash.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

struct gk_hash {
	EVP_MD_CTX *ctx;
	bool failed;
};

struct gk_hash *gk_hash_new(unsigned bits)
{
	struct gk_hash *hash = calloc(1, sizeof *hash);
	if (!hash)
		return NULL;
	hash->ctx = EVP_MD_CTX_new();
	if (hash->ctx &&
		EVP_DigestInit_ex(hash->ctx, bits == 512 ? EVP_sha512() : EVP_sha256(), NULL) == 1)
		return hash;
	gk_hash_free(&hash);
	return NULL;
}

void gk_hash_add(struct gk_hash *hash, const void *data, size_t size)
{
	if (EVP_DigestUpdate(hash->ctx, data, size) != 1)
		hash->failed = true;
}

int gk_hash_end(struct gk_hash *hash, char ret_sum[GK_SUM_MAX])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (hash->failed || EVP_DigestFinal_ex(hash->ctx, md, &n) != 1 || 2 * n >= GK_SUM_MAX)
		return -EIO;
	for (unsigned i = 0; i < n; i++)
		snprintf(ret_sum + 2 * i, 3, "%02x", md[i]);
	return 0;
}

void gk_hash_free(struct gk_hash **hash)
{
	if (*hash) {
		EVP_MD_CTX_free((*hash)->ctx);
		free(*hash);
	}
	*hash = NULL;
}

int gk_hash_fd(int fd, unsigned bits, const struct gk_tick *tick, char ret_sum[GK_SUM_MAX])
{
	gk_autohash struct gk_hash *hash = gk_hash_new(bits);
	unsigned char buf[64 << 10];
	if (!hash)
		return -ENOMEM;
	for (uint64_t done = 0;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		done += n > 0 ? (uint64_t)n : 0;
		/* Small files go by too fast to be shown. */
		int r = done % (1 << 20) ? 0 : gk_tick(tick, "summing up", GK_UNIT_BYTES, done, 0);
		if (r < 0)
			return r;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return gk_hash_end(hash, ret_sum);
		if (n > 0)
			gk_hash_add(hash, buf, (size_t)n);
	}
}
