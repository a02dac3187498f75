//! The keeper of the seal: accept, permit, admit by policy, journal
