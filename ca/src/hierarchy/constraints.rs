//! Name constraints that only ever tighten (RFC 5280 §4.2.1.10).

use ipnet::IpNet;
use x509::{NameConstraints, NameSubtree};

use super::HierarchyError;

/// Checks that what confines a subordinate stands within what confines its parent.
///
/// A subordinate without constraints of its own inherits the parent's when a path is validated,
/// so none at all is fine; what it does permit must stand inside something permitted above.
pub(crate) fn within(
    parent: Option<&NameConstraints>,
    child: Option<&NameConstraints>,
) -> Result<(), HierarchyError> {
    let (Some(parent), Some(child)) = (parent, child) else {
        return Ok(());
    };
    for subtree in &child.permitted {
        let same_form: Vec<_> = parent
            .permitted
            .iter()
            .filter(|above| std::mem::discriminant(*above) == std::mem::discriminant(subtree))
            .collect();
        if !same_form.is_empty() && !same_form.iter().any(|above| contains(above, subtree)) {
            return Err(HierarchyError::ConstraintsWidened(format!("{subtree:?}")));
        }
    }
    Ok(())
}

fn contains(outer: &NameSubtree, inner: &NameSubtree) -> bool {
    match (outer, inner) {
        (NameSubtree::Dns(outer), NameSubtree::Dns(inner)) => domain_contains(outer, inner),
        (NameSubtree::Ip { addr: a, prefix: p }, NameSubtree::Ip { addr: b, prefix: q }) => {
            match (IpNet::new(*a, *p), IpNet::new(*b, *q)) {
                (Ok(outer), Ok(inner)) => outer.contains(&inner),
                _ => false,
            }
        }
        // RFC 5280 §4.2.1.10: mailboxes and hosts; a leading dot means strictly below.
        (NameSubtree::Email(outer), NameSubtree::Email(inner))
        | (NameSubtree::Uri(outer), NameSubtree::Uri(inner))
        | (NameSubtree::Upn(outer), NameSubtree::Upn(inner)) => {
            outer == inner
                || outer.strip_prefix('.').is_some_and(|below| {
                    inner.trim_start_matches('.') != below
                        && domain_contains(below, inner.trim_start_matches('.'))
                        || inner == outer
                })
        }
        (outer, inner) => outer == inner,
    }
}

fn domain_contains(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (outer.to_ascii_lowercase(), inner.to_ascii_lowercase());
    outer.is_empty()
        || outer == inner
        || inner.strip_suffix(&outer).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(subtrees: Vec<NameSubtree>) -> NameConstraints {
        NameConstraints { permitted: subtrees, excluded: vec![] }
    }

    fn dns(domain: &str) -> NameConstraints {
        permitted(vec![NameSubtree::Dns(domain.into())])
    }

    fn ip(network: &str) -> NameConstraints {
        let network: IpNet = network.parse().expect("a network");
        permitted(vec![NameSubtree::Ip { addr: network.addr(), prefix: network.prefix_len() }])
    }

    #[test]
    fn what_is_wider_is_refused() {
        for (parent, child, good) in [
            (dns("corp.example"), dns("corp.example"), true),
            (dns("corp.example"), dns("a.corp.example"), true),
            (dns("corp.example"), dns("evilcorp.example"), false),
            (dns("corp.example"), dns("example"), false),
            (ip("10.0.0.0/8"), ip("10.1.0.0/16"), true),
            (ip("10.1.0.0/16"), ip("10.0.0.0/8"), false),
            (ip("10.0.0.0/8"), ip("11.0.0.0/8"), false),
            (dns("corp.example"), ip("10.0.0.0/8"), true),
        ] {
            let result = within(Some(&parent), Some(&child));
            assert_eq!(result.is_ok(), good, "{parent:?} {child:?}");
        }
    }
}
