//! What endpoints set going.

pub(crate) mod account;
pub(crate) mod binding;
pub(crate) mod certificate_id;
pub(crate) mod external;
pub(crate) mod finalize;
pub(crate) mod identifiers;
pub(crate) mod orders;
pub(crate) mod recover;
pub(crate) mod request;
pub(crate) mod revoke;
pub(crate) mod ring;
pub(crate) mod validate;
