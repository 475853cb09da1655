#include "tunnel/digest.h"

#include <openssl/evp.h>

enum err digest_sha256(struct bytes input, uint8_t *digest)
{
    return EVP_Digest(input.data, input.size, digest, NULL, EVP_sha256(), NULL) == 1 ? ERR_OK : ERR_NO_MEMORY;
}
