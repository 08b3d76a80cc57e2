//! Tests of names, with folders in place of sysfs.

use super::*;
use crate::folder::Folder;

const CARD: &str = "sys/bus/pci/devices/0000:01:00.0";
const DMA: &str = "sys/bus/platform/devices/43c00000.dma";

fn name(text: &str) -> Name {
    text.parse().expect("it is a name")
}

/// Returns the number of a line or the path of its node.
fn find(machine: &Folder, text: &str) -> Result<String, Reason> {
    Ok(match name(text).of.find(machine.root())? {
        Found::Number(irq) => irq.to_string(),
        Found::Node(path) => path.display().to_string(),
        Found::Gpio(request) => panic!("{request:?}"),
    })
}

fn found(line: impl ToString) -> Result<String, Reason> {
    Ok(line.to_string())
}

/// A machine with a card that has MSI-X lines, and a device without a driver.
fn machine() -> Folder {
    let machine = Folder::new(
        "names",
        &[
            ("sys/kernel/irq/40/hwirq", "2\n"),
            ("sys/kernel/irq/41/hwirq", "0\n"),
            ("sys/kernel/irq/42/hwirq", "2049\n"),
        ],
    );
    for (file, text) in [("enable", "1"), ("irq", "40")] {
        machine.write(&format!("{CARD}/{file}"), text);
    }
    for irq in [40, 41, 42] {
        machine.write(&format!("{CARD}/msi_irqs/{irq}"), "msix\n");
    }
    machine.link(&format!("{CARD}/driver"), "../../drivers/nvme");
    machine.write(&format!("{DMA}/modalias"), "");
    machine
}

#[test]
fn a_name_gives_its_text_back() {
    for text in [
        "22",
        "0000:00:02.0/msi0",
        "/dev/irq/9010000.rtc/0",
        "/mnt/alarm",
        "pci:0000:01:00.0/msix3",
        "pci:0000:01:00.0/msi0",
        "pci:0000:01:00.0/intx",
        "platform:43c00000.dma/rx",
        "platform:IRQU0002:00/tx_rx",
        "gpio:gpiochip0/17:rising",
        "gpio:gpiochip0/17:falling",
        "gpio:1e780000.gpio/door:open:both",
        "isa:8",
    ] {
        assert_eq!(name(text).to_string(), text);
        assert_eq!(name(text), name(text));
    }
    assert_eq!(Name::from(22), name("22"));
}

#[test]
fn another_text_is_no_name_and_the_error_says_what_is_wrong() {
    for (why, all) in [
        (
            forms::ALL,
            &["", "-1", "+22", "022", "4294967296", "msi0", "0000:00:02.0", "gpiochip0"][..],
        ),
        (forms::ISA, &["isa:16", "isa:99", "isa:rtc", "isa:+8", "isa:08", "isa:"]),
        (
            forms::PCI,
            &[
                "pci:0000:01:00.0",
                "pci:0000:01:00.0/msix",
                "pci:0000:01:00.0/msix03",
                "pci:0000:01:00.0/msi+3",
                "pci:0000:01:00.0/rx",
                "pci:../intx",
            ],
        ),
        (forms::DOMAIN, &["00:02.0/msi0", "pci:00:02.0/msi0", "pci:0a:1f.7"]),
        (
            forms::PLATFORM,
            &[
                "platform:43c00000.dma",
                "platform:43c00000.dma/",
                "platform:43c00000.dma/../../null",
                "platform:43c00000.dma//dev/tty",
                "platform:43c00000.dma/..",
                "platform:../rx",
            ],
        ),
        (forms::GPIO, &["gpio:gpiochip0/17", "gpio:gpiochip0:both", "gpio:/17:both", "gpio:"]),
        (forms::EDGE, &["gpio:gpiochip0/17:up", "gpio:gpiochip0/door:open"]),
        (
            forms::NO_PREFIX,
            &["gpiochip0/17:rising", "gpiochip0/17", "1e780000.gpio/door:open:both"],
        ),
    ] {
        for wrong in all {
            let error = wrong.parse::<Name>().expect_err(wrong);
            assert_eq!(error.reason(), Some(&Reason::NoName(why)), "{wrong}");
            assert_eq!(error.to_string(), format!("line {wrong} does not exist: {why}"));
        }
    }
    assert!(!lacks_domain("0000:00:02.0") && !lacks_domain("00:02") && !lacks_domain("00:02.00"));
}

#[test]
fn a_number_and_a_node_are_taken_as_they_are() {
    let machine = machine();
    assert_eq!(find(&machine, "22"), found(22));
    assert_eq!(find(&machine, "0000:00:02.0/msi0"), found("/dev/irq/0000:00:02.0/msi0"));
    assert_eq!(find(&machine, "/dev/irq/9010000.rtc/0"), found("/dev/irq/9010000.rtc/0"));
    assert_eq!(find(&machine, "/mnt/alarm"), found("/mnt/alarm"));
}

#[test]
fn a_message_of_a_pci_device_is_found_by_its_index() {
    let machine = machine();
    for (text, irq) in [("msix0", 41), ("msix1", 42), ("msix2", 40)] {
        let line = find(&machine, &format!("pci:0000:01:00.0/{text}"));
        assert_eq!(line, found(irq), "{text}");
    }
    for missing in ["msix3", "msi0", "intx"] {
        let line = find(&machine, &format!("pci:0000:01:00.0/{missing}"));
        assert_eq!(line, Err(Reason::NoSuchLine), "{missing}");
    }
}

#[test]
fn the_intx_of_a_pci_device_needs_the_device_to_be_enabled() {
    let machine = Folder::new("intx", &[]);
    machine.write(&format!("{CARD}/irq"), "11\n");
    machine.write(&format!("{CARD}/enable"), "0\n");
    let intx = || find(&machine, "pci:0000:01:00.0/intx");
    assert_eq!(intx(), Err(Reason::NotEnabled("0000:01:00.0".to_owned())));
    machine.write(&format!("{CARD}/enable"), "1\n");
    assert_eq!(intx(), found(11));
    machine.write(&format!("{CARD}/irq"), "0\n");
    assert_eq!(intx(), Err(Reason::NoSuchLine));
    let msi = find(&machine, "pci:0000:01:00.0/msi0");
    assert_eq!(msi, Err(Reason::NotBound("0000:01:00.0".to_owned())));
}

#[test]
fn a_device_that_is_bound_has_nodes() {
    let machine = machine();
    for (device, bus) in [("0000:02:00.0", "pci"), ("9010000.rtc", "platform")] {
        let driver = format!("sys/bus/{bus}/devices/{device}/driver");
        machine.link(&driver, &format!("../../../../bus/{bus}/drivers/irq_user"));
    }
    for (text, path) in [
        ("pci:0000:02:00.0/msix3", "/dev/irq/0000:02:00.0/msix3"),
        ("platform:9010000.rtc/alarm", "/dev/irq/9010000.rtc/alarm"),
    ] {
        assert_eq!(find(&machine, text), found(path));
    }
}

#[test]
fn a_platform_device_that_is_not_bound_has_an_error_that_says_what_to_do() {
    let machine = machine();
    let reason = find(&machine, "platform:43c00000.dma/rx").expect_err("it is not bound");
    let error = name("platform:43c00000.dma/rx").error(reason);
    assert_eq!(
        error.to_string(),
        "line platform:43c00000.dma/rx belongs to a device that is not bound to the driver \
         irq_user: run `irqctl bind 43c00000.dma`"
    );
    for missing in ["platform:43c00000.dmb/rx", "pci:0000:09:00.0/intx"] {
        assert!(matches!(find(&machine, missing), Err(Reason::NoSuchDevice(_))), "{missing}");
    }
}

#[test]
fn an_isa_line_has_its_number_on_a_pc_alone() {
    let machine = Folder::new("isa", &[("sys/kernel/irq/8/chip_name", "IR-IO-APIC\n")]);
    machine.write("sys/kernel/irq/9/chip_name", "GICv3\n");
    assert!(is_isa(machine.root(), 8, true));
    assert!(is_isa(machine.root(), 7, true), "sysfs may not be mounted");
    assert!(!is_isa(machine.root(), 9, true), "this PC has another line there");
    assert!(!is_isa(machine.root(), 8, false));
    let line = find(&machine, "isa:8");
    assert_eq!(line, if IS_PC { found(8) } else { Err(Reason::NoIsa) });
}

#[test]
fn a_number_that_becomes_another_lines_is_not_claimed() {
    let machine = machine();
    let name = name("pci:0000:01:00.0/msix0");
    let irq = |found| match found {
        Found::Number(irq) => Ok(irq),
        _ => panic!("it is not bound"),
    };
    assert_eq!(name.claim(machine.root(), irq).expect("it stays"), 41);
    let error = name.claim(machine.root(), |found| {
        // Meanwhile the driver frees its lines, and requests others.
        machine.write("sys/kernel/irq/41/hwirq", "3\n");
        machine.write("sys/kernel/irq/40/hwirq", "0\n");
        irq(found)
    });
    let error = error.expect_err("it is another line");
    assert_eq!(error.reason(), Some(&Reason::Gone));
    assert!(error.to_string().starts_with("line pci:0000:01:00.0/msix0 is gone"), "{error}");
}

#[test]
fn without_sysfs_a_device_has_its_nodes_alone() {
    let machine = Folder::new("container", &[]);
    for (text, path) in [
        ("pci:0000:02:00.0/msix3", "/dev/irq/0000:02:00.0/msix3"),
        ("platform:9010000.rtc/alarm", "/dev/irq/9010000.rtc/alarm"),
    ] {
        // The node may be missing. The error of its open says so.
        assert_eq!(find(&machine, text), found(path));
    }
    // The container may have the sysfs of another machine.
    let machine = self::machine();
    let text = "platform:9010000.rtc/alarm";
    assert_eq!(find(&machine, text), Err(Reason::NoSuchDevice("9010000.rtc".to_owned())));
    machine.write("dev/irq/9010000.rtc/alarm", "");
    assert_eq!(find(&machine, text), found("/dev/irq/9010000.rtc/alarm"));
}
