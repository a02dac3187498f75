//! RecordValidation: the validation authority saw that a name is the applicant's.

use std::sync::Arc;

use signer_proto::{
    Identifier, RecordValidation, Refusal, Rule, ValidationMethod, ValidationRecord,
    ValidationRecorded,
};

use super::Asked;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: RecordValidation, asked: Asked) {
    if let Err(refusal) = check(keeper, &call, &asked) {
        return asked.refuse(refusal);
    }
    let RecordValidation { identifier, method, account } = call;
    let event = ValidationRecorded { identifier, method, account };
    keeper.write(event, move |_, outcome| match outcome {
        Ok(written) => {
            asked.answer(&ValidationRecord { position: written.position, validated_at: written.at })
        }
        Err(refusal) => asked.refuse(refusal),
    });
}

/// A record counts from the signer's clock on, so that clock has to be believed.
fn check(keeper: &Keeper, call: &RecordValidation, asked: &Asked) -> Result<(), Refusal> {
    keeper.opened()?;
    keeper.now()?;
    // RFC 8738 §7: there is nobody to ask in the DNS for an address.
    if matches!(call.identifier, Identifier::Ip(_)) && call.method == ValidationMethod::Dns01 {
        let detail = format!("{} is not validated by dns-01", call.identifier);
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    asked.check_deadline()
}
