//! What was sealed and signed: the events of the stream `log`, the checkpoints, and what the signer remembers.

use std::collections::{BTreeMap, HashMap};

use letopis_core::events::{Event, LogEvent};
use letopis_core::log::LogError;
use letopis_core::log::sqlite::audit::{Audit, RawRow};
use letopis_core::trust::audit::{KeptCheckpoint, TrustAudit};
use letopis_core::trust::cosign::without_cosignatures;
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::note::VerifierKey;
use letopis_core::trust::signer;
use letopis_core::trust::store::LOG;

use super::{Beside, Findings, Verified};

/// How often both looks at `trust.db` are taken anew because a server sealed in between.
const TRIES: usize = 20;

/// What a seal states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal {
    pub(super) position: u64,
    pub(super) covered: u64,
    pub(super) root: Hash,
}

/// The seals of a log, in order; how they follow each other is checked.
pub(super) fn read(
    audit: &Audit,
    types: &HashMap<i64, (String, u16)>,
    findings: &mut Findings,
) -> Result<Vec<Seal>, LogError> {
    let mut seals: Vec<Seal> = Vec::new();
    let mut epoch = 1;
    for position in audit.positions_of(LOG)? {
        audit.rows(position, position, &mut |row| {
            // Rows and types that cannot be read are reported by the walk.
            let RawRow::Event(row) = row else { return };
            let Some((name, schema)) = types.get(&row.event_type) else { return };
            let mut wrong = |what: String| findings.add(position, Some(LOG.to_owned()), what);
            match Event::from_facts(name, *schema, row.facts) {
                Ok(Event::Log(LogEvent::Sealed(seal))) => {
                    let (before, covered) = seals.last().map_or((None, 0), |last| (Some(last.position), last.covered));
                    if seal.epoch != epoch {
                        wrong(format!("the seal is of epoch {}, the log is in epoch {epoch}", seal.epoch));
                    }
                    if seal.previous != before {
                        let told = |seal: Option<u64>| seal.map_or("none".to_owned(), |at| at.to_string());
                        wrong(format!(
                            "the seal names {} as the one before it, not {}",
                            told(seal.previous),
                            told(before)
                        ));
                    }
                    if seal.size >= position || seal.size < covered {
                        wrong(format!("the seal covers {} events, which makes no sense there", seal.size));
                    } else if let Some(root) = seal.root() {
                        seals.push(Seal { position, covered: seal.size, root });
                    } else {
                        wrong("the seal states no hash".to_owned());
                    }
                }
                Ok(Event::Log(LogEvent::Forked(fork))) => {
                    if fork.epoch != epoch + 1 {
                        wrong(format!("epoch {} is recorded after epoch {epoch}", fork.epoch));
                    }
                    epoch = fork.epoch;
                }
                _ => {}
            }
        });
    }
    Ok(seals)
}

/// A root that a tree of some size must have.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) root: Hash,
    /// Who says so.
    pub(super) by: &'static str,
}

/// Everything signed that is at hand.
pub(super) struct Signed {
    /// `trust.db`, for its tiles.
    pub(super) tiles: Option<TrustAudit>,
    /// The same state of it, for its heads, with what its last checkpoint covers.
    pub(super) heads: Option<(TrustAudit, u64)>,
    /// Roots by size of the tree.
    pub(super) trees: BTreeMap<u64, Vec<Tree>>,
}

/// What was read before the log.
pub(super) struct Read {
    signed: Signed,
    kept: Vec<KeptCheckpoint>,
}

impl Signed {
    /// Reads and checks what needs no log: the signatures.
    pub(super) fn read(beside: &Beside<'_>, out: &mut Verified) -> Read {
        let mut read = Read { signed: Self { tiles: None, heads: None, trees: BTreeMap::new() }, kept: Vec::new() };
        let key = read.key(beside, out);
        out.key = key.as_ref().map(|(line, _)| line.clone());
        if let Some(dir) = beside.folder {
            match signer::last_signed(dir) {
                Ok(Some(last)) if last.size > 0 => read.add(last.size, last.root.0, "secrets/signer_state.json"),
                Ok(_) => {}
                Err(error) => out.findings.add(None, None, error.to_string()),
            }
            if let Err(error) = read.open(dir) {
                out.findings.add(None, None, format!("trust.db cannot be read: {error}"));
            }
        }
        let Some((_, key)) = key else {
            if !read.kept.is_empty() || !beside.seen.is_empty() {
                out.findings.add(None, None, format!("{} is missing: no signature can be checked", signer::PUBLIC));
            }
            return read;
        };
        for kept in read.kept.clone() {
            let name = format!("the checkpoint of {} events in trust.db", kept.size);
            match key.verify(&without_cosignatures(&kept.note)) {
                Err(error) => out.findings.add(kept.size, None, format!("{name} does not count: it is {error}")),
                Ok(note) if note.size != kept.size => {
                    out.findings.add(kept.size, None, format!("{name} signs a tree of {} events", note.size));
                }
                Ok(note) => read.add(note.size, note.root, "trust.db"),
            }
        }
        for note in &beside.seen {
            match key.verify(&without_cosignatures(note)) {
                Ok(note) => read.add(note.size, note.root, "the checkpoint that was seen before"),
                Err(error) => out.findings.add(None, None, format!("the checkpoint that was seen before is {error}")),
            }
        }
        read
    }
}

impl Read {
    fn key(&self, beside: &Beside<'_>, out: &mut Verified) -> Option<(String, VerifierKey)> {
        let own = beside.folder.map(signer::public_line).transpose().unwrap_or_else(|error| {
            out.findings.add(None, None, error.to_string());
            None
        });
        let own = own.flatten();
        if let (Some(own), Some(given)) = (&own, &beside.key)
            && own != given.trim()
        {
            let what = format!("{} says {own}, that is another key than the one that was given", signer::PUBLIC);
            out.findings.add(None, None, what);
        }
        let line = beside.key.as_deref().map(|line| line.trim().to_owned()).or(own)?;
        match VerifierKey::parse(&line) {
            Ok(key) => Some((line, key)),
            Err(error) => {
                out.findings.add(None, None, format!("the public key is {error}"));
                None
            }
        }
    }

    /// Two looks at one state of the file: rows are compared on two threads.
    fn open(&mut self, dir: &std::path::Path) -> Result<(), LogError> {
        for _ in 0..TRIES {
            let (Some(tiles), Some(heads)) = (TrustAudit::open(dir)?, TrustAudit::open(dir)?) else { return Ok(()) };
            let kept = tiles.checkpoints()?;
            if heads.position()? == tiles.position()? && heads.checkpoints()? == kept {
                let covered = kept.last().map_or(0, |last| last.covered);
                self.signed.heads = Some((heads, covered));
                self.signed.tiles = Some(tiles);
                self.kept = kept;
                return Ok(());
            }
        }
        Err(LogError::damage("it changes faster than it can be read"))
    }

    fn add(&mut self, size: u64, root: Hash, by: &'static str) {
        self.signed.trees.entry(size).or_default().push(Tree { root, by });
    }

    /// What can be said when the seals and the end of the log are known.
    pub(super) fn against(mut self, seals: &[Seal], last: u64, out: &mut Verified) -> Signed {
        for kept in &self.kept {
            let seal = seals.binary_search_by_key(&kept.size, |seal| seal.position);
            match seal.map(|at| seals[at].covered) {
                Ok(covered) if covered == kept.covered => {}
                Ok(covered) => {
                    let what = format!("trust.db says that this seal covers {} events, not {covered}", kept.covered);
                    out.findings.add(kept.size, Some(LOG.to_owned()), what);
                }
                // An end that is missing is told once, below.
                Err(_) if kept.size > last => {}
                Err(_) => out.findings.add(kept.size, None, "a checkpoint in trust.db ends here, but not in a seal"),
            }
        }
        if let Some((size, by)) = self.signed.trees.last_key_value().map(|(size, by)| (*size, by[0].by))
            && size > last
        {
            let what = format!(
                "the log ends at position {last}, but a tree of {size} events was signed, says {by}: {} events are \
                 missing",
                size - last
            );
            out.findings.add(last + 1, None, what);
        }
        self.signed.trees.retain(|size, _| *size <= last);
        self.signed
    }
}
