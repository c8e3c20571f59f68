//! [`Problem`]: what goes wrong, as RFC 9457 problem documents. The only table of status codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use letopis_core::error::chain;
use letopis_core::intake::Rejection;
use letopis_core::log::LogError;
use letopis_core::time::SECOND_US;
use letopis_core::trust::sealer::SEAL_AFTER_US;
use letopis_projections::engine::read::QueryError;
use serde_json::{Map, Value, json};

/// The content type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// When to ask again what cannot be answered now, in seconds.
const RETRY_AFTER_S: u32 = 1;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $status:literal $code:literal $title:literal),* $(,)?) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn parts(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$name => ($status, $code, $title),)* }
            }
        }
    };
}

kinds! {
    /// The body is not JSON.
    Malformed 400 "malformed_json" "The body is not JSON",
    /// The body is cut off or cannot be read.
    Body 400 "unreadable_body" "The body cannot be read",
    /// A query parameter is unknown, missing or out of range.
    Parameter 400 "parameter" "A query parameter is wrong",
    /// A cursor of another query, or a damaged one.
    Cursor 400 "cursor" "The cursor belongs to another query",
    /// No key, or one that is not known.
    Unauthorized 401 "unauthorized" "An API key is needed",
    /// The key has not this role.
    Forbidden 403 "forbidden" "The key does not allow this",
    /// Nothing is there.
    NotFound 404 "not_found" "There is no such thing",
    /// Nobody has this id or identity.
    UnknownClient 404 "unknown_client" "There is no such client",
    /// No checkpoint has it yet.
    NotSealed 404 "not_sealed_yet" "The next seal has to be waited for",
    /// This method does not fit.
    Method 405 "method_not_allowed" "The method does not fit the resource",
    /// An id with other content, or a stream that is not as expected.
    Conflict 409 "conflict" "The event conflicts with what is recorded",
    /// A workflow does not lead there from where the case is.
    Illegal 409 "illegal_move" "The workflow does not allow the move",
    /// Somebody has to keep what is to be erased.
    Held 409 "legal_hold" "A legal hold forbids it",
    /// A rebuild is running.
    Busy 409 "busy" "This is being done already",
    /// The body is beyond the limit.
    TooLarge 413 "body_too_large" "The body is too large",
    /// A body of another type.
    MediaType 415 "media_type" "The content type is not known here",
    /// A name of another host: somebody else's page asks.
    Misdirected 421 "misdirected" "The request was meant for another host",
    /// A check or a rule does not let it pass.
    Rejected 422 "rejected" "The event was not accepted",
    /// Our fault; the cause is in the log of the server.
    Internal 500 "internal" "The server failed",
    /// The views are not there yet.
    NotThere 503 "not_there_yet" "The views have not come so far yet",
    /// The log takes no events.
    Refused 503 "log_refused" "The log takes no events now",
    /// Whether it is stored is not known.
    Unknown 503 "unknown_outcome" "Whether the event is stored is not known",
    /// Took too long, or not ready.
    Unavailable 503 "unavailable" "The server cannot answer now",
}

impl Kind {
    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.parts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Its stable code.
    pub fn code(self) -> &'static str {
        self.parts().1
    }
}

/// Something that went wrong, to be told to the caller.
///
/// As a response it has no body yet: the outermost layer writes it, with the id of the request.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    code: &'static str,
    detail: String,
    field: Option<String>,
    extra: Map<String, Value>,
}

impl Problem {
    /// A problem with what is wrong, the value included.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, code: kind.code(), detail: detail.into(), field: None, extra: Map::new() }
    }

    /// A wrong query parameter.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Parameter, detail).field(name)
    }

    /// Our fault: the cause goes to the log, the caller gets the id of the request.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = chain(error), "a request failed");
        Self::new(Kind::Internal, "the cause is in the log of the server, under this request id")
    }

    /// JSON that cannot be read: where and why.
    pub fn json(error: &serde_json::Error) -> Self {
        let mut problem = Self::new(Kind::Malformed, error.to_string());
        if error.to_string().contains("recursion limit") {
            problem.code = "too_deep";
        }
        problem.with("line", error.line()).with("column", error.column())
    }

    /// The field it is about.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into()).filter(|field| !field.is_empty());
        self
    }

    /// One more member of the document.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The document.
    pub fn document(&self, request_id: &str) -> Value {
        let (status, _, title) = self.kind.parts();
        let mut document = json!({
            "type": format!("urn:letopis:problem:{}", self.code),
            "title": title,
            "status": status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        });
        if let Value::Object(map) = &mut document {
            map.extend(self.field.clone().map(|field| ("field".into(), field.into())));
            map.extend(self.extra.clone());
        }
        document
    }

    /// The response with its body.
    pub fn render(&self, request_id: &str) -> Response {
        let body = self.document(request_id).to_string();
        let mut response = (self.kind.status(), [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        if self.kind == Kind::NotSealed {
            response.headers_mut().insert(header::RETRY_AFTER, (SEAL_AFTER_US / SECOND_US).into());
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The problem that a bare error status stands for.
    pub fn of_status(status: StatusCode) -> Self {
        let kind = match status.as_u16() {
            400 => Kind::Body,
            404 => Kind::NotFound,
            405 => Kind::Method,
            408 | 503 | 504 => Kind::Unavailable,
            413 => Kind::TooLarge,
            415 => Kind::MediaType,
            _ => Kind::Internal,
        };
        Self::new(kind, kind.parts().2.to_lowercase())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parameter { name, reason } => Self::parameter(name, reason),
            QueryError::Cursor => {
                Self::new(Kind::Cursor, "the cursor belongs to another query, or is damaged").field("cursor")
            }
            QueryError::Storage(_) => Self::internal(&error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        if error.is_transient() {
            tracing::warn!(error = chain(&error), "the log cannot be read now");
            return Self::new(Kind::Unavailable, "the log cannot be read now");
        }
        Self::internal(&error)
    }
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        let kind = if rejection.rule.starts_with("workflow.") { Kind::Illegal } else { Kind::Rejected };
        let mut problem = Self::new(kind, &*rejection.message).field(&*rejection.field);
        problem.code = rejection.rule;
        problem
    }
}
