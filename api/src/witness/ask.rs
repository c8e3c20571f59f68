//! Asks a witness to cosign every new checkpoint, on a thread of its own: posting never waits for it.

use std::thread::JoinHandle;
use std::time::Duration;

use letopis_core::log::LogError;
use letopis_core::trust::cosign::WitnessKey;
use letopis_core::trust::sealer::SealerError;
use letopis_core::trust::witness::request;
use tokio::sync::watch;

use crate::state::App;
use letopis_core::error::chain;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// When it is tried again after a first failure; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How often one checkpoint is put otherwise because the witness is somewhere else.
const TRIES: usize = 4;
/// Most bytes of an answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// A witness that is asked.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its submission prefix, such as `http://10.0.0.2:7980`.
    pub url: String,
    /// The key that verifies its cosignatures; others do not count.
    pub key: WitnessKey,
}

/// Why a witness cannot be asked at an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not an address of HTTP.
    #[error("{0:?} is not the address of a witness: expected http://… or https://…")]
    Scheme(String),
    /// `https`, and this build knows no TLS.
    #[error(
        "{0} needs TLS, which this build does not have: build the server with `cargo build --release -p letopis-api --features tls`, or give an http address"
    )]
    NoTls(String),
}

impl Peer {
    /// The witness at an address.
    ///
    /// # Errors
    /// When this build cannot ask there.
    pub fn new(url: String, key: WitnessKey) -> Result<Self, AddressError> {
        match url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            Some("http") => Ok(Self { url, key }),
            Some("https") if cfg!(feature = "tls") => Ok(Self { url, key }),
            Some("https") => Err(AddressError::NoTls(url)),
            _ => Err(AddressError::Scheme(url)),
        }
    }
}

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the witness does not answer")]
    Silent(#[from] Box<ureq::Error>),
    #[error("the witness answers {status}: {text}")]
    Refused { status: u16, text: String },
    #[error("the witness has cosigned {seen} events of this log, and it has {size}: older data were put back")]
    Ahead { seen: u64, size: u64 },
    #[error("the witness answers without a good signature by {0}")]
    NotSigned(String),
    #[error("the witness asks for one beginning after the other")]
    Restless,
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Sealer(#[from] SealerError),
}

/// Sends every new checkpoint until `stop` changes; then the last one once more.
pub fn follow(app: App, peer: Peer, stop: watch::Receiver<bool>) -> JoinHandle<()> {
    letopis_core::background::spawn("witness", move || {
        match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => {
                let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
                Asker { app, peer, agent: config.build().into(), known: 0 }.run(&runtime, stop);
            }
            Err(error) => tracing::error!(%error, "no runtime for the witness"),
        }
    })
}

struct Asker {
    app: App,
    peer: Peer,
    agent: ureq::Agent,
    /// What the witness cosigned last, as far as we know.
    known: u64,
}

impl Asker {
    fn run(mut self, runtime: &tokio::runtime::Runtime, mut stop: watch::Receiver<bool>) {
        let mut sizes = self.app.sealer.checkpoint_size();
        let mut pause = FIRST_PAUSE;
        loop {
            let ends = *stop.borrow_and_update() || stop.has_changed().is_err();
            let size = *sizes.borrow_and_update();
            let asked = if size > self.known { self.ask(runtime) } else { Ok(()) };
            let name = self.peer.key.name().to_owned();
            metrics::gauge!("letopis_witness_size", "witness" => name.clone()).set(self.known as f64);
            metrics::gauge!("letopis_witness_failing", "witness" => name).set(f64::from(u8::from(asked.is_err())));
            if let Err(error) = &asked {
                tracing::warn!(witness = self.peer.key.name(), error = chain(error), "a checkpoint is not cosigned");
            }
            if ends {
                return;
            }
            let failed = asked.is_err();
            runtime.block_on(async {
                tokio::select! {
                    _ = sizes.changed(), if !failed => {}
                    () = tokio::time::sleep(pause), if failed => {}
                    _ = stop.changed() => {}
                }
            });
            pause = if failed { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
        }
    }

    /// Sends the last checkpoint, with the proof that the one the witness knows is its beginning.
    fn ask(&mut self, runtime: &tokio::runtime::Runtime) -> Result<(), AskError> {
        for _ in 0..TRIES {
            let Some(next) = self.app.proofs.continuation(self.known)? else { return Ok(()) };
            let size = next.size;
            let Some(proof) = next.proof else {
                // Forgotten, so that it is asked again, and complained of, until somebody looks.
                let seen = std::mem::take(&mut self.known);
                return Err(AskError::Ahead { seen, size });
            };
            let url = format!("{}/add-checkpoint", self.peer.url.trim_end_matches('/'));
            let sent = self.agent.post(&url).send(request(self.known, &proof, &next.note));
            let mut answer = sent.map_err(Box::new)?;
            let text = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().map_err(Box::new)?;
            match answer.status().as_u16() {
                200 => {
                    if !runtime.block_on(self.app.sealer.cosign(size, &self.peer.key, &text))? {
                        return Err(AskError::NotSigned(self.peer.key.to_string()));
                    }
                    self.known = size;
                    return Ok(());
                }
                409 if text.trim().parse::<u64>().is_ok() => self.known = text.trim().parse().unwrap_or_default(),
                status => {
                    let text = text.lines().next().unwrap_or_default().chars().take(200).collect();
                    return Err(AskError::Refused { status, text });
                }
            }
        }
        Err(AskError::Restless)
    }
}
