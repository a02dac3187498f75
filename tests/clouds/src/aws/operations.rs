//! The operations, one function each.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{ACCOUNT, Fault, Key, Keys, Outcome, Region};
use crate::material::{Material, Padding};

/// Sign, Message: "Minimum length of 1. Maximum length of 4096."
const MESSAGE_LIMIT: usize = 4096;

impl Region {
    pub(super) fn serve(&self, operation: &str, body: &Value) -> Outcome {
        match operation {
            "CreateKey" => self.create_key(body),
            "CreateAlias" => self.create_alias(body),
            "DeleteAlias" => self.delete_alias(body),
            "DescribeKey" => self.describe_key(body),
            "GetPublicKey" => self.get_public_key(body),
            "ReplicateKey" => self.replicate_key(body),
            "ScheduleKeyDeletion" => self.schedule_key_deletion(body),
            "Sign" => self.sign(body),
            other => Err(Fault("UnknownOperationException", other.to_owned())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create_key(&self, body: &Value) -> Outcome {
        let invalid = |why: &str| Fault("ValidationException", why.to_owned());
        if body["KeyUsage"] != "SIGN_VERIFY" {
            return Err(invalid("KeyUsage"));
        }
        let spec = body["KeySpec"].as_str().unwrap_or_default();
        let multi_region = body["MultiRegion"] == true;
        let mut keys = self.lock();
        let made = keys.make(&self.name, spec, multi_region, "AWS_KMS", tags(body));
        let arn = made.ok_or_else(|| invalid("KeySpec"))?;
        Ok(json!({ "KeyMetadata": metadata(&arn, &keys.keys[&arn]) }))
    }

    fn create_alias(&self, body: &Value) -> Outcome {
        let alias = body["AliasName"].as_str().unwrap_or_default();
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"/_-".contains(&c);
        if !alias.starts_with("alias/") || !alias.bytes().all(allowed) {
            return Err(Fault("InvalidAliasNameException", alias.to_owned()));
        }
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["TargetKeyId"].as_str().unwrap_or_default())?;
        let place = (self.name.clone(), alias.to_owned());
        if keys.aliases.contains_key(&place) {
            return Err(Fault("AlreadyExistsException", alias.to_owned()));
        }
        keys.aliases.insert(place, arn);
        Ok(json!({}))
    }

    fn delete_alias(&self, body: &Value) -> Outcome {
        let alias = body["AliasName"].as_str().unwrap_or_default().to_owned();
        match self.lock().aliases.remove(&(self.name.clone(), alias.clone())) {
            Some(_) => Ok(json!({})),
            None => Err(Fault("NotFoundException", alias)),
        }
    }

    fn describe_key(&self, body: &Value) -> Outcome {
        let keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        Ok(json!({ "KeyMetadata": metadata(&arn, &keys.keys[&arn]) }))
    }

    fn get_public_key(&self, body: &Value) -> Outcome {
        let keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let key = &keys.keys[&arn];
        usable(&arn, key)?;
        Ok(json!({
            "KeyId": arn,
            "PublicKey": STANDARD.encode(key.material.spki()),
            "KeySpec": key.spec,
            "KeyUsage": "SIGN_VERIFY",
        }))
    }

    fn replicate_key(&self, body: &Value) -> Outcome {
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let region = body["ReplicaRegion"].as_str().unwrap_or_default();
        let key = &keys.keys[&arn];
        if !key.multi_region {
            return Err(Fault("UnsupportedOperationException", "not multi-region".to_owned()));
        }
        let copy = Key {
            material: Arc::clone(&key.material),
            spec: key.spec.clone(),
            multi_region: true,
            state: "Enabled",
            origin: key.origin,
            tags: tags(body),
        };
        let other = arn.replacen(&format!(":{}:", self.name), &format!(":{region}:"), 1);
        let answer = json!({ "ReplicaKeyMetadata": metadata(&other, &copy) });
        keys.keys.insert(other, copy);
        Ok(answer)
    }

    fn schedule_key_deletion(&self, body: &Value) -> Outcome {
        let days = body["PendingWindowInDays"].as_u64().unwrap_or(30);
        if !(7..=30).contains(&days) {
            return Err(Fault("ValidationException", "PendingWindowInDays".to_owned()));
        }
        let mut keys = self.lock();
        let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
        let Some(key) = keys.keys.get_mut(&arn) else {
            return Err(Fault("NotFoundException", arn));
        };
        if key.state == "PendingDeletion" {
            return Err(Fault("KMSInvalidStateException", "it is pending deletion".to_owned()));
        }
        key.state = "PendingDeletion";
        Ok(json!({ "KeyId": arn, "KeyState": "PendingDeletion" }))
    }

    fn sign(&self, body: &Value) -> Outcome {
        let (arn, material, spec) = {
            let keys = self.lock();
            let arn = keys.find(&self.name, body["KeyId"].as_str().unwrap_or_default())?;
            let key = &keys.keys[&arn];
            usable(&arn, key)?;
            (arn, Arc::clone(&key.material), key.spec.clone())
        };
        let invalid = |why: &str| Fault("ValidationException", why.to_owned());
        let text = body["Message"].as_str().unwrap_or_default();
        let mut message = STANDARD.decode(text).map_err(|_| invalid("Message"))?;
        if message.is_empty() {
            return Err(invalid("Member must have length greater than or equal to 1"));
        }
        if message.len() > MESSAGE_LIMIT {
            return Err(invalid("Member must have length less than or equal to 4096"));
        }
        if self.faults.lies() {
            message.push(0);
            message.remove(0);
        }
        let algorithm = body["SigningAlgorithm"].as_str().unwrap_or_default();
        let kind = body["MessageType"].as_str().unwrap_or("RAW");
        let mut signature = sign(&material, &spec, (algorithm, kind), &message)
            .ok_or_else(|| Fault("InvalidKeyUsageException", format!("{algorithm}, {kind}")))?;
        if self.faults.damages() {
            signature.reverse();
        }
        Ok(json!({
            "KeyId": arn,
            "Signature": STANDARD.encode(signature),
            "SigningAlgorithm": algorithm,
        }))
    }
}

fn sign(
    material: &Material,
    spec: &str,
    (algorithm, kind): (&str, &str),
    message: &[u8],
) -> Option<Vec<u8>> {
    let bits = algorithm.rsplit('_').next()?.parse().ok()?;
    let padding = match algorithm.split("_SHA_").next()? {
        "RSASSA_PKCS1_V1_5" if spec.starts_with("RSA") => Padding::Pkcs1,
        "RSASSA_PSS" if spec.starts_with("RSA") => Padding::Pss,
        "ECDSA" if spec.starts_with("ECC_NIST_P") => Padding::None,
        "ED25519" if spec == "ECC_NIST_EDWARDS25519" && kind == "RAW" => Padding::None,
        "ML_DSA_SHAKE_256" if spec.starts_with("ML_DSA") => Padding::None,
        _ => return None,
    };
    match kind {
        "RAW" => material.sign(padding, bits, message),
        "DIGEST" => material.sign_digest(padding, bits, message),
        "EXTERNAL_MU" => material.sign_mu(message),
        _ => None,
    }
}

fn usable(arn: &str, key: &Key) -> Result<(), Fault> {
    match key.state {
        "Enabled" => Ok(()),
        "Disabled" => Err(Fault("DisabledException", format!("{arn} is disabled."))),
        state => Err(Fault("KMSInvalidStateException", format!("{arn} is {state}."))),
    }
}

fn metadata(arn: &str, key: &Key) -> Value {
    json!({
        "KeyId": arn.rsplit('/').next(),
        "Arn": arn,
        "AWSAccountId": ACCOUNT,
        "KeyState": key.state,
        "Enabled": key.state == "Enabled",
        "KeySpec": key.spec,
        "KeyUsage": "SIGN_VERIFY",
        "Origin": key.origin,
        "MultiRegion": key.multi_region,
    })
}

fn tags(body: &Value) -> BTreeMap<String, String> {
    let all = body["Tags"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.map(|tag| (text(&tag["TagKey"]), text(&tag["TagValue"]))).collect()
}
