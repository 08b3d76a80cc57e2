//! Tests of lines as pins, with stand-ins for lines and a driver of the embedded-hal ecosystem.

#![cfg(all(feature = "mock", feature = "tokio", feature = "embedded-hal-async"))]

use embedded_hal::i2c::{ErrorType, Operation};
use embedded_hal_async::{delay::DelayNs, digital::Wait, i2c::I2c};
use irq_user::{hal::Pin, mock, AsyncLine, Edge, Level, Line, Reason, Trigger};
use std::{convert::Infallible, future::Future, time::Duration};
use tokio::{
    runtime,
    time::{sleep, timeout},
};
use vl53l4cd::{wait::Interrupt, Register, Vl53l4cd};

/// Long enough to see that a task waits.
const SHORT: Duration = Duration::from_millis(20);

const RISING: Trigger = Trigger::Edge(Some(Edge::Rising));
const FALLING: Trigger = Trigger::Edge(Some(Edge::Falling));
const BOTH: Trigger = Trigger::Edge(Some(Edge::Both));
const HIGH: Trigger = Trigger::Level(Some(Level::High));
const LOW: Trigger = Trigger::Level(Some(Level::Low));

fn run(future: impl Future<Output = ()>) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there are descriptors left").block_on(future);
}

fn pin(line: Line, trigger: Trigger) -> Pin {
    Pin::new(AsyncLine::on_tokio(line).expect("it is a descriptor"), trigger)
}

/// A time-of-flight sensor. When it has a measurement, it pulls its interrupt low until it is told
/// to go on.
struct Sensor {
    memory: [u8; 0x200],
    /// The register that the next read begins with.
    register: usize,
    line: mock::Device,
    measurements: u8,
}

impl Sensor {
    fn new(line: mock::Device) -> Self {
        let mut sensor = Self { memory: [0; 0x200], register: 0, line, measurements: 0 };
        sensor.set(Register::IDENTIFICATION_MODEL_ID, &[0xeb, 0xaa]);
        sensor.set(Register::SYSTEM_STATUS, &[3]);
        sensor.set(Register::OSC_FREQ, &[0x10, 0]);
        sensor.set(Register::RESULT_RANGE_STATUS, &[9]);
        sensor
    }

    fn set(&mut self, register: Register, value: &[u8]) {
        let at = usize::from(register.addr());
        self.memory[at..][..value.len()].copy_from_slice(value);
    }

    fn is_ranging(&self) -> bool {
        self.memory[usize::from(Register::SYSTEM_START.addr())] != 0
    }

    fn written(&mut self, register: usize) {
        const CLEAR: usize = Register::SYSTEM_INTERRUPT_CLEAR.addr() as usize;
        const START: usize = Register::SYSTEM_START.addr() as usize;
        if matches!(register, CLEAR | START) {
            self.line.lower();
            if self.is_ranging() {
                self.measurements += 1;
                self.set(Register::RESULT_DISTANCE, &[0, self.measurements]);
                self.line.raise();
            }
        }
    }
}

impl ErrorType for Sensor {
    type Error = Infallible;
}

impl I2c for Sensor {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Infallible> {
        assert_eq!(address, vl53l4cd::PERIPHERAL_ADDR);
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    self.register = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
                    self.memory[self.register..][..bytes.len() - 2].copy_from_slice(&bytes[2..]);
                    if bytes.len() > 2 {
                        self.written(self.register);
                    }
                }
                Operation::Read(bytes) => {
                    bytes.copy_from_slice(&self.memory[self.register..][..bytes.len()]);
                }
            }
        }
        Ok(())
    }
}

struct Delay;

impl DelayNs for Delay {
    async fn delay_ns(&mut self, ns: u32) {
        sleep(Duration::from_nanos(ns.into())).await;
    }
}

#[test]
fn a_driver_from_the_registry_waits_for_its_interrupts() {
    run(async {
        let (line, device) = mock::level().expect("there are descriptors left");
        let sensor = Sensor::new(device);
        let mut driver = Vl53l4cd::new(sensor, Delay, Interrupt(pin(line, LOW)));
        driver.init().await.expect("it measures");
        driver.start_ranging().await.expect("it measures");
        let mut distance = driver.measure().await.expect("it measures").distance;
        for _ in 0..5 {
            let next = driver.measure().await.expect("it measures");
            assert!(next.is_valid());
            assert_eq!(next.distance, distance + 1, "each interrupt is one measurement");
            distance = next.distance;
        }
    });
}

#[test]
fn a_pin_waits_for_what_its_trigger_reports() {
    run(async {
        for (trigger, expected) in [
            (RISING, [true, false, false, false, false]),
            (FALLING, [false, true, false, false, false]),
            (BOTH, [false, false, true, false, false]),
            (HIGH, [false, false, false, true, false]),
            (LOW, [false, false, false, false, true]),
            (Trigger::Edge(None), [false; 5]),
            (Trigger::Level(None), [false; 5]),
        ] {
            let (line, device) = match trigger.is_level() {
                true => mock::level(),
                false => mock::edge(),
            }
            .expect("there are descriptors left");
            let mut pin = pin(line, trigger);
            let mut seen = Vec::new();
            device.raise();
            seen.push(pin.wait_for_rising_edge().await);
            device.raise();
            seen.push(pin.wait_for_falling_edge().await);
            device.raise();
            seen.push(pin.wait_for_any_edge().await);
            device.raise();
            seen.push(pin.wait_for_high().await);
            device.raise();
            seen.push(pin.wait_for_low().await);
            for (seen, expected) in seen.into_iter().zip(expected) {
                match seen {
                    Ok(()) => assert!(expected, "{trigger:?}"),
                    Err(e) => {
                        assert!(!expected, "{trigger:?}");
                        assert_eq!(e.reason(), Some(&Reason::OtherTrigger));
                    }
                }
            }
        }
    });
}

#[test]
fn a_wait_for_an_edge_ends_for_an_edge_since_the_wait_before() {
    run(async {
        let (line, device) = mock::edge().expect("there are descriptors left");
        let mut pin = pin(line, FALLING);
        device.raise();
        pin.wait_for_falling_edge().await.expect("it fires");
        assert!(timeout(SHORT, pin.wait_for_falling_edge()).await.is_err(), "it has not fired");
        device.raise();
        pin.wait_for_falling_edge().await.expect("it fires");
    });
}

#[test]
fn a_wait_for_a_level_does_not_end_for_a_level_of_before() {
    run(async {
        let (line, device) = mock::level().expect("there are descriptors left");
        let mut pin = pin(line, HIGH);
        assert!(timeout(SHORT, pin.wait_for_high()).await.is_err(), "it is low");
        // The wait that was cancelled has armed the line.
        device.raise();
        device.lower();
        assert!(timeout(SHORT, pin.wait_for_high()).await.is_err(), "it is low");
        device.raise();
        pin.wait_for_high().await.expect("it is high");
        pin.wait_for_high().await.expect("it is still high");
    });
}
