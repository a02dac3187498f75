"""A second implementation of shares: standard library only, from docs/wire/key-file.md alone.

shares.py UNLOCK-FILE < share texts, one a line

Checks the unlock file and every share, puts the unlock key together from every set of as many
shares as are needed, opens the data key with it, and prints what it found.
"""

import hashlib
import hmac
import itertools
import sys


def multiply(a, b):
    """GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


INVERSE = {a: b for a in range(1, 256) for b in range(1, 256) if multiply(a, b) == 1}


def combine(shares):
    """f(0) of the polynomial through the shares, octet by octet."""
    secret = bytearray(32)
    for index, share in shares.items():
        weight = 1
        for other in shares:
            if other != index:
                weight = multiply(weight, multiply(other, INVERSE[other ^ index]))
        for place in range(32):
            secret[place] ^= multiply(share[place], weight)
    return bytes(secret)


def aes_256(key):
    """Returns the function that encrypts one block (FIPS 197)."""
    box = []
    for a in range(256):
        inverse = INVERSE.get(a, 0)
        rotations = [(inverse << n | inverse >> (8 - n)) & 0xFF for n in range(5)]
        box.append(rotations[0] ^ rotations[1] ^ rotations[2] ^ rotations[3] ^ rotations[4] ^ 0x63)
    words = [key[4 * n : 4 * n + 4] for n in range(8)]
    constant = 1
    for n in range(8, 60):
        word = words[n - 1]
        if n % 8 == 0:
            word = bytes(box[o] for o in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = multiply(constant, 2)
        elif n % 8 == 4:
            word = bytes(box[o] for o in word)
        words.append(bytes(x ^ y for x, y in zip(word, words[n - 8])))
    rounds = [b"".join(words[4 * n : 4 * n + 4]) for n in range(15)]

    def encrypt(block):
        state = bytes(x ^ y for x, y in zip(block, rounds[0]))
        for number in range(1, 15):
            state = bytes(box[state[(n + 4 * (n % 4)) % 16]] for n in range(16))
            if number < 14:
                mixed = bytearray()
                for n in range(0, 16, 4):
                    a = state[n : n + 4]
                    for row in range(4):
                        mixed.append(
                            multiply(a[row], 2) ^ multiply(a[(row + 1) % 4], 3)
                            ^ a[(row + 2) % 4] ^ a[(row + 3) % 4]
                        )
                state = bytes(mixed)
            state = bytes(x ^ y for x, y in zip(state, rounds[number]))
        return state

    return encrypt


def ghash(h, data):
    """GHASH (NIST SP 800-38D §6.4)."""
    h, y = int.from_bytes(h, "big"), 0
    for at in range(0, len(data), 16):
        x, z, v = y ^ int.from_bytes(data[at : at + 16], "big"), 0, h
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        y = z
    return y.to_bytes(16, "big")


def open_gcm(key, nonce, associated, sealed):
    """Returns the plaintext, or none if the tag does not hold."""
    encrypt = aes_256(key)
    text, tag = sealed[:-16], sealed[-16:]
    pad = lambda octets: octets + bytes(-len(octets) % 16)
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(text)).to_bytes(8, "big")
    sum_ = ghash(encrypt(bytes(16)), pad(associated) + pad(text) + lengths)
    expected = bytes(x ^ y for x, y in zip(sum_, encrypt(nonce + b"\0\0\0\1")))
    if expected != tag:
        return None
    plain = bytearray()
    for n, at in enumerate(range(0, len(text), 16)):
        stream = encrypt(nonce + (n + 2).to_bytes(4, "big"))
        plain += bytes(x ^ y for x, y in zip(text[at : at + 16], stream))
    return bytes(plain)


def read_unlock(file):
    assert file[:8] == b"CHUNL1\0\1" and hashlib.sha256(file[:-32]).digest() == file[-32:]
    derivation, memory = file[8], int.from_bytes(file[9:13], "big")
    threshold, count = int.from_bytes(file[13:17], "big"), int.from_bytes(file[17:21], "big")
    assert derivation == 3 and memory == 0 and 2 <= threshold <= count <= 32
    salt, genesis = file[21:53], file[53:85]
    commitments = [file[85 + 32 * n : 117 + 32 * n] for n in range(count)]
    rest = file[85 + 32 * count : -32]
    assert len(rest) == 12 + 32 + 16
    return threshold, salt, genesis, commitments, rest[:12], rest[12:], file[: 85 + 32 * count]


def read_share(text, salt, genesis, commitments):
    body, check = text.rsplit(":", 1)
    assert hashlib.sha256(body.encode()).hexdigest()[:8] == check, "checksum"
    magic, ring, set_, index, secret = body.split(":")
    assert magic == "chancery-share-1" and ring == genesis[:8].hex() and set_ == salt[:8].hex()
    index, secret = int(index), bytes.fromhex(secret.replace("-", ""))
    message = b"chancery/share/v1" + genesis + salt + bytes([index])
    assert hmac.new(secret, message, "sha256").digest() == commitments[index - 1], "commitment"
    return index, secret


def main():
    with open(sys.argv[1], "rb") as file:
        threshold, salt, genesis, commitments, nonce, sealed, header = read_unlock(file.read())
    lines = [line.strip() for line in sys.stdin if line.strip()]
    shares = dict(read_share(line, salt, genesis, commitments) for line in lines)
    keys = set()
    for chosen in itertools.combinations(shares, threshold):
        keys.add(combine({index: shares[index] for index in chosen}))
    for chosen in itertools.combinations(shares, threshold - 1):
        assert combine({index: shares[index] for index in chosen}) not in keys
    assert len(keys) == 1, "the sets do not agree"
    assert len(open_gcm(keys.pop(), nonce, header, sealed)) == 32, "the data key does not open"
    print(f"{len(shares)} shares, {threshold} needed: the data key opens")


main()
