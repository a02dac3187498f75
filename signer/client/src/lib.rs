//! Async client of the signer: pool, pipelining, deadlines, retry
