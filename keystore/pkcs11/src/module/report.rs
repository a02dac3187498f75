//! What the module, its slot and its token say of themselves.

use cryptoki::mechanism::MechanismType;
use cryptoki::slot::{Limit, TokenInfo};

use super::error::fault;
use super::token::{Opened, Token};
use crate::wire::{Fault, Line};

/// What we could ever use.
const OF_INTEREST: [(MechanismType, &str); 12] = [
    (MechanismType::RSA_PKCS, "CKM_RSA_PKCS"),
    (MechanismType::RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS"),
    (MechanismType::ECDSA, "CKM_ECDSA"),
    (MechanismType::EDDSA, "CKM_EDDSA"),
    (MechanismType::ML_DSA, "CKM_ML_DSA"),
    (MechanismType::RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"),
    (MechanismType::ECC_KEY_PAIR_GEN, "CKM_EC_KEY_PAIR_GEN"),
    (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
    (MechanismType::ML_DSA_KEY_PAIR_GEN, "CKM_ML_DSA_KEY_PAIR_GEN"),
    (MechanismType::RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"),
    (MechanismType::SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"),
    (MechanismType::ECDSA_SHA256, "CKM_ECDSA_SHA256"),
];

/// Tells what there is to tell, also of a token that is not there.
pub(super) fn lines(token: &Token, opened: Option<&Opened>) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    let mut tell = |name: &str, value: String| lines.push(Line { name: name.to_owned(), value });
    let context = token.context()?;
    tell("module", token.module.path.display().to_string());
    tell("module pinned", if token.module.sha256.is_some() { "yes" } else { "no" }.to_owned());
    let info = context.get_library_info().map_err(|error| fault(&error))?;
    tell("library", format!("{} {}", info.library_description().trim(), info.library_version()));
    tell("manufacturer of the module", info.manufacturer_id().trim().to_owned());
    tell("cryptoki", info.cryptoki_version().to_string());
    let network = match token.module.network_ports.as_slice() {
        [] => "none".to_owned(),
        ports => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    };
    tell("network ports", network);
    let Some(opened) = opened else { return Ok(lines) };
    let slot = context.get_slot_info(opened.slot).map_err(|error| fault(&error))?;
    tell("slot", slot.slot_description().trim().to_owned());
    let info = context.get_token_info(opened.slot).map_err(|error| fault(&error))?;
    lines.extend(of_token(&info, token));
    let names = OF_INTEREST.iter().filter(|(kind, _)| opened.mechanisms.contains(kind));
    let value = names.map(|(_, name)| *name).collect::<Vec<_>>().join(" ");
    lines.push(Line { name: "mechanisms".to_owned(), value });
    Ok(lines)
}

fn of_token(info: &TokenInfo, token: &Token) -> Vec<Line> {
    let limit = |limit: Limit| match limit {
        Limit::Max(most) => most.to_string(),
        Limit::Infinite => "no limit".to_owned(),
        Limit::Unavailable => "not told".to_owned(),
    };
    let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
    let pin = if info.user_pin_locked() {
        "locked"
    } else if info.user_pin_final_try() {
        "one try is left"
    } else if info.user_pin_count_low() {
        "a wrong one was tried"
    } else {
        "in order"
    };
    [
        ("label", info.label().trim().to_owned()),
        ("serial", info.serial_number().trim().to_owned()),
        ("manufacturer", info.manufacturer_id().trim().to_owned()),
        ("model", info.model().trim().to_owned()),
        ("firmware", info.firmware_version().to_string()),
        ("hardware", info.hardware_version().to_string()),
        ("login required", yes(info.login_required())),
        ("PIN", pin.to_owned()),
        ("PIN pad", yes(info.protected_authentication_path())),
        ("sessions allowed", limit(info.max_session_count())),
        ("sessions configured", token.config().sessions.to_string()),
    ]
    .map(|(name, value)| Line { name: name.to_owned(), value })
    .to_vec()
}
