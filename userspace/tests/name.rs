//! Tests of the names of lines, and of the devices that they belong to.
//!
//! `harness/userspace/run` runs them in a VM, one at a time.

#[allow(dead_code, reason = "other tests need more of it")]
mod bound;
#[allow(dead_code, reason = "other tests need more of it")]
mod named;
mod sim;

use bound::Bound;
use irq_user::{devices, gpio, pci, Edge, Error, Line, Name, Reason};
use named::{Named, LINE};
use sim::Sim;
use std::{
    fs,
    os::unix::fs::symlink,
    thread,
    time::{Duration, Instant},
};

/// A limit that no expected event exceeds, even on a slow machine.
const LONG: Duration = Duration::from_secs(20);
/// Long enough to see that a line does not fire.
const SHORT: Duration = Duration::from_millis(50);

fn open(name: &str) -> Line {
    Line::named(name).expect("it is free")
}

fn refused(name: &str) -> Error {
    Line::named(name).expect_err("it cannot be opened")
}

fn irq(name: &str) -> u32 {
    name.parse::<Name>().expect("it is a name").irq().expect("it is there")
}

fn card() -> pci::Device {
    pci::Device::find(0x1234, 0x11e8).expect("QEMU has it")
}

#[test]
#[ignore = "needs the VM"]
fn a_gpio_that_is_named_fires_on_the_edge_of_the_name() {
    let sim = Sim::new("irq-user");
    for (edge, rising, falling) in
        [("rising", true, false), ("falling", false, true), ("both", true, true)]
    {
        let line = open(&sim.name(edge));
        for (up, fires) in [(true, rising), (false, falling), (true, rising), (false, falling)] {
            sim.pull(up);
            let limit = if fires { LONG } else { SHORT };
            let count = line.wait_timeout(limit).expect("it is there");
            assert_eq!(count, fires.then_some(1), "{edge}, up: {up}");
        }
    }
}

#[test]
#[ignore = "needs the VM"]
fn a_gpio_is_named_by_the_label_of_its_chip_and_its_own_name() {
    let sim = Sim::new("front panel");
    // A link, as a rule of udev makes it, is no other chip.
    let link = "/dev/gpiochip-front";
    symlink(&sim.chip, link).expect("this is root");
    let line = Line::named("gpio:front panel/door:1:rising");
    fs::remove_file(link).expect("this is root");
    let line = line.expect("it is free");
    sim.pull(true);
    assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
}

#[test]
#[ignore = "needs the VM"]
fn a_line_of_a_gpio_keeps_the_request_until_it_is_closed() {
    let sim = Sim::new("irq-user");
    let line = open(&sim.name("rising"));
    let clone = line.try_clone().expect("there are descriptors left");
    drop(line);
    let error = refused(&sim.name("rising"));
    let Some(Reason::Held(by)) = error.reason() else { panic!("{error}") };
    assert!(by[0].starts_with("irq-user-"), "{by:?}");
    assert!(error.to_string().starts_with(&format!("line {} is held by ", sim.name("rising"))));
    // The chip interrupts only for a GPIO that is requested.
    sim.pull(true);
    assert_eq!(clone.wait_timeout(LONG).expect("it is there"), Some(1));
    drop(clone);
    drop(open(&sim.name("rising")));
}

#[test]
#[ignore = "needs the VM"]
fn a_page_of_a_gpio_keeps_the_request_too() {
    let sim = Sim::new("irq-user");
    let line = open(&sim.name("rising"));
    let page = line.page().expect("this kernel has pages");
    drop(line);
    let error = refused(&sim.name("rising"));
    assert!(matches!(error.reason(), Some(Reason::Held(_))), "{error}");
    // The chip interrupts only for a GPIO that is requested.
    sim.pull(true);
    let until = Instant::now() + LONG;
    while page.read().total == 0 {
        assert!(Instant::now() < until, "the line does not fire");
        thread::yield_now();
    }
    drop(page);
    drop(open(&sim.name("rising")));
}

#[test]
#[ignore = "needs the VM"]
fn a_request_does_not_open_a_line_that_has_got_its_number() {
    let sim = Sim::new("irq-user");
    let request = gpio::Request::new(&sim.chip, "0", Edge::Rising).expect("it is free");
    drop(sim);
    let sim = Sim::new("irq-user");
    let other = gpio::Request::new(&sim.chip, "0", Edge::Rising).expect("it is free");
    assert_eq!(other.irq(), request.irq(), "the kernel takes the lowest free number");
    let error = request.open().expect_err("its chip is gone");
    assert_eq!(error.reason(), Some(&Reason::Gone), "{error}");
    drop(other.open().expect("it was not kept"));
}

#[test]
#[ignore = "needs the VM"]
fn a_request_of_a_gpio_has_the_number_of_its_line() {
    let sim = Sim::new("irq-user");
    let request = gpio::Request::new(&sim.chip, "0", Edge::Rising).expect("it is free");
    let number = request.irq();
    let line = request.open().expect("it is free");
    assert_eq!(line.irq(), Some(number));
    drop(line);
    assert_eq!(irq(&sim.name("both")), number);
}

#[test]
#[ignore = "needs the VM"]
fn a_gpio_that_does_not_exist_has_an_error_with_its_name() {
    let sim = Sim::new("irq-user");
    for missing in ["2", "02", "bell"] {
        let name = format!("gpio:irq-user/{missing}:rising");
        assert_eq!(refused(&name).reason(), Some(&Reason::NoSuchGpio(sim.chip.clone())));
        assert!(refused(&name).to_string().starts_with(&format!("line {name} ")));
    }
    let error = refused("gpio:gpiochip99/0:rising");
    assert_eq!(error.reason(), Some(&Reason::NoSuchDevice("gpiochip99".to_owned())));
    let _twin = Sim::new("irq-user");
    assert_eq!(refused("gpio:irq-user/0:both").reason(), Some(&Reason::Ambiguous));
}

#[test]
#[ignore = "needs the VM"]
fn the_intx_of_a_card_is_named_while_the_card_is_enabled() {
    let (card, name) = (card(), format!("pci:{}/intx", card().address()));
    assert_eq!(refused(&name).reason(), Some(&Reason::NotEnabled(card.address().to_owned())));
    let _enabled = card.enable().expect("this is root");
    assert_eq!(open(&name).irq(), card.irq().ok());
    assert_eq!(
        devices().expect("it can be read")[&irq(&name)],
        [format!("pci:{}", card.address())]
    );
}

#[test]
#[ignore = "needs the VM"]
fn a_line_of_a_bound_card_is_that_of_its_node() {
    for (kind, line) in [("msi", "msi0"), ("intx", "intx")] {
        let card = Bound::new(kind);
        let name = format!("pci:{}/{line}", card.name);
        let named = open(&name);
        assert_eq!(named.irq(), Some(irq(&name)));
        let error = card.device().open(line).expect_err("it is held");
        assert!(matches!(error.reason(), Some(Reason::Held(_))), "{error}");
        let own = devices().expect("it can be read").remove(&irq(&name));
        assert_eq!(own, Some(vec![format!("pci:{}", card.name)]));
    }
}

#[test]
#[ignore = "needs the VM"]
fn the_messages_of_a_driver_are_named_by_their_index() {
    let all = pci::Device::all().expect("it can be read");
    let is_virtio = |card: &&pci::Device| card.driver().as_deref() == Some("virtio-pci");
    let card = all.iter().find(is_virtio).expect("the VM has it");
    let messages = card.msi().expect("it can be read");
    let name = |index: usize| format!("pci:{}/msix{index}", card.address());
    let named: Vec<_> = (0..messages.len()).map(|index| irq(&name(index))).collect();
    assert_eq!(named, messages);
    let error = refused(&name(0));
    assert!(matches!(error.reason(), Some(Reason::Held(_))), "{error}");
    assert_eq!(refused(&name(messages.len())).reason(), Some(&Reason::NoSuchLine));
}

#[test]
#[ignore = "needs the VM"]
fn an_enabled_card_is_disabled_when_the_guard_is_dropped() {
    let card = card();
    let path = format!("/sys/bus/pci/devices/{}/enable", card.address());
    let count = || fs::read_to_string(&path).expect("it is there").trim().to_owned();
    assert_eq!(count(), "0");
    let first = card.enable().expect("this is root");
    let second = card.enable().expect("this is root");
    assert_eq!(count(), "2");
    drop(first);
    assert_eq!(count(), "1");
    drop(second);
    assert_eq!(count(), "0");
}

#[test]
#[ignore = "needs the VM"]
fn a_platform_device_is_bound_and_its_line_is_named() {
    let device = Named::new();
    let by_name = || open(&device.name());
    let by_device = || device.0.line(LINE).expect("it is free");
    for open in [&by_name as &dyn Fn() -> Line, &by_device] {
        let line = open();
        assert_eq!(line.try_wait().expect("it is there"), None);
        device.fire();
        assert_eq!(line.wait_timeout(LONG).expect("it is there"), Some(1));
        assert!(matches!(refused(&device.name()).reason(), Some(Reason::Held(_))));
    }
}

#[test]
#[ignore = "needs the VM"]
fn a_platform_device_that_is_not_bound_has_an_error_that_says_how() {
    let device = Named::new();
    let name = device.name();
    assert_eq!(device.0.driver().as_deref(), Some("irq_user"));
    device.0.unbind().expect("this is root");
    assert_eq!(device.0.driver(), None);
    let error = refused(&name);
    assert_eq!(error.reason(), Some(&Reason::NotBound(device.0.name().to_owned())));
    assert!(error.to_string().contains(&format!("irqctl bind {}", device.0.name())), "{error}");
}

#[test]
#[ignore = "needs the VM"]
fn an_isa_line_is_named_on_a_pc_and_refused_elsewhere() {
    if cfg!(target_arch = "x86_64") {
        let clock = open("isa:8");
        assert_eq!(clock.irq(), Some(8));
        let error = refused("isa:8");
        assert!(error.to_string().starts_with("line isa:8 is held by user:"), "{error}");
        let of_keyboard = &devices().expect("it can be read")[&1];
        assert!(of_keyboard[0].starts_with("pnp:"), "{of_keyboard:?}");
    } else {
        assert_eq!(refused("isa:8").reason(), Some(&Reason::NoIsa));
    }
}
