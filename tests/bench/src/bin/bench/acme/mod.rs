//! Full ACME orders: newOrder, authorization, challenge by http-01 on loopback, finalize,
//! certificate; durable, every answer's status asserted, limits on.

mod client;
mod eyes;
mod reads;
mod syncs;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::draft;
use crate::http::{Connection, Tls};
use crate::process;
use crate::raw::{Pair, Raw};
use crate::report::{Measured, Row, count, time};
use crate::stack::Stack;
use client::{Client, Wish};
use eyes::Eyes;

const SPAN: Duration = Duration::from_secs(8);
const RATE: f64 = 600.0;
const CPU: Duration = Duration::from_micros(1_600);
/// Names and keys that take turns.
const NAMES: usize = 256;
/// As many as there ever are.
const CLIENTS: usize = 200;
/// How many are at it in each row, the most first: a connection that idles is closed.
const AT_A_TIME: [usize; 4] = [CLIENTS, 32, 8, 1];
/// The row that has a budget.
const BUDGETED: usize = 8;
/// Limits so high that none is reached. They stay on: what counting costs is in the figures.
pub const LIMITS: &str = "[limits]\nrequests_per_ip = 100000000\naccounts_per_ip = 1000000\n\
                          orders_per_account = 1000000\norders_per_names = 1000000\n";

/// Numbers orders, so that names and keys take turns.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// All that a load needs.
struct Bench {
    stack: Stack,
    wishes: Arc<Vec<Wish>>,
    clients: Vec<Client>,
    tls: Arc<Tls>,
}

/// What a load took.
struct Load {
    took: Vec<Duration>,
    wall: Duration,
    cpu: Cpu,
    polls: usize,
}

/// CPU of each side, in seconds.
struct Cpu {
    server: f64,
    signer: f64,
    validator: f64,
    clients: f64,
}

/// Measures all rows of ACME.
pub async fn rows(disk: &Path, raw: &Raw) -> Vec<Row> {
    let path = "full ACME order with http-01 on loopback, database on disk";
    let mut bench = match Bench::start(disk).await {
        Ok(started) => started,
        Err(error) => return vec![Row::new(path, "≥ 600/s on 2 cores", Err(error))],
    };
    let mut rows = Vec::new();
    for number in AT_A_TIME {
        let budget =
            if number == BUDGETED { "≥ 600/s on 2 cores, ≤ 1.6 ms CPU each" } else { "" };
        let load = bench.load(number, End::After(SPAN)).await;
        let measured = load.map(|load| load.measured(raw, number == BUDGETED));
        rows.push(Row::new(&format!("{path}, {number} at a time"), budget, measured));
        let counted = bench.syncs(number).await.map(|each| Measured {
            value: format!("{each:.2}"),
            ratio: String::new(),
            kept: None,
        });
        let of = format!("fdatasyncs of server and signer an ACME order, {number} at a time");
        rows.push(Row::new(&of, "few", counted));
    }
    rows.extend(reads::rows(&bench.stack, &bench.tls).await);
    rows
}

/// When a load ends.
#[derive(Clone, Copy)]
enum End {
    After(Duration),
    Orders(usize),
}

impl Bench {
    async fn start(disk: &Path) -> anyhow::Result<Self> {
        let eyes = Arc::new(Eyes::open()?);
        let stack = Stack::start_with(disk, &eyes.settings())?;
        let body = "version = 1\nvalidity = \"90d\"\nmax_validity = \"90d\"\n\
                    key_kinds = [\"p-256\"]\nextended_key_usage = [\"serverAuth\"]\n\
                    [san]\ndns = [\"*\"]\n[acme]\nreuse = \"0s\"\n";
        let body = json!({ "name": "bench", "body": body }).to_string();
        let mut api = Connection::tls(stack.https, &stack.tls).await?;
        let made = api.post("/api/v1/profiles", body.as_bytes()).await?;
        ensure!(made.status == 201, "the profile: {}", String::from_utf8_lossy(&made.body));
        let wishes: Vec<Wish> = (0..NAMES).map(wish).collect::<anyhow::Result<_>>()?;
        let tls = reads::anonymous(&stack);
        let mut clients = Vec::with_capacity(CLIENTS);
        for number in 0..CLIENTS {
            let mut client = Client::register(&stack, &tls, &eyes).await?;
            // The first order of each warms up.
            client.order(&wishes[number % NAMES]).await?;
            clients.push(client);
        }
        Ok(Self { stack, wishes: Arc::new(wishes), clients, tls })
    }

    /// Has so many clients order one certificate after the other.
    async fn load(&mut self, number: usize, end: End) -> anyhow::Result<Load> {
        let ordered = Arc::new(AtomicUsize::new(0));
        let polls = self.polls();
        let (cpu, began) = (Cpu::used(&self.stack)?, Instant::now());
        let tasks: Vec<_> = self
            .clients
            .drain(..number)
            .map(|mut client| {
                let (wishes, ordered) = (Arc::clone(&self.wishes), Arc::clone(&ordered));
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    loop {
                        let over = match end {
                            End::After(span) => began.elapsed() >= span,
                            End::Orders(all) => ordered.fetch_add(1, Ordering::Relaxed) >= all,
                        };
                        if over {
                            return anyhow::Ok((client, took));
                        }
                        let began = Instant::now();
                        let place = NEXT.fetch_add(1, Ordering::Relaxed) % NAMES;
                        client.order(&wishes[place]).await?;
                        took.push(began.elapsed());
                    }
                })
            })
            .collect();
        let (mut took, mut clients) = (Vec::new(), Vec::new());
        for task in tasks {
            let (client, of_it) = task.await??;
            clients.push(client);
            took.extend(of_it);
        }
        let (wall, cpu) = (began.elapsed(), Cpu::used(&self.stack)?.since(&cpu));
        self.clients.splice(0..0, clients);
        Ok(Load { took, wall, cpu, polls: self.polls() - polls })
    }

    fn polls(&self) -> usize {
        self.clients.iter().map(|client| client.polls).sum()
    }

    async fn syncs(&mut self, number: usize) -> anyhow::Result<f64> {
        let counter = syncs::Counter::attach(&self.stack).await?;
        let orders = 200.max(number * 4);
        self.load(number, End::Orders(orders)).await?;
        Ok(counter.count()? as f64 / orders as f64)
    }
}

impl Load {
    fn measured(self, raw: &Raw, budgeted: bool) -> Measured {
        let Self { took, wall, cpu, polls } = self;
        let orders = took.len().max(1) as f64;
        let each = |seconds: f64| Duration::from_secs_f64(seconds / orders);
        let rate = orders / wall.as_secs_f64();
        let served = each(cpu.server + cpu.signer + cpu.validator);
        let mut value = format!(
            "{}/s with the clients on the same cores, p99 {}; {} CPU an order: server {}, signer \
             {}, va {}; the clients with what va looks at take {}",
            count(rate),
            time(worst(took, 99)),
            time(served),
            time(each(cpu.server)),
            time(each(cpu.signer)),
            time(each(cpu.validator)),
            time(each(cpu.clients)),
        );
        if polls > 0 {
            value.push_str(&format!("; {:.2} polls an order", polls as f64 / orders));
        }
        Measured {
            value,
            ratio: raw.signatures(served),
            kept: budgeted.then(|| keeps(rate, served)),
        }
    }
}

impl Cpu {
    fn used(stack: &Stack) -> anyhow::Result<Self> {
        Ok(Self {
            server: process::cpu(stack.server)?,
            signer: process::cpu(stack.signer)?,
            validator: process::cpu(stack.validator.context("no validation authority")?)?,
            clients: process::cpu(std::process::id())?,
        })
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            signer: self.signer - before.signer,
            validator: self.validator - before.validator,
            clients: self.clients - before.clients,
        }
    }
}

fn keeps(rate: f64, each: Duration) -> bool {
    rate >= RATE && each <= CPU
}

fn wish(number: usize) -> anyhow::Result<Wish> {
    let name = format!("host-{number}.bench.example");
    let csr = b64(draft::request(&Pair::generate()?, &name)?.der().as_bytes());
    let identifiers = [json!({ "type": "dns", "value": name })];
    Ok(Wish {
        order: json!({ "identifiers": identifiers, "profile": "bench" }).to_string(),
        finalize: json!({ "csr": csr }).to_string(),
    })
}

fn b64(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body).with_context(|| String::from_utf8_lossy(body).into_owned())
}

/// Gives the time that so many of a hundred keep.
fn worst(mut took: Vec<Duration>, percent: usize) -> Duration {
    took.sort_unstable();
    let place = (took.len() * percent / 100).min(took.len().saturating_sub(1));
    took.get(place).copied().unwrap_or_default()
}

/// Finds the validation authority of a stack.
pub fn validator(up: u32) -> anyhow::Result<u32> {
    process::child_of(up, "chancery-va")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_hundred() {
        let took: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(worst(took.clone(), 99), Duration::from_millis(100));
        assert_eq!(worst(took.clone(), 95), Duration::from_millis(96));
        assert_eq!(worst(took, 100), Duration::from_millis(100));
        assert_eq!(worst(vec![], 99), Duration::ZERO);
    }

    #[test]
    fn what_is_kept_is_rate_and_cpu_together() {
        for (rate, micros, kept) in
            [(600.0, 1_600, true), (599.0, 900, false), (700.0, 1_601, false)]
        {
            assert_eq!(keeps(rate, Duration::from_micros(micros)), kept, "{rate} {micros}");
        }
    }
}
