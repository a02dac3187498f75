//! How AWS names a key: an ARN of a key or an alias, an alias, a key id.

use crate::cloud::Place;

/// Reads a name; one without a region is of `region`.
pub(crate) fn read(text: &str, region: &str) -> Result<Place, &'static str> {
    let is_name = |text: &str| {
        (1..=256).contains(&text.len())
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"/_-".contains(&c))
    };
    let place = |region: &str| Place { region: region.to_owned(), name: text.to_owned() };
    if !text.starts_with("arn:") {
        let is_id = !text.contains('/');
        return if is_name(text) && (is_id || text.starts_with("alias/")) {
            Ok(place(region))
        } else {
            Err("it is no ARN, alias/NAME or key id")
        };
    }
    // arn:PARTITION:kms:REGION:ACCOUNT:key/ID or :alias/NAME
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "kms", region, account, resource]
            if partition.starts_with("aws")
                && is_region(region)
                && account.len() == 12
                && account.bytes().all(|c| c.is_ascii_digit())
                && (resource.starts_with("key/") || resource.starts_with("alias/"))
                && is_name(resource) =>
        {
            Ok(place(region))
        }
        _ => Err("it is no ARN of a KMS key: arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME"),
    }
}

/// Says whether a text may be a region: it becomes part of a host name.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

/// Returns the region that an ARN names.
pub(super) fn region(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| is_region(region))
}

/// Returns the same multi-region key in other regions; none for a key of one region. Their ids
/// are the same (Developer Guide, "Multi-Region keys").
pub(super) fn replicas(place: &Place, regions: &[String]) -> Vec<Place> {
    let Some(own) = region(&place.name).filter(|_| place.name.contains(":key/mrk-")) else {
        return Vec::new();
    };
    let others = regions.iter().filter(|other| *other != own);
    let mut found: Vec<_> = others
        .map(|other| Place {
            region: other.clone(),
            name: place.name.replacen(&format!(":{own}:"), &format!(":{other}:"), 1),
        })
        .collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_carry_their_region_and_names_take_the_given_one() {
        for (text, region) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab", "eu-west-1"),
            ("arn:aws-us-gov:kms:us-gov-west-1:111122223333:alias/issuing", "us-gov-west-1"),
            ("alias/issuing", "eu-central-1"),
            ("1234abcd-12ab-34cd-56ef-1234567890ab", "eu-central-1"),
        ] {
            let place = read(text, "eu-central-1").unwrap();
            assert_eq!((place.region.as_str(), place.name.as_str()), (region, text));
        }
    }

    #[test]
    fn refuses_what_names_no_key() {
        for text in [
            "",
            "a key",
            "arn:aws:s3:eu-west-1:111122223333:key/1",
            "arn:aws:kms:EU:111122223333:key/1",
            "arn:aws:kms:evil.example/:111122223333:key/1",
            "arn:aws:kms:eu-west-1:1:key/1",
            "arn:aws:kms:eu-west-1:111122223333:grant/1",
            "arn:aws:kms:eu-west-1:111122223333:key/1:2",
            "https://example.com/",
        ] {
            assert!(read(text, "eu-west-1").is_err(), "{text}");
        }
    }

    #[test]
    fn only_multi_region_keys_have_replicas() {
        let place = |name: &str| read(name, "eu-west-1").unwrap();
        let regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
        let single = place("arn:aws:kms:eu-west-1:111122223333:key/1234");
        assert_eq!(replicas(&single, &regions), []);
        let multi = place("arn:aws:kms:eu-west-1:111122223333:key/mrk-1234");
        let copies = replicas(&multi, &regions);
        let names: Vec<_> = copies.iter().map(|copy| copy.name.as_str()).collect();
        assert_eq!(names, ["arn:aws:kms:us-east-1:111122223333:key/mrk-1234"]);
        assert_eq!(copies[0].region, "us-east-1");
    }
}
