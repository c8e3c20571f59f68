//! Lifts older payload versions to the current one. Recorded bytes are never rewritten.

use serde_json::Value;

use super::{DecodeError, TypeInfo};

/// One step: from this version of this type to the next one.
type Step = (&'static str, u16, fn(Value) -> Value);

/// Every step there is. A new payload version adds a line here and a golden file.
const STEPS: &[Step] = &[];

pub(super) fn lift(info: &TypeInfo, schema: u16, facts: Value) -> Result<Value, DecodeError> {
    lift_by(STEPS, info.name, schema, info.schema, facts)
}

fn lift_by(steps: &[Step], name: &str, from: u16, to: u16, mut facts: Value) -> Result<Value, DecodeError> {
    let unknown = || DecodeError::UnknownType { name: name.to_owned(), schema: from };
    if from == 0 || from > to {
        return Err(unknown());
    }
    for version in from..to {
        let (_, _, step) = steps.iter().find(|(n, v, _)| *n == name && *v == version).ok_or_else(unknown)?;
        facts = step(facts);
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TWO: &[Step] = &[
        ("x.happened", 1, |facts| json!({ "seconds": facts["minutes"].as_u64().map(|m| m * 60) })),
        ("x.happened", 2, |facts| json!({ "duration_s": facts["seconds"] })),
    ];

    #[test]
    fn old_versions_are_lifted_step_by_step() {
        assert_eq!(lift_by(TWO, "x.happened", 1, 3, json!({ "minutes": 2 })), Ok(json!({ "duration_s": 120 })));
        assert_eq!(lift_by(TWO, "x.happened", 3, 3, json!({ "duration_s": 1 })), Ok(json!({ "duration_s": 1 })));
    }

    #[test]
    fn a_version_from_the_future_is_refused() {
        assert!(lift_by(TWO, "x.happened", 4, 3, json!({})).is_err());
        assert!(lift_by(&[], "x.happened", 1, 2, json!({})).is_err());
    }
}
