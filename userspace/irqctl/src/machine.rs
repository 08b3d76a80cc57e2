//! What machine this is, for results that are compared with those of other machines.

use rustix::system::uname;
use std::{fs, thread};

/// Returns a text like `board, Linux 7.3.4 x86_64 PREEMPT_RT, 4 processors (Intel N100)`.
pub fn describe() -> String {
    let name = uname();
    let [node, system, release, machine, version] =
        [name.nodename(), name.sysname(), name.release(), name.machine(), name.version()]
            .map(|text| text.to_string_lossy().into_owned());
    let preemption = version.split_whitespace().find(|word| word.starts_with("PREEMPT"));
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!("{node}, {system} {release} {machine}");
    preemption.into_iter().for_each(|word| text += &format!(" {word}"));
    text += &format!(", {}", crate::units::several(cpus as u64, "processor"));
    let model = model(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default());
    model.into_iter().for_each(|model| text += &format!(" ({model})"));
    text
}

/// Returns the name of the processor, which not every architecture shows.
fn model(cpuinfo: &str) -> Option<String> {
    let mut rows = cpuinfo.lines().filter_map(|row| row.split_once(':'));
    rows.find(|(key, _)| key.trim() == "model name").map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_if_it_is_shown() {
        assert_eq!(
            model("processor\t: 0\nmodel name\t: Intel N100\n").as_deref(),
            Some("Intel N100")
        );
        assert_eq!(model("processor\t: 0\nBogoMIPS\t: 48.00\n"), None);
        assert!(describe().contains(", Linux "));
    }
}
