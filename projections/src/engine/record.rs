//! A recorded event as bytes, for [`super::parts`]: what a fact is made of, and whose it is.
//!
//! The bytes live as long as one rebuild and are read by the program that wrote them; they have no versions.

use std::sync::Arc;

use letopis_core::ids::{EventId, Position, Version};
use letopis_core::log::{LogError, Recorded, SealedPart, StreamName};
use letopis_core::time::{Moment, Timestamp};

use super::row::Owner;

/// Writes an event behind others.
pub(super) fn put(out: &mut Vec<u8>, owner: Owner, event: &Recorded) {
    out.extend_from_slice(&owner.0.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&event.position.0.to_be_bytes());
    out.extend_from_slice(&event.version.0.to_be_bytes());
    out.extend_from_slice(&event.id.to_bytes());
    out.extend_from_slice(&event.schema.to_be_bytes());
    out.extend_from_slice(&event.occurred.at.0.to_be_bytes());
    out.extend_from_slice(&event.occurred.offset_min.to_be_bytes());
    out.extend_from_slice(&event.order.to_be_bytes());
    out.extend_from_slice(&event.recorded_at.0.to_be_bytes());
    for bytes in [event.stream.as_str().as_bytes(), event.event_type.as_bytes(), &event.meta, &event.facts] {
        put_bytes(out, bytes);
    }
    match &event.sealed {
        SealedPart::None => out.push(0),
        SealedPart::Present(envelope) => {
            out.push(1);
            put_bytes(out, envelope);
        }
        SealedPart::Erased(hash) => {
            out.push(2);
            out.extend_from_slice(hash);
        }
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    // An event of the log is far shorter than four GiB.
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// One event as it lies in the bytes.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Whose it is.
    pub(super) owner: Owner,
    /// Its place in the log.
    pub(super) position: u64,
    body: &'a [u8],
}

/// All events of some bytes, in the order they were written.
///
/// # Errors
/// When they are no events: the file was altered while it was in use.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, LogError> {
    let (mut rest, mut out) = (Bytes(bytes), Vec::new());
    while !rest.0.is_empty() {
        let owner = Owner(u128::from_be_bytes(rest.array()?));
        let body = rest.take_long()?;
        out.push(Entry { owner, position: u64::from_be_bytes(Bytes(body).array()?), body });
    }
    Ok(out)
}

impl Entry<'_> {
    /// The event; it has no salt and no leaf hash, which no fact is made of.
    ///
    /// # Errors
    /// When the bytes are no event.
    pub(super) fn read(&self) -> Result<Recorded, LogError> {
        let mut body = Bytes(self.body);
        let position = Position(u64::from_be_bytes(body.array()?));
        let version = Version(u64::from_be_bytes(body.array()?));
        let id = EventId::from_bytes(body.array()?);
        let schema = u16::from_be_bytes(body.array()?);
        let at = Timestamp(i64::from_be_bytes(body.array()?));
        let offset_min = i16::from_be_bytes(body.array()?);
        let order = i32::from_be_bytes(body.array()?);
        let recorded_at = Timestamp(i64::from_be_bytes(body.array()?));
        let stream = StreamName::parse(body.text()?).map_err(|error| LogError::new("a spilled event", error))?;
        let event_type: Arc<str> = body.text()?.into();
        let (meta, facts) = (body.take_long()?.into(), body.take_long()?.into());
        let sealed = match body.array()? {
            [0] => SealedPart::None,
            [1] => SealedPart::Present(body.take_long()?.into()),
            _ => SealedPart::Erased(body.array()?),
        };
        let occurred = Moment { at, offset_min };
        let (salt, leaf) = ([0; 16], [0; 32]);
        Ok(Recorded {
            position,
            stream,
            version,
            id,
            event_type,
            schema,
            occurred,
            order,
            recorded_at,
            meta,
            salt,
            facts,
            sealed,
            leaf,
        })
    }

    /// Writes it behind others, as somebody else's.
    pub(super) fn put_as(&self, out: &mut Vec<u8>, owner: Owner) {
        out.extend_from_slice(&owner.0.to_be_bytes());
        put_bytes(out, self.body);
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LogError> {
        let (head, rest) =
            self.0.split_at_checked(count).ok_or_else(|| LogError::damage("a spilled event is cut off"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LogError> {
        self.take(N)?.try_into().map_err(|_| LogError::damage("a spilled event is cut off"))
    }

    fn take_long(&mut self) -> Result<&'a [u8], LogError> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(length as usize)
    }

    fn text(&mut self) -> Result<&'a str, LogError> {
        std::str::from_utf8(self.take_long()?).map_err(|error| LogError::new("a spilled event", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_back_without_salt_and_leaf_and_a_cut_is_noticed() {
        let stream = StreamName::parse("product/p-1").expect("a name");
        let event = |position, sealed| Recorded {
            position: Position(position),
            stream: stream.clone(),
            version: Version(3),
            id: EventId(u128::MAX - 5),
            event_type: "product.defined".into(),
            schema: 2,
            occurred: Moment { at: Timestamp(-7), offset_min: -180 },
            order: -1,
            recorded_at: Timestamp(9),
            meta: [1, 2].into(),
            salt: [0; 16],
            facts: b"{}".as_slice().into(),
            sealed,
            leaf: [0; 32],
        };
        let events = [
            event(1, SealedPart::None),
            event(2, SealedPart::Present([5; 300].into())),
            event(3, SealedPart::Erased([6; 32])),
        ];
        let mut bytes = Vec::new();
        events.iter().for_each(|event| put(&mut bytes, Owner(8), event));
        let found = entries(&bytes).expect("entries");
        let mut moved = Vec::new();
        for (entry, event) in found.iter().zip(&events) {
            assert_eq!((entry.owner, entry.position), (Owner(8), event.position.0));
            assert_eq!(&entry.read().expect("an event"), event);
            entry.put_as(&mut moved, Owner(9));
        }
        let moved = entries(&moved).expect("entries");
        assert_eq!((moved.len(), moved[2].owner), (3, Owner(9)));
        assert_eq!(moved[2].read().expect("an event"), events[2]);
        assert!(entries(&bytes[..bytes.len() - 1]).is_err());
    }
}
