//! Random histories of a few clients, and a log that holds them.

use std::path::Path;
use std::sync::Arc;

use letopis_core::events::{self, Event, client, deal, interaction, knowledge, order};
use letopis_core::ids::*;
use letopis_core::log::memory::MemoryLog;
use letopis_core::log::{Commit, EventLog, IndexChange, NewEvent, StreamName};
use letopis_core::money::Money;
use letopis_core::personal::Personal;
use letopis_core::time::{Clock, DAY_US, ManualClock, Moment, SECOND_US, Timestamp, Zone};
use letopis_core::trust::leaf::Meta;
use letopis_projections::engine::file::ViewFile;
use letopis_projections::engine::group::Aliases;
use letopis_projections::engine::live::{self, Source};
use letopis_projections::engine::rebuild::{self, Options};
use letopis_projections::engine::view::View;
use proptest::prelude::*;

/// 2026-01-01T00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600 * SECOND_US);
const CLIENTS: u128 = 4;

/// Something that is recorded. Times are half hours after [`START`], so that many fall together.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// An event of a client.
    Happened { client: u128, at: i64, what: What },
    /// Something was defined (anew): a product, an employee, the stages.
    Defined { at: i64, which: usize, value: i64 },
    /// An earlier step never happened (an index, wrapped).
    Retract(usize),
    /// An earlier step happened at another time, with another amount.
    Correct { target: usize, at: i64, amount: i64 },
    /// One record turns out to be another's.
    Merge { survivor: u128, absorbed: u128 },
    /// No, it does not.
    Unmerge { absorbed: u128 },
}

/// What happened.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// The client was entered.
    Registered,
    /// A call of so many seconds.
    Call(u32),
    /// Deals: opened at a stage for an amount.
    DealOpened(u128, usize, i64),
    /// Moved.
    DealMoved(u128, usize),
    /// Another amount.
    DealAmount(u128, i64),
    /// Won.
    DealWon(u128, i64),
    /// Lost.
    DealLost(u128),
    /// Open again.
    DealReopened(u128, usize),
    /// Judged to be won with so many tenths.
    DealChance(u128, u16),
    /// A step of a lead: captured, qualified, put aside, handed over, converted.
    Lead(u128, usize),
    /// Something to win a deal: planned, or done at a cost.
    Presale(u128, bool, i64),
    /// Orders: so many of a product at a price in cents.
    Ordered(u128, i64, i64),
    /// Cancelled.
    Cancelled(u128),
    /// Came back.
    Returned(u128, i64),
    /// Money came.
    Paid(u128, i64),
    /// Cases.
    CaseRaised(u128, usize),
    /// Answered by us.
    CaseAnswered(u128),
    /// A date promised so many half hours later.
    CaseDue(u128, i64),
    /// Settled.
    CaseResolved(u128),
    /// Not settled after all.
    CaseReopened(u128),
    /// A step of a case through the house: which of them, and one of three codes.
    Service(u128, usize, usize),
    /// A word on marketing: given or withdrawn, on a channel or on all.
    Consent(bool, bool),
    /// Somebody speaks for the client, and decides or not.
    Person(u128, bool),
    /// Nobody speaks for him any more.
    PersonGone(u128),
    /// A meeting so many half hours later.
    Meeting(u128, i64),
    /// It was held.
    MeetingHeld(u128),
    /// A task, due so many half hours later.
    Task(u128, i64),
    /// To be done at another time.
    TaskMoved(u128, i64),
    /// Done.
    TaskDone(u128),
    /// Moved to another time.
    MeetingMoved(u128, i64),
    /// Called off.
    MeetingCancelled(u128),
    /// Something exceptional, of one of us.
    Exception(usize, u128),
    /// Somebody looks after the client.
    Manager(u128),
    /// An attribute has this code.
    Attribute(usize),
    /// He is related to another.
    Related(u128),
    /// The price of an order was lowered.
    Conceded(u128, i64),
    /// An order is expected later by so many days.
    Deferred(u128, i32),
    /// A special offer was made, or taken.
    Offer(u128, bool),
    /// A document was released for an order, or became void.
    Document(u128, bool),
    /// What he can spend.
    Budget(i64),
}

const STAGES: [&str; 4] = ["prospecting", "engaging", "offer", "contract"];

fn code(text: &str) -> letopis_core::code::Code {
    text.parse().unwrap()
}

fn money(minor: i64) -> Money {
    Money { minor, currency: "EUR".parse().unwrap() }
}

impl What {
    fn event(&self, client: u128, at: Timestamp) -> Event {
        // An id of 128 bits that belongs to one client.
        let own = |n: u128| client * 1_000 + n;
        match *self {
            Self::Registered => client::Registered {
                kind: client::ClientKind::Person,
                attributes: Default::default(),
                language: None,
                name: Personal::Absent,
                profile: Personal::Absent,
            }
            .into(),
            Self::Call(seconds) => {
                from("call.logged", serde_json::json!({"direction": "in", "duration_s": seconds, "topics": ["prices"]}))
            }
            Self::DealOpened(n, stage, amount) => from(
                "deal.opened",
                serde_json::json!({"deal": DealId(own(n)), "stage": STAGES[stage], "product": "p1", "amount": money(amount)}),
            ),
            Self::DealMoved(n, stage) => {
                from("deal.stage_changed", serde_json::json!({"deal": DealId(own(n)), "to": STAGES[stage]}))
            }
            Self::DealAmount(n, amount) => {
                from("deal.amount_changed", serde_json::json!({"deal": DealId(own(n)), "amount": money(amount)}))
            }
            Self::DealWon(n, amount) => {
                from("deal.won", serde_json::json!({"deal": DealId(own(n)), "amount": money(amount)}))
            }
            Self::DealLost(n) => deal::Lost {
                deal: DealId(own(n)),
                reason: Some(code("price")),
                competitor: None,
                reason_text: Personal::Absent,
            }
            .into(),
            Self::DealReopened(n, stage) => {
                from("deal.reopened", serde_json::json!({"deal": DealId(own(n)), "stage": STAGES[stage]}))
            }
            Self::DealChance(n, tenths) => from(
                "probability.set",
                serde_json::json!({"deal": DealId(own(n)), "probability_bp": tenths * 1_000, "by": "human", "expected_close": "2026-03-01"}),
            ),
            Self::Lead(n, step) => {
                let (name, mut data) = [
                    ("lead.captured", serde_json::json!({"source": STAGES[client as usize % 4]})),
                    ("lead.qualified", serde_json::json!({"score": 7})),
                    ("lead.disqualified", serde_json::json!({"reason": "no-budget"})),
                    ("lead.assigned", serde_json::json!({"branch": "north"})),
                    ("lead.converted", serde_json::json!({"deal": DealId(own(n))})),
                ][step]
                    .clone();
                data["lead"] = serde_json::json!(LeadId(own(n)));
                from(name, data)
            }
            Self::Presale(n, done, minor) => {
                let ids =
                    serde_json::json!({"action": PresaleActionId(own(n)), "deal": DealId(own(n)), "kind": "demo"});
                let (name, field) =
                    if done { ("presale_action.done", "cost") } else { ("presale_action.planned", "budget") };
                let mut data = ids;
                data[field] = serde_json::json!(money(minor));
                from(name, data)
            }
            Self::Ordered(n, quantity, cents) => from(
                "order.placed",
                serde_json::json!({"order": OrderId(own(n)), "currency": "EUR", "channel": "shop",
                    "lines": [{"product": "p1", "quantity": quantity.to_string(), "unit_price": format!("{}.{:02}", cents / 100, cents % 100)}]}),
            ),
            Self::Cancelled(n) => {
                order::Cancelled { order: OrderId(own(n)), reason: None, reason_text: Personal::Absent }.into()
            }
            Self::Returned(n, quantity) => from(
                "goods.returned",
                serde_json::json!({"order": OrderId(own(n)), "lines": [{"product": "p1", "quantity": quantity.to_string()}]}),
            ),
            Self::Paid(n, minor) => {
                from("payment.received", serde_json::json!({"order": OrderId(own(n)), "amount": money(minor)}))
            }
            Self::CaseRaised(n, kind) => from(
                "case.raised",
                serde_json::json!({"case": CaseId(own(n)), "kind": (["complaint", "question", "wish"][kind]), "topic": "delivery", "channel": "web"}),
            ),
            Self::CaseAnswered(n) => from("case.answered", serde_json::json!({"case": CaseId(own(n))})),
            Self::CaseDue(n, later) => from(
                "case.due_set",
                serde_json::json!({"case": CaseId(own(n)), "due": Moment::utc(Timestamp(at.0 + later * 1_800 * SECOND_US))}),
            ),
            Self::CaseResolved(n) => {
                from("case.resolved", serde_json::json!({"case": CaseId(own(n)), "resolution": "fixed"}))
            }
            Self::CaseReopened(n) => from("case.reopened", serde_json::json!({"case": CaseId(own(n))})),
            Self::Service(n, which, of) => service(CaseId(own(n)), which, of, at),
            Self::Consent(given, on_channel) => from(
                if given { "consent.given" } else { "consent.withdrawn" },
                serde_json::json!({"purpose": "marketing", "channel": on_channel.then_some("email")}),
            ),
            Self::Person(n, decides) => from(
                "contact_person.added",
                serde_json::json!({"person": ContactId(own(n)), "role": "buyer", "decision_maker": decides}),
            ),
            Self::PersonGone(n) => from("contact_person.removed", serde_json::json!({"person": ContactId(own(n))})),
            Self::Meeting(n, later) => from(
                "meeting.scheduled",
                serde_json::json!({"meeting": MeetingId(own(n)), "starts_at": Moment::utc(Timestamp(at.0 + later * 1_800 * SECOND_US))}),
            ),
            Self::MeetingHeld(n) => from("meeting.held", serde_json::json!({"meeting": MeetingId(own(n))})),
            Self::Task(n, later) => from(
                "task.planned",
                serde_json::json!({"task": TaskId(own(n)), "kind": "visit", "due": Moment::utc(Timestamp(at.0 + later * 1_800 * SECOND_US))}),
            ),
            Self::TaskMoved(n, later) => from(
                "task.due_moved",
                serde_json::json!({"task": TaskId(own(n)), "due": Moment::utc(Timestamp(at.0 + later * 1_800 * SECOND_US))}),
            ),
            Self::TaskDone(n) => from("task.done", serde_json::json!({"task": TaskId(own(n)), "outcome": "reached"})),
            Self::MeetingMoved(n, later) => from(
                "meeting.rescheduled",
                serde_json::json!({"meeting": MeetingId(own(n)), "starts_at": Moment::utc(Timestamp(at.0 + later * 1_800 * SECOND_US))}),
            ),
            Self::MeetingCancelled(n) => from("meeting.cancelled", serde_json::json!({"meeting": MeetingId(own(n))})),
            Self::Exception(class, employee) => {
                from("exception.flagged", serde_json::json!({"class": STAGES[class], "employee": EmployeeId(employee)}))
            }
            Self::Manager(n) => from("client.manager_assigned", serde_json::json!({"manager": EmployeeId(n)})),
            Self::Attribute(value) => {
                from("client.attribute_changed", serde_json::json!({"attribute": "segment", "new": STAGES[value]}))
            }
            Self::Conceded(n, minor) => from(
                "price_concession.made",
                serde_json::json!({"order": OrderId(own(n)), "amount": money(minor), "reason": "late", "approver": EmployeeId(1)}),
            ),
            Self::Deferred(n, days) => from(
                "order.deferred",
                serde_json::json!({"order": OrderId(own(n)), "expected": letopis_core::time::Day(20_500 + days)}),
            ),
            Self::Offer(n, true) => from(
                "offer.made",
                serde_json::json!({"offer": OfferId(own(n)), "kind": "spring", "discount": money(100)}),
            ),
            Self::Offer(n, false) => from("offer.accepted", serde_json::json!({"offer": OfferId(own(n))})),
            Self::Document(n, true) => from(
                "document.issued",
                serde_json::json!({"document": DocumentId(own(n)), "kind": "waybill", "number": "1", "order": OrderId(own(n)),
                    "lines": [{"product": "p1", "quantity": "1"}]}),
            ),
            Self::Document(n, false) => {
                from("document.voided", serde_json::json!({"document": DocumentId(own(n)), "reason": "misprint"}))
            }
            Self::Budget(minor) => {
                from("financial_profile.recorded", serde_json::json!({"source": "client", "budget": money(minor)}))
            }
            Self::Related(to) => from(
                "relation.established",
                serde_json::json!({"relation": RelationId(own(7)), "kind": "partner", "to": ClientId(to)}),
            ),
        }
    }
}

/// How many steps [`service`] knows.
const SERVICE: usize = 13;

fn service(case: CaseId, which: usize, of: usize, at: Timestamp) -> Event {
    let branch = ["legal", "appraisal", "security"][of];
    let (name, more) = match which {
        0 => ("case.paused", serde_json::json!({})),
        1 => ("case.resumed", serde_json::json!({})),
        2 => ("case.state_changed", serde_json::json!({"to": branch})),
        3 => ("case.linked_to_plan_item", serde_json::json!({"item": branch})),
        4 => ("case.unlinked_from_plan_item", serde_json::json!({"item": branch})),
        5 => ("work_item.entered_department", serde_json::json!({"department": branch, "stage": branch})),
        6 => ("work_item.left_department", serde_json::json!({"department": branch, "labour_s": 60 * of})),
        7 => (
            "work_item.handed_over",
            serde_json::json!({"from": branch, "to": "security", "list": "papers", "checked": ["contract"]}),
        ),
        8 => ("review.requested", serde_json::json!({"branch": branch})),
        9 => ("review.decided", serde_json::json!({"branch": branch, "decision": "agreed"})),
        10 => ("application.decided", serde_json::json!({"decision": "granted"})),
        11 => ("solution.applied", serde_json::json!({"problem": "noise", "solution": branch, "worked": of > 0})),
        _ => (
            "letter.registered",
            // The steps have ids from a million on: some of them are what this letter answers.
            serde_json::json!({"journal": "in", "number": format!("{}-{of}", at.0), "direction": (["in", "out"][of % 2]),
                "media": "post", "correspondent": "client", "due": "2026-03-01", "answers": EventId(1_000_000 + of as u128 * 3)}),
        ),
    };
    let mut data = more;
    data["case"] = case.to_string().into();
    from(name, data)
}

fn definition(which: usize, value: i64) -> Event {
    match which {
        0 => from(
            "product.defined",
            serde_json::json!({"product": "p1", "label": "P", "group": STAGES[(value % 4) as usize],
                "list_price": value.to_string(), "currency": "EUR"}),
        ),
        1 => from(
            "employee.defined",
            serde_json::json!({"employee": EmployeeId(1), "manager": EmployeeId(2 + value as u128), "region": "east"}),
        ),
        _ => from(
            "stage_model.defined",
            serde_json::json!({"model": "default", "stages": STAGES.map(|stage| serde_json::json!({"stage": stage, "probability_bp": value * 1_000}))}),
        ),
    }
}

fn from(name: &str, data: serde_json::Value) -> Event {
    Event::from_input(name, data).unwrap()
}

fn what() -> impl Strategy<Value = What> {
    let n = 0..2u128;
    prop_oneof![
        1 => Just(What::Registered),
        3 => (0..900u32).prop_map(What::Call),
        3 => (n.clone(), 0..4usize, 1..9i64).prop_map(|(n, s, a)| What::DealOpened(n, s, a * 100)),
        3 => (n.clone(), 0..4usize).prop_map(|(n, s)| What::DealMoved(n, s)),
        1 => (n.clone(), 1..9i64).prop_map(|(n, a)| What::DealAmount(n, a * 70)),
        2 => (n.clone(), 1..9i64).prop_map(|(n, a)| What::DealWon(n, a * 90)),
        1 => n.clone().prop_map(What::DealLost),
        1 => (n.clone(), 0..4usize).prop_map(|(n, s)| What::DealReopened(n, s)),
        1 => (n.clone(), 0..11u16).prop_map(|(n, tenths)| What::DealChance(n, tenths)),
        3 => (n.clone(), 0..5usize).prop_map(|(n, step)| What::Lead(n, step)),
        1 => (n.clone(), any::<bool>(), 1..9i64).prop_map(|(n, done, a)| What::Presale(n, done, a * 100)),
        4 => (n.clone(), 1..5i64, 0..500i64).prop_map(|(n, q, p)| What::Ordered(n, q, p)),
        1 => n.clone().prop_map(What::Cancelled),
        1 => (n.clone(), 1..3i64).prop_map(|(n, q)| What::Returned(n, q)),
        2 => (n.clone(), 1..900i64).prop_map(|(n, a)| What::Paid(n, a)),
        2 => (n.clone(), 0..3usize).prop_map(|(n, k)| What::CaseRaised(n, k)),
        1 => n.clone().prop_map(What::CaseAnswered),
        1 => (n.clone(), 1..99i64).prop_map(|(n, d)| What::CaseDue(n, d)),
        1 => n.clone().prop_map(What::CaseResolved),
        1 => n.clone().prop_map(What::CaseReopened),
        5 => (n.clone(), 0..SERVICE, 0..3usize).prop_map(|(n, which, of)| What::Service(n, which, of)),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(given, on)| What::Consent(given, on)),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, decides)| What::Person(n, decides)),
        1 => n.clone().prop_map(What::PersonGone),
        1 => (n.clone(), 1..99i64).prop_map(|(n, later)| What::Meeting(n, later)),
        1 => n.clone().prop_map(What::MeetingHeld),
        1 => (n.clone(), 1..99i64).prop_map(|(n, later)| What::MeetingMoved(n, later)),
        1 => n.clone().prop_map(What::MeetingCancelled),
        2 => (n.clone(), 1..99i64).prop_map(|(n, later)| What::Task(n, later)),
        1 => (n.clone(), 1..99i64).prop_map(|(n, later)| What::TaskMoved(n, later)),
        1 => n.clone().prop_map(What::TaskDone),
        1 => (0..4usize, n.clone()).prop_map(|(class, n)| What::Exception(class, n)),
        1 => n.clone().prop_map(What::Manager),
        1 => (n.clone(), 1..50i64).prop_map(|(n, a)| What::Conceded(n, a)),
        1 => (n.clone(), 1..50i32).prop_map(|(n, d)| What::Deferred(n, d)),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, made)| What::Offer(n, made)),
        1 => (n, any::<bool>()).prop_map(|(n, issued)| What::Document(n, issued)),
        1 => (1..9i64).prop_map(|a| What::Budget(a * 100)),
        1 => (0..4usize).prop_map(What::Attribute),
        1 => (1..=CLIENTS).prop_map(What::Related),
    ]
}

/// One thing that happened to one client, in the first 60 days.
pub(crate) fn happened() -> impl Strategy<Value = Step> {
    (1..=CLIENTS, 0..60 * 48i64, what()).prop_map(|(client, at, what)| Step::Happened { client, at, what })
}

/// Histories with everything.
pub(crate) fn histories(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => happened(),
        2 => (0..60 * 48i64, 0..3usize, 0..9i64).prop_map(|(at, which, value)| Step::Defined { at, which, value }),
        1 => any::<usize>().prop_map(Step::Retract),
        1 => (any::<usize>(), 0..60 * 48i64, 1..9i64).prop_map(|(target, at, amount)| Step::Correct { target, at, amount }),
        1 => (1..=CLIENTS, 1..=CLIENTS).prop_map(|(survivor, absorbed)| Step::Merge { survivor, absorbed }),
        1 => (1..=CLIENTS).prop_map(|absorbed| Step::Unmerge { absorbed }),
    ];
    prop::collection::vec(step, 1..length)
}

/// A memory log with a clock that moves a second an event.
pub(crate) struct Chronicle {
    pub(crate) log: MemoryLog,
    clock: Arc<ManualClock>,
    /// What was recorded, by step: id, client, event, time.
    events: Vec<(EventId, ClientId, Event, Timestamp)>,
    aliases: Aliases,
    next: u128,
}

impl Chronicle {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp(START.0 + 100 * DAY_US)));
        Self { log: MemoryLog::new(clock.clone()), clock, events: Vec::new(), aliases: Aliases::default(), next: 0 }
    }

    /// A log with these steps in it.
    pub(crate) async fn of(steps: &[Step]) -> Self {
        let mut chronicle = Self::new();
        for (n, step) in steps.iter().enumerate() {
            chronicle.record(n, step).await;
        }
        chronicle
    }

    /// Records a step; `n` gives the event its id, so that the same step has the same id in any order.
    pub(crate) async fn record(&mut self, n: usize, step: &Step) {
        let id = EventId(1_000_000 + n as u128);
        match step {
            Step::Happened { client, at, what } => {
                let at = Timestamp(START.0 + at * 1_800 * SECOND_US);
                self.put(id, ClientId(*client), what.event(*client, at), at, Vec::new()).await;
            }
            Step::Defined { at, which, value } => {
                let at = Timestamp(START.0 + at * 1_800 * SECOND_US);
                let event = definition(*which, *value);
                let stream = StreamName::parse(&event.definition_stream().expect("a definition")).expect("a stream");
                self.put_in(id, stream, None, event, at, Vec::new()).await;
            }
            Step::Retract(target) => {
                let Some((target, client)) = self.pick(*target) else { return };
                let event = knowledge::Retracted { target, reason: Personal::Absent };
                self.put(id, client, event.into(), START, Vec::new()).await;
            }
            Step::Correct { target, at, amount } => {
                let Some((target, client)) = self.pick(*target) else { return };
                let (_, _, mut event, _) = self.events.iter().find(|(id, ..)| *id == target).unwrap().clone();
                if let Event::Deal(events::DealEvent::Opened(opened)) = &mut event {
                    opened.amount = Some(money(amount * 55));
                }
                if let Event::Interaction(events::InteractionEvent::CallLogged(interaction::CallLogged {
                    duration_s,
                    ..
                })) = &mut event
                {
                    *duration_s = Some(*amount as u32);
                }
                let event = knowledge::Corrected {
                    target,
                    target_type: code(event.type_name()),
                    target_schema: event.schema(),
                    facts: serde_json::from_slice(&event.facts()).unwrap(),
                    occurred_at: Some(Moment::utc(Timestamp(START.0 + at * 1_800 * SECOND_US))),
                    order: None,
                    personal: Personal::Absent,
                    reason: Personal::Absent,
                };
                self.put(id, client, event.into(), START, Vec::new()).await;
            }
            Step::Merge { survivor, absorbed } => {
                let (into, absorbed) = (self.aliases.root(ClientId(*survivor)), ClientId(*absorbed));
                if into == absorbed || self.aliases.root(absorbed) != absorbed {
                    return;
                }
                let event = client::Merged { absorbed, reason: Personal::Absent };
                self.put(id, into, event.into(), START, vec![IndexChange::Merge { absorbed, into }]).await;
            }
            Step::Unmerge { absorbed } => {
                let absorbed = ClientId(*absorbed);
                let changes = self.log.merged_into(absorbed).await.unwrap();
                let Some(from) = changes else { return };
                let event = client::Unmerged { absorbed, reason: Personal::Absent };
                self.put(id, from, event.into(), START, vec![IndexChange::Unmerge { absorbed, from }]).await;
            }
        }
    }

    fn pick(&self, wish: usize) -> Option<(EventId, ClientId)> {
        let facts: Vec<_> = self
            .events
            .iter()
            .filter(|(_, _, event, _)| !matches!(event, Event::Knowledge(_) | Event::Client(_)))
            .collect();
        if facts.is_empty() { None } else { Some((facts[wish % facts.len()].0, facts[wish % facts.len()].1)) }
    }

    async fn put(&mut self, id: EventId, client: ClientId, event: Event, at: Timestamp, index: Vec<IndexChange>) {
        self.put_in(id, StreamName::client(client), Some(client), event, at, index).await;
    }

    async fn put_in(
        &mut self,
        id: EventId,
        stream: StreamName,
        client: Option<ClientId>,
        event: Event,
        at: Timestamp,
        index: Vec<IndexChange>,
    ) {
        self.clock.set(Timestamp(self.clock.now().0 + SECOND_US));
        self.next += 1;
        let new = NewEvent {
            id,
            stream,
            event_type: event.type_name().into(),
            schema: event.schema(),
            occurred: Moment::utc(at),
            order: 0,
            meta: Meta::default().encode().into(),
            salt: [0; 16],
            facts: event.facts().into(),
            sealed: None,
            if_new: false,
        };
        let changes = index.iter().filter_map(|change| match *change {
            IndexChange::Merge { absorbed, into } => Some((absorbed, Some(into))),
            IndexChange::Unmerge { absorbed, .. } => Some((absorbed, None)),
            _ => None,
        });
        for (absorbed, into) in changes {
            self.aliases.apply(&letopis_projections::engine::group::AliasChange {
                position: Position(0),
                recorded_at: Timestamp(0),
                absorbed,
                into,
            });
        }
        let commit = Commit { id: CommitId(self.next), expected: Vec::new(), events: vec![new], index };
        self.log.append(commit).await.unwrap();
        self.events.extend(client.map(|client| (id, client, event, at)));
    }
}

/// Digest of every view.
pub(crate) fn digests(file: &ViewFile) -> Vec<(String, u128)> {
    file.status().unwrap().into_iter().map(|status| (status.name, status.digest)).collect()
}

/// A rebuild in memory's stead: a file in a temporary folder.
pub(crate) async fn rebuilt(log: &dyn EventLog, views: &[Box<dyn View>], dir: &Path, options: Options) -> ViewFile {
    let path = dir.join(format!("{}.db", rand_name()));
    let source = Source { log, vault: None, views };
    rebuild::rebuild(source, &path, &Zone::named("Europe/Moscow").unwrap(), options, &|_, _| {}).await.unwrap()
}

/// A live file at nothing.
pub(crate) fn empty(views: &[Box<dyn View>], dir: &Path) -> ViewFile {
    let mut file =
        ViewFile::create(&dir.join(format!("{}.db", rand_name())), views, &Zone::named("Europe/Moscow").unwrap())
            .unwrap();
    file.index(views).unwrap();
    file
}

/// The file as the next process finds it.
pub(crate) fn reopened(file: ViewFile, views: &[Box<dyn View>]) -> (ViewFile, Aliases) {
    let path = file.path().expect("a file on the disk");
    drop(file);
    let zone = Zone::named("Europe/Moscow").unwrap();
    let file = ViewFile::open(&path, views, &zone).unwrap().expect("made by the same folds");
    let aliases = Aliases::from_changes(&file.alias_changes().unwrap());
    (file, aliases)
}

/// Folds what is new.
pub(crate) async fn follow(log: &dyn EventLog, views: &[Box<dyn View>], file: &mut ViewFile, aliases: &mut Aliases) {
    let source = Source { log, vault: None, views };
    while live::step(source, file, aliases).await.unwrap() > 0 {}
}

fn rand_name() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}
