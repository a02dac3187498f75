//! What a person sees after `up`: a screenful, with commands to try.

use std::time::Duration;

use super::Up;
use super::identity::Identities;
use super::layout::Layout;
use super::prepare::{Made, Root};

/// Prints what was made, where it listens, what to try and what to know.
pub fn show(
    up: &Up,
    layout: &Layout,
    identities: &Identities,
    made: &Made,
    root: &Root,
    took: Duration,
) {
    let data = layout.data.display();
    let first = if made.ring { "made" } else { "found" };
    println!("Chancery is ready after {:.1} s.", took.as_secs_f64());
    println!();
    println!("  data       {data} ({first})");
    println!(
        "  root       {}  {}",
        layout.root_pem().display(),
        root.subject
    );
    println!("  issuing    {}", root.issuing);
    println!(
        "  token      {} (admin, mode 0600)",
        layout.admin_token().display()
    );
    println!("  API        https://{}", up.https);
    println!("  CRL, OCSP  {}", up.public_base());
    match identities {
        Identities::Several { signer, server } => {
            println!("  users      signer {}, server {}", signer.uid, server.uid);
        }
        Identities::One(account) => {
            println!("  users      {} for both", account.uid);
            println!("             ONE UID: the boundary is not enforced");
        }
    }
    if root.any_name {
        println!(
            "  names      ANY NAME may be certified; `--names corp.example,10.0.0.0/8` at first"
        );
        println!(
            "             start, or `chancery policy names issuing --names ...` later, pins them"
        );
    }
    println!();
    println!("Try, in another terminal:");
    println!();
    println!(
        "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \\"
    );
    println!(
        "    -subj / -addext subjectAltName=DNS:{} -out req.pem",
        example_name(root)
    );
    println!(
        "  {} cert issue --data {data} --profile tls-server --csr req.pem --out cert.pem",
        command()
    );
    println!(
        "  openssl verify -CAfile {} -untrusted cert.pem cert.pem",
        layout.root_pem().display()
    );
    println!();
    println!(
        "Then `{0} cert revoke --data {data} SERIAL`, `{0} status --data {data}`, `{0} --help`.",
        command()
    );
    println!("Ctrl-C ends signer and server.");
}

/// Names the program as the person called it.
fn command() -> String {
    std::env::args()
        .next()
        .unwrap_or_else(|| "chancery".to_owned())
}

fn example_name(root: &Root) -> String {
    match &root.first_domain {
        Some(domain) => format!("www.{domain}"),
        None => "www.corp.example".to_owned(),
    }
}
