//! `irqctl doctor`

use crate::{
    bound::{Bound, NOBODY},
    fake::Fake,
    run::*,
};
use assert_cmd::{assert::Assert, prelude::*};
use predicates::{prelude::*, str::contains};
use rustix::{
    fs::inotify,
    io::Errno,
    system::uname,
    thread::{
        capabilities, configure_capability_in_ambient_set, set_capabilities, set_keep_capabilities,
        set_thread_res_uid, CapabilitySet, Uid,
    },
};
use std::{
    fs,
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::{fs::chown, process::CommandExt},
    },
    process::Command,
    thread,
};

fn is_real_time() -> bool {
    let version = uname().version().to_string_lossy().into_owned();
    version.split_whitespace().any(|word| word == "PREEMPT_RT")
}

#[track_caller]
fn expect(text: &str) {
    irqctl("doctor").assert().success().stdout(contains(text));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor() {
    expect("this program has CAP_SYS_RAWIO");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_json() {
    let findings = json(&irqctl("doctor --json").assert().success());
    let mut findings = findings.as_array().expect("there are several").iter();
    assert!(findings.any(|finding| finding["about"] == "capability"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_recognises_a_real_time_kernel() {
    let is = if is_real_time() { "is" } else { "is not" };
    expect(&format!("the kernel {is} real-time"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_recognises_forced_threads() {
    let arguments = fs::read_to_string("/proc/cmdline").expect("procfs is mounted");
    let forced = is_real_time() || arguments.split_whitespace().any(|word| word == "threadirqs");
    let does = if forced {
        "forces other interrupt handlers"
    } else {
        "does not force interrupt handlers"
    };
    expect(&format!("the kernel {does}"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_no_irqbalance() {
    expect("no irqbalance moves lines");
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_irqbalance() {
    let line = Fake::new();
    let folder = tempfile::tempdir().expect("there is room");
    let program = folder.path().join("irqbalance");
    fs::copy("/bin/irqctl", &program).expect("it is in each VM");
    let mut command = Command::new(program);
    once_it_has(line.irq, command.arg("wait").arg(line.to_string()), |child| {
        expect("irqbalance is running");
        interrupt(child);
    });
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_sees_that_there_are_no_files() {
    without_files("doctor").assert().code(1).stdout(contains("FAIL  kernel"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_counts_the_nodes_that_the_user_may_open() {
    let doctor = || irqctl("doctor").uid(NOBODY).gid(NOBODY).assert();
    let card = Bound::new("msi");
    let refused = doctor().code(1).stdout(contains("may open 0 of 1 line node"));
    refused.stdout(contains("FAIL  capability"));
    card.give_to(NOBODY);
    let allowed = doctor().success().stdout(contains("may open 1 of 1 line node"));
    allowed.stdout(contains("note  capability"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_succeeds_without_files_if_a_node_can_be_opened() {
    let _card = Bound::new("msi");
    without_files("doctor").assert().success().stdout(contains("note  kernel"));
}

/// Runs a command as a user without privilege, but with the ambient capability CAP_SYS_RAWIO.
fn with_rawio(mut command: Command) -> Assert {
    let run = move || {
        let user = Uid::from_raw(NOBODY);
        set_keep_capabilities(true).expect("any thread may");
        set_thread_res_uid(user, user, user).expect("this is root");
        let mut sets = capabilities(None).expect("a thread can read its capabilities");
        sets.permitted = CapabilitySet::SYS_RAWIO;
        sets.effective = sets.permitted;
        sets.inheritable = sets.permitted;
        set_capabilities(None, sets).expect("a thread may drop capabilities");
        configure_capability_in_ambient_set(CapabilitySet::SYS_RAWIO, true)
            .expect("it is permitted");
        command.assert()
    };
    thread::spawn(run).join().expect("it does not panic")
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_says_that_the_capability_alone_does_not_open_root_s_files() {
    let line = Fake::new();
    let told = with_rawio(irqctl("doctor")).code(1);
    told.stdout(contains("ok    capability").and(contains("FAIL  permission")));
    with_rawio(irqctl(format!("wait {line} -t 1ms"))).code(1);
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_s_advice_to_chown_the_file_works() {
    let line = Fake::new();
    chown(format!("/proc/irq/{line}/irq"), Some(NOBODY), None).expect("this is root");
    let told = with_rawio(irqctl("doctor")).success();
    told.stdout(contains("ok    permission").and(contains("may open 1 of ")));
    with_rawio(irqctl(format!("wait {line} -t 1ms"))).code(124);
}

/// Runs `irqctl doctor` after a command has changed the mounts for it.
fn mounted(mount: &str) -> Assert {
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c"]).arg(format!("{mount} && exec irqctl doctor"));
    command.assert()
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_says_that_files_are_read_only() {
    let _line = Fake::new();
    let told = mounted("mount --bind /proc/irq /proc/irq && mount -o remount,bind,ro /proc/irq");
    told.success().stdout(contains("note  permission  /proc/irq is read-only"));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_says_that_proc_shows_only_processes() {
    let told = mounted("mount -t proc -o subset=pid proc /proc");
    let told = told.code(1).stdout(contains("FAIL  kernel").and(contains("ProcSubset=pid")));
    told.stdout(contains("CONFIG_IRQ_USER ").not());
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_does_not_guess_the_lockdown_if_securityfs_is_hidden() {
    if !fs::exists("/sys/kernel/security").expect("sysfs is mounted") {
        println!("SKIP this kernel has no securityfs");
        return;
    }
    let told = mounted("mount -t tmpfs none /sys/kernel/security");
    told.success().stdout(contains("note  lockdown    /sys/kernel/security is hidden"));
}

/// Returns whether the watched file has been opened.
fn was_opened(watch: &OwnedFd) -> bool {
    let mut events = [MaybeUninit::uninit(); 1024];
    match inotify::Reader::new(watch, &mut events).next() {
        Ok(event) => event.events().contains(inotify::ReadFlags::OPEN),
        Err(Errno::AGAIN) => false,
        Err(error) => panic!("inotify: {error}"),
    }
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_claims_no_line() {
    let line = Fake::new();
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).expect("the VM has inotify");
    inotify::add_watch(&watch, format!("/proc/irq/{line}/irq"), inotify::WatchFlags::OPEN)
        .expect("the line has its file");
    irqctl("doctor").assert().success();
    assert!(!was_opened(&watch));
    irqctl(format!("doctor --open {line}")).assert().success();
    assert!(was_opened(&watch));
}

#[test]
#[ignore = "needs the VM"]
fn irqctl_doctor_opens_the_line_that_it_is_given() {
    let (free, refused) = (Fake::new(), Fake::of("norequest"));
    let opened = irqctl(format!("doctor --open {free}")).assert().success();
    opened.stdout(contains(format!("line {free} was opened, and is closed again")));
    let refused = irqctl(format!("doctor --open {refused}")).assert().code(1);
    refused.stdout(contains("FAIL  open").and(contains("cannot be requested")));
}
