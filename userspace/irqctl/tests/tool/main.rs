//! What the commands of `irqctl` do, tried on lines of the VM.
//!
//! They are run there, one after the other, by `harness/userspace/run`.

mod bind;
#[path = "../../../tests/bound/mod.rs"]
mod bound;
mod doctor;
mod exec;
#[path = "../../../tests/fake/mod.rs"]
mod fake;
mod latency;
mod list;
mod plot;
mod refusal;
mod run;
mod show;
mod wait;
mod watch;
