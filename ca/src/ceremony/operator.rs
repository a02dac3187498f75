//! An operator's way to a ring: admin.sock, and the warrants of what is done there.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::time::Duration;

use signer_client::{CallError, SignerClient};
use signer_proto::{Act, Socket, Warrant, Warranted};

/// How long an act may take: a key of RSA 4096 is searched for some seconds.
const ACTING: Duration = Duration::from_secs(30);

/// Why there is no warrant.
#[derive(Debug, thiserror::Error)]
pub enum WarrantError {
    /// The signer did not write the proposal.
    #[error("the signer wrote no proposal")]
    Call(#[from] CallError),
    /// Operators have yet to sign; the text says what and how.
    #[error("{0}")]
    Waiting(String),
    /// It cannot be had.
    #[error("{0}")]
    Failed(String),
}

/// Why an act was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no warrant for it.
    #[error("the act has no warrant")]
    Warrant(#[from] WarrantError),
    /// The signer refused it or did not answer.
    #[error("the signer did not do it")]
    Call(#[from] CallError),
}

/// A future warrant, and the act that it is for.
pub type Granting<'a> =
    Pin<Box<dyn Future<Output = Result<(Act, Warrant), WarrantError>> + Send + 'a>>;

/// Where warrants come from.
pub trait Warrants: Send + Sync {
    /// Gets the warrant for an act. What it gives may be an earlier draft of the same act, for
    /// which operators have signed already: serials and dates of a draft are new with every run.
    fn grant<'a>(&'a self, client: &'a SignerClient, act: Act) -> Granting<'a>;

    /// Is told that an act was carried out.
    fn done(&self, act: &Act);
}

/// The empty warrant: of a ring without operators.
pub struct NoOperators;

impl Warrants for NoOperators {
    fn grant<'a>(&'a self, _: &'a SignerClient, act: Act) -> Granting<'a> {
        Box::pin(async { Ok((act, Warrant::none())) })
    }

    fn done(&self, _: &Act) {}
}

/// Speaks on admin.sock, and gets the warrant for each act before it asks for it.
pub struct Operator {
    client: SignerClient,
    warrants: Box<dyn Warrants>,
}

impl Operator {
    /// Takes a client of admin.sock and where warrants come from.
    pub fn new(client: SignerClient, warrants: impl Warrants + 'static) -> Self {
        Self { client, warrants: Box::new(warrants) }
    }

    /// Carries an act out; gives it as it was carried out, with its answer.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn act<C: Warranted>(&self, call: C) -> Result<(C, C::Answer), ActError> {
        self.act_with(call, |_| ()).await
    }

    /// Carries an act out with what no proposal has, which is added when it is approved.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn act_with<C: Warranted>(
        &self,
        call: C,
        complete: impl FnOnce(&mut C),
    ) -> Result<(C, C::Answer), ActError> {
        let (act, warrant) = self.warrants.grant(&self.client, call.into()).await?;
        let wrong = || WarrantError::Failed("the warrant is for another kind of act".to_owned());
        let mut call = C::of(act.under(warrant)).ok_or_else(wrong)?;
        complete(&mut call);
        let answer = self.client.call(Socket::Admin, &call, ACTING).await?;
        self.warrants.done(&call.clone().into());
        Ok((call, answer))
    }
}

impl Deref for Operator {
    type Target = SignerClient;

    fn deref(&self) -> &SignerClient {
        &self.client
    }
}

impl From<SignerClient> for Operator {
    /// An operator of a ring without operators.
    fn from(client: SignerClient) -> Self {
        Self::new(client, NoOperators)
    }
}
