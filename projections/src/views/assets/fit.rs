//! What fits beside what a client has, by the compatibility rules that count at the bound.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::{Code, Label};
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::asset::{CompatibilityDefined, FitVerdict};
use letopis_core::events::definition::ProductDefined;
use letopis_core::ids::ClientId;
use serde::Serialize;
use serde_json::{Value, json};

use super::list::in_use;
use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json as answer};
use crate::engine::read::Reader;
use crate::engine::row::{Atom, Cell};

/// What one rule says of a candidate.
#[derive(Debug, Serialize)]
struct Said {
    /// `compatibility-rule:code@version`.
    rule: String,
    label: Option<Label>,
    verdict: FitVerdict,
    rank: i32,
}

/// A rule that could not be decided, with the reason.
#[derive(Debug, Serialize)]
struct Silent {
    rule: String,
    reason: String,
}

/// A candidate.
#[derive(Debug, Serialize)]
struct Fit {
    product: Code,
    label: Option<Label>,
    group: Option<Code>,
    /// Allowed by at least one rule and refused by none.
    fits: bool,
    /// The sum of the ranks of the rules that allow it.
    rank: i64,
    said: Vec<Said>,
    undecided: Vec<Silent>,
}

#[derive(Debug, Serialize)]
struct Fits {
    /// The products he has in use, each as often as he has it.
    owned: Vec<Code>,
    #[serde(flatten)]
    page: Page<Fit>,
}

pub(super) fn fits(reader: &Reader<'_>, params: &mut Params, root: ClientId) -> Answer {
    let window = params.window()?;
    let products: BTreeSet<Code> = params.many("product")?.into_iter().collect();
    let group: Option<Code> = params.one("group")?;
    let (limit, _) = window.wanted()?;
    let shape = format!("fits {root} {products:?} {group:?}");
    let place = window.place(&shape, 3)?;
    let owned: Vec<Code> = in_use(reader, root)?.into_iter().filter_map(|row| row.product).collect();
    let definitions = reader.definitions(&[ProductDefined::KIND, CompatibilityDefined::KIND])?;
    let facts = Facts::new(&definitions, &owned);
    let candidates = definitions.all::<ProductDefined>().into_iter().filter(|product| {
        (products.is_empty() || products.contains(&product.value.product))
            && group.as_ref().is_none_or(|group| product.value.group.as_ref() == Some(group))
    });
    let rules = definitions.all::<CompatibilityDefined>();
    let mut found: Vec<Fit> = candidates.map(|candidate| facts.judge(&rules, &candidate)).collect();
    // What fits comes first, the highest rank first, then by product.
    let key = |fit: &Fit| (!fit.fits, -fit.rank, fit.product.clone());
    found.sort_by_key(key);
    if let Some([Atom::Int(fits), Atom::Int(rank), Atom::Text(product)]) = place.as_deref() {
        let last = (*fits != 0, *rank, product.to_string());
        found.retain(|fit| (!fit.fits, -fit.rank, fit.product.to_string()) > last);
    }
    found.truncate(limit + 1);
    let page = Page::cut(found, limit, &shape, |fit| vec![(!fit.fits).put(), Atom::Int(-fit.rank), fit.product.put()]);
    answer(Fits { owned, page })
}

/// What conditions may name.
struct Facts {
    owned: Value,
    count: BTreeMap<String, i64>,
}

impl Facts {
    fn new(definitions: &Definitions, owned: &[Code]) -> Self {
        let mut count = BTreeMap::new();
        let mut listed = Vec::new();
        for product in owned {
            let group =
                definitions.latest::<ProductDefined>(product.as_str()).and_then(|dated| dated.value.group.clone());
            *count.entry(product.to_string()).or_insert(0) += 1;
            if let Some(group) = &group {
                *count.entry(group.to_string()).or_insert(0) += 1;
            }
            listed.push(json!({ "product": product, "group": group }));
        }
        Self { owned: listed.into(), count }
    }

    fn judge(&self, rules: &[Dated<'_, CompatibilityDefined>], candidate: &Dated<'_, ProductDefined>) -> Fit {
        let product = candidate.value;
        let names = json!({
            "candidate": { "product": product.product, "group": product.group },
            "owned": self.owned,
            "count": self.count,
        });
        let (mut said, mut undecided) = (Vec::new(), Vec::new());
        for rule in rules {
            match rule.value.when.holds(&names) {
                Ok(false) => {}
                Ok(true) => said.push(Said {
                    rule: rule.name(),
                    label: rule.value.label.clone(),
                    verdict: rule.value.verdict,
                    rank: rule.value.rank.unwrap_or(1),
                }),
                Err(error) => undecided.push(Silent { rule: rule.name(), reason: error.reason }),
            }
        }
        let allows = said.iter().filter(|said| said.verdict == FitVerdict::Allows);
        let rank = allows.clone().map(|said| i64::from(said.rank)).sum();
        let fits = allows.count() > 0 && !said.iter().any(|said| said.verdict == FitVerdict::Refuses);
        let (label, group) = (Some(product.label.clone()), product.group.clone());
        Fit { product: product.product.clone(), label, group, fits, rank, said, undecided }
    }
}
