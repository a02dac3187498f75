//! Management API and composition root of the server
