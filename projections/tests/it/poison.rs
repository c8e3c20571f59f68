//! A fold that panics parks its row, not the world.

use letopis_core::fact::Fact;
use letopis_core::ids::ClientId;
use letopis_projections::engine::group::Aliases;
use letopis_projections::engine::projection::{Context, EVERY_AREA, Projection};
use letopis_projections::engine::rebuild::Options;
use letopis_projections::engine::view::{Folded, View};
use letopis_projections::row;

use crate::history::{Chronicle, Step, What, digests, empty, follow, rebuilt};

row! {
    /// Calls of a client.
    pub struct CallsRow in "calls" {
        /// The client.
        key id: ClientId,
        owner client,
        /// Seconds.
        seconds: i64,
    }
}

struct Calls;

impl Projection for Calls {
    const NAME: &'static str = "calls";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = EVERY_AREA;
    type Row = CallsRow;

    fn route(&self, _: &Fact, cx: &Context<'_>, keys: &mut Vec<u128>) {
        keys.push(cx.owner.0);
    }

    fn fold(&self, row: &mut CallsRow, fact: &Fact, _: &Context<'_>) {
        use letopis_core::events::{Event, InteractionEvent};
        let Event::Interaction(InteractionEvent::CallLogged(call)) = &fact.event else { return };
        let seconds = call.duration_s.unwrap_or_default();
        assert_ne!(seconds, 666, "a number this fold cannot bear");
        row.seconds += i64::from(seconds);
    }
}

fn call(client: u128, at: i64, seconds: u32) -> Step {
    Step::Happened { client, at, what: What::Call(seconds) }
}

#[tokio::test]
async fn a_row_that_cannot_be_folded_is_parked_and_the_others_go_on() {
    let (dir, views) = (tempfile::tempdir().unwrap(), vec![Box::new(Folded::new(Calls)) as Box<dyn View>]);
    let (mut live, mut aliases, mut chronicle) = (empty(&views, dir.path()), Aliases::default(), Chronicle::new());
    for (n, step) in [call(1, 1, 10), call(2, 1, 20), call(1, 2, 666), call(2, 2, 5), call(1, 3, 1)].iter().enumerate()
    {
        chronicle.record(n, step).await;
        follow(&chronicle.log, &views, &mut live, &mut aliases).await;
    }
    assert_eq!(live.parked(), 1);
    assert_eq!(live.status().unwrap()[0].parked, 1);

    // A correction of what could not be folded brings the row back, up to date.
    chronicle.record(9, &Step::Correct { target: 2, at: 2, amount: 7 }).await;
    follow(&chronicle.log, &views, &mut live, &mut aliases).await;
    assert_eq!(live.parked(), 0);
    assert_eq!(digests(&live), digests(&rebuilt(&chronicle.log, &views, dir.path(), Options::default()).await));
}
