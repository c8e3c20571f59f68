//! Checks of assets, contracts and the knowledge base.

use super::{Check, duration, ensure, positive};
use crate::events::{ArticleEvent, AssetEvent, ContractEvent};
use crate::time::Moment;

pub(super) fn asset(event: &AssetEvent) -> Check {
    match event {
        AssetEvent::Serviced(e) => duration(e.labour_s),
        AssetEvent::Changed(e) => {
            let something = e.product.is_some() || e.contract.is_some() || e.warranty_until.is_some();
            ensure(something || e.place.is_some() || e.serial.known().is_some(), "product", || {
                "nothing is changed: none of product, contract, warranty_until, place, serial is given".into()
            })
        }
        AssetEvent::Installed(_) | AssetEvent::Removed(_) | AssetEvent::CompatibilityDefined(_) => Ok(()),
    }
}

pub(super) fn contract(event: &ContractEvent, occurred: Moment) -> Check {
    match event {
        ContractEvent::Signed(e) => {
            let until = e.until.unwrap_or(e.from);
            ensure(until >= e.from, "until", || format!("{until} is before the first day, {}", e.from))
        }
        ContractEvent::Charged(e) => {
            positive(e.amount)?;
            let turned = matches!((e.from, e.until), (Some(from), Some(until)) if until < from);
            ensure(!turned, "until", || "the last day is before the first".into())
        }
        ContractEvent::CostIncurred(e) => {
            positive(e.amount)?;
            duration(e.labour_s)
        }
        ContractEvent::Renewed(e) => {
            let day = super::local_day(occurred);
            ensure(e.until >= day, "until", || format!("{} is before the renewal, {occurred}", e.until))
        }
        ContractEvent::Interrupted(_)
        | ContractEvent::Resumed(_)
        | ContractEvent::Expired(_)
        | ContractEvent::Terminated(_)
        | ContractEvent::SchemeDefined(_) => Ok(()),
    }
}

pub(super) fn article(event: &ArticleEvent) -> Check {
    match event {
        ArticleEvent::Used(e) => {
            ensure(e.version != Some(0), "version", || "versions are counted from 1, not from 0".into())
        }
        ArticleEvent::Published(_) | ArticleEvent::Retired(_) => Ok(()),
    }
}
