//! iPAddress rules: permitted and excluded networks.

use core::net::IpAddr;

use ipnet::IpNet;
use signer_proto::{Refusal, Rule};

use crate::change::Diff;
use crate::section::{Scope, Section};

/// What iPAddresses a key certifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IpRules {
    pub(crate) permitted: Scope<IpNet>,
    pub(crate) excluded: Vec<IpNet>,
}

impl IpRules {
    pub(crate) fn read(section: &mut Section) -> Self {
        Self {
            permitted: section.scope("ip", network),
            excluded: section.list("ip_excluded", network),
        }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { permitted, excluded } = self;
        diff.scope("ip", (permitted, &new.permitted), holds, IpNet::to_string);
        let excluded = (excluded.as_slice(), new.excluded.as_slice());
        diff.exclusions("ip_excluded", excluded, holds, IpNet::to_string);
    }

    /// Refuses an address that is no host's own spelling, excluded or not permitted.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        let refuse = |rule| Err(Refusal::new(rule, format!("iPAddress {address}")));
        // ::ffff:10.0.0.1 is 10.0.0.1 in other clothes and would pass by an exclusion of IPv4.
        let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if mapped || address.is_unspecified() {
            return refuse(Rule::NameMalformed);
        }
        if self.excluded.iter().any(|network| network.contains(&address)) {
            return refuse(Rule::NameExcluded);
        }
        if !self.permitted.admits(|network| network.contains(&address)) {
            return refuse(Rule::NameNotPermitted);
        }
        Ok(())
    }
}

/// Tells whether one network is the other or contains it.
pub(crate) fn holds(network: &IpNet, other: &IpNet) -> bool {
    network.contains(other)
}

/// Reads `10.0.0.0/8`: a network whose host bits are zero.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text
        .parse()
        .map_err(|_| "is not a network such as \"10.0.0.0/8\" or \"fd00::/8\"".to_owned())?;
    if network.trunc().to_string() == text {
        Ok(network)
    } else {
        Err(format!("is written {}", network.trunc()))
    }
}
