//! The real server as a process of its own, and how to talk to it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest time for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(5);

/// A server that was started; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
    said: Arc<Mutex<String>>,
}

/// How a server is started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) data: PathBuf,
    /// `LETOPIS_FAULT`.
    pub(crate) fault: Option<&'static str>,
    /// Nobody reads what it says once it listens.
    pub(crate) unheard: bool,
}

impl Start {
    pub(crate) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), fault: None, unheard: false }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letopis"));
        command.args(["--log-format", "json", "serve", "--listen", "127.0.0.1:0", "--data"]).arg(&self.data);
        command.env_remove("LETOPIS_FAULT").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        if let Some(fault) = self.fault {
            command.env("LETOPIS_FAULT", fault);
        }
        command
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(&self) -> Child {
        self.command().spawn().expect("the server starts")
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// What it said when it ended instead.
    pub(crate) fn listening(&self) -> Result<Process, String> {
        let mut child = self.spawn();
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        loop {
            let Some(Ok(line)) = lines.next() else {
                let status = child.wait().expect("ends");
                return Err(format!("the server ended with {status}: {}", said.lock().expect("free")));
            };
            let json: Value = serde_json::from_str(&line).unwrap_or_default();
            *said.lock().expect("free") += &(line + "\n");
            if let (Some("serving"), Some(address)) = (json["message"].as_str(), json["address"].as_str()) {
                if !self.unheard {
                    let keep = Arc::clone(&said);
                    std::thread::spawn(move || {
                        lines.map_while(Result::ok).for_each(|line| *keep.lock().expect("free") += &(line + "\n"));
                    });
                }
                return Ok(Process { child, address: address.to_owned(), said });
            }
        }
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// What it said when it does not become ready.
    pub(crate) fn ready(&self) -> Result<Process, String> {
        let process = self.listening()?;
        let until = Instant::now() + PATIENCE;
        loop {
            match process.get("/readyz") {
                Ok((200, _)) => return Ok(process),
                answer if Instant::now() > until => {
                    return Err(format!("not ready in time: {answer:?}\n{}", process.said()));
                }
                _ => std::thread::sleep(PAUSE),
            }
        }
    }
}

impl Process {
    /// What it said on its standard error.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("free").clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ends");
    }

    /// The order to end that service managers send.
    pub(crate) fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("asked") {
                Some(status) => return status,
                None if Instant::now() > until => panic!("the server does not end: {}", self.said()),
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    pub(crate) fn agent(&self) -> Agent {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Agent { agent: config.build().into(), address: self.address.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Result<(u16, Value), String> {
        self.agent().get(path)
    }

    /// Waits until the views have everything and nothing is being rebuilt.
    pub(crate) fn settled(&self) -> Result<(), String> {
        let (agent, until) = (self.agent(), Instant::now() + PATIENCE);
        loop {
            let (_, views) = agent.get("/v1/views")?;
            let idle = views["rebuild"]["state"] != "running";
            if idle && views["lag"] == 0 && views["search"]["lag"] == 0 {
                return Ok(());
            }
            let failed = !views["failure"].is_null() || !views["search"]["failure"].is_null();
            if failed || Instant::now() > until {
                return Err(format!("the views do not follow: {views}"));
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One caller with a connection of his own.
#[derive(Clone)]
pub(crate) struct Agent {
    agent: ureq::Agent,
    address: String,
}

impl Agent {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Result<(u16, Value), String> {
        let (status, text) = self.text(path)?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// The answer as it was sent.
    pub(crate) fn text(&self, path: &str) -> Result<(u16, String), String> {
        let mut answer = self.agent.get(self.url(path)).call().map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), text))
    }

    pub(crate) fn post(&self, path: &str, kind: &str, body: &str) -> Result<(u16, Value), String> {
        let sent = self.agent.post(self.url(path)).header("content-type", kind).send(body);
        let mut answer = sent.map_err(|error| error.to_string())?;
        let text = answer.body_mut().read_to_string().map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Posts lines. Gives every whole line of the answer, also when the answer broke off.
    pub(crate) fn post_lines(&self, body: &str) -> Vec<Value> {
        let sent = self.agent.post(self.url("/v1/events")).header("content-type", "application/x-ndjson").send(body);
        let Ok(answer) = sent else { return Vec::new() };
        let (mut reader, mut text, mut part) = (answer.into_body().into_reader(), Vec::new(), [0; 4_096]);
        while let Ok(count @ 1..) = reader.read(&mut part) {
            text.extend_from_slice(&part[..count]);
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        text[..whole].split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}
