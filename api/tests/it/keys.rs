use axum::body::Body;
use axum::http::{Request, StatusCode};
use letopis_api::keys::{self, Role};
use letopis_core::random::Random;
use letopis_core::time::SystemClock;
use serde_json::json;

use crate::support::{Server, call, got};

const NOON: &str = "2026-03-01T12:30:00Z";

fn make(server: &Server, role: Role) -> String {
    let made = keys::create(server.dir.path(), vec![role], Some(format!("{role:?}")), &Random::system(), &SystemClock);
    made.expect("a key").0
}

#[tokio::test]
async fn each_role_may_do_its_own_and_nothing_else() {
    let mut server = Server::start().await;
    assert_eq!(server.get("/v1/views").await.status, StatusCode::OK, "without keys this machine may do all");
    let roles = [Role::Write, Role::Read, Role::Audit, Role::Admin];
    let made: Vec<String> = roles.iter().map(|role| make(&server, *role)).collect();
    let nobody = server.get("/v1/views").await;
    assert_eq!((nobody.status.as_u16(), &nobody.json["code"]), (401, &json!("unauthorized")));
    assert_eq!(nobody.head["www-authenticate"], "Bearer");
    server.key = Some("letopis_0".into());
    assert_eq!(server.get("/v1/views").await.status, StatusCode::UNAUTHORIZED);
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
    for (role, key) in roles.into_iter().zip(made) {
        server.key = Some(key);
        let post = server.post(&call("shop:C-1", "1", NOON, "x")).await.status;
        let may_post = post.is_success();
        let may_read = server.get("/v1/clients").await.status.is_success();
        let rebuild = server.post_as("application/json", "/v1/views/rebuild", "").await.status;
        let may_rebuild = rebuild != StatusCode::FORBIDDEN;
        let expected = match role {
            Role::Write => (true, false, false),
            Role::Read | Role::Audit => (false, true, false),
            Role::Admin => (true, true, true),
        };
        assert_eq!((may_post, may_read, may_rebuild), expected, "{role:?}");
        if !may_post {
            assert_eq!(post, StatusCode::FORBIDDEN);
        }
    }
}

#[tokio::test]
async fn no_route_but_the_open_ones_answers_without_a_key() {
    let server = Server::start().await;
    make(&server, Role::Admin);
    let document = server.get("/openapi.json").await;
    for (path, methods) in document.json["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys().filter(|key| ["get", "post"].contains(&&***key)) {
            let request = Request::builder().method(&*method.to_uppercase()).uri(path.replace("{id}", "shop:C-1"));
            let answer = server.send(request.body(Body::empty()).expect("a request")).await;
            let open = path == "/healthz" || path == "/readyz";
            assert_eq!(answer.status() != StatusCode::UNAUTHORIZED, open, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_actor_is_the_keys_and_personal_fields_of_the_log_are_opened_for_auditors_only() {
    let mut server = Server::start().await;
    let (write, read, audit) = (make(&server, Role::Write), make(&server, Role::Read), make(&server, Role::Audit));
    server.key = Some(write);
    server.accept(&call("shop:C-1", "1", NOON, "секрет")).await;
    server.key = Some(read);
    let sealed = server.get("/v1/events?type=call.logged").await.json["data"][0].clone();
    assert_eq!((&sealed["actor"], &sealed["data"]["sealed"]), (&json!("Write"), &json!(true)), "{sealed}");
    assert!(!sealed.to_string().contains("секрет"));
    server.key = Some(audit);
    let opened = server.get("/v1/events?type=call.logged").await.json["data"][0].clone();
    assert_eq!(opened["data"]["summary"], "секрет");
}

#[tokio::test]
async fn without_keys_a_request_for_another_host_is_refused() {
    let server = Server::start().await;
    for (host, status) in [("127.0.0.1:7979", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example", 421)] {
        let request = Request::get("/v1/views").header("host", host).body(Body::empty()).expect("a request");
        assert_eq!(got(server.send(request).await).await.status.as_u16(), status, "{host}");
    }
    let request = Request::get("/healthz").header("x-request-id", "mine-1").body(Body::empty()).expect("a request");
    assert_eq!(server.send(request).await.headers()["x-request-id"], "mine-1");
}
