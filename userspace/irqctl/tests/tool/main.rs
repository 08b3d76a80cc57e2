//! Tests of the commands of `irqctl`, with lines of the VM.
//!
//! `harness/userspace/run` runs them in the VM, one at a time.

mod affinity;
mod bind;
#[path = "../../../tests/bound/mod.rs"]
mod bound;
mod doctor;
mod exec;
#[path = "../../../tests/fake/mod.rs"]
mod fake;
mod latency;
mod list;
mod name;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../../tests/named/mod.rs"]
mod named;
mod peers;
mod plot;
mod refusal;
mod run;
#[path = "../schema/mod.rs"]
mod schema;
mod show;
#[path = "../../../tests/sim/mod.rs"]
mod sim;
mod wait;
mod watch;
