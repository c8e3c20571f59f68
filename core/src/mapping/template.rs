//! A template that is understood, and its value for a row or a group.

use super::group::{Group, Reduce};
use super::row::{Row, Source};
use super::scope::{Place, Scope};
use super::syntax::{self, Piece};
use super::transform::Transform;
use super::value::Val;

/// What values are taken from.
pub(super) enum Context<'a> {
    Row(&'a Row<'a>),
    Group(&'a Group),
}

#[derive(Debug)]
pub(super) struct Template {
    pieces: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

/// A name, the steps done with each row, and what is done with the value of the whole group.
#[derive(Debug)]
struct Expression {
    name: String,
    source: Source,
    steps: Vec<Transform>,
    slot: Option<usize>,
}

/// What a grouped event collects from each of its rows for one expression.
#[derive(Debug)]
pub(super) struct Slot {
    name: String,
    source: Source,
    steps: Vec<Transform>,
    pub(super) reduce: Reduce,
}

impl Slot {
    pub(super) fn value(&self, row: &Row<'_>) -> Result<Option<Val>, String> {
        if self.reduce == Reduce::Count {
            return Ok(None);
        }
        pass(row.value(&self.source), &self.steps, Some(row)).map_err(|reason| format!("{}: {reason}", self.name))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Template {
    pub(super) fn read(text: &str, scope: &mut Scope<'_>) -> Result<Self, String> {
        let pieces = syntax::parse(text)?.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Text(text)),
            Piece::Expression { name, steps } => Expression::read(name, &steps, scope).map(Part::Expression),
        });
        Ok(Self { pieces: pieces.collect::<Result<_, String>>()? })
    }

    /// `None` when an `optional` of it is empty.
    pub(super) fn value(&self, context: &Context<'_>) -> Result<Option<Val>, String> {
        if let [Part::Expression(expression)] = self.pieces.as_slice() {
            return expression.value(context);
        }
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Part::Text(text) => out.push_str(text),
                Part::Expression(expression) => match expression.value(context)? {
                    Some(val) => out.push_str(&val.text()),
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(Val::Text(out)))
    }

    /// The value as text.
    pub(super) fn text(&self, context: &Context<'_>) -> Result<Option<String>, String> {
        Ok(self.value(context)?.map(|val| match val {
            Val::Text(text) => text,
            other => other.text().into_owned(),
        }))
    }
}

impl Expression {
    fn read(name: String, steps: &[syntax::Step], scope: &mut Scope<'_>) -> Result<Self, String> {
        let source = scope.source(&name)?;
        let at = steps.iter().position(|step| Scope::reduce(step).is_some());
        let (before, reduce, after) = match at {
            Some(at) => (&steps[..at], Scope::reduce(&steps[at]), &steps[at + 1..]),
            None => (steps, None, &[][..]),
        };
        if let (Some(at), true) = (at, scope.place != Place::Group) {
            return Err(format!("`{}` is for the rows of a group: declare `group_by`", steps[at].name));
        }
        if let Some(step) = after.iter().find(|step| Scope::reduce(step).is_some()) {
            return Err(format!("`{}` comes after another reduction", step.name));
        }
        let before = before.iter().map(|step| scope.transform(step)).collect::<Result<Vec<_>, _>>()?;
        let after = after.iter().map(|step| scope.transform(step)).collect::<Result<Vec<_>, _>>()?;
        if scope.place != Place::Group {
            return Ok(Self { name, source, steps: before, slot: None });
        }
        if after.iter().any(Transform::needs_row) {
            return Err("a step that takes another column stands before the reduction".to_owned());
        }
        let reduce = reduce.unwrap_or(Reduce::Same);
        scope.slots.push(Slot { name: name.clone(), source: source.clone(), steps: before, reduce });
        Ok(Self { name, source, steps: after, slot: Some(scope.slots.len() - 1) })
    }

    fn value(&self, context: &Context<'_>) -> Result<Option<Val>, String> {
        let (val, row) = match (context, self.slot) {
            (Context::Row(row), _) => (Some(row.value(&self.source)), Some(*row)),
            (Context::Group(group), Some(slot)) => (group.value(slot)?, None),
            (Context::Group(_), None) => return Err(format!("{}: stands outside the rows of its group", self.name)),
        };
        match val {
            Some(val) => pass(val, &self.steps, row).map_err(|reason| format!("{}: {reason}", self.name)),
            None => Ok(None),
        }
    }
}

/// A value through the steps; an empty one must have been declared `optional` or been given a `default`.
fn pass(mut val: Val, steps: &[Transform], row: Option<&Row<'_>>) -> Result<Option<Val>, String> {
    for step in steps {
        match step.apply_each(val, row)? {
            Some(next) => val = next,
            None => return Ok(None),
        }
    }
    if val.is_empty() {
        return Err("is empty: declare `default …` or `optional`".to_owned());
    }
    Ok(Some(val))
}
