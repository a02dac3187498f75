//! Planned renewals.

use model::{Id, IssuerName, ProfileName, RenewalPlan};
use serde::Serialize;
use utoipa::ToSchema;

use super::Time;

/// Renewals that are planned.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RenewalPlan)]
pub struct RenewalPlanBody {
    /// Identifies it.
    #[schema(value_type = String)]
    pub id: Id<RenewalPlan>,
    /// Certificates of this issuer; null: of any.
    #[schema(value_type = Option<String>)]
    pub issuer: Option<IssuerName>,
    /// Certificates of this profile; null: of any.
    #[schema(value_type = Option<String>)]
    pub profile: Option<ProfileName>,
    /// Certificates issued before this time; null: all.
    pub issued_before: Option<Time>,
    /// When renewals shall begin.
    pub start: Time,
    /// When they shall be done.
    pub end: Time,
    /// A page that says why.
    pub explanation: Option<String>,
    /// When it was made.
    pub created_at: Time,
}

impl From<&RenewalPlan> for RenewalPlanBody {
    fn from(plan: &RenewalPlan) -> Self {
        Self {
            id: plan.id,
            issuer: plan.issuer.clone(),
            profile: plan.profile.clone(),
            issued_before: plan.issued_before.map(Time),
            start: Time(plan.start),
            end: Time(plan.end),
            explanation: plan.explanation.clone(),
            created_at: Time(plan.created_at),
        }
    }
}
