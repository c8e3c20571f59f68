//! Plan, fact and run rate.

use letopis_core::calendar::Calendar;
use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::plan::{Measure, Set, Target};
use letopis_core::events::service::CalendarDefined;
use letopis_core::ids::EmployeeId;
use letopis_core::time::Day;
use serde::Serialize;

use super::fact::{MEASURES, Scope, any_period, fact, figure, target};
use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::definitions::employees;
use crate::views::funnel::Ratio;

/// A plan and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanItem {
    /// Which version of the plan counts: `plan:north@2`.
    pub plan: String,
    /// Of what.
    pub measure: Measure,
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub to: Day,
    /// By this one of us.
    pub employee: Option<EmployeeId>,
    /// What he is called.
    pub label: Option<String>,
    /// With this product.
    pub product: Option<Code>,
    /// With this product group.
    pub product_group: Option<Code>,
    /// Through this channel.
    pub channel: Option<Code>,
    /// In this region.
    pub region: Option<Code>,
    /// What is to be reached.
    pub target: Target,
    /// What came up to the bound.
    pub fact: Target,
    /// Fact by target; `n` counts sale lines, deals or clients.
    pub attainment: Ratio,
    /// Which version of its calendar tells working days: `calendar:office@2`; Monday to Friday when there is none.
    pub calendar: Option<String>,
    /// Working days of the period that are over or running at the bound.
    pub elapsed_working_days: i64,
    /// Working days of the period.
    pub working_days: i64,
    /// What the period comes to if it goes on like this: `fact / elapsed × all working days`; null before the first.
    pub run_rate: Option<Target>,
    /// Run rate by target.
    pub outlook: Option<Ratio>,
    /// What is still to come.
    pub missing: Target,
}

/// What a plan is narrowed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlansBy {
    House,
    Employee,
    Product,
    ProductGroup,
    Channel,
    Region,
}

const BY: &[(&str, PlansBy)] = &[
    ("house", PlansBy::House),
    ("employee", PlansBy::Employee),
    ("product", PlansBy::Product),
    ("product_group", PlansBy::ProductGroup),
    ("channel", PlansBy::Channel),
    ("region", PlansBy::Region),
];

impl PlansBy {
    fn holds(self, plan: &Set) -> bool {
        let narrowed = [&plan.product, &plan.product_group, &plan.channel, &plan.region].map(Option::is_some);
        match self {
            Self::House => plan.employee.is_none() && narrowed == [false; 4],
            Self::Employee => plan.employee.is_some(),
            Self::Product => plan.product.is_some(),
            Self::ProductGroup => plan.product_group.is_some(),
            Self::Channel => plan.channel.is_some(),
            Self::Region => plan.region.is_some(),
        }
    }
}

pub(super) fn ask(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (from, to) = any_period(params)?;
    let by = params.word("by", BY)?;
    let measure = params.word("measure", MEASURES)?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("plans {from} {to} {by:?} {measure:?}");
    let place = window.place(&shape, 1)?;
    let defined = reader.definitions(&[Set::KIND, CalendarDefined::KIND])?;
    let wanted = |plan: &Dated<'_, Set>| {
        let value = plan.value;
        value.from < to
            && value.to > from
            && by.is_none_or(|by| by.holds(value))
            && measure.is_none_or(|measure| measure == value.measure)
            && place.as_ref().is_none_or(|place| vec![plan.code.to_owned().put()] > *place)
    };
    let plans: Vec<Dated<'_, Set>> = defined.all::<Set>().into_iter().filter(wanted).take(limit + 1).collect();
    let page = Page::cut(plans, limit, &shape, |plan| vec![plan.code.to_owned().put()]);
    let names = employees(reader)?;
    let label = |plan: &Set| names.get(&plan.employee?)?.name.clone();
    let items = page.items.iter().map(|plan| PlanItem::new(reader, &defined, plan, label(plan.value)));
    json(Page { items: items.collect::<Result<Vec<_>, _>>()?, next: page.next })
}

impl PlanItem {
    pub(super) fn new(
        reader: &Reader<'_>,
        defined: &Definitions,
        plan: &Dated<'_, Set>,
        label: Option<String>,
    ) -> Result<Self, QueryError> {
        let set = plan.value;
        let scope = Scope {
            employee: set.employee,
            product: set.product.clone(),
            product_group: set.product_group.clone(),
            channel: set.channel.clone(),
            region: set.region.clone(),
        };
        let (currency, planned) = figure(set.target);
        let came = fact(reader, set.measure, currency, (set.from, set.to), &scope)?;
        let today = Day(reader.day().0.saturating_add(1));
        let (calendar, named) = working_days(defined, set);
        let open = |to: Day| calendar.open_days(set.from, to);
        let (elapsed, all) = (open(today.clamp(set.from, set.to)), open(set.to));
        let run_rate = (elapsed > 0).then(|| {
            let (part, whole) = (i128::from(came.value) * i128::from(all), i128::from(elapsed));
            i64::try_from((2 * part + whole).div_euclid(2 * whole)).unwrap_or(i64::MAX)
        });
        Ok(Self {
            plan: plan.name(),
            measure: set.measure,
            from: set.from,
            to: set.to,
            employee: set.employee,
            label,
            product: set.product.clone(),
            product_group: set.product_group.clone(),
            channel: set.channel.clone(),
            region: set.region.clone(),
            target: set.target,
            fact: target(currency, came.value),
            attainment: Ratio::of_sums(came.value, planned, came.n),
            calendar: named,
            elapsed_working_days: elapsed,
            working_days: all,
            run_rate: run_rate.map(|rate| target(currency, rate)),
            outlook: run_rate.map(|rate| Ratio::of_sums(rate, planned, came.n)),
            missing: target(currency, (planned - came.value).max(0)),
        })
    }
}

/// What tells the working days of a plan, and the definition that says so.
fn working_days(defined: &Definitions, plan: &Set) -> (Calendar, Option<String>) {
    let named = plan.calendar.as_ref().and_then(|code| defined.latest::<CalendarDefined>(code.as_str()));
    let known = named.and_then(|dated| Some((Calendar::new(dated.value).ok()?, Some(dated.name()))));
    known.unwrap_or_else(|| (Calendar::weekdays(), None))
}
