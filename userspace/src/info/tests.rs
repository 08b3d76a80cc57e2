//! Tests of the parsers, with captured text (see `captured/README`) and with generated text.

use super::{cpus, debugfs, interrupts, Edge, Info, Level, Reason, Row, Source, Trigger};
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

macro_rules! captured {
    ($name:literal) => {
        include_str!(concat!("captured/", $name))
    };
}

const TABLES: [&str; 6] = [
    captured!("x86_64.interrupts"),
    captured!("x86_64-6.18.interrupts"),
    captured!("arm64.interrupts"),
    captured!("arm64-6.12.interrupts"),
    captured!("riscv64.interrupts"),
    captured!("riscv64-6.12.interrupts"),
];

/// A folder with a machine's files in `/proc` and `/sys`.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn new(name: &str, table: &str, files: &str) -> Self {
        // Each test has its own folder.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = env::temp_dir().join(format!("irq-user-{name}-{}-{number}", process::id()));
        let machine = Self { root };
        machine.write("/proc/interrupts", table);
        for line in files.lines() {
            let (path, text) = line.split_once(':').expect("a line is path:contents");
            machine.write(path, &format!("{text}\n"));
        }
        machine
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("there is room");
        fs::write(path, text).expect("there is room");
    }

    fn all(&self) -> Vec<Info> {
        Source::new(&self.root).all().expect("all files can be read")
    }

    fn of(&self, irq: u32) -> Info {
        Source::new(&self.root).of(irq).expect("there is such a line")
    }

    fn forget(&self, path: &str) {
        let _ = fs::remove_dir_all(self.root.join(path));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn x86_64() -> Machine {
    Machine::new("x86_64", captured!("x86_64.interrupts"), captured!("x86_64.files"))
}

fn arm64() -> Machine {
    Machine::new("arm64", captured!("arm64.interrupts"), captured!("arm64.files"))
}

fn riscv64() -> Machine {
    Machine::new("riscv64", captured!("riscv64.interrupts"), captured!("riscv64.files"))
}

/// Returns the lines that the table shows, with those fields that the table shows.
fn seen(lines: &[Info], cpus: &[u32]) -> Vec<Info> {
    let strip = |mut info: Info| {
        info.counts.retain(|cpu, _| cpus.contains(cpu));
        Info {
            affinity: vec![],
            effective_affinity: vec![],
            wakeup: false,
            has_file: false,
            requestable: None,
            ..info
        }
    };
    lines.iter().filter(|line| !line.actions.is_empty()).cloned().map(strip).collect()
}

#[test]
fn x86_64_shows_all_of_a_line() {
    let machine = x86_64();
    assert_eq!(
        machine.of(4),
        Info {
            irq: 4,
            chip: Some("IO-APIC".to_owned()),
            hwirq: Some(4),
            trigger: Some(Trigger::Edge(None)),
            actions: vec!["ttyS0".to_owned()],
            counts: BTreeMap::from([(0, 6), (1, 0)]),
            affinity: vec![0, 1],
            effective_affinity: vec![0],
            wakeup: false,
            has_file: true,
            requestable: None,
        }
    );
    assert!(!machine.of(4).is_free());
    assert!(machine.of(3).is_free());
    // The cascade of the 8259s has no domain.
    assert_eq!(machine.of(2).hwirq, None);
    assert_eq!(machine.all().len(), 20);
    assert!(Source::new(&machine.root).of(16).is_err());
}

#[test]
fn a_line_that_debugfs_shows_as_refused_is_not_free() {
    let machine = x86_64();
    let path = "/sys/kernel/debug/irq/irqs/3";
    assert_eq!((machine.of(3).requestable, machine.of(3).is_free()), (None, true));
    machine.write(path, &debugfs_text("handle_edge_irq", "sim", &["_IRQ_NOREQUEST"], &[]));
    assert_eq!((machine.of(3).requestable, machine.of(3).is_free()), (Some(false), false));
    machine.write(path, &debugfs_text("handle_edge_irq", "sim", &["_IRQ_NOPROBE"], &[]));
    assert_eq!((machine.of(3).requestable, machine.of(3).is_free()), (Some(true), true));
    // For a line with an action, debugfs is not read.
    machine.write("/sys/kernel/debug/irq/irqs/4", "");
    assert_eq!(machine.of(4).requestable, None);
}

#[test]
fn debugfs_shows_the_direction_of_a_free_line() {
    let machine = x86_64();
    let [rising, falling] = ["IRQ_TYPE_EDGE_RISING", "IRQ_TYPE_EDGE_FALLING"];
    let [high, low] = ["IRQ_TYPE_LEVEL_HIGH", "IRQ_TYPE_LEVEL_LOW"];
    for (states, trigger, text) in [
        (&[] as &[_], Trigger::Edge(None), "edge"),
        (&[rising], Trigger::Edge(Some(Edge::Rising)), "edge (rising)"),
        (&[falling], Trigger::Edge(Some(Edge::Falling)), "edge (falling)"),
        (&[rising, falling], Trigger::Edge(Some(Edge::Both)), "edge (rising and falling)"),
        (&[high], Trigger::Level(Some(Level::High)), "level (high)"),
        (&[low], Trigger::Level(Some(Level::Low)), "level (low)"),
    ] {
        let shown = debugfs_text("handle_edge_irq", "sim", &[], states);
        machine.write("/sys/kernel/debug/irq/irqs/3", &shown);
        assert_eq!(machine.of(3).trigger, Some(trigger));
        assert_eq!(format!("{trigger:#}"), text);
        assert_eq!(text.split(' ').next(), Some(trigger.to_string().as_str()));
        assert_ne!(trigger.is_edge(), trigger.is_level());
    }
    // For a line with an action, debugfs is not read.
    machine.write("/sys/kernel/debug/irq/irqs/4", &debugfs_text("", "", &[], &[rising]));
    assert_eq!(machine.of(4).trigger, Some(Trigger::Edge(None)));
}

#[test]
fn the_reason_why_a_kernel_has_no_files_is_found() {
    let machine = Machine::new("bare", "", "");
    let unsupported = || Source::new(&machine.root).unsupported();
    machine.write("/proc/cmdline", "root=/dev/vda irq_user_proc=1 ro\n");
    assert_eq!(unsupported(), Some(Reason::NoSupport));
    for last in ["irq_user_proc=0", "irq_user_proc=1 irq_user_proc=off", "irq_user_proc=No"] {
        machine.write("/proc/cmdline", &format!("root=/dev/vda {last} ro\n"));
        assert_eq!(unsupported(), Some(Reason::SwitchedOff));
    }
    machine.write("/proc/irq/3/irq", "");
    assert_eq!(unsupported(), None);
}

#[test]
fn a_proc_that_shows_only_processes_says_nothing_of_the_kernel() {
    let machine = x86_64();
    machine.forget("proc");
    assert_eq!(Source::new(&machine.root).unsupported(), Some(Reason::NoProc));
}

#[test]
fn lockdown_is_found() {
    let machine = Machine::new("locked", "", "");
    let locked_down = || Source::new(&machine.root).locked_down();
    assert!(!locked_down(), "without securityfs");
    for (state, locked) in [
        ("[none] integrity confidentiality", false),
        ("none [integrity] confidentiality", true),
        ("none integrity [confidentiality]", true),
    ] {
        machine.write("/sys/kernel/security/lockdown", state);
        assert_eq!(locked_down(), locked, "{state}");
    }
}

#[test]
fn arm64_shows_the_actions_of_a_line() {
    let machine = arm64();
    let motor = machine.of(25);
    assert_eq!(motor.program(), Some("motor drive"));
    assert_eq!(motor.count(), 32);
    assert_eq!(machine.of(30).actions, ["i2c-designware", "dw-dma"]);
    assert_eq!(machine.of(30).program(), None);
    assert_eq!(machine.of(18).actions, ["GPIO Key Poweroff"]);
    assert!(machine.of(16).wakeup);
    assert_eq!(machine.of(21).affinity, [2, 3, 5]);
    // Sysfs shows the count of a processor that is offline, and the table does not.
    assert_eq!(machine.of(11).counts.len(), 6);
}

#[test]
fn a_process_that_has_only_mapped_a_line_is_found() {
    let machine = arm64();
    let motor = machine.of(25);
    let map = |path: &str| format!("7f0000000000-7f0000001000 r--s 00000000 00:15 4026 {path}\n");
    machine.write("/proc/1/maps", &map("/usr/bin/init"));
    machine.write("/proc/700/maps", &map("/proc/irq/2/irq"));
    machine.write("/proc/812/maps", &(map("/usr/bin/motor") + &map("/proc/irq/25/irq")));
    let found = || Source::new(&machine.root).processes(&motor);
    assert_eq!(found(), [812]);
    // A process that has the file open comes first.
    machine.write("/proc/813/fdinfo/3", "pos:\t0\nirq:\t25\n");
    assert_eq!(found(), [813]);
}

#[test]
fn the_processes_that_have_a_line_open_are_found() {
    let machine = arm64();
    let motor = machine.of(25);
    let found = |line: &Info| Source::new(&machine.root).processes(line);
    assert_eq!(found(&motor), [0; 0], "no process can be seen");
    let info = |irq: u32| format!("pos:\t0\nflags:\t02000002\nmnt_id:\t9\nirq:\t{irq}\n");
    machine.write("/proc/1/fdinfo/0", "pos:\t0\nflags:\t02\n");
    machine.write("/proc/1/fdinfo/4", &info(2));
    machine.write("/proc/90/fdinfo/3", &info(30));
    for (process, fd) in [(1000, 3), (812, 3), (812, 4), (813, 12)] {
        machine.write(&format!("/proc/{process}/fdinfo/{fd}"), &info(25));
    }
    // A kernel thread has no files, and some users may not see those of a process.
    machine.write("/proc/2/comm", "kthreadd\n");
    assert_eq!(found(&motor), [812, 813, 1000]);
    // A driver's line has no file that is open.
    assert_eq!(found(&machine.of(30)), [0; 0]);
}

#[test]
fn riscv64_shows_chips_whose_names_have_blanks() {
    let machine = riscv64();
    let uart = machine.of(12);
    assert_eq!(uart.chip.as_deref(), Some("SiFive PLIC"));
    assert_eq!((uart.hwirq, uart.trigger), (Some(10), Some(Trigger::Edge(None))));
    // The name of a program may look like two names.
    assert_eq!(machine.of(17).actions, ["user:a, b"]);
}

#[test]
fn older_kernels_pad_differently() {
    let rows = interrupts::parse(captured!("x86_64-6.18.interrupts"));
    assert_eq!(rows.len(), 19);
    let expected = Row {
        counts: rows[&28].counts.clone(),
        chip: Some("PCI-MSIX-0000:00:01.0".to_owned()),
        hwirq: Some(0),
        trigger: Some(Trigger::Edge(None)),
        actions: vec!["virtio0-config".to_owned()],
    };
    assert_eq!(rows[&28], expected);
    assert_eq!(rows[&24].chip.as_deref(), Some("IO-APIC"));
}

#[test]
fn sysfs_and_the_table_agree() {
    for (machine, cpus) in [(arm64(), &[0, 1, 2, 3, 4][..]), (riscv64(), &[0, 1])] {
        let by_sysfs = seen(&machine.all(), cpus);
        assert!(by_sysfs.len() > 5);
        machine.forget("sys/kernel/irq");
        machine.forget("proc/irq");
        assert_eq!(machine.all(), by_sysfs, "{}", machine.root.display());
    }
}

/// The table was captured shortly before the files.
#[test]
fn sysfs_and_a_captured_table_agree() {
    for (name, table, files) in [
        ("arm64-6.12", captured!("arm64-6.12.interrupts"), captured!("arm64-6.12.files")),
        ("riscv64-6.12", captured!("riscv64-6.12.interrupts"), captured!("riscv64-6.12.files")),
    ] {
        let machine = Machine::new(name, table, files);
        let rows = interrupts::parse(table);
        assert!(rows.len() > 3, "{name}");
        for (irq, row) in rows {
            let info = machine.of(irq);
            assert!(info.count() >= row.counts.values().sum(), "{name}, {irq}");
            let by_table = (row.chip, row.hwirq, row.trigger, row.actions);
            let by_sysfs = (info.chip, info.hwirq, info.trigger, info.actions);
            assert_eq!(by_table, by_sysfs, "{name}, {irq}");
        }
    }
}

/// What shows the trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// A column of its own: `CONFIG_GENERIC_IRQ_SHOW_LEVEL`.
    Level,
    /// The name of the flow.
    Flow,
    Nothing,
}

/// How a kernel lays out the table.
#[derive(Clone, Copy, Debug)]
struct Layout {
    trigger: Column,
    /// Whether chips are aligned to the right, as before 7.3.
    old: bool,
}

impl Layout {
    fn header(self, cpus: &[u32]) -> String {
        let names: String = cpus.iter().map(|cpu| format!("CPU{cpu:<8}")).collect();
        format!("            {names}\n")
    }

    fn row(self, irq: u32, row: &Row) -> String {
        let mut text = format!("{irq:>4}:");
        text.extend(row.counts.values().map(|count| format!(" {count:>10}")));
        let (chip, hwirq) = (row.chip.as_deref().unwrap_or("-"), row.hwirq.unwrap_or(0));
        text += &match self.old {
            true => format!("  {chip:>8} {hwirq:>4}"),
            false => format!("  {chip:<8} {hwirq:>4}"),
        };
        let level = row.trigger == Some(Trigger::Level(None));
        match self.trigger {
            Column::Level => text += &format!(" {:<8}", if level { "Level" } else { "Edge" }),
            Column::Flow => text += &format!("-{:<8}", if level { "level" } else { "edge" }),
            Column::Nothing => (),
        }
        if !row.actions.is_empty() {
            text += &format!("  {}", row.actions.join(", "));
        }
        text + "\n"
    }
}

fn layouts() -> impl Strategy<Value = Layout> {
    let column = prop_oneof![Just(Column::Level), Just(Column::Flow), Just(Column::Nothing)];
    (column, any::<bool>()).prop_map(|(trigger, old)| Layout { trigger, old })
}

fn triggers() -> impl Strategy<Value = Trigger> {
    prop_oneof![Just(Trigger::Edge(None)), Just(Trigger::Level(None))]
}

/// Rows for three processors, with names that chips and drivers have or could have.
fn rows() -> impl Strategy<Value = Row> {
    let counts = prop::array::uniform3(0..u64::from(u32::MAX));
    let chip = "[A-Za-z0-9][A-Za-z:.-]{1,12}( [A-Za-z][A-Za-z0-9]{0,6})?";
    let driver = prop_oneof![
        9 => "[!-+.-~]([ -+.-~]{0,12}[!-+.-~])?",
        1 => "(Edge|Level|-edge|-level|7)( [a-z]{1,4})?",
    ];
    let actions = prop_oneof![
        prop::collection::vec(driver, 0..3),
        "user:[!-~]{1,15}".prop_map(|program| vec![program]),
    ];
    (counts, chip, 0..100_000u64, triggers(), actions).prop_map(
        |(counts, chip, hwirq, trigger, actions)| Row {
            counts: (0..).zip(counts).collect(),
            chip: Some(chip),
            hwirq: Some(hwirq),
            trigger: Some(trigger),
            actions,
        },
    )
}

const STATUS: [&str; 9] = [
    "_IRQ_NOPROBE",
    "_IRQ_NOREQUEST",
    "_IRQ_NOTHREAD",
    "_IRQ_NOAUTOEN",
    "_IRQ_NESTED_THREAD",
    "_IRQ_PER_CPU_DEVID",
    "_IRQ_IS_POLLED",
    "_IRQ_DISABLE_UNLAZY",
    "_IRQ_HIDDEN",
];
const STATES: [&str; 10] = [
    "IRQ_TYPE_EDGE_RISING",
    "IRQ_TYPE_LEVEL_HIGH",
    "IRQD_LEVEL",
    "IRQD_ACTIVATED",
    "IRQD_IRQ_DISABLED",
    "IRQD_PER_CPU",
    "IRQD_NO_BALANCING",
    "IRQD_AFFINITY_SET",
    "IRQD_AFFINITY_MANAGED",
    "IRQD_DEFAULT_TRIGGER_SET",
];

/// Writes what `irq_debug_show()` of `kernel/irq/debugfs.c` writes for a line behind two chips.
fn debugfs_text(handler: &str, device: &str, status: &[&str], states: &[&str]) -> String {
    let rows = |set: &[&str]| set.iter().map(|name| format!("{:12}{name}\n", "")).collect();
    let (status, states): (String, String) = (rows(status), rows(states));
    format!(
        "handler:  {handler}\ndevice:   {device}\nstatus:   0x00000d04\n{status}\
         istate:   0x00000000\nddepth:   1\nwdepth:   0\ndstate:   0x01401200\n{states}\
         node:     0\naffinity: 0-1\neffectiv: 0\ndomain:  IO-APIC-0\n hwirq:   0x4\n \
         chip:    IO-APIC\n  flags:   0x110\n             IRQCHIP_SKIP_SET_WAKE\n \
         parent:\n    domain:  VECTOR\n     hwirq:   0x4\n     chip:    APIC\n      flags:   0x0\n"
    )
}

proptest! {
    #[test]
    fn a_line_is_requestable_if_no_flag_forbids_it(
        handler in prop::sample::select(vec!["handle_edge_irq", "handle_bad_irq", "0xffffffff81"]),
        device in prop::sample::select(vec!["(null)", "0000:00:02.0", "_IRQ_NOREQUEST"]),
        status in prop::sample::subsequence(STATUS.to_vec(), 0..=STATUS.len()),
        states in prop::sample::subsequence(STATES.to_vec(), 0..=STATES.len()),
    ) {
        let text = debugfs_text(handler, device, &status, &states);
        let forbidden = status.iter().any(|name| ["_IRQ_NOREQUEST", "_IRQ_PER_CPU_DEVID"].contains(name))
            || states.iter().any(|name| ["IRQD_PER_CPU", "IRQD_AFFINITY_MANAGED"].contains(name));
        let triggered = states.contains(&"IRQ_TYPE_EDGE_RISING") || states.contains(&"IRQ_TYPE_LEVEL_HIGH");
        let handled = handler != "handle_bad_irq" || triggered;
        prop_assert_eq!(debugfs::is_requestable(&text), handled && !forbidden, "{}", text);
    }

    #[test]
    fn a_row_is_read_as_it_was_written(
        layout in layouts(),
        mut rows in prop::collection::btree_map(0..9999u32, rows(), 1..8),
    ) {
        let mut table = layout.header(&[0, 1, 2]);
        for (&irq, row) in &mut rows {
            table += &layout.row(irq, row);
            row.trigger = row.trigger.filter(|_| layout.trigger != Column::Nothing);
        }
        table += " NMI:          0          0          0  Non-maskable interrupts\n";
        prop_assert_eq!(interrupts::parse(&table), rows);
    }

    #[test]
    fn a_mangled_table_can_be_read(
        table in prop::sample::select(&TABLES[..]),
        cut in any::<prop::sample::Index>(),
        removed in 0..40usize,
        put in ".{0,20}",
    ) {
        let mut chars: Vec<char> = table.chars().collect();
        let begin = cut.index(chars.len());
        let end = (begin + removed).min(chars.len());
        chars.splice(begin..end, put.chars());
        let mangled: String = chars.into_iter().collect();
        // Each line of text gives at most one row.
        prop_assert!(interrupts::parse(&mangled).len() <= mangled.lines().count());
    }

    #[test]
    fn a_list_of_processors_is_read_as_it_was_written(
        cpus in prop::collection::btree_set(0..512u32, 0..40),
    ) {
        let cpus: Vec<_> = cpus.into_iter().collect();
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for &cpu in &cpus {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        let range = |&(first, last): &(u32, u32)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        let list = ranges.iter().map(range).collect::<Vec<_>>().join(",");
        prop_assert_eq!(cpus::parse(&list), cpus);
    }

    #[test]
    fn any_text_can_be_read_as_a_list_of_processors(list in "[0-9,-]{0,30}|.{0,30}") {
        let cpus = cpus::parse(&list);
        prop_assert!(cpus.is_sorted());
    }
}
