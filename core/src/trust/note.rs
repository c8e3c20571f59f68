//! Checkpoints: C2SP `tlog-checkpoint` as Ed25519 `signed-note`: the signature of the log, then those of its
//! witnesses, if it has any.
//!
//! ```text
//! letopis.local/log
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — letopis.local/log Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use std::fmt;

use signed_note::{Note, Signature, Signer, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::checkpoint;
use tlog_tiles::tlog;

use crate::trust::cosign::{self, Cosigned, WitnessKey};
use crate::trust::leaf::Hash;

/// Name of a log in examples and tests.
pub const DEFAULT_ORIGIN: &str = "letopis.local/log";

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// Leaves of the tree.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// A note does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a checkpoint in its one encoding.
    #[error("not a signed checkpoint")]
    Malformed,
    /// Signed by nobody known, or also by somebody unknown.
    #[error("signed by an unknown key")]
    UnknownSigner,
    /// The signature does not fit the text.
    #[error("the signature is not one of this text")]
    BadSignature,
    /// A checkpoint of another log.
    #[error("a checkpoint of another log than the key's")]
    OtherOrigin,
    /// No name of a log: empty, or with spaces or pluses.
    #[error("not the name of a log: expected text without spaces and pluses")]
    BadOrigin,
}

/// Whether a text can name a log.
///
/// # Errors
/// When it cannot.
pub fn check_origin(origin: &str) -> Result<(), NoteError> {
    let control = origin.chars().any(char::is_control);
    if signed_note::is_key_name_valid(origin) && !control { Ok(()) } else { Err(NoteError::BadOrigin) }
}

/// The key that signs checkpoints, named like the log.
pub struct SigningKey {
    name: String,
    id: u32,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{:08x})", self.name, self.id)
    }
}

impl SigningKey {
    /// From 32 secret bytes.
    ///
    /// # Errors
    /// When the origin cannot name a key.
    pub fn new(seed: &[u8; 32], origin: &str) -> Result<Self, NoteError> {
        check_origin(origin)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = [&[1], key.verifying_key().as_bytes().as_slice()].concat();
        Ok(Self { name: origin.to_owned(), id: signed_note::key_id(origin, &public), key })
    }

    /// The line `name+hash+base64` that verifies what this key signs.
    pub fn verifier_line(&self) -> String {
        signed_note::new_ed25519_verifier_key(&self.name, &self.key.verifying_key())
    }

    /// Signs a tree.
    ///
    /// # Errors
    /// Never for a key that [`SigningKey::new`] took.
    pub fn sign(&self, size: u64, root: Hash) -> Result<String, NoteError> {
        let text = checkpoint::Checkpoint::new(&self.name, size, tlog::Hash(root), "");
        let text = text.map_err(|_| NoteError::Malformed)?.to_bytes();
        let mut note = Note::new(&text, &[]).map_err(|_| NoteError::Malformed)?;
        note.add_sigs(&[self]).map_err(|_| NoteError::Malformed)?;
        String::from_utf8(note.to_bytes()).map_err(|_| NoteError::Malformed)
    }
}

impl Signer for SigningKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        ed25519_dalek::Signer::try_sign(&self.key, text).map(|signature| signature.to_vec())
    }
}

/// The public key of a log.
#[derive(Clone)]
pub struct VerifierKey(StandardVerifier);

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({}+{:08x})", self.0.name(), self.0.key_id())
    }
}

impl VerifierKey {
    /// From a line `name+hash+base64`.
    ///
    /// # Errors
    /// When it is none of an Ed25519 key.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        StandardVerifier::new(line.trim()).map(Self).map_err(|_| NoteError::Malformed)
    }

    /// The log.
    pub fn origin(&self) -> &str {
        self.0.name()
    }

    /// What a checkpoint says, when it is signed by this key and by nobody else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, text: &str) -> Result<Checkpoint, NoteError> {
        self.verify_cosigned(text, &[]).map(|(checkpoint, _)| checkpoint)
    }

    /// What a checkpoint says, and who of the witnesses saw it, when it is signed by this key, perhaps by these
    /// witnesses, and by nobody else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify_cosigned(
        &self,
        text: &str,
        witnesses: &[WitnessKey],
    ) -> Result<(Checkpoint, Vec<Cosigned>), NoteError> {
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| NoteError::Malformed)?;
        let mut known: Vec<Box<dyn Verifier>> = vec![Box::new(self.0.clone())];
        for (at, witness) in witnesses.iter().enumerate() {
            if !witnesses[..at].contains(witness) {
                known.push(Box::new(witness.clone()));
            }
        }
        let (signed, others) = verify(&note, known)?;
        let (log, cosigned) = signed.split_first().ok_or(NoteError::UnknownSigner)?;
        if !others.is_empty() || (log.name(), log.id()) != (self.0.name(), self.0.key_id()) {
            return Err(NoteError::UnknownSigner);
        }
        let again = Note::new(note.text(), &signed).map_err(|_| NoteError::Malformed)?.to_bytes();
        let checkpoint = checkpoint::Checkpoint::from_bytes(note.text()).map_err(|_| NoteError::Malformed)?;
        if again != text.as_bytes() || checkpoint.to_bytes() != note.text() || !checkpoint.extension().is_empty() {
            return Err(NoteError::Malformed);
        }
        if checkpoint.origin() != self.origin() {
            return Err(NoteError::OtherOrigin);
        }
        let cosigned = cosigned.iter().map(|signature| {
            let at = cosign::time_of(signature).ok_or(NoteError::BadSignature)?;
            Ok(Cosigned { witness: signature.name().to_owned(), at })
        });
        let (size, root) = (checkpoint.size(), checkpoint.hash().0);
        Ok((Checkpoint { origin: checkpoint.origin().to_owned(), size, root }, cosigned.collect::<Result<_, _>>()?))
    }

    pub(super) fn standard(&self) -> StandardVerifier {
        self.0.clone()
    }
}

/// The signatures by known keys, all of them good, and the others.
pub(super) fn verify(
    note: &Note,
    known: Vec<Box<dyn Verifier>>,
) -> Result<(Vec<Signature>, Vec<Signature>), NoteError> {
    note.verify(&VerifierList::new(known)).map_err(|error| match error {
        signed_note::NoteError::UnverifiedNote => NoteError::UnknownSigner,
        signed_note::NoteError::InvalidSignature { .. } => NoteError::BadSignature,
        _ => NoteError::Malformed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::new(&[seed; 32], DEFAULT_ORIGIN).expect("a name")
    }

    fn verifier(key: &SigningKey) -> VerifierKey {
        VerifierKey::parse(&key.verifier_line()).expect("a line")
    }

    #[test]
    fn a_checkpoint_reads_back_and_no_other_text_passes_for_it() {
        let note = key(1).sign(7, [9; 32]).expect("signs");
        let read = verifier(&key(1)).verify(&note).expect("verifies");
        assert_eq!(read, Checkpoint { origin: DEFAULT_ORIGIN.to_owned(), size: 7, root: [9; 32] });
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert!(verifier(&key(1)).verify(&text).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn unknown_and_additional_signatures_are_refused() {
        let (note, other) = (key(1).sign(7, [9; 32]).expect("signs"), key(2).sign(7, [9; 32]).expect("signs"));
        assert_eq!(verifier(&key(2)).verify(&note), Err(NoteError::UnknownSigner));
        let line = |note: &str| note.lines().last().map(|line| format!("{line}\n")).unwrap_or_default();
        let both = format!("{note}{}", line(&other));
        assert_eq!(verifier(&key(1)).verify(&both), Err(NoteError::UnknownSigner));
        let twice = format!("{note}{}", line(&note));
        assert_eq!(verifier(&key(1)).verify(&twice), Err(NoteError::Malformed));
        assert_eq!(verifier(&key(1)).verify(&note.replace("\n7\n", "\n8\n")), Err(NoteError::BadSignature));
        assert_eq!(verifier(&key(1)).verify(&format!("{note}\n")), Err(NoteError::Malformed));
        assert_eq!(SigningKey::new(&[1; 32], "a b").map(drop), Err(NoteError::BadOrigin));
    }
}
