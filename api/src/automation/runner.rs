//! Goes through the log event by event, and through the dates of tasks as they pass.

use std::time::{Duration, Instant};

use letopis_core::automation::{
    ACTOR, CannotAct, ClientState, Intent, MAX_CHAIN, OVERDUE, Rule, RuleBook, Trigger, decide,
};
use letopis_core::code::Code;
use letopis_core::events::{Event, TaskEvent};
use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::ids::{ClientId, Position, TaskId};
use letopis_core::intake::{Caller, Outcome};
use letopis_core::log::{LogError, MAX_PAGE, Recorded};
use letopis_core::reader::{read_group, read_stream};
use letopis_core::trust::hex::Hex;
use letopis_projections::views::tasks::{OpenTask, due_between};
use tokio::sync::watch;

use super::mark::Mark;
use crate::state::App;

/// After a new event others are waited for so long, so that pages are read and not single events.
const GATHER: Duration = Duration::from_millis(20);
/// How often dates of tasks are looked at while a rule waits for them.
const LOOK: Duration = Duration::from_millis(250);
/// How long the views may take to show what was recorded.
const MAX_LAG: Duration = Duration::from_secs(5);
/// When to try again what the log refused.
const RETRY: Duration = Duration::from_secs(1);
/// The mark is written at most this often while there is more to do.
const KEEP: Duration = Duration::from_secs(1);
/// Tasks that are looked up at once.
const TASKS: usize = 500;

/// Why a step did not come to its end.
enum Stop {
    /// The log takes nothing now: the same step again, later.
    Later(String),
    Failed(LogError),
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

pub(super) struct Runner<'a> {
    app: &'a App,
    caller: Caller,
    book: RuleBook,
    mark: Mark,
    kept: (Mark, Instant),
}

impl<'a> Runner<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        let mark = Mark { position: Position(0), leaf: Hex([0; 32]), due_upto: app.now() };
        let caller = Caller { actor: ACTOR.into(), source: Some(ACTOR.into()), restores: false };
        Self { app, caller, book: RuleBook::default(), mark, kept: (mark, Instant::now()) }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), LogError> {
        self.begin().await?;
        while !*stop.borrow() && stop.has_changed().is_ok() {
            match self.step().await {
                Ok(0) => {
                    self.keep()?;
                    let waits = self.book.concerns(OVERDUE);
                    tokio::select! {
                        more = self.app.log.wait_beyond(self.mark.position) => {
                            more?;
                            tokio::time::sleep(GATHER).await;
                        }
                        () = tokio::time::sleep(LOOK), if waits => {}
                        _ = stop.changed() => break,
                    }
                }
                Ok(_) if self.kept.1.elapsed() > KEEP => self.keep()?,
                Ok(_) => {}
                Err(Stop::Later(reason)) => {
                    tracing::warn!(reason, "what a rule wants done is not recorded yet");
                    tokio::select! {
                        () = tokio::time::sleep(RETRY) => {}
                        _ = stop.changed() => break,
                    }
                }
                Err(Stop::Failed(error)) => return Err(error),
            }
        }
        self.keep()
    }

    /// Goes on from the mark; where there is none, from the first rule.
    async fn begin(&mut self) -> Result<(), LogError> {
        let log = &*self.app.log;
        // Before the rules: one that is recorded meanwhile stands behind it and is met there.
        let head = log.head().await?;
        let (mut rules, prefix) = (Vec::new(), RuleBook::prefix());
        for stream in log.definition_streams().await? {
            if stream.as_str().starts_with(&prefix) {
                read_stream(log, Opener::Closed, &stream, letopis_core::ids::Version(0), &mut rules).await?;
            }
        }
        rules.sort_unstable_by_key(|fact| fact.position);
        match self.app.automation.file.read(log).await? {
            Some(mark) => self.mark = mark,
            None => {
                let first = rules.first();
                let before = first.map_or(head, |rule| Position(rule.position.0 - 1));
                self.mark.due_upto = first.map_or(self.app.now(), |rule| rule.recorded_at);
                self.go_to(before).await?;
            }
        }
        for rule in rules.iter().filter(|rule| rule.position <= self.mark.position) {
            self.book.take(rule);
        }
        self.tell();
        Ok(())
    }

    async fn go_to(&mut self, position: Position) -> Result<(), LogError> {
        if position > Position(0) {
            let found = self.app.log.read_all(Position(position.0 - 1), 1).await?;
            self.mark.leaf = found.first().map_or(Hex([0; 32]), |recorded| Hex(recorded.leaf));
        }
        self.mark.position = position;
        Ok(())
    }

    fn keep(&mut self) -> Result<(), LogError> {
        if self.kept.0 != self.mark {
            self.app.automation.file.write(&self.mark)?;
        }
        self.kept = (self.mark, Instant::now());
        Ok(())
    }

    fn tell(&self) {
        let progress = super::Progress { position: self.mark.position, due_upto: self.mark.due_upto };
        self.app.automation.progress.send_replace(progress);
    }

    /// Goes through the next page of the log; at the head, through the dates that have passed. Returns how many
    /// events the page held.
    async fn step(&mut self) -> Result<usize, Stop> {
        let page = self.app.log.read_all(self.mark.position, MAX_PAGE).await?;
        let count = page.len();
        let Some(last) = page.last().map(|last| (last.position, last.leaf)) else {
            self.look_at_dates().await?;
            self.tell();
            return Ok(0);
        };
        for recorded in page {
            self.take(recorded).await?;
        }
        (self.mark.position, self.mark.leaf) = (last.0, Hex(last.1));
        self.tell();
        Ok(count)
    }

    async fn take(&mut self, recorded: Recorded) -> Result<(), Stop> {
        if recorded.stream.as_str().starts_with(&RuleBook::prefix()) {
            self.book.take(&Fact::decode(recorded, Opener::Closed)?);
            return Ok(());
        }
        let sets_date = matches!(&*recorded.event_type, "task.planned" | "task.due_moved");
        let late = sets_date && self.book.concerns(OVERDUE);
        if recorded.stream.client_id().is_none() || !(late || self.book.concerns(&recorded.event_type)) {
            return Ok(());
        }
        let fact = Fact::decode(recorded, Opener::Vault(&self.app.vault))?;
        self.act_on(&fact).await?;
        let date = match &fact.event {
            Event::Task(TaskEvent::Planned(e)) => e.due.map(|due| (e.task, due)),
            Event::Task(TaskEvent::DueMoved(e)) => Some((e.task, e.due)),
            _ => None,
        };
        // A date that was set when it had passed already: nobody will come by it again.
        if let (Some((task, due)), Some(client), true) = (date, fact.client, late)
            && due.at <= self.mark.due_upto
        {
            self.act_on_date(OpenTask { task, client, due: due.at }).await?;
        }
        Ok(())
    }

    async fn act_on(&self, fact: &Fact) -> Result<(), Stop> {
        let Some((trigger, client)) = Trigger::fact(fact).zip(fact.client) else { return Ok(()) };
        let mut rules: Vec<&Rule> = self.book.in_force(trigger.event_type(), trigger.recorded_at()).collect();
        if rules.is_empty() {
            return Ok(());
        }
        let makers = self.makers(fact).await?;
        if makers.len() > MAX_CHAIN {
            tracing::warn!(event = %fact.id, "rules acted on each other {MAX_CHAIN} times; they go no further");
            return Ok(());
        }
        // A rule does not act on what itself set going.
        rules.retain(|rule| !makers.contains(&rule.name.code));
        let known = |known: &Fact| known.position <= fact.position && known.fold_order() <= fact.fold_order();
        let state = self.state(client, known).await?;
        self.decide(&rules, &trigger, &state).await
    }

    /// The rules that made an event and its causes.
    async fn makers(&self, fact: &Fact) -> Result<Vec<Code>, LogError> {
        let (mut codes, mut next) = (Vec::new(), Some(fact.clone()));
        while let Some(fact) = next.take() {
            let Some(name) = fact.event.made_by() else { break };
            codes.push(name.code.clone());
            if let (Some(cause), true) = (fact.meta()?.causation, codes.len() <= MAX_CHAIN) {
                let cause = self.app.log.find(cause).await?;
                next = cause.map(|recorded| Fact::decode(recorded, Opener::Closed)).transpose()?;
            }
        }
        Ok(codes)
    }

    async fn state(&self, client: ClientId, known: impl Fn(&Fact) -> bool) -> Result<ClientState, LogError> {
        let mut facts = read_group(&*self.app.log, Opener::Closed, client).await?;
        facts.retain(known);
        Ok(ClientState::of(&effective(facts).0))
    }

    async fn decide(&self, rules: &[&Rule], trigger: &Trigger, state: &ClientState) -> Result<(), Stop> {
        let mut intents = Vec::new();
        for rule in rules {
            match decide(rule, trigger, state) {
                Ok(wanted) => intents.extend(wanted),
                Err(CannotAct { rule, event, reason }) => {
                    tracing::info!(rule, %event, reason, "a rule cannot be decided and does nothing");
                }
            }
        }
        self.record(&intents).await
    }

    async fn record(&self, intents: &[Intent]) -> Result<(), Stop> {
        if intents.is_empty() {
            return Ok(());
        }
        let items = intents.iter().map(Intent::item).collect();
        let outcomes = self.app.intake.post(&self.caller, items, false).await;
        for (intent, outcome) in intents.iter().zip(outcomes) {
            crate::telemetry::posted(&outcome);
            match outcome {
                Outcome::Accepted { .. } | Outcome::Duplicate { .. } => {}
                Outcome::Rejected(why) => {
                    tracing::warn!(rule = %intent.data["rule"], event = %intent.causation, refused = why.rule,
                        reason = why.message, "what a rule wants done is refused");
                }
                // It was done under another version of the rule, or by what was known before.
                Outcome::Conflict { .. } => {}
                Outcome::Unknown { message } | Outcome::Refused { message } => return Err(Stop::Later(message)),
            }
        }
        Ok(())
    }

    /// Acts on the dates of open tasks that have passed since the last look.
    async fn look_at_dates(&mut self) -> Result<(), Stop> {
        let now = self.app.now();
        if now <= self.mark.due_upto {
            return Ok(());
        }
        if !self.book.concerns(OVERDUE) {
            // Whatever rule comes, it will not act on dates that passed before it.
            self.mark.due_upto = now;
            return Ok(());
        }
        if !self.app.views.wait_for(self.mark.position, MAX_LAG).await {
            return Ok(());
        }
        let mut after = (self.mark.due_upto, TaskId(u128::MAX));
        loop {
            let read = self.app.views.read(now, |reader| due_between(reader, after, now, TASKS)).await;
            let (tasks, _) = read.map_err(|error| Stop::Later(letopis_core::error::chain(&error)))?;
            for &task in &tasks {
                self.act_on_date(task).await?;
                after = (task.due, task.task);
            }
            if tasks.len() < TASKS {
                break;
            }
        }
        self.mark.due_upto = now;
        Ok(())
    }

    async fn act_on_date(&self, open: OpenTask) -> Result<(), Stop> {
        let state = self.state(open.client, |_| true).await?;
        let Some(task) = state.tasks.get(&open.task).filter(|task| !task.closed) else { return Ok(()) };
        let Some(trigger) = Trigger::overdue(open.task, task) else { return Ok(()) };
        if trigger.occurred().at != open.due {
            return Ok(());
        }
        let rules: Vec<&Rule> = self.book.in_force(OVERDUE, trigger.recorded_at()).collect();
        self.decide(&rules, &trigger, &state).await
    }
}
