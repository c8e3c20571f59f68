//! Definitions that rules ask for: workflows, employees.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Intake;
use super::outcome::{Rejection, Stop};
use super::wave::Wave;
use crate::definitions::Definitions;
use crate::fact::{Fact, Opener, effective};
use crate::ids::Version;
use crate::log::{LogError, StreamName};
use crate::reader::read_stream;

/// Most definition streams that are kept in memory.
const CACHE: usize = 10_000;

/// Facts of one definition stream, corrected, as of a version of the stream.
type Read = (Version, Arc<Vec<Fact>>);

/// Facts by definition stream.
#[derive(Debug, Default)]
pub(super) struct Stated(Mutex<HashMap<StreamName, Read>>);

impl Intake {
    /// What is defined in these streams, and the versions that this rests on.
    pub(super) async fn stated(
        &self,
        wave: &Wave,
        streams: &[String],
    ) -> Result<(Definitions, Vec<(StreamName, Version)>), Stop> {
        let mut definitions = Definitions::default();
        let mut read = Vec::with_capacity(streams.len());
        for name in streams {
            let stream =
                StreamName::parse(name).map_err(|error| Rejection::new("invalid_field", "data", error.to_string()))?;
            if wave.pending(&stream) > 0 {
                // A definition among the items before is judged by when it is stored.
                return Err(Stop::Flush);
            }
            let (version, facts) = self.read_stated(&stream).await?;
            facts.iter().for_each(|fact| definitions.add(fact));
            read.push((stream, version));
        }
        Ok((definitions, read))
    }

    async fn read_stated(&self, stream: &StreamName) -> Result<Read, LogError> {
        let head = self.log.version(stream).await?;
        let kept = self.stated.0.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned();
        if let Some(kept) = kept.filter(|(version, _)| *version == head) {
            return Ok(kept);
        }
        let mut facts = Vec::new();
        let version = read_stream(&*self.log, Opener::Closed, stream, Version(0), &mut facts).await?;
        let read = (version, Arc::new(effective(facts).0));
        let mut kept = self.stated.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CACHE {
            kept.clear();
        }
        kept.insert(stream.clone(), read.clone());
        Ok(read)
    }
}
