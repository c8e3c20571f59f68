//! The knowledge base: answers to typical requests, and how they served.

use crate::code::{Code, Label, Text};
use crate::ids::{CaseId, EmployeeId};

area! {
    /// Articles.
    ArticleEvent in Article "article";

    /// An article was published, or revised: the later version counts.
    event Published = "article.published" @ 1, stream "article"(article) {
        /// The article.
        article: Code,
        /// Its title.
        label: Label,
        /// Its text, about things of ours and never about a person.
        text: Text,
        /// What it is about.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        topics: Vec<Code>,
        /// Whether clients may read it.
        #[serde(default)]
        client_visible: bool,
    } optional {
        /// The product or product group it is about.
        product: Code,
        /// Its language, such as `en` or `ru`.
        locale: Code,
    }

    /// An article does not count any more.
    event Retired = "article.retired" @ 1, stream "article"(article) {
        /// The article.
        article: Code,
    }

    /// An article was used to answer a client.
    event Used = "article.used" @ 1 {
        /// The article.
        article: Code,
        /// Whether it solved the matter.
        solved: bool,
    } optional {
        /// The case it was used in.
        case: CaseId,
        /// Who used it; the client himself when not given.
        employee: EmployeeId,
        /// The version of the article.
        version: u32,
    } personal {
        /// What else is to be known, for us alone.
        note: String,
    }
}
