#!/usr/bin/env python3
"""Checks a Chancery journal: an implementation of docs/wire/journal.md that shares no line with
the signer or with signer-verify. Needs Python 3.11 and the `openssl` command, nothing else.

It checks segments, records, leaves, times, the Merkle tree, checkpoints and published tiles, the
chains of operators and policies, keys, serials, idempotency keys, the pairing of intents and
signatures, revocation, CRL numbers, OCSP batches and adopted CAs. It does not read X.509, policies or
signatures of certificates: signer-verify does.

Exit: 0 PASS, 1 FAIL (the first leaf that is wrong is named), 2 no verdict.
"""
import argparse
import base64
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import tomllib

SEGMENT_MAX = 64 << 20          # octets
GROUP_OCTETS, GROUP_LEAVES = 4 << 20, 512
MAX_LEAF, MIN_LEAF = 65_535, 10
LATENCY, LIFT = 300, 5          # seconds between an act and its leaf
MOST_RELEASES = 64


class Fault(Exception):
    """The first thing that is wrong: position, kind, detail."""

    def __init__(self, index, kind, detail):
        super().__init__(f"{kind} at {index}: {detail}")
        self.index, self.kind, self.detail = index, kind, detail


class Malformed(Exception):
    """Octets that are not the one encoding of a value."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- the encoding of leaves ("Leaves" in journal.md) ---------------------------------------------
# A codec is a function that takes a value off the front of a Reader.

class Reader:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, n):
        end = self.at + n
        if end > len(self.octets):
            raise Malformed("the octets end before the value does")
        taken, self.at = self.octets[self.at:end], end
        return taken


def number(code):
    unpack = struct.Struct(">" + code)
    return lambda r: unpack.unpack(r.take(unpack.size))[0]


U8, U16, U32, U64, I64 = (number(code) for code in "BHIQq")
TIME = I64


def octets(n):
    return lambda r: r.take(n)


ID, DIGEST = octets(16), octets(32)


def string(limit):
    def read(r):
        n = U32(r)
        if n > limit:
            raise Malformed("a string is longer than its limit")
        return r.take(n)
    return read


def text(limit):
    read_octets = string(limit)

    def read(r):
        try:
            return read_octets(r).decode()
        except UnicodeDecodeError:
            raise Malformed("a text is no UTF-8") from None
    return read


def listed(limit, item):
    def read(r):
        n = U32(r)
        if n > limit:
            raise Malformed("a list is longer than its limit")
        return [item(r) for _ in range(n)]
    return read


def enum(codec, values):
    values = frozenset(values)

    def read(r):
        value = codec(r)
        if value not in values:
            raise Malformed(f"{value} is no member of its enumeration")
        return value
    return read


BOOL = enum(U8, (0, 1))


def option(item):
    return lambda r: item(r) if BOOL(r) else None


def record(**fields):
    pairs = tuple(fields.items())
    return lambda r: {name: codec(r) for name, codec in pairs}


def label(r):
    value = text(64)(r)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", value):
        raise Malformed("a label has other characters")
    return value


def serial(r):
    value = string(20)(r)
    # RFC 5280 section 4.1.2.2: positive, at most 20 octets with the sign.
    if not value or value[0] == 0 or len(value) + (value[0] >> 7) > 20:
        raise Malformed("a serial is not the shortest encoding of a positive number")
    return value


def identifier(r):
    if enum(U8, [1, 2])(r) == 1:
        value = text(253)(r)
        name = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        if not re.fullmatch(rf"({name}\.)*(?![0-9]+\Z){name}", value):
            raise Malformed("a DNS identifier in another form")
        return value
    value = string(16)(r)
    if len(value) not in (4, 16) or value[:12] == bytes(10) + b"\xff\xff":
        raise Malformed("an IP identifier in another form")
    return value


PURPOSES = {1: "ca-cert+crl", 2: "cert+crl", 3: "ocsp", 4: "scep", 5: "tls", 16: "log",
            17: "serial", 18: "seal"}
CA, ISSUING, OCSP, TLS, LOG, SERIAL, SEAL = 1, 2, 3, 5, 16, 17, 18
SPECS = {1: "p-256", 2: "p-384", 3: "p-521", 4: "ed25519", 5: "rsa-2048", 6: "rsa-3072",
         7: "rsa-4096", 8: "ml-dsa-44", 9: "ml-dsa-65", 10: "ml-dsa-87", 32: "hmac-sha256",
         33: "aes-256"}
STATES = {1: "pre-active", 2: "active", 3: "suspended", 4: "deactivated", 5: "compromised",
          6: "destroyed"}
PRE_ACTIVE, ACTIVE, SUSPENDED, DEACTIVATED, COMPROMISED, DESTROYED = STATES
ACTIONS = {1: "generate-key", 2: "activate-key", 3: "widen-policy", 4: "narrow-policy",
           5: "destroy-key", 6: "sign-sub-ca", 7: "sign-with-root", 8: "set-operators",
           9: "unfreeze", 10: "accept-gap", 11: "suspend-key", 12: "freeze", 13: "rotate-unlock",
           14: "promote", 15: "follow-ring", 16: "record-ceremony", 17: "sign-ca-request",
           18: "adopt-key"}
PURPOSE, SPEC, STATE = enum(U8, PURPOSES), enum(U8, SPECS), enum(U8, STATES)
SCHEME = enum(U8, range(1, 20))
STATUS = enum(U8, [1, 2, 3])
REVOKED, HELD, RELEASED = 1, 2, 3
REASON = enum(U8, [0, 1, 2, 3, 4, 5, 6, 8, 9, 10])
RULE = enum(U16, [*range(1, 8), *range(20, 99), *range(100, 111), *range(120, 124)])
DER, SPKI, SIGNATURE = string(32768), string(8192), string(8192)
WARRANT = record(proposal=text(8192), approvals=listed(16, string(4096)))
SIGNED = dict(scheme=SCHEME, signature=SIGNATURE)
HOUSE_KEY = record(id=ID, purpose=PURPOSE, spec=SPEC, spki=option(SPKI))
EVIDENCE = listed(8, record(kind=U8, digest=DIGEST))


def thresholds(r):
    value = record(default=U8, exceptions=listed(32, record(action=enum(U8, ACTIONS), n=U8)))(r)
    actions = [exception["action"] for exception in value["exceptions"]]
    if actions != sorted(set(actions)):
        raise Malformed("thresholds are out of order")
    return value


OPERATORS = listed(32, text(1024))


def location(r):
    value = text(512)(r)
    if not re.fullmatch(r"[!-~]+", value):
        raise Malformed("a key location has other characters")
    return value


def source(r):
    return ("file", DIGEST(r)) if enum(U8, [1, 2])(r) == 2 else ("location", location(r))


OLD_REVOCATION = record(at=TIME, reason=REASON, invalidity=option(TIME))
OLD_CERTIFICATE = record(serial=serial, not_after=TIME, revoked=option(OLD_REVOCATION))


def chunk(r):
    start = r.at
    value = record(certificates=listed(1200, OLD_CERTIFICATE), next=option(DIGEST))(r)
    return {**value, "digest": sha256(r.octets[start:r.at])}


LEAVES = {
    1: ("Genesis", record(instance=ID, prefix=U8, house=listed(8, HOUSE_KEY),
                          operators=OPERATORS, threshold=U8, made_by=text(64))),
    2: ("Opened", record(version=text(64), report=text(16384), cut=U64)),
    3: ("UnlockAttempt", record(opened=BOOL, failed=U32)),
    4: ("KeyGenerated", record(id=ID, label=label, purpose=PURPOSE, spec=SPEC, spki=option(SPKI),
                               warrant=WARRANT)),
    5: ("PolicySet", record(key=ID, version=U32, previous=option(DIGEST), text=text(32768),
                            warrant=WARRANT)),
    6: ("OperatorsSet", record(version=U32, previous=DIGEST, operators=OPERATORS,
                               thresholds=thresholds, warrant=WARRANT)),
    7: ("KeyStateSet", record(**{"key": ID, "from": STATE, "to": STATE, "warrant": WARRANT})),
    8: ("IssuanceFrozen", record(frozen=BOOL, reason=text(512), warrant=WARRANT)),
    9: ("GapAccepted", record(seen_size=U64, seen_root=DIGEST, prefix=U8,
                              numbers=listed(256, record(key=ID, number=U64)), warrant=WARRANT)),
    10: ("Promoted", record(prefix=U8, fence=text(512), warrant=WARRANT)),
    11: ("RingFollowed", record(genesis=string(65535), warrant=WARRANT)),
    12: ("CeremonyRecorded", record(plan=DIGEST, transcript=text(32768), warrant=WARRANT)),
    13: ("UnlockRotated", record(stage=enum(U8, range(1, 5)), unlock=DIGEST,
                                 opened_by=enum(U8, (1, 2, 3)), needed=U8, shares=U8)),
    14: ("KeyAdopted", record(id=ID, label=label, purpose=PURPOSE, spec=SPEC, spki=SPKI,
                              source=source, imported=BOOL, certificate=string(40960),
                              crl_number=U64, certificates=U64, first=option(DIGEST),
                              warrant=WARRANT)),
    15: ("InventoryImported", record(key=ID, chunk=chunk)),
    16: ("CertificateSigned", record(key=ID, policy=DIGEST, profile=DIGEST, idempotency=ID,
                                     evidence=EVIDENCE, tbs=DER, **SIGNED)),
    17: ("AuthoritySigned", record(key=ID, policy=DIGEST, idempotency=ID, tbs=DER, **SIGNED,
                                   warrant=WARRANT)),
    18: ("RequestSigned", record(key=ID, info=DER, **SIGNED, warrant=WARRANT)),
    19: ("SignIntended", record(key=ID, tbs_digest=DIGEST, scheme=SCHEME)),
    20: ("HandshakesSigned", record(key=ID, count=U32, root=DIGEST)),
    21: ("ValidationRecorded", record(identifier=identifier, method=enum(U8, [1, 2, 3]),
                                      account=DIGEST)),
    22: ("AuditAnchored", record(through=U64, previous=DIGEST, digest=DIGEST)),
    32: ("RevocationChanged", record(key=ID, serial=serial, status=STATUS, reason=REASON,
                                     invalidity=option(TIME))),
    33: ("CrlSigned", record(key=ID, shard=U16, number=U64, this_update=TIME, next_update=TIME,
                             revocations=U64, tbs_digest=DIGEST, **SIGNED)),
    34: ("OcspSigned", record(responder=ID, issuer=ID, this_update=TIME, next_update=TIME,
                              revocations=U64, count=U32, root=DIGEST)),
    36: ("FollowedRead", record(instance=ID, size=U64, root=DIGEST)),
    48: ("Refused", record(socket=U8, uid=U32, kind=U8, rule=RULE, count=U32, detail=text(512))),
}


def read_leaf(leaf):
    """Returns type, name, time in milliseconds and body of a leaf."""
    r = Reader(leaf)
    version, code = U8(r), U8(r)
    if version != 1 or code not in LEAVES:
        raise Malformed(f"version {version}, type {code}")
    at_ms = I64(r)
    name, body = LEAVES[code]
    value = body(r)
    if r.at != len(leaf):
        raise Malformed("octets follow the last field")
    return code, name, at_ms, value


# --- segments ("Segments", "Reading at a start") -------------------------------------------------

def front(data, at, position):
    """Returns leaf and end of the record at `at`, or why there is none."""
    if len(data) - at < 4:
        return None, "the segment ends inside a record"
    (length,) = struct.unpack_from(">I", data, at)
    if not MIN_LEAF <= length <= MAX_LEAF:
        return None, "the length is none of a leaf"
    end = at + 4 + length + 8
    if len(data) < end:
        return None, "the segment ends inside a record"
    leaf = data[at + 4:end - 8]
    leaf_hash = sha256(b"\0", leaf)
    if sha256(leaf_hash, struct.pack(">Q", position))[:8] != data[end - 8:end]:
        return None, "the check does not fit the leaf at this position"
    return (leaf, leaf_hash, end), None


def holds_record(tail, position):
    """Whether a whole record of the group at `position` stands behind the first octet."""
    for at in range(1, len(tail) - 4):
        if tail[at + 4] == 1 and tail[at + 6:at + 8] == b"\0\0":
            if any(front(tail, at, position + n)[0] for n in range(GROUP_LEAVES)):
                return True
    return False


def walk(directory):
    """Yields position, leaf and leaf hash; returns the octets behind the last leaf."""
    names = [n for n in os.listdir(directory) if re.fullmatch(r"[0-9]{20}\.seg", n)]
    firsts = sorted(int(n[:20]) for n in names if int(n[:20]) < 1 << 64)
    if not firsts:
        raise Fault(0, "segment-missing", "there is no segment")
    position, genesis = 0, bytes(32)
    for first in firsts:
        if first != position:
            raise Fault(position, "segment-missing", f"the segment at {first} comes too early")
        with open(os.path.join(directory, f"{first:020}.seg"), "rb") as file:
            data = file.read(SEGMENT_MAX + 64)
        header = b"CHANCERY-SEG\0\1\0\0" + genesis + struct.pack(">QQ", first, 0)
        if data[:64] != header or len(data) > SEGMENT_MAX:
            raise Fault(first, "segment-header", "the header is not that of this segment")
        at = 64
        while at < len(data):
            found, why = front(data, at, position)
            if found is None:
                tail = data[at:]
                if first == firsts[-1] and len(tail) <= GROUP_OCTETS \
                        and not holds_record(tail, position):
                    return len(tail)
                raise Fault(position, "record", f"{first:020}.seg, octet {at}: {why}")
            leaf, leaf_hash, at = found
            if position == 0:
                genesis = sha256(leaf)
            yield position, leaf, leaf_hash
            position += 1
    return 0


# --- the tree (RFC 9162 section 2.1.1), checkpoints and tiles (C2SP) -----------------------------

class Tree:
    def __init__(self):
        self.peaks = []         # (leaves, hash) of complete subtrees, the largest first

    def push(self, leaf_hash):
        size, top = 1, leaf_hash
        while self.peaks and self.peaks[-1][0] == size:
            top = sha256(b"\1", self.peaks.pop()[1], top)
            size *= 2
        self.peaks.append((size, top))

    def root(self):
        if not self.peaks:
            return sha256()
        root = self.peaks[-1][1]
        for _, left in reversed(self.peaks[:-1]):
            root = sha256(b"\1", left, root)
        return root


@functools.lru_cache(maxsize=65536)     # many copies of one journal have the same signatures
def openssl_verifies(spki, message, signature, digest=None):
    """Verifies with the `openssl` command: Ed25519 without a digest, ECDSA with one."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, content in (("key", spki), ("message", message), ("signature", signature)):
            (folder / name).write_bytes(content)
        key = ["-keyform", "DER"]
        if digest is None:
            command = ["pkeyutl", "-verify", "-pubin", "-inkey", "key", *key, "-rawin",
                       "-in", "message", "-sigfile", "signature"]
        else:
            command = ["dgst", f"-{digest}", *key, "-verify", "key", "-signature", "signature",
                       "message"]
        done = subprocess.run(["openssl", *command], cwd=folder, capture_output=True, check=False)
        return done.returncode == 0


def read_checkpoint(note, origin, log_key):
    """Returns size and root of a checkpoint that the log's key signed."""
    body, _, lines = note.decode().rpartition("\n\n")
    fields = body.split("\n")
    if not lines.endswith("\n") or len(fields) < 3 or fields[0] != origin:
        raise ValueError("no checkpoint of this log")
    if not re.fullmatch(r"0|[1-9][0-9]*", fields[1]):
        raise ValueError("its size is no number")
    key_id = sha256(origin.encode(), b"\n\1", log_key[-32:])[:4]
    for line in lines.splitlines():
        dash, name, signature = (line.split(" ") + ["", ""])[:3]
        signature = base64.b64decode(signature, validate=True)
        if dash == "\u2014" and name == origin and signature[:4] == key_id:
            if openssl_verifies(log_key, (body + "\n").encode(), signature[4:]):
                return int(fields[1]), base64.b64decode(fields[2], validate=True)
    raise ValueError("not signed by the log key of genesis")


def tile_path(index, width):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return "tile/0/" + "/".join(groups) + ("" if width == 256 else f".p/{width}")


def read_tiles(directory, size):
    """Returns the hashes of the first `size` leaves as they were published."""
    hashes = []
    while len(hashes) < size:
        wanted = min(256, size - len(hashes))
        names = (tile_path(len(hashes) // 256, width) for width in range(256, wanted - 1, -1))
        found = next((p for p in (os.path.join(directory, n) for n in names)
                      if os.path.isfile(p)), None)
        content = b"" if found is None else pathlib.Path(found).read_bytes()
        if len(content) < 32 * wanted:
            break
        hashes += [content[32 * n:32 * n + 32] for n in range(wanted)]
    return hashes


class Wrong(Exception):
    """A leaf that does not follow from the ones before it."""

    def __init__(self, kind, detail):
        super().__init__(detail)
        self.kind, self.detail = kind, detail


def demand(fact, kind, detail):
    if not fact:
        raise Wrong(kind, detail)


# --- operators and their OpenSSH signatures (PROTOCOL.sshsig, PROTOCOL.u2f) ----------------------

NAMESPACE = b"chancery/quorum/v1"
MAX_LIFE = 30 * 86_400              # seconds between the writing of a proposal and its end
SSH_KINDS = {                       # curve, digest, security key, SubjectPublicKeyInfo but for the point
    b"ssh-ed25519": (None, None, False, "302a300506032b6570032100"),
    b"ecdsa-sha2-nistp256": (b"nistp256", "sha256", False,
                             "3059301306072a8648ce3d020106082a8648ce3d030107034200"),
    b"ecdsa-sha2-nistp384": (b"nistp384", "sha384", False,
                             "3076301006072a8648ce3d020106052b81040022036200"),
}
SSH_KINDS[b"sk-ssh-ed25519@openssh.com"] = (None, None, True, SSH_KINDS[b"ssh-ed25519"][3])
SSH_KINDS[b"sk-ecdsa-sha2-nistp256@openssh.com"] = (
    b"nistp256", "sha256", True, SSH_KINDS[b"ecdsa-sha2-nistp256"][3])


def ssh_fields(blob, *codecs):
    """Takes all of some octets apart; a Malformed becomes the fault of an approval."""
    try:
        r = Reader(blob)
        fields = [codec(r) for codec in codecs]
        if r.at != len(blob):
            raise Malformed("octets follow")
        return fields
    except Malformed as error:
        raise Wrong("approval", f"OpenSSH: {error}") from None


SSH = string(8192)


class SshKey:
    """A public key in OpenSSH's binary form."""

    def __init__(self, blob):
        kind = SSH(Reader(blob))
        demand(kind in SSH_KINDS, "approval", f"a key of kind {kind!r}")
        curve, self.digest, self.security_key, prefix = SSH_KINDS[kind]
        codecs = [SSH] * (2 + (curve is not None) + self.security_key)
        fields = ssh_fields(blob, *codecs)
        demand(curve is None or fields[1] == curve, "approval", "another curve")
        point = fields[2 if curve else 1]
        self.kind, self.blob, self.application = kind, blob, fields[-1]
        self.spki = bytes.fromhex(prefix) + point
        self.fingerprint = "SHA256:" + base64.b64encode(sha256(blob)).decode().rstrip("=")

    def verifies(self, message, signature):
        """A signature blob: kind, signature, and for a security key its flags and counter."""
        codecs = [SSH, SSH] + ([U8, U32] if self.security_key else [])
        kind, raw, *presence = ssh_fields(signature, *codecs)
        if kind != self.kind:
            return False
        if presence:
            flags, counter = presence
            if flags & 0xC0 or not flags & 1:       # somebody touched it
                return False
            message = sha256(self.application) + struct.pack(">BI", flags, counter) + sha256(message)
        if self.digest:                             # RFC 5656: two mpints; openssl wants DER
            numbers = b"".join(b"\2" + bytes([len(n)]) + n for n in ssh_fields(raw, SSH, SSH))
            raw = b"\x30" + bytes([len(numbers)]) + numbers
        return openssl_verifies(self.spki, message, raw, self.digest)


def read_sshsig(armoured):
    """Returns key and signature blob of an armoured SSHSIG over SHA-512 in our namespace."""
    match = re.fullmatch(rb"-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)"
                         rb"-----END SSH SIGNATURE-----\n", armoured)
    demand(match, "approval", "no armoured SSH signature")
    blob = base64.b64decode(match[1])
    magic, version, key, namespace, reserved, digest, signature = ssh_fields(
        blob, octets(6), U32, SSH, SSH, SSH, SSH, SSH)
    demand((magic, version, namespace, reserved, digest)
           == (b"SSHSIG", 1, NAMESPACE, b"", b"sha512"), "approval",
           "an SSH signature of another version, namespace or hash")
    return SshKey(key), signature


def sshsig_message(message):
    put = [struct.pack(">I", len(part)) + part
           for part in (NAMESPACE, b"", b"sha512", hashlib.sha512(message).digest())]
    return b"SSHSIG" + b"".join(put)


def printable(value):
    """What stands in a proposal: printable ASCII, all else escaped."""
    return "".join("\\\\" if c == "\\" else c if " " <= c <= "~" else f"\\u{{{ord(c):x}}}"
                   for c in value)


class Operators:
    """A set of operators with what each action needs of them."""

    def __init__(self, lines, levels, version):
        self.version, self.levels, self.keys = version, levels, {}
        for line in lines:
            kind, encoded, *comment = line.split(" ", 2)
            key = SshKey(base64.b64decode(encoded))
            demand(key.kind == kind.encode() and key.blob not in self.keys, "operators", line)
            self.keys[key.blob] = (key, comment[0] if comment else "")
        encoded = struct.pack(">I", len(lines)) + b"".join(
            struct.pack(">I", len(line.encode())) + line.encode() for line in lines)
        exceptions = levels["exceptions"]
        self.digest = sha256(encoded, struct.pack(">BI", levels["default"], len(exceptions)),
                             *(bytes([e["action"], e["n"]]) for e in exceptions))
        self.people = len({self.person(blob) for blob in self.keys})
        numbers = [levels["default"], *(e["n"] for e in exceptions)]
        most = min(self.people, 16)
        demand(all(1 <= n <= most for n in numbers) if lines else numbers == [0], "operators",
               "a threshold that cannot be met")

    def person(self, blob):
        """Keys of one name are one person's."""
        key, name = self.keys[blob]
        return name.lower() or key.fingerprint

    def shown(self, blob):
        key, name = self.keys[blob]
        return printable(f"{key.fingerprint} {name}".rstrip())

    def needed(self, action):
        """How many people must approve: two at least where there are two, but for a freeze."""
        given = {ACTIONS[e["action"]]: e["n"] for e in self.levels["exceptions"]}
        default = self.levels["default"]
        fewer = {"freeze": 1, "narrow-policy": 2, "suspend-key": 2, "record-ceremony": 2}
        number_ = given.get(action, min(default, fewer.get(action, default)))
        return max(number_, 2) if self.people >= 2 and action != "freeze" else number_

    def decide(self, action, newcomers, proposal, approvals):
        """Holds the approvals of a text against the operators."""
        people, seen, message = set(), set(), sshsig_message(proposal.encode())
        for armoured in approvals:
            key, signature = read_sshsig(armoured)
            known = key.blob in self.keys
            demand(known or key.blob in newcomers, "approval", f"{key.fingerprint} is no operator")
            demand(key.blob not in seen and not (known and self.person(key.blob) in people),
                   "approval", f"{key.fingerprint} approved twice")
            demand(key.verifies(message, signature), "approval",
                   f"the approval by {key.fingerprint} does not verify")
            seen.add(key.blob)
            if known:
                people.add(self.person(key.blob))
        demand(len(people) >= self.needed(action), "approval",
               f"{len(people)} of {self.needed(action)} approvals for {action}")
        demand(newcomers <= seen, "approval", "a new operator did not sign")


def unix(stamp):
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z", stamp)
    demand(match, "approval", f"{stamp} is no time")
    return int(datetime.datetime.fromisoformat(match[1] + "+00:00").timestamp())


# --- what follows from what ----------------------------------------------------------------------

def element(data, at):
    """Returns tag, start and end of the DER element at an octet."""
    try:
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            n = length & 0x7F
            length, start = int.from_bytes(data[start:start + n], "big"), start + n
    except IndexError:
        raise Wrong("tbs-malformed", "no TBSCertificate") from None
    demand(start + length <= len(data), "tbs-malformed", "no TBSCertificate")
    return tag, start, start + length


def serial_of(tbs):
    """Returns the serial of a TBSCertificate: SEQUENCE { [0] version, INTEGER serial, ... }."""
    tag, start, end = element(tbs, 0)
    version, _, at = element(tbs, start)
    integer, start, stop = element(tbs, at)
    demand((tag, version, integer, end) == (0x30, 0xA0, 2, len(tbs)), "tbs-malformed",
           "no TBSCertificate")
    return tbs[start:stop].lstrip(b"\0")


def field_of(tbs, number_):
    """Returns a field of a TBSCertificate whole; version is the first, of number 0."""
    _, at, _ = element(tbs, 0)
    for _ in range(number_):
        _, _, at = element(tbs, at)
    _, _, end = element(tbs, at)
    return tbs[at:end]


def spki_of(tbs):
    """Returns the SubjectPublicKeyInfo: the seventh field, version counted."""
    return field_of(tbs, 6)


def says_imported(policy):
    """Whether a policy admits a key that others may have: all that is read of policies here."""
    try:
        return tomllib.loads(policy).get("imported") is True
    except tomllib.TOMLDecodeError:
        return False


class Key:
    def __init__(self, leaf):
        self.id, self.label, self.purpose = leaf["id"], leaf["label"], leaf["purpose"]
        self.spki, self.state, self.root = leaf["spki"], PRE_ACTIVE, False
        self.version, self.policy, self.policies = 0, None, set()
        self.issued = set()
        self.changes = []           # (time in seconds, serial)
        self.status = {}            # serial: (status, releases)
        self.crl = None             # number, thisUpdate
        self.imported = self.may_sign_imported = False
        self.missing, self.next, self.last = 0, None, b""    # of an adopted key's inventory

    def lines(self):
        """What every proposal says of a key."""
        return [f"Key: {self.label}", f"Key id: {self.id.hex()}",
                f"Key purpose: {PURPOSES[self.purpose]}", f"Public key: {sha256(self.spki).hex()}"]

    def signs(self):
        demand(not self.missing, "adoption", f"{self.missing} certificates are missing")
        demand(not self.imported or self.may_sign_imported, "adoption",
               f"the policy of {self.label} does not say imported")

    def is_in(self, *states):
        demand(self.state in states, "key-state", f"{self.label} is {STATES[self.state]}")

    def covers(self, said, this_update, kind):
        """What is said at a time covers every change that was durable some time before."""
        demand(said <= len(self.changes), kind, f"{said} changes, there are {len(self.changes)}")
        if said < len(self.changes):
            at, missed = self.changes[said]
            demand(this_update - at <= LATENCY, kind, f"{missed.hex()} is missing")


class Fold:
    """Everything that the leaves up to now say."""

    def __init__(self):
        self.newest = None
        self.keys, self.labels = {}, set()
        self.idempotency, self.nonces = set(), set()
        self.genesis = self.log_key = self.operators = None
        self.frozen = False
        self.unlock = self.rotating = None
        self.intents, self.anchor = {}, (0, bytes(32))
        self.hashes = []
        self.counts = {}

    def take(self, position, octets_, leaf_hash):
        try:
            code, name, at_ms, leaf = read_leaf(octets_)
        except Malformed as error:
            raise Wrong("leaf-malformed", str(error)) from None
        demand(self.newest is None or at_ms >= self.newest, "time-backwards", f"{at_ms} ms")
        demand((position == 0) == (code == 1), "genesis", f"{name} at {position}")
        if code == 1:
            self.genesis_digest = sha256(octets_)
        self.paired(name, leaf)
        try:
            getattr(self, name, lambda *_: None)(at_ms // 1000, leaf)
        except (ValueError, IndexError, Malformed) as error:
            raise Wrong("approval" if leaf.get("warrant") else "operators", str(error)) from None
        self.newest = at_ms
        self.hashes.append(leaf_hash)
        self.counts[name] = self.counts.get(name, 0) + 1

    def paired(self, name, leaf):
        """Of a key whose driver demands intents no single signature is without one."""
        signed = {"CertificateSigned": "tbs", "AuthoritySigned": "tbs", "RequestSigned": "info"}
        if name in signed and leaf["key"] in self.intents:
            digest = sha256(leaf[signed[name]])
        elif name == "CrlSigned" and leaf["key"] in self.intents:
            digest = leaf["tbs_digest"]
        else:
            return
        demand(digest in self.intents[leaf["key"]], "intent", "a signature without its intent")
        self.intents[leaf["key"]].remove(digest)

    def SignIntended(self, _, leaf):
        self.known(leaf["key"])
        self.intents.setdefault(leaf["key"], set()).add(leaf["tbs_digest"])

    def AuditAnchored(self, _, leaf):
        through, digest = self.anchor
        demand(leaf["through"] > through and leaf["previous"] == digest, "anchor",
               f"{leaf['through']} after {through}")
        self.anchor = leaf["through"], leaf["digest"]

    def root_at(self, size):
        tree = Tree()
        for leaf_hash in self.hashes[:size]:
            tree.push(leaf_hash)
        return tree.root()

    def known(self, key_id, *purposes):
        demand(key_id in self.keys, "key-unknown", f"no key {key_id.hex()} was generated")
        key = self.keys[key_id]
        demand(not purposes or key.purpose in purposes, "key-unknown",
               f"{key.label} has another purpose")
        return key

    # -- acts of authority, and what their proposals must say

    def approved(self, at, leaf, action, lines, newcomers=frozenset()):
        """Holds an act against the operators before it. `action` is one, or several of which the
        proposal says one; `lines` are those of the proposal that fix the act."""
        proposal, approvals = leaf["warrant"]["proposal"], leaf["warrant"]["approvals"]
        operators = self.operators
        if not operators.keys:
            demand(not proposal and not approvals, "approval", "a ring without operators")
            return
        told = proposal.split("\n")
        found = told[1].removeprefix("Action: ") if len(told) > 1 else ""
        actions = (action,) if isinstance(action, str) else action
        demand(found in actions, "approval", f"the action {found!r} instead of {actions}")
        ends = dict(line.split(": ", 1) for line in told[-6:-1] if ": " in line)
        try:
            size, root = int(ends["Journal size"]), ends["Journal root"]
            created, expires, nonce = ends["Created"], ends["Expires"], ends["Nonce"]
        except (KeyError, ValueError):
            raise Wrong("approval", "the proposal does not end as it must") from None
        whole = ["Chancery proposal v1", f"Action: {found}", *lines,
                 f"Ring: {self.genesis['instance'].hex()}", f"Genesis: {self.genesis_digest.hex()}",
                 f"Operators: {operators.needed(found)} of {operators.people} must approve, "
                 f"set {operators.version}", f"Journal size: {size}", f"Journal root: {root}",
                 f"Created: {created}", f"Expires: {expires}", f"Nonce: {nonce}", ""]
        kept = [line for line in told if not line.startswith("In words: ")]
        demand(kept == whole, "approval", "the proposal is of another act, ring or journal")
        demand(size <= len(self.hashes) and self.root_at(size).hex() == root, "approval",
               f"the proposal is of another journal of {size} leaves")
        created, expires = unix(created), unix(expires)
        demand(0 < expires - created <= MAX_LIFE and created <= at + LATENCY
               and at <= expires + LATENCY, "approval", "the proposal had expired, or was to come")
        demand(re.fullmatch("[0-9a-f]{32}", nonce) and nonce not in self.nonces, "approval",
               "the proposal was carried out before")
        operators.decide(found, newcomers, proposal, approvals)
        self.nonces.add(nonce)

    def Genesis(self, _, leaf):
        self.genesis = leaf
        purposes = [house["purpose"] for house in leaf["house"]]
        demand(len(set(purposes)) == len(purposes) and {LOG, SERIAL, SEAL}.issuperset(purposes),
               "genesis", "house keys of other purposes, or two of one")
        demand(1 <= leaf["prefix"] <= 0x7F, "genesis", "a serial prefix that no serial has")
        self.prefixes, self.followed = [leaf["prefix"]], {}
        self.labels = {PURPOSES[purpose] for purpose in purposes}
        logs = [house["spki"] for house in leaf["house"] if house["purpose"] == LOG]
        demand(logs and logs[0] is not None, "genesis", "there is no log key")
        self.log_key = logs[0]
        levels = {"default": leaf["threshold"], "exceptions": []}
        self.operators = Operators(leaf["operators"], levels, 1)

    def OperatorsSet(self, at, leaf):
        before = self.operators
        after = Operators(leaf["operators"], leaf["thresholds"], leaf["version"])
        demand((leaf["previous"], leaf["version"]) == (before.digest, before.version + 1),
               "operators", f"set {leaf['version']} after {before.version}")
        demand(after.keys, "operators", "a set of operators that is empty")
        newcomers = after.keys.keys() - before.keys.keys()
        lines = [f"Previous operators: {before.digest.hex()}",
                 f"New operators: {after.digest.hex()}"]
        lines += [("New operator: " if blob in newcomers else "Operator: ") + after.shown(blob)
                  for blob in after.keys]
        lines += [f"Leaves: {before.shown(blob)}" for blob in before.keys
                  if blob not in after.keys]
        levels = leaf["thresholds"]
        lines += [f"Threshold: {levels['default']}"]
        lines += [f"Threshold: {e['n']} for {ACTIONS[e['action']]}" for e in levels["exceptions"]]
        self.approved(at, leaf, "set-operators", lines, frozenset(newcomers))
        self.operators = after

    def KeyGenerated(self, at, leaf):
        demand(leaf["purpose"] < LOG, "key", "a house key")
        demand(leaf["id"] not in self.keys and leaf["label"] not in self.labels, "key",
               f"{leaf['label']} is there already")
        demand(leaf["spki"] is not None and leaf["spec"] < 32, "key", "no public key")
        self.approved(at, leaf, "generate-key",
                      [f"Key: {leaf['label']}", f"Key purpose: {PURPOSES[leaf['purpose']]}",
                       f"Key algorithm: {SPECS[leaf['spec']]}"])
        self.labels.add(leaf["label"])
        self.keys[leaf["id"]] = Key(leaf)

    def KeyAdopted(self, at, leaf):
        _, start, _ = element(leaf["certificate"], 0)
        _, _, end = element(leaf["certificate"], start)
        tbs = leaf["certificate"][start:end]
        demand(spki_of(tbs) == leaf["spki"] and leaf["purpose"] in (CA, ISSUING), "adoption",
               "another key than the certificate's, or no CA's")
        demand((leaf["certificates"] == 0) == (leaf["first"] is None), "adoption",
               "an inventory that is none")
        kind, where = leaf["source"]
        demand(kind != "file" or leaf["imported"], "adoption", "a file, which others may have")
        first = leaf["first"].hex() if leaf["first"] else "none"
        self.approved(at, leaf, "adopt-key",
                      [f"Key: {leaf['label']}", f"Key purpose: {PURPOSES[leaf['purpose']]}",
                       f"Key algorithm: {SPECS[leaf['spec']]}",
                       f"Public key: {sha256(leaf['spki']).hex()}",
                       f"Certificate: {sha256(leaf['certificate']).hex()}",
                       f"Key file: {where.hex()}" if kind == "file"
                       else f"Key location: {printable(where)}",
                       f"CRL numbers: above {leaf['crl_number']}",
                       f"Inventory: {leaf['certificates']} certificates",
                       f"Inventory digest: {first}"])
        demand(leaf["id"] not in self.keys and leaf["label"] not in self.labels, "key",
               f"{leaf['label']} is there already")
        demand(not any(key.spki == leaf["spki"] and key.state != DESTROYED
                       for key in self.keys.values()), "adoption", "the key is in the ring already")
        key = self.keys[leaf["id"]] = Key(leaf)
        self.labels.add(leaf["label"])
        key.root = field_of(tbs, 3) == field_of(tbs, 5)
        key.imported, key.missing = bool(leaf["imported"]), leaf["certificates"]
        key.next = leaf["first"]
        key.crl = (leaf["crl_number"], 0) if leaf["crl_number"] else None

    def InventoryImported(self, at, leaf):
        key, part = self.known(leaf["key"]), leaf["chunk"]
        demand(key.next is not None and part["digest"] == key.next, "adoption",
               "a part of an inventory that was not approved")
        for old in part["certificates"]:
            number_, revoked = old["serial"], old["revoked"]
            demand((len(number_), number_) > (len(key.last), key.last), "adoption",
                   "serials of an inventory do not ascend")
            demand(number_ not in key.issued, "serial", f"{number_.hex()} has two certificates")
            key.issued.add(number_)
            key.last = number_
            key.missing -= 1
            if revoked is None:
                continue
            since, status = revoked["invalidity"], HELD if revoked["reason"] == 6 else REVOKED
            demand(revoked["reason"] != 8 and 0 <= revoked["at"] <= at + LIFT
                   and (since is None or (status == REVOKED and 0 <= since <= at + LIFT)),
                   "revocation", f"{number_.hex()} was revoked in a way that cannot be")
            key.changes.append((revoked["at"], number_))
            key.status[number_] = (status, 0)
        key.next = part["next"]
        demand(part["certificates"] and key.missing >= 0
               and (key.missing == 0) == (key.next is None), "adoption",
               "the inventory has another number of certificates")

    def KeyStateSet(self, at, leaf):
        key, before, to = self.known(leaf["key"]), leaf["from"], leaf["to"]
        allowed = {PRE_ACTIVE: (COMPROMISED, DESTROYED),
                   ACTIVE: (SUSPENDED, DEACTIVATED, COMPROMISED),
                   SUSPENDED: (ACTIVE, DEACTIVATED, COMPROMISED),
                   DEACTIVATED: (COMPROMISED, DESTROYED), COMPROMISED: (DESTROYED,)}
        demand(key.state == before and to in allowed.get(before, ()), "key-state",
               f"{key.label} is {STATES[key.state]} and becomes {STATES[to]}")
        action = {DESTROYED: "destroy-key", ACTIVE: "activate-key"}.get(to, "suspend-key")
        self.approved(at, leaf, action,
                      [*key.lines(), f"From: {STATES[before]}", f"To: {STATES[to]}"])
        key.state = to

    def IssuanceFrozen(self, at, leaf):
        demand(bool(leaf["frozen"]) != self.frozen, "frozen", "frozen twice, or not at all")
        by_itself = leaf["frozen"] and not leaf["warrant"]["proposal"]
        if not by_itself or leaf["warrant"]["approvals"]:
            self.approved(at, leaf, "freeze" if leaf["frozen"] else "unfreeze",
                          [f"Reason: {printable(leaf['reason'])}"])
        self.frozen = bool(leaf["frozen"])

    def CeremonyRecorded(self, at, leaf):
        self.approved(at, leaf, "record-ceremony",
                      [f"Plan: {leaf['plan'].hex()}",
                       f"Transcript: {sha256(leaf['transcript'].encode()).hex()}"])

    def next_prefix(self, prefix):
        demand(1 <= prefix <= 0x7F and prefix not in self.prefixes, "rings",
               f"the serial prefix {prefix:02x} is not a fresh one")
        self.prefixes.append(prefix)

    def GapAccepted(self, at, leaf):
        seen = [(self.known(one["key"]), one["number"]) for one in leaf["numbers"]]
        self.approved(at, leaf, "accept-gap",
                      ["Lost from: the journal size below", f"Seen size: {leaf['seen_size']}",
                       f"Seen root: {leaf['seen_root'].hex()}",
                       f"Serial prefix: {leaf['prefix']:02x}",
                       *(f"CRL numbers of: {key.label} above {n}" for key, n in seen)])
        self.next_prefix(leaf["prefix"])
        for key, number_ in seen:
            last, this_update = key.crl or (0, at)
            key.crl = max(last, number_), this_update

    def Promoted(self, at, leaf):
        self.approved(at, leaf, "promote", [f"Serial prefix: {leaf['prefix']:02x}",
                                            f"Fence: {printable(leaf['fence'])}"])
        self.next_prefix(leaf["prefix"])

    def RingFollowed(self, at, leaf):
        try:
            _, name, _, genesis = read_leaf(leaf["genesis"])
        except Malformed:
            name = None
        demand(name == "Genesis", "rings", "what is followed begins with no genesis")
        logs = [house["spki"] for house in genesis["house"] if house["purpose"] == LOG]
        instance = genesis["instance"]
        self.approved(at, leaf, "follow-ring",
                      [f"Followed ring: {instance.hex()}",
                       f"Followed genesis: {sha256(leaf['genesis']).hex()}",
                       f"Followed log key: {sha256(logs[0] if logs else b'').hex()}"])
        demand(instance not in self.followed and instance != self.genesis["instance"], "rings",
               "followed twice, or by itself")
        self.followed[instance] = 0

    def FollowedRead(self, _, leaf):
        demand(leaf["size"] > self.followed.get(leaf["instance"], leaf["size"]), "rings",
               f"{leaf['size']} leaves, or a ring that is not followed")
        self.followed[leaf["instance"]] = leaf["size"]

    def UnlockRotated(self, _, leaf):
        intended, self.rotating = self.rotating, None
        stage, unlock = leaf["stage"], leaf["unlock"]
        known = {1: intended is None, 2: intended == unlock, 3: intended == unlock,
                 4: intended is None and self.unlock not in (None, unlock)}[stage]
        demand(known, "rotation", f"stage {stage} of {unlock.hex()}")
        if stage == 1:
            self.rotating = unlock
        elif stage != 3:
            self.unlock = unlock

    def PolicySet(self, at, leaf):
        key, digest = self.known(leaf["key"]), sha256(leaf["text"].encode())
        demand((leaf["previous"], leaf["version"]) == (key.policy, key.version + 1),
               "policy-chain", f"version {leaf['version']} after {key.version}")
        demand(digest not in key.policies and key.state != DESTROYED, "policy-chain",
               "a policy that comes again, or of a key that is destroyed")
        previous = leaf["previous"].hex() if leaf["previous"] else "none"
        action = ("widen-policy", "narrow-policy") if key.policy else "activate-key"
        self.approved(at, leaf, action,
                      [*key.lines(), f"Policy version: {leaf['version']}",
                       f"Previous policy: {previous}", f"New policy: {digest.hex()}"])
        key.policy, key.version = digest, leaf["version"]
        key.policies.add(digest)
        key.may_sign_imported = says_imported(leaf["text"])
        key.state = ACTIVE if key.state == PRE_ACTIVE else key.state

    # -- signatures

    def issue(self, leaf, purpose):
        key = self.known(leaf["key"], purpose)
        demand(not self.frozen, "frozen", "issuance stands still")
        key.is_in(ACTIVE)
        key.signs()
        demand(leaf["policy"] == key.policy, "policy-not-in-force", leaf["policy"].hex())
        number_ = serial_of(leaf["tbs"])
        demand(len(number_) == 19 and number_[0] == self.prefixes[-1], "serial",
               f"{number_.hex()} was not minted by this ring")
        demand(leaf["idempotency"] not in self.idempotency, "idempotency", "is used twice")
        demand(number_ not in key.issued, "serial", f"{number_.hex()} has two certificates")
        self.idempotency.add(leaf["idempotency"])
        key.issued.add(number_)
        return key

    def CertificateSigned(self, _, leaf):
        self.issue(leaf, ISSUING)

    def AuthoritySigned(self, at, leaf):
        key, subject = self.known(leaf["key"], CA), spki_of(leaf["tbs"])
        is_root = key.root or subject == key.spki
        self.approved(at, leaf, "sign-with-root" if is_root else "sign-sub-ca",
                      [*key.lines(), f"Policy: {leaf['policy'].hex()}",
                       f"Certificate: {sha256(leaf['tbs']).hex()}",
                       f"Certificate's key: {sha256(subject).hex()}"])
        self.issue(leaf, CA)
        key.root = is_root

    def RequestSigned(self, at, leaf):
        key = self.known(leaf["key"], CA, ISSUING)
        self.approved(at, leaf, "sign-ca-request",
                      [*key.lines(), f"Request: {sha256(leaf['info']).hex()}"])
        key.is_in(PRE_ACTIVE, ACTIVE)
        key.signs()

    def RevocationChanged(self, at, leaf):
        key = self.known(leaf["key"], CA, ISSUING)
        number_, status, reason = leaf["serial"], leaf["status"], leaf["reason"]
        demand(number_ in key.issued, "revocation", f"{number_.hex()} was never issued")
        before, releases = key.status.get(number_, (None, 0))
        follows = {REVOKED: before != REVOKED, HELD: before in (None, RELEASED),
                   RELEASED: before == HELD}[status]
        demand(follows, "revocation", f"{status} after {before}")
        demand({6: HELD, 8: RELEASED}.get(reason, REVOKED) == status, "revocation",
               f"reason {reason}")
        since = leaf["invalidity"]
        demand(since is None or (status == REVOKED and 0 <= since <= at + LIFT), "revocation",
               "an invalidity date to come, or of no revocation")
        demand(status != HELD or releases < MOST_RELEASES, "revocation", "released too often")
        key.changes.append((at, number_))
        key.status[number_] = (status, releases + (status == RELEASED))

    def CrlSigned(self, at, leaf):
        key = self.known(leaf["key"], CA, ISSUING)
        key.signs()
        number_, this_update = key.crl or (0, leaf["this_update"])
        demand(leaf["shard"] == 0 and leaf["number"] == number_ + 1, "crl-order",
               f"number {leaf['number']} after {number_}")
        demand(leaf["this_update"] >= this_update
               and -LIFT <= at - leaf["this_update"] <= LATENCY
               and leaf["next_update"] > leaf["this_update"], "crl-order", "thisUpdate")
        key.covers(leaf["revocations"], leaf["this_update"], "crl-order")
        demand(key.policy is not None and key.state != DESTROYED, "key-state",
               f"{key.label} has no policy yet, or is destroyed")
        key.crl = leaf["number"], leaf["this_update"]

    def OcspSigned(self, at, leaf):
        if self.followed and leaf["issuer"] not in self.keys:
            # The issuer is in a followed ring's journal.
            responder = self.known(leaf["responder"], OCSP)
            responder.signs()
            responder.is_in(ACTIVE, SUSPENDED)
            return
        issuer = self.known(leaf["issuer"], ISSUING)
        demand(not issuer.missing, "adoption", f"the inventory of {issuer.label} is not whole")
        issuer.covers(leaf["revocations"], leaf["this_update"], "ocsp")
        responder = self.known(leaf["responder"], OCSP)
        demand(leaf["count"] > 0 and -LIFT <= at - leaf["this_update"] <= LATENCY
               and leaf["next_update"] > leaf["this_update"], "ocsp", "count or times")
        responder.is_in(ACTIVE, SUSPENDED)
        responder.signs()

    def HandshakesSigned(self, _, leaf):
        key = self.known(leaf["key"], TLS)
        demand(key.policy is not None, "key-state", f"{key.label} has no policy yet")
        demand(1 <= leaf["count"] <= 4096, "handshakes", f"{leaf['count']} of one leaf")

    def Refused(self, _, leaf):
        demand(leaf["count"] > 0, "refusal-flood", "a refusal of nothing")


# --- the verdict ---------------------------------------------------------------------------------

def verify(journal, genesis=None, notes=(), tiles=None):
    """Checks a journal; returns the report with the first fault, if there is any."""
    fold, tree, faults = Fold(), Tree(), []
    checkpoints, published = [], []
    report = {"leaves": 0, "tail": 0, "genesis": None, "counts": fold.counts}

    def open_evidence():
        origin = "chancery/" + fold.genesis["instance"].hex()
        for name, note in notes:
            try:
                checkpoints.append((*read_checkpoint(note, origin, fold.log_key), name))
            except ValueError as error:
                faults.append(Fault(0, "checkpoint", f"{name}: {error}"))
        if tiles is None or not checkpoints:
            return
        size, root, name = max(checkpoints)
        hashes, vouched = read_tiles(tiles, size), Tree()
        for leaf_hash in hashes:
            vouched.push(leaf_hash)
        if len(hashes) == size and vouched.root() == root:
            published.extend(hashes)
        else:
            faults.append(Fault(0, "checkpoint", f"the tiles are not those of {name}"))

    try:
        leaves = walk(journal)
        while True:
            try:
                position, octets_, leaf_hash = next(leaves)
            except StopIteration as end:
                report["tail"] = end.value
                break
            if position == 0:
                report["genesis"] = sha256(octets_).hex()
                if genesis not in (None, report["genesis"]):
                    raise Fault(0, "genesis", f"{report['genesis']} instead of {genesis}")
            if position < len(published) and published[position] != leaf_hash:
                raise Fault(position, "leaf-replaced", "another leaf was published here")
            try:
                fold.take(position, octets_, leaf_hash)
            except Wrong as wrong:
                raise Fault(position, wrong.kind, wrong.detail) from None
            if position == 0:
                open_evidence()
                if published and published[0] != leaf_hash:
                    raise Fault(0, "leaf-replaced", "another leaf was published here")
            tree.push(leaf_hash)
            report["leaves"] = position + 1
            for size, root, name in checkpoints:
                if size == position + 1 and root != tree.root():
                    faults.append(Fault(size, "root-mismatch", name))
        if report["leaves"] == 0:
            faults.append(Fault(0, "genesis", "there is no leaf"))
        for size, _, name in checkpoints:
            if size > report["leaves"]:
                faults.append(Fault(report["leaves"], "truncated", f"{name} covers {size}"))
    except Fault as fault:
        faults.append(fault)
    first = min(faults, key=lambda fault: fault.index, default=None)
    report["root"] = tree.root().hex()
    report["verdict"] = "PASS" if first is None else "FAIL"
    report["fault"] = first and {"index": first.index, "kind": first.kind, "detail": first.detail}
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--ring", type=pathlib.Path, help="a ring's directory")
    source.add_argument("--journal", type=pathlib.Path, help="the directory of a journal")
    source.add_argument("--batch", action="store_true",
                        help="directories of journals on stdin, a JSON object for each on stdout")
    parser.add_argument("--genesis", help="the digest of genesis, as the ceremony printed it")
    parser.add_argument("--checkpoint", type=pathlib.Path, action="append", default=[],
                        help="a checkpoint that was seen elsewhere")
    parser.add_argument("--tiles", type=pathlib.Path, help="a directory with published tiles")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    notes = [(str(path), path.read_bytes()) for path in arguments.checkpoint]
    genesis = arguments.genesis
    if arguments.batch:
        for line in sys.stdin:
            report = verify(line.rstrip("\n"), genesis, notes, arguments.tiles)
            print(json.dumps(report), flush=True)
        return 0
    journal = arguments.journal
    if arguments.ring:
        journal = arguments.ring / "journal"
        found = re.search(r'^genesis = "([0-9a-f]{64})"$', (arguments.ring / "ring.toml")
                          .read_text(), re.MULTILINE)
        genesis = genesis or found and found[1]
    report = verify(journal, genesis, notes, arguments.tiles)
    if arguments.json:
        print(json.dumps(report))
    else:
        for name, count in sorted(fold_counts(report)):
            print(f"{count:10} {name}")
        fault = report["fault"]
        print(f"{report['leaves']} leaves, root {report['root']}")
        print("PASS" if fault is None else "FAIL {kind} at {index}: {detail}".format(**fault))
    return 0 if report["fault"] is None else 1


def fold_counts(report):
    return report["counts"].items()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print(f"verify_journal.py: {error}", file=sys.stderr)
        sys.exit(2)
