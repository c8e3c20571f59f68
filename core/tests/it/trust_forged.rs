//! Bundles of a dishonest operator: he has the signing key, and signs whatever he likes.

use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::testing::samples::START;
use letopis_core::time::{Moment, Timestamp};
use letopis_core::trust::bundle::{Bundle, ClientPart, EventPart, FORMAT, SealedState};
use letopis_core::trust::heads::{self, Head, NodeId};
use letopis_core::trust::hex::{self, Hex, HexBytes};
use letopis_core::trust::leaf::{Hash, Leaf, facts_hash, meta_hash, stream_tag};
use letopis_core::trust::missing::digest;
use letopis_core::trust::note::{DEFAULT_ORIGIN, SigningKey, VerifierKey};
use letopis_core::trust::tree::Tree;

use crate::trust_tree::Grown;
use crate::trust_world::{ANNA, erasure};

/// An event before it is signed; its place in the list is its place in the log.
#[derive(Clone)]
pub(crate) struct Draft {
    pub version: u64,
    pub recorded_at: i64,
    pub event_type: &'static str,
    pub facts: String,
    /// It had a sealed part, which is missing.
    pub gap: bool,
}

/// What is signed.
pub(crate) struct Forgery {
    pub events: Vec<Draft>,
    pub epoch: u64,
    /// Changes the heads before they are sealed.
    pub heads: fn(&mut Vec<Head>),
    /// Changes the root that the seal states.
    pub root: fn(&mut Hash),
    /// So many events fewer are covered by the seal.
    pub left_out: u64,
}

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::new(&[42; 32], DEFAULT_ORIGIN).expect("a name")
}

pub(crate) fn key() -> VerifierKey {
    VerifierKey::parse(&signing_key().verifier_line()).expect("a line")
}

impl Forgery {
    /// Three events of one client, nothing wrong with them.
    pub(crate) fn honest() -> Self {
        let draft = |n: i64| Draft {
            version: n as u64,
            recorded_at: START.0 + n,
            event_type: "note.added",
            facts: format!("{{\"n\":{n}}}"),
            gap: false,
        };
        Self { events: (1..=3).map(draft).collect(), epoch: 1, heads: |_| {}, root: |_| {}, left_out: 0 }
    }

    pub(crate) fn sign(&self) -> Vec<u8> {
        self.sign_as(ANNA)
    }

    fn sign_as(&self, client: ClientId) -> Vec<u8> {
        let stream = format!("client/{client}");
        let tag = stream_tag(&stream);
        let (mut prev, mut parts, mut leaves) = ([0; 32], Vec::new(), Vec::new());
        for (at, draft) in self.events.iter().enumerate() {
            let (part, hash) = place(draft, tag, at as u64 + 1, prev);
            prev = hash;
            parts.push(part);
            leaves.push(hash);
        }
        let version = self.events.last().map_or(0, |last| last.version);
        let mut bucket = vec![Head { tag: Hex(tag), version, leaf: Hex(prev) }];
        (self.heads)(&mut bucket);
        let id = NodeId::bucket_of(&tag);
        let path: Vec<Hash> = heads::beside(id).map(NodeId::empty).collect();
        let mut root = heads::root_of(id, &bucket, &path.clone().try_into().expect("16 hashes"));
        (self.root)(&mut root);
        let size = leaves.len() as u64;
        let (epoch, root) = (self.epoch, hex::encode(&root));
        let facts = format!("{{\"epoch\":{epoch},\"heads_root\":\"{root}\",\"size\":{}}}", size - self.left_out);
        let seal = Draft { version: 1, recorded_at: START.0 + 100, event_type: "log.sealed", facts, gap: false };
        let (seal, hash) = place(&seal, stream_tag("log"), size + 1, [0; 32]);
        leaves.push(hash);
        let grown = Grown::of(leaves);
        let tree = Tree::new(&grown, size + 1);
        let checkpoint = signing_key().sign(size + 1, tree.root().expect("a root")).expect("signs");
        let proof = tree.many(&(0..=size).collect::<Vec<_>>()).expect("a proof").into_iter().map(Hex).collect();
        let part = ClientPart { client, bucket, path: path.into_iter().map(Hex).collect(), events: parts };
        let clients = vec![part];
        Bundle { format: FORMAT.to_owned(), checkpoint, clients, keys: Vec::new(), log: vec![seal], proof }.encode()
    }
}

fn place(draft: &Draft, tag: Hash, position: u64, prev: Hash) -> (EventPart, Hash) {
    let leaf = Leaf {
        position: Position(position),
        stream_tag: tag,
        version: Version(draft.version),
        prev,
        id: EventId(u128::from(position)),
        recorded_at: Timestamp(draft.recorded_at),
        meta: meta_hash(draft.event_type, 1, Moment::utc(START), 0, b"m"),
        facts: facts_hash(&[5; 16], draft.facts.as_bytes()),
        sealed: if draft.gap { [6; 32] } else { [0; 32] },
    };
    let part = EventPart {
        leaf: Hex(leaf.to_bytes()),
        event_type: draft.event_type.to_owned(),
        schema: 1,
        occurred_at: START.0,
        offset_min: 0,
        order: 0,
        meta: HexBytes(b"m".to_vec()),
        salt: Hex([5; 16]),
        facts: draft.facts.clone(),
        sealed: if draft.gap { SealedState::Erased } else { SealedState::None },
    };
    (part, leaf.hash())
}

/// What such an operator may try, and the reason for which it is rejected.
pub(crate) fn forgeries() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let forged = |change: fn(&mut Forgery)| {
        let mut forgery = Forgery::honest();
        change(&mut forgery);
        forgery.sign()
    };
    vec![
        ("nothing wrong", forged(|_| {}), ""),
        ("recorded_at goes back", forged(|f| f.events[1].recorded_at = START.0), "recorded-back"),
        ("two leaves with one version", forged(|f| f.events[2].version = 2), "version-order"),
        ("a version is skipped", forged(|f| f.events[2].version = 4), "version-order"),
        ("a wrong heads root", forged(|f| f.root = |root| root[7] ^= 1), "heads-root"),
        ("the client is not in its bucket", forged(|f| f.heads = Vec::clear), "head-version"),
        ("an older head is in the bucket", forged(|f| f.heads = |heads| heads[0].version = 2), "head-version"),
        ("another head is in the bucket", forged(|f| f.heads = |heads| heads[0].leaf.0[0] ^= 1), "head-leaf"),
        ("a head twice in the bucket", forged(|f| f.heads = |heads| heads.push(heads[0])), "bucket-form"),
        ("a strange head in the bucket", forged(|f| f.heads = stranger), "bucket-form"),
        ("a new epoch without a record", forged(|f| f.epoch = 2), "epoch-record"),
        ("an epoch that cannot be", forged(|f| f.epoch = 0), "bad-seal"),
        ("a merge that cannot be read", forged(|f| f.events[0].event_type = "client.merged"), "bad-merge"),
        ("the log goes on after its last seal", forged(|f| f.left_out = 1), "position-order"),
        ("an erasure that names what is missing", forged(|f| erase(f, &[1], 3, &[1])), ""),
        ("the last of two erasures names all", forged(|f| erase_twice(f, &[1, 2])), ""),
        ("the last of two erasures names its own alone", forged(|f| erase_twice(f, &[1])), "not-erased"),
        ("an erasure that names another part", forged(|f| erase(f, &[1], 3, &[2])), "not-erased"),
        ("an erasure that names one part of two", forged(|f| erase(f, &[1, 2], 3, &[2])), "not-erased"),
        ("an erasure of a part that lies behind it", forged(|f| erase(f, &[3], 2, &[])), "not-erased"),
        ("an erasure of a part that is still here", forged(|f| erase(f, &[], 3, &[1])), "erasure-record"),
        ("an erasure of nothing that names something", forged(erase_of_nothing), "erasure-record"),
        ("an erasure that cannot be read", forged(unreadable), "erasure-record"),
    ]
}

/// Takes the sealed parts of the events at `gaps`, and records at `at` an erasure that names others.
fn erase(f: &mut Forgery, gaps: &[u64], at: usize, named: &[u64]) {
    gaps.iter().for_each(|gap| f.events[*gap as usize - 1].gap = true);
    let positions: Vec<Position> = named.iter().copied().map(Position).collect();
    f.events[at - 1].event_type = "client.erased";
    f.events[at - 1].facts = erasure(&positions);
}

/// Two erasures: the first takes a part that lies behind the one which the second takes.
fn erase_twice(f: &mut Forgery, named: &[u64]) {
    f.events.push(Draft { version: 4, ..f.events[2].clone() });
    erase(f, &[2], 3, &[2]);
    erase(f, &[1], 4, named);
}

fn erase_of_nothing(f: &mut Forgery) {
    erase(f, &[], 3, &[]);
    let (nothing, something) = (digest([]), digest([Position(1)]));
    f.events[2].facts = f.events[2].facts.replace(&nothing, &something);
}

fn unreadable(f: &mut Forgery) {
    erase(f, &[1], 3, &[1]);
    f.events[2].facts = "{\"basis\":\"gdpr-17\"}".to_owned();
}

fn stranger(heads: &mut Vec<Head>) {
    heads.push(Head { tag: Hex([0xff; 32]), version: 1, leaf: Hex([1; 32]) });
}
