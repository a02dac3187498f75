# One build serves lint, test and torture: the whole workspace with all targets, dev profile.
# Every target works on a fresh clone.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
INSTALLED := signer-file signer-pkcs11 p11-module chancery-server chancery-va chancery
RELEASE := $(addprefix -p ,$(INSTALLED))

# Where `make run` keeps its data and what else it passes to `chancery up`.
DATA ?= data
UP ?=
FUZZ_SECONDS ?= 300
TORTURE_KILLS ?= 500
VERIFY_MUTATIONS ?= 10000
# Where the tests look for foreign programs, as in .ci/run.
CHANCERY_FOREIGN ?= $(CURDIR)/target/foreign
export FUZZ_SECONDS TORTURE_KILLS CHANCERY_FOREIGN

.PHONY: help run build test lint fmt tidy clippy openapi links attack bench fuzz torture drill
.PHONY: verify-scale mutations e2e conformance kryoptic clean

help:
	@echo "make run      build in release mode and start a CA in ./$(DATA)"
	@echo "make test     run every test; missing tools are listed as skipped"
	@echo "make lint     format, clippy, laws of the tree, linked libraries, OpenAPI"
	@echo "make attack   every attack on the signer, and on one whose policy checks are stubbed"
	@echo "make bench    measure against the raw library, write docs/PERFORMANCE.md"
	@echo "make fuzz     every fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))"
	@echo "make verify-scale  both verifiers over a journal of 100,000 leaves, timed"
	@echo "make mutations     VERIFY_MUTATIONS ($(VERIFY_MUTATIONS)) mutations before both verifiers"
	@echo "make e2e RING=pkcs11   the tests with real processes, over keys in SoftHSM2"
	@echo "make conformance DRIVER=pkcs11 CONFIG=FILE   every driver's suite over your HSM (kms: account)"
	@echo "make kryoptic  build a token with ML-DSA for the tests (5 to 10 minutes), into CHANCERY_FOREIGN"
	@echo "make torture  kill signer and server TORTURE_KILLS ($(TORTURE_KILLS)) times under load"
	@echo "make drill    lose a CA and restore it from its back-up, timed"

# exec: Ctrl-C goes to chancery, which ends signer and server.
run:
	@$(CARGO) build --locked --release $(RELEASE)
	@exec $(TARGET)/release/chancery up --data $(DATA) $(UP)

build:
	$(CARGO) build --locked --workspace --all-targets

test:
	$(CARGO) xtask test

lint: fmt tidy clippy openapi links

fmt:
	$(CARGO) fmt --all --check

tidy:
	$(CARGO) xtask tidy

clippy:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# The description that is checked in is the one that the code makes.
openapi: build
	@$(TARGET)/debug/chancery-server openapi > $(TARGET)/openapi.json
	@diff -u docs/openapi.json $(TARGET)/openapi.json || { \
	  echo "docs/openapi.json is not what the code says: cp $(TARGET)/openapi.json docs/openapi.json"; \
	  exit 1; }

links: build
	$(CARGO) xtask links --profile dev

# Builds the stubbed signer into $(TARGET)/stub. As root, for the two uids.
attack:
	$(CARGO) xtask attack

bench:
	$(CARGO) build --locked --release $(RELEASE) -p signer-kms
	$(CARGO) run --locked --release -p bench --bin bench

fuzz:
	$(CARGO) xtask fuzz

torture: build
	$(TARGET)/debug/torture

verify-scale:
	$(CARGO) build --locked --release -p signer-verify -p verify-tests
	$(TARGET)/release/scale

mutations:
	VERIFY_MUTATIONS=$(VERIFY_MUTATIONS) $(CARGO) test --locked --release -p verify-tests mutations

# RING=file|pkcs11|kms: the tests with real processes, over a ring of that family.
RING ?= file
E2E ?=
e2e: build
	CHANCERY_TEST_RING=$(RING) $(CARGO) test --locked --workspace --test clients -- $(E2E)

# DRIVER=pkcs11|kms CONFIG=FILE: the suite of all drivers over somebody's own device or account; REPORT
# is written. Without DRIVER=kms the vendors' SDKs are not built.
DRIVER ?= pkcs11
CONFIG ?=
REPORT ?= conformance.txt
CONFORMANCE ?=
conformance:
	@test -n "$(CONFIG)" || { echo "CONFIG=FILE: the driver's configuration"; exit 1; }
	$(CARGO) build --locked --release -p p11-module
	$(CARGO) build --locked --release -p conformance --no-default-features $(if $(filter kms,$(DRIVER)),--features kms)
	$(TARGET)/release/conformance --driver $(DRIVER) --config $(CONFIG) --report $(REPORT) $(CONFORMANCE)

# Too slow for every run: tests over it are listed as left out where it was not built.
kryoptic:
	tests/foreign/kryoptic.sh "$(CHANCERY_FOREIGN)"

# A CA is made, used, copied, lost and restored; what it says afterwards is held against before.
drill: build
	tests/drill/restore.sh $(TARGET)/debug

clean:
	$(CARGO) clean
