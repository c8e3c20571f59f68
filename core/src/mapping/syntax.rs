//! How a template is written: text with `{name | step argument | step}` in it; `{{` and `}}` are braces.

/// A piece of a template, read but not yet understood.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Expression { name: String, steps: Vec<Step> },
}

/// One step behind a bar.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) argument: String,
}

/// Reads a template.
pub(super) fn parse(template: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            text.push('}');
            rest = after;
        } else if let Some(after) = from.strip_prefix('{') {
            let (inside, after) = after.split_once('}').ok_or_else(|| format!("{template:?} lacks a closing brace"))?;
            if inside.contains('{') {
                return Err(format!("{template:?} has a brace inside braces"));
            }
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(expression(inside)?);
            rest = after;
        } else {
            return Err(format!("{template:?} has a closing brace too many: write }}}} for the character"));
        }
    }
    text.push_str(rest);
    if !text.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn expression(inside: &str) -> Result<Piece, String> {
    let mut parts = inside.split('|').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty()).ok_or("braces without a name in them")?;
    let steps = parts.map(|part| {
        let (name, argument) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        Step { name: name.to_owned(), argument: argument.trim().to_owned() }
    });
    Ok(Piece::Expression { name: name.to_owned(), steps: steps.collect() })
}

/// The names that the pieces take values from.
pub(super) fn names(pieces: &[Piece]) -> impl Iterator<Item = &str> {
    pieces.iter().flat_map(|piece| {
        let (name, steps): (Option<&str>, &[Step]) = match piece {
            Piece::Text(_) => (None, &[]),
            Piece::Expression { name, steps } => (Some(name), steps),
        };
        let others = steps.iter().filter(|step| takes_name(&step.name)).map(|step| step.argument.as_str());
        name.into_iter().chain(others)
    })
}

/// Whether the argument of this step names a column or field.
pub(super) fn takes_name(step: &str) -> bool {
    matches!(step, "plus_days" | "minus_days" | "times")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_braces_and_steps_are_told_apart() {
        let pieces = parse("a{{b}}{Date received | time %Y-%m-%d %H:%M | min}").expect("template");
        let [Piece::Text(text), Piece::Expression { name, steps }] = pieces.as_slice() else { panic!("{pieces:?}") };
        assert_eq!((text.as_str(), name.as_str()), ("a{b}", "Date received"));
        assert_eq!(steps[0], Step { name: "time".into(), argument: "%Y-%m-%d %H:%M".into() });
        for bad in ["{a", "a}", "{}", "{a{b}}"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
