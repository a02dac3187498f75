//! Whether the server speaks TLS 1.2 to old clients.

use super::Check;
use crate::up::{Layout, setting};

/// Says that it does; nothing where it does not, or where its configuration cannot be read: that is
/// told elsewhere.
pub fn check(layout: &Layout) -> Option<Check> {
    let address = setting(&layout.server_config(), "listen", "enrolment_tls12").ok()??;
    Some(Check::warning(
        "TLS 1.2",
        format!("on at {address}, for the enrolment protocols alone"),
        "start `chancery up` without --enrolment-tls12 once no client needs it, and take \
         `tls12 = true` out of the policy of server.tls",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_listener_for_old_clients_is_told_and_its_absence_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path()).expect("a layout");
        assert!(check(&layout).is_none());
        let config = layout.server_config();
        std::fs::create_dir_all(config.parent().expect("a folder")).expect("a folder");
        std::fs::write(&config, "[listen]\nhttps = \"127.0.0.1:8443\"\n").expect("written");
        assert!(check(&layout).is_none());
        let text = "[listen]\nenrolment_tls12 = \"127.0.0.1:8444\"\n";
        std::fs::write(&config, text).expect("written");
        let found = check(&layout).expect("a check");
        assert_eq!(found.verdict, Verdict::Warning);
        assert!(found.seen.contains("on at 127.0.0.1:8444"), "{}", found.seen);
    }
}
