//! The operator's tool: chancery
