//! Cosignatures: C2SP `tlog-cosignature`, the Ed25519 kind (`cosignature/v1`).
//!
//! A witness signs the text of a checkpoint together with the time at which it was the largest tree of that log
//! it had seen:
//!
//! ```text
//! cosignature/v1
//! time 1679315147
//! <the text of the checkpoint, its last newline included>
//! ```
//!
//! The signature in the note is the time (u64, seconds, big-endian) before the 64 bytes of Ed25519. The number
//! of the key is that of a note key with the algorithm byte 4.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Verifier as _;
use signed_note::{Signature, Verifier};

use crate::time::{SECOND_US, Timestamp};
use crate::trust::note::{NoteError, check_origin};

const ALGORITHM: u8 = 4;

/// A witness saw a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The name of the witness.
    pub witness: String,
    /// When the tree was the largest one it had seen.
    pub at: Timestamp,
}

/// The public key of a witness.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    id: u32,
    key: ed25519_dalek::VerifyingKey,
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessKey({}+{:08x})", self.name, self.id)
    }
}

/// The line `name+hash+base64`.
impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(material(&self.key)))
    }
}

impl std::str::FromStr for WitnessKey {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        Self::read(line.trim()).filter(|key| key.to_string() == line.trim()).ok_or(NoteError::Malformed)
    }
}

fn material(key: &ed25519_dalek::VerifyingKey) -> Vec<u8> {
    [&[ALGORITHM], key.as_bytes().as_slice()].concat()
}

impl WitnessKey {
    fn new(name: &str, key: ed25519_dalek::VerifyingKey) -> Result<Self, NoteError> {
        check_origin(name)?;
        Ok(Self { name: name.to_owned(), id: signed_note::key_id(name, &material(&key)), key })
    }

    fn read(line: &str) -> Option<Self> {
        let (name, rest) = line.split_once('+')?;
        let (_, key) = rest.split_once('+')?;
        let bytes = STANDARD.decode(key).ok()?;
        let (&ALGORITHM, key) = bytes.split_first()? else { return None };
        Self::new(name, ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?).ok()
    }

    /// The name of the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a signature line is by this key, good or not.
    pub fn is_signer_of(&self, line: &str) -> bool {
        Signature::from_bytes(line.trim_end_matches('\n').as_bytes()).is_ok_and(|sig| self.made(&sig))
    }

    pub(super) fn made(&self, signature: &Signature) -> bool {
        signature.name() == self.name && signature.id() == self.id
    }
}

impl Verifier for WitnessKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let time = u64::from_be_bytes(*time);
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return false };
        i64::try_from(time).is_ok_and(|time| time > 0) && self.key.verify(&message(time, text), &signature).is_ok()
    }
}

fn message(time: u64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

/// When a signature was made, by its first 8 bytes.
pub(super) fn time_of(signature: &Signature) -> Option<Timestamp> {
    let (time, _) = signature.signature().split_first_chunk::<8>()?;
    i64::try_from(u64::from_be_bytes(*time)).ok()?.checked_mul(SECOND_US).map(Timestamp)
}

/// The key with which a witness signs.
pub struct Cosigner {
    key: ed25519_dalek::SigningKey,
    public: WitnessKey,
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({:?})", self.public)
    }
}

impl Cosigner {
    /// From 32 secret bytes and the name of the witness.
    ///
    /// # Errors
    /// When the name cannot name a key.
    pub fn new(seed: &[u8; 32], name: &str) -> Result<Self, NoteError> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = WitnessKey::new(name, key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> &WitnessKey {
        &self.public
    }

    /// The signature line for the text of a checkpoint, with its newline.
    ///
    /// # Errors
    /// When the time is not after 1970.
    pub fn sign(&self, text: &str, at: Timestamp) -> Result<String, NoteError> {
        let time = u64::try_from(at.0 / SECOND_US).ok().filter(|time| *time > 0).ok_or(NoteError::Malformed)?;
        let signature = ed25519_dalek::Signer::sign(&self.key, &message(time, text.as_bytes()));
        let bytes = [time.to_be_bytes().as_slice(), &signature.to_bytes()].concat();
        let line = Signature::new(self.public.name.clone(), self.public.id, bytes).map_err(|_| NoteError::Malformed)?;
        String::from_utf8(line.to_bytes()).map_err(|_| NoteError::Malformed)
    }
}

/// A note with one more signature line, in the place of an earlier one by the same key.
pub fn with_line(note: &str, key: &WitnessKey, line: &str) -> String {
    let Some((text, signatures)) = note.rsplit_once("\n\n") else { return note.to_owned() };
    let kept: String = signatures.split_inclusive('\n').filter(|line| !key.is_signer_of(line)).collect();
    format!("{text}\n\n{kept}{line}")
}

/// A note with its first signature alone: that of the log.
pub fn without_cosignatures(note: &str) -> String {
    let Some((text, signatures)) = note.rsplit_once("\n\n") else { return note.to_owned() };
    let first = signatures.split_inclusive('\n').next().unwrap_or_default();
    format!("{text}\n\n{first}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::note::{DEFAULT_ORIGIN, SigningKey, VerifierKey};

    fn witness(seed: u8) -> Cosigner {
        Cosigner::new(&[seed; 32], &format!("witness.example/w{seed}")).expect("a name")
    }

    fn log() -> (SigningKey, VerifierKey) {
        let key = SigningKey::new(&[1; 32], DEFAULT_ORIGIN).expect("a name");
        let public = VerifierKey::parse(&key.verifier_line()).expect("a line");
        (key, public)
    }

    fn cosigned(note: &str, by: &Cosigner, seconds: i64) -> String {
        let (text, _) = note.split_once("\n\n").expect("two parts");
        let line = by.sign(&format!("{text}\n"), Timestamp(seconds * SECOND_US)).expect("signs");
        with_line(note, by.public(), &line)
    }

    #[test]
    fn a_key_reads_back_from_its_line_and_from_no_other() {
        let line = witness(3).public().to_string();
        assert_eq!(line.parse::<WitnessKey>().as_ref(), Ok(witness(3).public()));
        assert_eq!(log().0.verifier_line().parse::<WitnessKey>(), Err(NoteError::Malformed), "a key of a log");
        assert_eq!(line.replace("w3", "w4").parse::<WitnessKey>(), Err(NoteError::Malformed), "another hash");
    }

    #[test]
    fn cosignatures_of_named_witnesses_count_and_others_are_refused() {
        let (key, public) = log();
        let plain = key.sign(7, [9; 32]).expect("signs");
        let keys = |seeds: &[u8]| seeds.iter().map(|seed| witness(*seed).public().clone()).collect::<Vec<_>>();
        let one = cosigned(&plain, &witness(3), 1_700_000_000);
        let both = cosigned(&one, &witness(4), 1_700_000_001);
        let read = public.verify_cosigned(&both, &keys(&[3, 4])).expect("good").1;
        let times: Vec<i64> = read.iter().map(|one| one.at.0 / SECOND_US).collect();
        assert_eq!(times, [1_700_000_000, 1_700_000_001]);
        assert_eq!(public.verify_cosigned(&both, &keys(&[3])), Err(NoteError::UnknownSigner));
        assert_eq!(public.verify(&one), Err(NoteError::UnknownSigner));
        assert_eq!(public.verify_cosigned(&plain, &keys(&[3])).map(|read| read.1.len()), Ok(0));
        let again = cosigned(&both, &witness(3), 1_700_000_002);
        assert_eq!(public.verify_cosigned(&again, &keys(&[3, 4])).map(|read| read.1.len()), Ok(2), "not doubled");
        assert_eq!(without_cosignatures(&again), plain);
        let alone = format!("{}\n\n{}", plain.split_once("\n\n").expect("two").0, {
            let line = one.lines().last().expect("a line");
            format!("{line}\n")
        });
        assert_eq!(public.verify_cosigned(&alone, &keys(&[3])), Err(NoteError::UnknownSigner), "not by the log");
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_cosigned_note_is_noticed() {
        let (key, public) = log();
        let note = cosigned(&key.sign(7, [9; 32]).expect("signs"), &witness(3), 1_700_000_000);
        let keys = [witness(3).public().clone()];
        assert!(public.verify_cosigned(&note, &keys).is_ok());
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert!(public.verify_cosigned(&text, &keys).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    /// The example of the specification: a note that others cosigned.
    #[test]
    fn a_cosignature_is_made_over_time_and_text() {
        let w = witness(5);
        let line = w.sign("example.com/behind-the-sofa\n1\nx\n", Timestamp(1_679_315_147 * SECOND_US)).expect("signs");
        let signature = Signature::from_bytes(line.trim_end().as_bytes()).expect("a line");
        let message = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n1\nx\n";
        let raw = ed25519_dalek::Signature::from_slice(&signature.signature()[8..]).expect("64 bytes");
        assert!(w.public().key.verify(message.as_bytes(), &raw).is_ok());
        assert_eq!(signature.signature()[..8], 1_679_315_147_u64.to_be_bytes());
        assert!(w.sign("x\n", Timestamp(0)).is_err(), "a time must be there");
    }
}
