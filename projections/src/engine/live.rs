//! Live: the tail of the log into the view file, rows and checkpoint in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use foldhash::{HashMap, HashMapExt};
use letopis_core::events::{Areas, Event, KnowledgeEvent, LogEvent};
use letopis_core::fact::{Fact, FoldOrder, Opener};
use letopis_core::ids::{ClientId, Position, Version};
use letopis_core::log::{EventLog, MAX_PAGE, Recorded, StreamName};
use letopis_core::trust::vault::Vault;

use super::EngineError;
use super::file::{Checkpoint, MAX_PARKED, SubjectState, ViewFile};
use super::group::{AliasChange, Aliases, Clocks, Group, Placed, definition_owner, identifies, see};
use super::projection::{Context, Scope};
use super::row::Owner;
use super::view::{Batch, StoreError, View};

/// Where facts come from, and which of them are opened.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The log.
    pub log: &'a dyn EventLog,
    /// The keys; without them personal fields stay sealed.
    pub vault: Option<&'a Vault>,
    /// The views that are kept.
    pub views: &'a [Box<dyn View>],
}

impl<'a> Source<'a> {
    /// Whether the personal part of a type is opened: only when some view reads it.
    pub fn opener(&self, event_type: &str) -> Opener<'a> {
        let area = letopis_core::events::find(event_type).map_or("custom", |info| info.area);
        match self.vault {
            // A correction carries the fields of its target, which may be of any area.
            Some(vault) if area == "knowledge" || self.views.iter().any(|view| view.opens(area)) => {
                Opener::Vault(vault)
            }
            _ => Opener::Closed,
        }
    }

    /// Decodes a recorded event, opened as far as the views need.
    ///
    /// # Errors
    /// When the event is damaged.
    pub fn decode(&self, recorded: Recorded) -> Result<Fact, EngineError> {
        let opener = self.opener(&recorded.event_type);
        Fact::decode(recorded, opener).map_err(EngineError::Log)
    }

    /// The facts of some streams up to a position, oldest first in each.
    ///
    /// # Errors
    /// When the log cannot be read or an event is damaged.
    pub async fn streams(&self, streams: &[StreamName], upto: Position) -> Result<Vec<Fact>, EngineError> {
        let mut facts = Vec::new();
        for stream in streams {
            let mut after = Version(0);
            loop {
                let page = self.log.read_stream(stream, after, MAX_PAGE).await?;
                let full = page.len() == MAX_PAGE;
                let Some(last) = page.last() else { break };
                after = last.version;
                let wanted = page.into_iter().filter(|recorded| recorded.position <= upto);
                for recorded in wanted {
                    facts.push(self.decode(recorded)?);
                }
                if !full {
                    break;
                }
            }
        }
        Ok(facts)
    }
}

/// Folds the next page of the log into the view file. Returns how many events it held; 0 at the head.
///
/// # Errors
/// When the log or the view file fails, or too many rows are parked.
pub async fn step(source: Source<'_>, file: &mut ViewFile, aliases: &mut Aliases) -> Result<usize, EngineError> {
    let from = file.checkpoint()?;
    let page = source.log.read_all(from.position, MAX_PAGE).await?;
    let (Some(last), count) = (page.last(), page.len()) else { return Ok(0) };
    let checkpoint = Checkpoint { position: last.position, leaf: last.leaf };

    let mut plan = Plan::new(aliases);
    for recorded in page {
        plan.take(source.decode(recorded)?);
    }
    let clients = plan.clients(source, file, checkpoint.position).await?;
    let definitions = plan.definitions(source, checkpoint.position).await?;

    file.transact(checkpoint, |writer, batch| {
        for change in &plan.changes {
            writer.alias(change)?;
        }
        // Rows that summarise a record which is answered under another now are taken away first.
        for (client, was_identified) in &plan.absorbed {
            for view in source.views.iter().filter(|view| view.scope() == Scope::Clients && !view.per_event()) {
                view.remove(batch, *was_identified, (*client).into())?;
            }
        }
        for work in &clients {
            for (member, state) in &work.states {
                writer.subject(*member, work.group.owner.client(), state)?;
            }
        }
        // View by view: its statements and the pages of its tables stay at hand.
        source.views.iter().map(AsRef::as_ref).try_for_each(|view| {
            let works = match view.scope() {
                Scope::Clients => &clients,
                Scope::Definitions => &definitions,
            };
            let mut concerned = works.iter().filter(|work| view.areas().meet(work.areas));
            concerned.try_for_each(|work| work.apply(view, batch))
        })
    })?;
    let regrouped = if let Cow::Owned(aliases) = plan.aliases { Some(aliases) } else { None };
    if let Some(regrouped) = regrouped {
        *aliases = regrouped;
    }
    if file.parked() > MAX_PARKED {
        return Err(EngineError::TooManyParked(file.parked()));
    }
    Ok(count)
}

/// What a page says, by owner.
struct Plan<'a> {
    /// Copied when the page changes them: until it is stored they stay as they were.
    aliases: Cow<'a, Aliases>,
    changes: Vec<AliasChange>,
    /// By the stream's own client, in recorded order.
    by_client: BTreeMap<ClientId, Vec<Fact>>,
    by_definition: BTreeMap<Owner, (StreamName, Vec<Fact>)>,
    /// Clients whose group changed, with the heads before and after.
    regrouped: BTreeSet<ClientId>,
    /// Clients that stopped being the head of a group, and whether their rows counted as identified.
    absorbed: Vec<(ClientId, bool)>,
}

/// What a page means for one owner.
#[derive(Default)]
struct Work {
    /// The owner; with all its facts when something is folded anew.
    group: Group,
    was_identified: bool,
    /// The facts of the page, in fold order.
    facts: Vec<Placed>,
    /// Everything that summarises the group is folded anew.
    whole: bool,
    /// The areas of what is folded.
    areas: Areas,
    /// The greatest place that was folded in before: what lies below it came late.
    frontier: FoldOrder,
    /// Events that were corrected or retracted.
    targets: HashSet<u128>,
    states: Vec<(ClientId, SubjectState)>,
}

impl<'a> Plan<'a> {
    fn new(aliases: &'a Aliases) -> Self {
        Self {
            aliases: Cow::Borrowed(aliases),
            changes: Vec::new(),
            by_client: BTreeMap::new(),
            by_definition: BTreeMap::new(),
            regrouped: BTreeSet::new(),
            absorbed: Vec::new(),
        }
    }

    fn take(&mut self, fact: Fact) {
        if let Some(change) = AliasChange::of(&fact) {
            let before = self.aliases.root(change.absorbed);
            self.aliases.to_mut().apply(&change);
            self.regrouped.extend([change.absorbed, before, self.aliases.root(change.absorbed)]);
            self.changes.push(change);
        }
        match fact.client {
            Some(client) => self.by_client.entry(client).or_default().push(fact),
            None => {
                let owner = definition_owner(&fact.stream);
                self.by_definition.entry(owner).or_insert_with(|| (fact.stream.clone(), Vec::new())).1.push(fact);
            }
        }
    }

    /// Decides for every touched group what is extended and what is folded anew, and reads what the latter needs.
    async fn clients(&mut self, source: Source<'_>, file: &ViewFile, upto: Position) -> Result<Vec<Work>, EngineError> {
        let mut works: BTreeMap<ClientId, Work> = BTreeMap::new();
        for &client in &self.regrouped {
            let root = self.aliases.root(client);
            works.entry(root).or_default().whole = true;
            if root != client {
                self.absorbed.push((client, file.subject(client)?.unwrap_or_default().identified));
            }
        }
        for &client in self.by_client.keys() {
            works.entry(self.aliases.root(client)).or_default();
        }
        for (&root, work) in &mut works {
            let members = self.aliases.members(root);
            let mut seen = HashMap::new();
            let mut identified = false;
            for &member in &members {
                let mut state = file.subject(member)?.unwrap_or_default();
                if member == root {
                    work.was_identified = state.identified;
                }
                work.frontier = work.frontier.max(state.frontier);
                if state.seen != FoldOrder::default() {
                    seen.insert(member, state.seen);
                }
                for fact in self.by_client.remove(&member).unwrap_or_default() {
                    work.see(&fact);
                    state.known |= identifies(&fact);
                    state.version = fact.version.max(state.version);
                    let late = !fact.is_knowledge() && !see(&mut seen, member, fact.fold_order());
                    work.facts.push(Placed { fact, late });
                }
                state.seen = seen.get(&member).copied().unwrap_or_default();
                identified |= state.known;
                work.states.push((member, state));
            }
            // Somebody is known now who was not: all he ever did counts otherwise.
            work.whole |= work.was_identified != identified && work.frontier != FoldOrder::default();
            work.whole |= file.has_parked(root.into());
            work.facts.sort_by_key(|placed| placed.fact.fold_order());
            if work.whole || work.late().next().is_some() {
                let streams: Vec<StreamName> = members.iter().map(|&member| StreamName::client(member)).collect();
                let facts = source.streams(&streams, upto).await?;
                work.group = Group::assemble(root.into(), members, facts, Clocks::default());
            } else {
                work.group = Group { owner: root.into(), members, ..Group::default() };
            }
            work.group.identified = identified;
            let newest = work.facts.iter().filter(|p| !p.fact.is_knowledge()).map(|p| p.fact.fold_order()).max();
            let frontier = if work.whole { FoldOrder::default() } else { work.frontier };
            let seen = work.states.iter().map(|(_, state)| state.seen).max().unwrap_or_default();
            let frontier = frontier.max(work.group.frontier).max(newest.unwrap_or_default()).max(seen);
            for (_, state) in &mut work.states {
                (state.identified, state.frontier) = (identified, frontier);
            }
            work.areas = work.concerned();
        }
        Ok(works.into_values().collect())
    }

    async fn definitions(&mut self, source: Source<'_>, upto: Position) -> Result<Vec<Work>, EngineError> {
        let mut works = Vec::new();
        for (owner, (stream, facts)) in std::mem::take(&mut self.by_definition) {
            let mut work = Work::default();
            facts.iter().for_each(|fact| work.see(fact));
            work.facts = facts.into_iter().map(|fact| Placed { fact, late: false }).collect();
            if work.whole {
                let facts = source.streams(&[stream], upto).await?;
                work.group = Group::assemble(owner, Vec::new(), facts, Clocks::default());
            }
            work.group.owner = owner;
            work.areas = work.concerned();
            works.push(work);
        }
        Ok(works)
    }
}

impl Work {
    fn see(&mut self, fact: &Fact) {
        // What was opened before the erasure stands in the rows until they are folded again.
        self.whole |= matches!(fact.event, Event::Log(LogEvent::Erased(_)));
        if let Event::Knowledge(event) = &fact.event {
            self.whole = true;
            self.targets.insert(match event {
                KnowledgeEvent::Corrected(event) => event.target.0,
                KnowledgeEvent::Retracted(event) => event.target.0,
            });
        }
    }

    fn late(&self) -> impl Iterator<Item = &Placed> {
        self.facts.iter().filter(|placed| !placed.fact.is_knowledge() && placed.fact.fold_order() <= self.frontier)
    }

    fn concerned(&self) -> Areas {
        // Folding anew takes rows away, too: of an event whose correction is of no concern any more.
        if self.whole { Areas::EVERY } else { Areas::of(self.facts.iter().map(|placed| &placed.fact.event)) }
    }

    fn apply(&self, view: &dyn View, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let (owner, identified) = (self.group.owner, self.group.identified);
        if view.per_event() {
            view.extend(batch, identified, owner, &self.facts)?;
            if !self.targets.is_empty() {
                view.refold(batch, self.was_identified, &self.group, Some(&self.targets(view, batch)))?;
            }
            return Ok(());
        }
        if self.whole {
            return view.refold(batch, self.was_identified, &self.group, None);
        }
        let in_time = self.facts.partition_point(|placed| placed.fact.fold_order() <= self.frontier);
        view.extend(batch, identified, owner, &self.facts[in_time..])?;
        let mut keys = Vec::new();
        for placed in self.late().filter(|placed| view.areas().hold(&placed.fact.event)) {
            let cx = Context { owner, identified, late: placed.late, zone: batch.zone };
            view.route(&placed.fact, &cx, &mut keys);
        }
        if !keys.is_empty() {
            view.refold(batch, self.was_identified, &self.group, Some(&keys.into_iter().collect()))?;
        }
        Ok(())
    }

    /// The rows of corrected events. What takes back a correction names the correction, so its own target is meant too.
    fn targets(&self, view: &dyn View, batch: &Batch<'_>) -> HashSet<u128> {
        let cx = Context { owner: self.group.owner, identified: false, late: false, zone: batch.zone };
        let mut keys: Vec<u128> = self.targets.iter().copied().collect();
        let concerns = |event| view.areas().hold(event);
        let targets = self.group.folded().filter(|placed| self.targets.contains(&placed.fact.id.0));
        for placed in targets.filter(|placed| concerns(&placed.fact.event)) {
            view.route(&placed.fact, &cx, &mut keys);
        }
        keys.into_iter().collect()
    }
}
