//! The dictionary of the trust boundary: calls, answers, refusals, framing
