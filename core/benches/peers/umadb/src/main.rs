//! UmaDB: its server, in this process, asked by its client over a socket of this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use umadb_client::UmaDbClient;
use umadb_dcb::{DcbEvent, DcbEventStoreAsync};
use umadb_server::{ServerOptions, StorageOptions, start_server_with_options};

#[path = "../../workload.rs"]
mod workload;
use workload::{CLIENTS, COMMIT, WRITERS, facts, replayed, report, run_time};

static NEXT: AtomicU64 = AtomicU64::new(1);

fn events(count: u64) -> Vec<DcbEvent> {
    (0..count)
        .map(|_| {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            DcbEvent {
                event_type: "call.logged".to_owned(),
                tags: vec![format!("client:{}", 1 + n % CLIENTS)],
                data: facts(n).into_bytes(),
                ..DcbEvent::default()
            }
        })
        .collect()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for (port, work, writers, commit) in [(51_951, "single", WRITERS, 1), (51_952, "batch", 1, COMMIT)] {
        let dir = tempfile::tempdir_in(".").expect("a folder");
        let (stop, stopped) = oneshot::channel();
        let options = ServerOptions {
            listen_addr: format!("127.0.0.1:{port}"),
            tls: None,
            api_key: None,
            storage: StorageOptions::default().db_path(dir.path()),
        };
        let server = tokio::spawn(async move { start_server_with_options(options, stopped).await.expect("serves") });
        let client = UmaDbClient::new(format!("http://127.0.0.1:{port}"));
        let client = loop {
            match client.connect_async().await {
                Ok(client) => break Arc::new(client),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        let started = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..writers {
            let client = Arc::clone(&client);
            tasks.spawn(async move {
                let mut count = 0;
                while started.elapsed() < run_time() {
                    client.append(events(commit), None, None).await.expect("acknowledged");
                    count += commit;
                }
                count
            });
        }
        let mut count: u64 = tasks.join_all().await.into_iter().sum();
        report("UmaDB", work, count, started.elapsed());
        if work == "batch" {
            while count < replayed() {
                client.append(events(COMMIT), None, None).await.expect("acknowledged");
                count += COMMIT;
            }
            let (started, mut read) = (Instant::now(), 0);
            let mut all = client.read(None, None, false, None).await.expect("reads");
            loop {
                let page = all.next_batch().await.expect("reads");
                if page.is_empty() {
                    break;
                }
                for event in page {
                    let facts: serde_json::Value = serde_json::from_slice(&event.event.data).expect("decodes");
                    std::hint::black_box(facts);
                    read += 1;
                }
            }
            report("UmaDB", "replay", read, started.elapsed());
        }
        let _ = stop.send(());
        drop(client);
        server.abort();
    }
}
