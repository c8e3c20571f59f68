//! The vocabulary as a document: `docs/events.md` is what [`markdown`] writes, and a test holds it so.

use std::fmt::Write;

use super::{FieldKind, TypeInfo, types};

/// The vocabulary in Markdown, area by area.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Events\n\n\
         Every event type there is, as it is posted in `data`. This page is generated from the types; the test\n\
         `the_catalogue_is_current` holds it so, and `LETOPIS_WRITE=1 cargo test -p letopis-core` writes it anew.\n\n\
         A field is *required*, *optional*, or *personal*: personal fields are optional, sealed under the key of\n\
         their subject, and gone after its erasure. Ids may be posted as ULIDs or as `system:id-in-that-system`.\n",
    );
    let mut area = "";
    for info in types() {
        if info.area != area {
            area = info.area;
            let _ = write!(out, "\n## {area}\n");
        }
        describe(&mut out, info);
    }
    out
}

fn describe(out: &mut String, info: &TypeInfo) {
    let _ = write!(
        out,
        "\n### `{}` v{}\n\n{}\n\n| field | type | | meaning |\n|---|---|---|---|\n",
        info.name,
        info.schema,
        text(info.doc)
    );
    for field in info.fields {
        let kind = match field.kind {
            FieldKind::Required => "required",
            FieldKind::Optional => "optional",
            FieldKind::Personal => "personal",
        };
        let ty: String = field.ty.chars().filter(|c| !c.is_whitespace()).collect();
        let _ = writeln!(out, "| `{}` | `{ty}` | {kind} | {} |", field.name, text(field.doc));
    }
}

fn text(doc: &[&str]) -> String {
    doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
