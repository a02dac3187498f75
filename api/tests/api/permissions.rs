//! Every operation of the description, held against the table of roles.

use http::Method;
use model::{Permission, Role};
use serde_json::{Value, json};

use crate::bench::Bench;

/// Is an operation of the description.
struct Operation {
    method: Method,
    path: String,
    permission: Option<Permission>,
}

/// What anybody may do, and nothing else.
const PUBLIC: [&str; 3] = ["/healthz", "/readyz", "/api/v1/openapi.json"];

fn operations() -> Vec<Operation> {
    let api: Value = serde_json::from_str(chancery_server::openapi::json()).expect("JSON");
    let paths = api["paths"].as_object().expect("paths");
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            let name = operation["x-permission"].as_str();
            let permission = name.map(|name| {
                let known = Permission::ALL.into_iter().find(|known| known.as_str() == name);
                known.unwrap_or_else(|| panic!("{path}: no permission {name}"))
            });
            operations.push(Operation {
                method: method.to_uppercase().parse().expect("a method"),
                path: path
                    .replace("{id}", "01980000-0000-7000-8000-000000000000")
                    .replace("{name}", "nobody"),
                permission,
            });
        }
    }
    operations
}

#[test]
fn every_operation_but_three_demands_a_permission() {
    let operations = operations();
    assert!(operations.len() >= 24, "{}", operations.len());
    for operation in &operations {
        let public = PUBLIC.contains(&operation.path.as_str());
        assert_eq!(operation.permission.is_none(), public, "{}", operation.path);
    }
    // Each permission guards something.
    for permission in Permission::ALL {
        let used = operations.iter().any(|of| of.permission == Some(permission));
        assert!(used, "{permission}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_but_the_public_answers() {
    let bench = Bench::new().await;
    for Operation { method, path, permission } in operations() {
        let answer = bench.ask(None, method.clone(), &path, Some(json!({}))).await;
        if permission.is_none() {
            assert_ne!(answer.status, 401, "{method} {path}");
            continue;
        }
        let expected = (401, "token-missing".to_owned());
        assert_eq!(answer.problem(), expected, "{method} {path}");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn each_role_may_what_the_table_says() {
    let bench = Bench::new().await;
    for Operation { method, path, permission } in operations() {
        let Some(permission) = permission else {
            continue;
        };
        for role in Role::ALL {
            let answer = bench.ask(Some(role), method.clone(), &path, Some(json!({}))).await;
            if role.allows(permission) {
                // What it answers for want of a body or a thing is another test's.
                assert!(![401, 403].contains(&answer.status.as_u16()), "{role} {method} {path}");
            } else {
                let expected = (403, "permission-missing".to_owned());
                assert_eq!(answer.problem(), expected, "{role} {method} {path}");
            }
        }
    }
}
