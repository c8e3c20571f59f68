//! A view names the areas of its facts, so that it costs nothing where it is not concerned. One that has rows for
//! a fact of an area that it does not name would never get that fact.

use letopis_core::events::{Event, types};
use letopis_core::fact::Fact;
use letopis_core::ids::ClientId;
use letopis_core::time::{Timestamp, Zone};
use letopis_projections::engine::projection::Context;
use letopis_projections::engine::row::Owner;
use letopis_projections::views;

/// An example of every event type, as the golden files keep them.
fn examples() -> Vec<Event> {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/events");
    let example = |name: &str, schema: u16| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.v{schema}.json"))).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        Event::from_facts(name, schema, golden["facts"].as_str().unwrap().as_bytes()).unwrap()
    };
    types().iter().map(|info| example(info.name, info.schema)).collect()
}

#[test]
fn a_view_has_rows_for_facts_of_the_areas_it_names_only() {
    let (client, zone) = (ClientId(7), Zone::default());
    let cx = Context { owner: Owner::from(client), identified: true, late: false, zone: &zone };
    for event in examples() {
        let fact = Fact::sample(1, client, Timestamp(0), event);
        for view in views::all() {
            let mut keys = Vec::new();
            view.route(&fact, &cx, &mut keys);
            assert!(
                keys.is_empty() || view.areas().hold(&fact.event),
                "{} has rows for {}, but AREAS lacks {:?}",
                view.name(),
                fact.event.type_name(),
                fact.event.area()
            );
        }
    }
}
