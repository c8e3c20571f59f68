//! The real server on a folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Starts the server. Returns it with its address as soon as it listens.
pub(crate) fn start(dir: &Path) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letopis"));
    command.args(["--log-format", "json", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let address = loop {
        let line = lines.next().expect("it listens").expect("text");
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        if let (Some("serving"), Some(address)) = (line["message"].as_str(), line["address"].as_str()) {
            break address.to_owned();
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}
