//! Tokens by the digest of their text, looked up once in a few seconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use model::{ApiToken, AuditAction, Clock, Id, NewAuditEvent, Permission, UnixTime};
use store::{Store, StoreError, audit, tokens};

use super::secret::digest_of;
use crate::problem::Problem;

/// How long a token that another server revoked is still taken here.
const KEPT: Duration = Duration::from_secs(5);
/// Tokens that are kept at most; only good ones are.
const MOST: usize = 4096;
/// How often a denial of the same kind is written into the audit log.
const DENIAL: Duration = Duration::from_secs(10);

/// Finds tokens; clones share everything.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    kept: RwLock<HashMap<[u8; 32], Kept>>,
    /// Grows with every revocation: what was read before is not kept after.
    revocations: AtomicU64,
    denials: Mutex<HashMap<(Id<ApiToken>, Permission), Instant>>,
}

#[derive(Clone)]
struct Kept {
    token: Arc<ApiToken>,
    until: Instant,
}

impl Tokens {
    /// Looks into the store's table.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            kept: RwLock::default(),
            revocations: AtomicU64::new(0),
            denials: Mutex::default(),
        }))
    }

    /// Finds the token of an Authorization header's value (RFC 6750 §2.1).
    ///
    /// # Errors
    /// A [`Problem`] that says no more than that the token is not good.
    pub async fn authenticate(&self, header: Option<&[u8]>) -> Result<Arc<ApiToken>, Problem> {
        let Some(header) = header else {
            return Err(Problem::unauthenticated(
                "token-missing",
                "the request needs a header `Authorization: Bearer <token>`",
            ));
        };
        let digest = bearer(header).and_then(digest_of).ok_or_else(not_good)?;
        let token = match self.kept(&digest) {
            Some(token) => token,
            None => self.look_up(digest).await?.ok_or_else(not_good)?,
        };
        // Expiry is told by the clock, whatever is kept.
        if token.is_good(self.0.clock.now()) { Ok(token) } else { Err(not_good()) }
    }

    fn kept(&self, digest: &[u8; 32]) -> Option<Arc<ApiToken>> {
        let kept = self.0.kept.read().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(digest)?;
        (Instant::now() < found.until).then(|| Arc::clone(&found.token))
    }

    async fn look_up(&self, digest: [u8; 32]) -> Result<Option<Arc<ApiToken>>, StoreError> {
        let before = self.0.revocations.load(Ordering::Acquire);
        let Some(token) = tokens::find_by_sha256(&self.0.store, &digest).await? else {
            return Ok(None);
        };
        let token = Arc::new(token);
        let mut kept = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        if before == self.0.revocations.load(Ordering::Acquire) {
            if kept.len() >= MOST {
                kept.clear();
            }
            let until = Instant::now() + KEPT;
            let entry = Kept { token: Arc::clone(&token), until };
            kept.insert(digest, entry);
        }
        Ok(Some(token))
    }

    /// Notes a new token with its audit event.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create(&self, token: ApiToken, by: &str) -> Result<(), StoreError> {
        let event = NewAuditEvent {
            at: token.created_at,
            actor: by.to_owned(),
            action: AuditAction::TokenCreate,
            target: token.id.to_string(),
            detail: serde_json::json!({ "name": token.name, "role": token.role.as_str() })
                .to_string(),
            journal: None,
        };
        let write = self.0.store.write(move |tx| {
            Box::pin(async move {
                tokens::insert(tx, &token).await?;
                audit::append(tx, &event).await
            })
        });
        write.await
    }

    /// Revokes a token; at once in this process, within seconds in others. The last good admin
    /// token stays: nobody could make another.
    ///
    /// # Errors
    /// [`RevokeTokenError`].
    pub async fn revoke(&self, id: Id<ApiToken>, by: &str) -> Result<(), RevokeTokenError> {
        let now = self.now();
        let event = NewAuditEvent {
            at: now,
            actor: by.to_owned(),
            action: AuditAction::TokenRevoke,
            target: id.to_string(),
            detail: "{}".to_owned(),
            journal: None,
        };
        let write = self.0.store.write(move |tx| {
            Box::pin(async move {
                let all = tokens::list(&mut *tx).await?;
                let token = all.iter().find(|token| token.id == id);
                let token = token.ok_or(StoreError::NotFound)?;
                if token.revoked_at.is_some() {
                    return Ok(Ok(()));
                }
                if is_last_admin(token, &all, now) {
                    return Ok(Err(RevokeTokenError::LastAdmin));
                }
                tokens::revoke(tx, id, now).await?;
                audit::append(tx, &event).await.map(Ok)
            })
        });
        write.await??;
        self.forget();
        Ok(())
    }

    /// Forgets what is kept.
    fn forget(&self) {
        // First the count: a look-up that read the old row either sees it, or inserts before
        // everything is dropped.
        self.0.revocations.fetch_add(1, Ordering::AcqRel);
        let mut kept = self.0.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }

    /// Notes that a token's bearer was denied something; the same again only after a while.
    pub async fn note_denial(&self, token: &ApiToken, permission: Permission) {
        let now = Instant::now();
        {
            let mut denials = self.0.denials.lock().unwrap_or_else(PoisonError::into_inner);
            denials.retain(|_, at| now.duration_since(*at) < DENIAL);
            if denials.insert((token.id, permission), now).is_some() {
                return;
            }
        }
        let event = NewAuditEvent {
            at: self.now(),
            actor: token.name.clone(),
            action: AuditAction::AccessDenied,
            target: permission.as_str().to_owned(),
            detail: serde_json::json!({ "token": token.id, "role": token.role.as_str() })
                .to_string(),
            journal: None,
        };
        let write =
            self.0.store.write(move |tx| Box::pin(async move { audit::append(tx, &event).await }));
        if let Err(error) = write.await {
            tracing::warn!(%error, "a denial is not in the audit log");
        }
    }

    /// Gives the time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.0.clock.now()
    }

    /// Gives the clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }
}

/// Says why a token was not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeTokenError {
    /// Nobody could make another. Refused.
    #[error("this is the last good admin token: make another one first")]
    LastAdmin,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn is_last_admin(token: &ApiToken, all: &[ApiToken], now: UnixTime) -> bool {
    let admin = |token: &ApiToken| token.role == model::Role::Admin && token.is_good(now);
    admin(token) && !all.iter().any(|other| other.id != token.id && admin(other))
}

fn not_good() -> Problem {
    Problem::unauthenticated("token-refused", "the token is unknown, expired or revoked")
}

/// Takes the token out of `Bearer <token>`; the scheme's case counts for nothing (RFC 9110 §11.1).
fn bearer(header: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{TokenSecret, testing};
    use model::Role;

    async fn insert(tokens: &Tokens, role: Role, seed: u8) -> (String, ApiToken) {
        let secret = TokenSecret::draw().expect("randomness");
        let token = ApiToken { sha256: secret.sha256(), ..testing::token(role, seed) };
        tokens.create(token.clone(), "t").await.expect("created");
        (format!("Bearer {}", secret.reveal()), token)
    }

    async fn rule(tokens: &Tokens, header: &str) -> Option<String> {
        let found = tokens.authenticate(Some(header.as_bytes())).await;
        found.err().map(|problem| problem.rule().to_owned())
    }

    #[tokio::test]
    async fn a_good_token_is_found_whatever_the_schemes_case() {
        let (_, tokens) = testing::tokens().await;
        let (header, token) = insert(&tokens, Role::Viewer, 1).await;
        for header in [&header, &header.replace("Bearer", "bEARER ")] {
            let found = tokens.authenticate(Some(header.as_bytes())).await;
            assert_eq!(*found.expect("good"), token);
        }
    }

    #[tokio::test]
    async fn what_is_no_good_token_is_refused() {
        let (_, tokens) = testing::tokens().await;
        let (header, _) = insert(&tokens, Role::Viewer, 1).await;
        let missing = tokens.authenticate(None).await.err();
        assert_eq!(missing.expect("refused").rule(), "token-missing");
        let unknown = format!("Bearer chancery_{}", "a".repeat(43));
        for header in ["", "Bearer", "Bearer x", &unknown, &header.replace("Bearer", "Basic")] {
            assert_eq!(rule(&tokens, header).await.as_deref(), Some("token-refused"));
        }
    }

    #[tokio::test]
    async fn a_revoked_token_is_refused_at_once() {
        let (_, tokens) = testing::tokens().await;
        let (_, _) = insert(&tokens, Role::Admin, 1).await;
        let (header, token) = insert(&tokens, Role::Operator, 2).await;
        assert_eq!(rule(&tokens, &header).await, None);
        tokens.revoke(token.id, "t").await.expect("revoked");
        assert_eq!(rule(&tokens, &header).await.as_deref(), Some("token-refused"));
        tokens.revoke(token.id, "t").await.expect("still revoked");
    }

    #[tokio::test]
    async fn an_expired_token_is_refused_though_it_is_kept() {
        let store = store::testing::open(&store::DatabaseUrl::memory()).await;
        let clock = Arc::new(store::testing::TestClock::default());
        let tokens = Tokens::new(store, clock.clone());
        let secret = TokenSecret::draw().expect("randomness");
        let token = ApiToken {
            sha256: secret.sha256(),
            expires_at: Some(tokens.now().plus_seconds(1)),
            ..testing::token(Role::Viewer, 1)
        };
        tokens.create(token, "t").await.expect("created");
        let header = format!("Bearer {}", secret.reveal());
        assert_eq!(rule(&tokens, &header).await, None);
        clock.advance_millis(1000);
        assert_eq!(rule(&tokens, &header).await.as_deref(), Some("token-refused"));
    }

    #[tokio::test]
    async fn the_last_admin_stays() {
        let (_, tokens) = testing::tokens().await;
        let (_, admin) = insert(&tokens, Role::Admin, 1).await;
        let refused = tokens.revoke(admin.id, "t").await;
        assert!(matches!(refused, Err(RevokeTokenError::LastAdmin)));
        let (_, other) = insert(&tokens, Role::Admin, 2).await;
        tokens.revoke(admin.id, "t").await.expect("revoked");
        let refused = tokens.revoke(other.id, "t").await;
        assert!(matches!(refused, Err(RevokeTokenError::LastAdmin)));
    }

    #[tokio::test]
    async fn denials_are_noted_once_in_a_while() {
        let (store, tokens) = testing::tokens().await;
        let token = testing::token(Role::Viewer, 1);
        for _ in 0..5 {
            tokens.note_denial(&token, Permission::ManageTokens).await;
        }
        tokens.note_denial(&token, Permission::ReadAudit).await;
        let events = audit::list(&store, &audit::Filter::default(), None, 10).await;
        let events = events.expect("events");
        let targets: Vec<&str> = events.iter().map(|event| event.target.as_str()).collect();
        assert_eq!(targets, ["audit:read", "tokens:manage"]);
    }
}
