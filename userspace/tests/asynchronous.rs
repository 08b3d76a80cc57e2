//! Tests of asynchronous lines on each runtime, with stand-ins for lines.

#![cfg(all(feature = "mock", feature = "tokio", feature = "async-io"))]

use async_io::Timer;
use futures_core::Stream;
use irq_user::{mock, AsyncLine, Line, Reason, Result};
use std::{
    future::{poll_fn, Future},
    os::fd::AsRawFd,
    pin::{pin, Pin},
    task::Poll,
    thread,
    time::Duration,
};
use tokio::runtime;

/// Long enough to see that a task waits.
const SHORT: Duration = Duration::from_millis(20);

/// How to register a line.
type Register = fn(Line) -> Result<AsyncLine>;

/// Runs a test on each runtime.
fn on_each<F: Future<Output = ()>>(test: fn(Register) -> F) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("there are descriptors left").block_on(test(AsyncLine::on_tokio));
    async_io::block_on(test(AsyncLine::on_async_io));
}

/// Returns the next item of the stream, or `None` if it takes long.
async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), Timer::after(time));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Pin::new(&mut timer).poll(context).map(|_| None),
    })
    .await
}

async fn next(line: &mut AsyncLine) -> Option<Result<u32>> {
    poll_fn(|context| Pin::new(&mut *line).poll_next(context)).await
}

/// Lets the line fire from another thread, when the task probably waits.
fn raise_soon(device: &mock::Device) {
    let device = device.clone();
    thread::spawn(move || device.raise());
}

#[test]
fn a_wait_ends_with_each_event() {
    on_each(|register| async move {
        let (line, device) = mock::edge().expect("there are descriptors left");
        let line = register(line).expect("it is a descriptor");
        for _ in 0..5 {
            assert!(within(SHORT, line.wait()).await.is_none(), "it has not fired");
            raise_soon(&device);
            assert_eq!(line.wait().await.expect("it fires"), 1);
        }
        raise_soon(&device);
        assert_eq!(line.read_record().await.expect("it fires").total, 6);
        let line = line.into_inner().expect("it is registered");
        device.raise();
        assert_eq!(line.wait().expect("it fires"), 1);
    });
}

#[test]
fn a_stream_returns_each_event_and_ends_when_the_line_is_gone() {
    on_each(|register| async move {
        let (line, device) = mock::edge().expect("there are descriptors left");
        let mut line = register(line).expect("it is a descriptor");
        for _ in 0..5 {
            assert!(within(SHORT, next(&mut line)).await.is_none(), "it has not fired");
            raise_soon(&device);
            assert_eq!(next(&mut line).await.expect("it goes on").expect("it fires"), 1);
        }
        line.get_ref().run_free().expect("it is edge-triggered");
        device.storm();
        assert_eq!(next(&mut line).await.expect("it goes on").expect("it fires"), 1);
        let error = next(&mut line).await.expect("it goes on").expect_err("it was a storm");
        assert_eq!(error.reason(), Some(&Reason::Storm));
        raise_soon(&device);
        assert_eq!(next(&mut line).await.expect("it goes on").expect("it fires"), 1);
        device.remove();
        let error = next(&mut line).await.expect("it goes on").expect_err("it is gone");
        assert_eq!(error.reason(), Some(&Reason::Gone));
        assert!(next(&mut line).await.is_none());
    });
}

#[test]
fn an_asynchronous_line_has_the_descriptor_of_its_line() {
    on_each(|register| async move {
        use std::os::fd::AsFd;
        let (line, _device) = mock::edge().expect("there are descriptors left");
        let fd = line.as_raw_fd();
        let line = register(line).expect("it is a descriptor");
        assert_eq!(line.as_fd().as_raw_fd(), fd);
    });
}
