//! Process hardening: limits, dumpability, capabilities
