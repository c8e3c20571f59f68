//! Which data key seals for which subject.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;

use super::Intake;
use super::outcome::{Rejection, Stop};
use crate::ids::ClientId;
use crate::log::IndexChange;
use crate::personal::Subject;
use crate::trust::seal::DataKey;

/// Most subjects whose key numbers are kept in memory.
const CACHE: usize = 200_000;

/// Key numbers by subject; `true` once the log has the assignment.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<HashMap<[u8; 17], (u64, bool)>>);

/// A key to seal with, and what the log must learn of it.
pub(super) struct SubjectKey {
    pub(super) id: u64,
    pub(super) key: DataKey,
    pub(super) assign: Option<IndexChange>,
}

impl Keys {
    fn map(&self) -> MutexGuard<'_, HashMap<[u8; 17], (u64, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log has the assignment now.
    pub(super) fn assigned(&self, subject: Subject) {
        if let Some((_, assigned)) = self.map().get_mut(&subject.to_bytes()) {
            *assigned = true;
        }
    }

    /// The log has another assignment: it is looked up again.
    pub(super) fn forget(&self, subject: Subject) {
        self.map().remove(&subject.to_bytes());
    }
}

impl Intake {
    /// The key of a subject; a new one when he has none.
    pub(super) async fn subject_key(&self, subject: Subject) -> Result<SubjectKey, Stop> {
        let bytes = subject.to_bytes();
        let known = self.keys.map().get(&bytes).copied();
        let (id, assigned) = match known {
            Some(known) => known,
            None => {
                let recorded = self.log.subject_key(&bytes).await?;
                let mut map = self.keys.map();
                if map.len() >= CACHE {
                    map.clear();
                }
                match (recorded, map.get(&bytes)) {
                    (Some(id), _) => *map.entry(bytes).insert_entry((id, true)).get(),
                    (None, Some(known)) => *known,
                    (None, None) => *map.entry(bytes).or_insert((self.vault.take()?.0, false)),
                }
            }
        };
        let Some(key) = self.vault.key(id)? else { return Err(erased(subject).into()) };
        let assign = (!assigned).then_some(IndexChange::AssignKey { subject: bytes, key: id });
        Ok(SubjectKey { id, key, assign })
    }

    /// Whether the key of a client was destroyed.
    pub(super) async fn is_erased(&self, client: Option<ClientId>) -> Result<bool, Stop> {
        let Some(client) = client else { return Ok(false) };
        match self.log.subject_key(&Subject::Client(client).to_bytes()).await? {
            Some(key) => Ok(self.vault.key(key)?.is_none()),
            None => Ok(false),
        }
    }

    /// Key numbers are looked up in the log again.
    pub(super) fn forget_keys(&self, subjects: &[Subject]) {
        for subject in subjects {
            self.keys.forget(*subject);
        }
    }

    pub(super) fn keys_assigned(&self, subjects: &[Subject]) {
        for subject in subjects {
            self.keys.assigned(*subject);
        }
    }
}

fn erased(subject: Subject) -> Rejection {
    let (field, whose) = match subject {
        Subject::Client(id) => ("client", format!("client {id}")),
        Subject::Contact(id) => ("data.person", format!("contact person {id}")),
        Subject::Employee(id) => ("data.employee", format!("employee {id}")),
    };
    Rejection::new("client_erased", field, format!("{whose} was erased: nothing personal can be recorded of him"))
}
