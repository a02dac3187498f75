//! The API's description, made from the code that serves it (OpenAPI 3.1).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::ProblemBody;
use crate::routes;
use crate::state::ApiState;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Chancery",
        description = "The management API of a private CA.\n\nErrors are problems (RFC 9457) with \
            the name of the broken rule. Every answer has the header X-Request-Id; a harmless one \
            in the request is taken over.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    components(schemas(ProblemBody)),
    modifiers(&Token),
    tags(
        (name = "certificates", description = "Issue, look up, revoke, renew"),
        (name = "issuers", description = "Our CAs"),
        (name = "profiles", description = "What certificates may be"),
        (name = "tokens", description = "Who may do what"),
        (name = "acme", description = "External accounts, planned renewals"),
        (name = "audit", description = "What was done"),
        (name = "journal", description = "What the signer wrote down"),
        (name = "health", description = "How the server is"),
    )
)]
struct Description;

struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of this API; its role decides what it may do."));
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// Is what every route may answer instead.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description("A problem (RFC 9457)")
            .content("application/problem+json", problem)
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

/// Puts all described routes together.
#[must_use]
pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", routes::api())
        .merge(routes::health())
}

/// Gives the description as JSON, indented, with a line feed at its end.
#[must_use]
pub fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        let mut api = router().into_openapi();
        api.info.version = "1".to_owned();
        let json = api.to_pretty_json().expect("the description is JSON");
        format!("{json}\n")
    });
    &JSON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_openapi_3_1_with_every_schema_that_it_names() {
        let api: serde_json::Value = serde_json::from_str(json()).expect("JSON");
        assert_eq!(api["openapi"], "3.1.0");
        let mut names = Vec::new();
        references(&api, &mut names);
        assert!(names.len() > 10);
        for name in names {
            assert!(api.pointer(&name[1..]).is_some(), "{name} is not there");
        }
    }

    fn references(value: &serde_json::Value, names: &mut Vec<String>) {
        if let Some(name) = value.get("$ref").and_then(|name| name.as_str()) {
            names.push(name.to_owned());
        }
        match value {
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|value| references(value, names));
            }
            serde_json::Value::Array(values) => {
                values.iter().for_each(|value| references(value, names));
            }
            _ => {}
        }
    }

    #[test]
    fn is_the_one_that_is_checked_in() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        let checked_in = std::fs::read_to_string(path).expect("docs/openapi.json");
        assert!(
            checked_in == json(),
            "docs/openapi.json is old: chancery-server openapi > docs/openapi.json"
        );
    }
}
