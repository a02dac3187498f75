//! KeyDriver, Approved and the driver conformance suite
