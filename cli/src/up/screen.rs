//! What a person sees after `up`: a screenful, with commands to try.

use std::time::Duration;

use super::Up;
use super::directories::Made;
use super::identity::Identities;
use super::layout::Layout;
use super::prepare::Root;

/// Says what was made, where it listens, what to try and what to know.
pub fn screen(
    up: &Up,
    layout: &Layout,
    identities: &Identities,
    made: &Made,
    root: &Root,
    took: Duration,
) -> String {
    let mut lines =
        vec![format!("Chancery is ready after {:.1} s.", took.as_secs_f64()), String::new()];
    lines.extend(facts(up, layout, made, root));
    lines.extend(users(identities));
    lines.extend(operator(layout));
    lines.extend(names(up, made, root));
    lines.push(String::new());
    lines.extend(examples(layout, root));
    lines.push("Ctrl-C ends signer and server.".to_owned());
    lines.join("\n")
}

fn facts(up: &Up, layout: &Layout, made: &Made, root: &Root) -> Vec<String> {
    let first = if made.ring { "made" } else { "found" };
    let mut facts = vec![
        format!("  data       {} ({first})", layout.data.display()),
        format!("  root       {}  {}", layout.root_pem().display(), root.subject),
        format!("  issuing    {}", root.issuing),
        format!("  token      {} (admin, mode 0600)", layout.admin_token().display()),
        format!("  API        {}", up.api_url()),
        format!("  ACME       {}/acme/directory", up.api_url()),
        format!("  CRL, OCSP  {}", up.public_base()),
    ];
    if let Some(address) = up.enrolment_tls12 {
        facts.push(format!("  TLS 1.2    https://{address}/acme/directory, for old clients"));
    }
    facts
}

fn users(identities: &Identities) -> Vec<String> {
    match identities {
        Identities::Several { signer, server, validator } => vec![format!(
            "  users      signer {}, server {}, validation {}",
            signer.uid, server.uid, validator.uid
        )],
        Identities::One(account) => vec![
            format!("  users      {} for all", account.uid),
            "             ONE UID: the boundary is not enforced".to_owned(),
        ],
    }
}

fn operator(layout: &Layout) -> Vec<String> {
    let path = layout.operator_key();
    if !path.exists() {
        return Vec::new();
    }
    vec![
        format!("  operator   {} approves keys, policies and CAs", path.display()),
        "             `chancery operators add` makes it more than one".to_owned(),
    ]
}

fn names(up: &Up, made: &Made, root: &Root) -> Vec<String> {
    let mut lines = Vec::new();
    if root.any_name {
        lines.extend([
            "  names      ANY NAME may be certified; `--names corp.example,10.0.0.0/8` at first"
                .to_owned(),
            "             start, or `chancery policy names issuing --names ...` later, pins them"
                .to_owned(),
        ]);
    }
    if up.names.is_some() && !made.ring {
        lines.push(
            "  names      --names counts at first start only: `chancery policy show issuing`"
                .to_owned(),
        );
    }
    lines
}

fn examples(layout: &Layout, root: &Root) -> Vec<String> {
    let data = layout.data.display();
    let program = command();
    let domain = root.first_domain.as_deref().unwrap_or("corp.example");
    vec![
        "Try, in another terminal:".to_owned(),
        String::new(),
        "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem \\"
            .to_owned(),
        format!("    -subj / -addext subjectAltName=DNS:www.{domain} -out req.pem"),
        format!(
            "  {program} cert issue --data {data} --profile tls-server --csr req.pem --out cert.pem"
        ),
        format!(
            "  openssl verify -CAfile {} -untrusted cert.pem cert.pem",
            layout.root_pem().display()
        ),
        String::new(),
        format!(
            "Then `{program} cert revoke --data {data} SERIAL`, `{program} status --data {data}`, \
             `{program} --help`."
        ),
    ]
}

/// Names the program as the person called it.
fn command() -> String {
    std::env::args().next().unwrap_or_else(|| "chancery".to_owned())
}
