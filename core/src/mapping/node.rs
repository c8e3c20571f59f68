//! The tree of `data`: constants, templates, tables, lists, and one value per row of a group.

use serde_json::{Map, Value};

use super::row::Row;
use super::scope::{Place, Scope};
use super::template::{Context, Template};

/// The table key that asks for one value per row of the group.
const EACH_ROW: &str = "each_row";

#[derive(Debug)]
pub(super) enum Node {
    Constant(Value),
    Template(Template),
    Table(Vec<(String, Node)>),
    List(Vec<Node>),
    /// One value per row, in the order of their JSON text, so that the order of rows does not matter.
    EachRow(usize),
}

/// What is wrong where, the key path growing from the inside out.
pub(super) struct At {
    pub(super) path: String,
    pub(super) reason: String,
}

impl At {
    fn here(reason: String) -> Self {
        Self { path: String::new(), reason }
    }

    fn under(mut self, key: &str) -> Self {
        self.path = if self.path.is_empty() { key.to_owned() } else { format!("{key}.{}", self.path) };
        self
    }

    pub(super) fn say(self) -> String {
        if self.path.is_empty() { self.reason } else { format!("{}: {}", self.path, self.reason) }
    }
}

impl Node {
    pub(super) fn read(value: &toml::Value, scope: &mut Scope<'_>, lists: &mut Vec<Node>) -> Result<Self, At> {
        match value {
            toml::Value::String(text) => Template::read(text, scope).map(Self::Template).map_err(At::here),
            toml::Value::Integer(int) => Ok(Self::Constant(Value::from(*int))),
            toml::Value::Boolean(bool) => Ok(Self::Constant(Value::from(*bool))),
            toml::Value::Datetime(time) => Ok(Self::Constant(Value::from(time.to_string()))),
            toml::Value::Float(_) => Err(At::here("a float is not exact: write the decimal as text".to_owned())),
            toml::Value::Array(list) => {
                let nodes = list
                    .iter()
                    .enumerate()
                    .map(|(i, value)| Self::read(value, scope, lists).map_err(|at| at.under(&i.to_string())));
                Ok(Self::List(nodes.collect::<Result<_, _>>()?))
            }
            toml::Value::Table(table) => match table.get(EACH_ROW) {
                None => Self::table(table, scope, lists).map(Self::Table),
                Some(_) if table.len() > 1 => Err(At::here(format!("`{EACH_ROW}` stands alone in its table"))),
                Some(each) => {
                    if scope.place != Place::Group {
                        let reason = "it is for the rows of a group: declare `group_by`".to_owned();
                        return Err(At::here(reason).under(EACH_ROW));
                    }
                    scope.place = Place::Row;
                    let node = Self::read(each, scope, lists);
                    scope.place = Place::Group;
                    lists.push(node.map_err(|at| at.under(EACH_ROW))?);
                    Ok(Self::EachRow(lists.len() - 1))
                }
            },
        }
    }

    pub(super) fn table(
        table: &toml::Table,
        scope: &mut Scope<'_>,
        lists: &mut Vec<Node>,
    ) -> Result<Vec<(String, Node)>, At> {
        let mut out = Vec::with_capacity(table.len());
        for (key, value) in table {
            out.push((key.clone(), Self::read(value, scope, lists).map_err(|at| at.under(key))?));
        }
        // The text of a list item must not hang on how a map happens to be ordered.
        out.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(out)
    }

    /// `None` when it is left out: an `optional` that is empty, or a table with nothing in it.
    pub(super) fn value(&self, context: &Context<'_>) -> Result<Option<Value>, At> {
        match self {
            Self::Constant(value) => Ok(Some(value.clone())),
            Self::Template(template) => Ok(template.value(context).map_err(At::here)?.map(|val| val.json())),
            Self::Table(nodes) => {
                let map = object(nodes, context)?;
                Ok((!map.is_empty()).then_some(Value::Object(map)))
            }
            Self::List(nodes) => {
                let mut out = Vec::with_capacity(nodes.len());
                for (i, node) in nodes.iter().enumerate() {
                    out.extend(node.value(context).map_err(|at| at.under(&i.to_string()))?);
                }
                Ok(Some(Value::Array(out)))
            }
            Self::EachRow(list) => {
                let Context::Group(group) = context else { return Ok(None) };
                let mut texts: Vec<&str> = group.lists.get(*list).into_iter().flatten().map(|text| &**text).collect();
                texts.sort_unstable();
                let values = texts.into_iter().map(serde_json::from_str).collect::<Result<_, _>>();
                Ok(Some(Value::Array(values.map_err(|error| At::here(error.to_string()))?)))
            }
        }
    }

    /// Its value for one row as text, to be kept until the group is whole.
    pub(super) fn text(&self, row: &Row<'_>) -> Result<Option<Box<str>>, String> {
        let value = self.value(&Context::Row(row)).map_err(At::say)?;
        Ok(value.map(|value| value.to_string().into_boxed_str()))
    }
}

/// A table with what is not left out of it.
pub(super) fn object(nodes: &[(String, Node)], context: &Context<'_>) -> Result<Map<String, Value>, At> {
    let mut out = Map::new();
    for (key, node) in nodes {
        if let Some(value) = node.value(context).map_err(|at| at.under(key))? {
            out.insert(key.clone(), value);
        }
    }
    Ok(out)
}
