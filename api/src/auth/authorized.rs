//! A permission as a type: a handler that takes `Authorized<P>` runs only for tokens with `P`.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use model::{ApiToken, Permission};

use super::Tokens;
use crate::problem::{Kind, Problem};

/// Is implemented by the types in [`permission`].
pub trait Demand: Send + Sync + 'static {
    /// The permission that the type stands for.
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($name:ident)*) => {
        /// A type for each permission.
        pub mod permission {
            $(
                #[doc = concat!("Stands for [`model::Permission::", stringify!($name), "`].")]
                #[derive(Debug)]
                pub enum $name {}

                impl super::Demand for $name {
                    const PERMISSION: model::Permission = model::Permission::$name;
                }
            )*
        }
    };
}

permissions! {
    ReadCertificates IssueCertificates RevokeCertificates
    ReadIssuers ManageIssuers
    ReadProfiles ManageProfiles
    ManageTokens ReadAudit ReadJournal ReadMetrics
}

/// Is a good token whose role has the permission `P`.
#[derive(Debug)]
pub struct Authorized<P> {
    token: Arc<ApiToken>,
    permission: PhantomData<P>,
}

impl<P> Authorized<P> {
    /// Gives the token.
    #[must_use]
    pub fn token(&self) -> &ApiToken {
        &self.token
    }

    /// Gives the name that audit events have for who asks.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.token.name
    }
}

impl<S, P> FromRequestParts<S> for Authorized<P>
where
    S: Send + Sync,
    P: Demand,
    Tokens: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let tokens = Tokens::from_ref(state);
        let header = parts.headers.get(AUTHORIZATION);
        let token = tokens.authenticate(header.map(http::HeaderValue::as_bytes)).await?;
        if !token.role.allows(P::PERMISSION) {
            tokens.note_denial(&token, P::PERMISSION).await;
            return Err(Problem::new(
                Kind::Forbidden,
                "permission-missing",
                format!("the role {} does not have the permission {}", token.role, P::PERMISSION),
            ));
        }
        Ok(Self { token, permission: PhantomData })
    }
}
