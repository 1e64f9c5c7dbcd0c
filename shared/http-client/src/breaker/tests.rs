//! The breaker against a clock that only the test moves.

#![expect(clippy::disallowed_methods, reason = "each test sees the end of its tasks")]

use super::*;
use std::{sync::Arc, time::Duration};
use tokio::time::advance;

fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new("upstream".into(), BreakerConfig::default()))
}

fn failure() -> Verdict {
    Verdict::Failure("it answered 503".to_owned())
}

/// A call that is admitted and ends at once.
fn call(breaker: &Arc<Breaker>, verdict: &Verdict) {
    breaker.try_acquire().expect("the circuit admits calls").settle(verdict);
}

fn trip(breaker: &Arc<Breaker>) {
    (0..5).for_each(|_| call(breaker, &failure()));
    assert_eq!(state(breaker), BreakerState::Open);
}

fn state(breaker: &Breaker) -> BreakerState {
    breaker.status().state
}

async fn until_probe(breaker: &Breaker) {
    let refusal = breaker.check().expect_err("the circuit is open");
    advance(refusal.retry_after).await;
}

#[tokio::test(start_paused = true)]
async fn opens_after_five_failures_in_a_row() {
    let breaker = breaker();
    (0..4).for_each(|_| call(&breaker, &failure()));
    call(&breaker, &Verdict::Success);
    (0..4).for_each(|_| call(&breaker, &failure()));
    assert_eq!(state(&breaker), BreakerState::Closed, "a success begins the row anew");
    call(&breaker, &failure());
    let status = breaker.status();
    assert_eq!(status.state, BreakerState::Open);
    assert_eq!(status.transitions.last().unwrap().reason, "failures in a row");
    assert!(status.opened_at.is_some() && status.next_probe_at.is_some());
    assert_eq!(status.last_error.as_deref(), Some("it answered 503"));
    let refusal = breaker.try_acquire().unwrap_err();
    assert!(
        (27.0..=33.0).contains(&refusal.retry_after.as_secs_f64()),
        "{refusal:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn opens_at_half_failures_but_not_before_twenty_calls() {
    let breaker = breaker();
    for _ in 0..9 {
        call(&breaker, &Verdict::Success);
        call(&breaker, &failure());
    }
    call(&breaker, &Verdict::Success);
    assert_eq!(state(&breaker), BreakerState::Closed, "nineteen calls say nothing");
    call(&breaker, &failure());
    assert_eq!(breaker.status().transitions.last().unwrap().reason, "failure rate");
}

#[tokio::test(start_paused = true)]
async fn opens_when_four_fifths_are_slow_though_all_succeed() {
    let breaker = breaker();
    for number in 0..20 {
        assert_eq!(state(&breaker), BreakerState::Closed, "before call {number}");
        let permit = breaker.try_acquire().unwrap();
        if number >= 4 {
            advance(Duration::from_millis(1500)).await;
        }
        permit.settle(&Verdict::Success);
    }
    let status = breaker.status();
    assert_eq!(status.transitions.last().unwrap().reason, "slow call rate");
    assert_eq!((status.counters.success, status.counters.slow), (20, 16));
}

#[tokio::test(start_paused = true)]
async fn calls_older_than_the_window_do_not_count() {
    let breaker = breaker();
    for _ in 0..9 {
        call(&breaker, &failure());
        call(&breaker, &Verdict::Success);
    }
    assert_eq!(
        breaker.status().window,
        WindowStatus {
            calls: 18,
            failures: 9,
            slow: 0
        }
    );
    advance(Duration::from_secs(15)).await;
    call(&breaker, &Verdict::Success);
    assert_eq!(breaker.status().window.calls, 19);
    advance(Duration::from_secs(16)).await;
    assert_eq!(breaker.status().window.calls, 1);
    advance(Duration::from_hours(24)).await;
    assert_eq!(breaker.status().window.calls, 0);
    call(&breaker, &failure());
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_verdict_neither_open_nor_reset_the_row() {
    let breaker = breaker();
    (0..4).for_each(|_| call(&breaker, &failure()));
    (0..500).for_each(|_| call(&breaker, &Verdict::Neutral));
    (0..500).for_each(|_| call(&breaker, &Verdict::Throttled));
    assert_eq!(state(&breaker), BreakerState::Closed);
    assert_eq!(breaker.status().counters.ignored, 1000);
    call(&breaker, &failure());
    assert_eq!(state(&breaker), BreakerState::Open, "the fifth failure in a row");
}

#[tokio::test(start_paused = true)]
async fn an_answer_ends_the_row_of_failures_and_is_no_success_in_the_window() {
    let breaker = breaker();
    for _ in 0..4 {
        (0..4).for_each(|_| call(&breaker, &failure()));
        call(&breaker, &Verdict::Answered);
    }
    let status = breaker.status();
    assert_eq!((status.state, status.failures_in_a_row), (BreakerState::Closed, 0));
    assert_eq!((status.window.calls, status.counters.ignored), (16, 4));
    (0..4).for_each(|_| call(&breaker, &failure()));
    assert_eq!(
        breaker.status().transitions.last().unwrap().reason,
        "failure rate",
        "twenty calls, of which none succeeded"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answered_probe_closes_the_circuit() {
    let breaker = breaker();
    trip(&breaker);
    until_probe(&breaker).await;
    call(&breaker, &Verdict::Answered);
    assert_eq!(state(&breaker), BreakerState::Closed);
    let refused = breaker.status().not_permitted;
    let together: Vec<_> = (0..100).map(|_| breaker.try_acquire().unwrap()).collect();
    for permit in together {
        permit.settle(&Verdict::Answered);
    }
    assert_eq!(breaker.status().not_permitted, refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_callers_one_is_the_probe() {
    let config = BreakerConfig {
        open_for: Duration::ZERO,
        ..BreakerConfig::default()
    };
    let breaker = Arc::new(Breaker::new("upstream".into(), config));
    trip(&breaker);
    let (start, _) = tokio::sync::broadcast::channel::<()>(1);
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (breaker, mut start) = (Arc::clone(&breaker), start.subscribe());
            tokio::spawn(async move {
                start.recv().await.unwrap();
                breaker.try_acquire().ok()
            })
        })
        .collect();
    start.send(()).unwrap();
    let mut permits = Vec::new();
    for task in tasks {
        permits.extend(task.await.unwrap());
    }
    assert_eq!(permits.len(), 1);
    assert_eq!(breaker.status().not_permitted, 999);
    permits.remove(0).settle(&Verdict::Success);
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_returns_its_permit() {
    let breaker = breaker();
    trip(&breaker);
    until_probe(&breaker).await;
    let (admitted, is_admitted) = tokio::sync::oneshot::channel();
    let probing = Arc::clone(&breaker);
    let probe = tokio::spawn(async move {
        let _permit = probing.try_acquire().unwrap();
        admitted.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    is_admitted.await.unwrap();
    assert!(breaker.try_acquire().is_err(), "one at a time");
    probe.abort();
    assert!(probe.await.unwrap_err().is_cancelled());
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    call(&breaker, &Verdict::Success);
    assert_eq!(state(&breaker), BreakerState::Closed);
    assert_eq!(breaker.status().counters.cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn results_of_an_older_generation_change_nothing() {
    let breaker = breaker();
    let late: Vec<_> = (0..8).map(|_| breaker.try_acquire().unwrap()).collect();
    let mut late = late.into_iter();
    trip(&breaker);
    late.next().unwrap().settle(&Verdict::Success);
    assert_eq!(state(&breaker), BreakerState::Open, "a late success does not close it");

    until_probe(&breaker).await;
    let probe = breaker.try_acquire().unwrap();
    late.next().unwrap().settle(&failure());
    late.next().unwrap().settle(&Verdict::Success);
    drop(late.next().unwrap());
    assert_eq!(
        state(&breaker),
        BreakerState::HalfOpen,
        "late results do not decide for the probe"
    );
    assert!(breaker.try_acquire().is_err(), "nor do they give its place away");

    probe.settle(&Verdict::Success);
    late.for_each(|permit| permit.settle(&failure()));
    let status = breaker.status();
    assert_eq!((status.state, status.failures_in_a_row), (BreakerState::Closed, 0));
    assert_eq!(status.window.calls, 0);
    assert!(status.counters.failure > 5, "the totals do count them");
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_a_verdict_admits_the_next_one() {
    let breaker = breaker();
    trip(&breaker);
    until_probe(&breaker).await;
    call(&breaker, &Verdict::Neutral);
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    let next = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err(), "still one at a time");
    next.settle(&Verdict::Throttled);
    assert_eq!(state(&breaker), BreakerState::Open, "a throttled probe has failed");
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_a_result_is_written_off() {
    let breaker = breaker();
    trip(&breaker);
    until_probe(&breaker).await;
    let lost = breaker.try_acquire().unwrap();
    advance(Duration::from_secs(29)).await;
    assert!(breaker.try_acquire().is_err());
    advance(Duration::from_secs(1)).await;
    let second = breaker.try_acquire().expect("another probe");
    lost.settle(&failure());
    assert_eq!(
        state(&breaker),
        BreakerState::HalfOpen,
        "the lost one no longer decides"
    );
    second.settle(&Verdict::Success);
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn the_cooldown_doubles_with_each_failed_probe_and_is_reset_by_a_longer_closed_phase() {
    let breaker = breaker();
    trip(&breaker);
    for expected in [30.0, 60.0, 120.0, 240.0, 300.0, 300.0] {
        let open_for = breaker.check().unwrap_err().retry_after.as_secs_f64();
        assert!(
            (expected * 0.9..=expected * 1.1).contains(&open_for),
            "{open_for} s where {expected} s were due"
        );
        until_probe(&breaker).await;
        call(&breaker, &failure());
    }
    until_probe(&breaker).await;
    call(&breaker, &Verdict::Success);
    trip(&breaker);
    assert!(
        breaker.check().unwrap_err().retry_after >= Duration::from_secs(270),
        "closed for no time at all"
    );

    until_probe(&breaker).await;
    call(&breaker, &Verdict::Success);
    advance(Duration::from_secs(331)).await;
    trip(&breaker);
    assert!(
        breaker.check().unwrap_err().retry_after <= Duration::from_secs(33),
        "closed for as long as it was open"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_counts_as_a_failure_if_it_waited_long() {
    let breaker = breaker();
    for _ in 0..100 {
        drop(breaker.try_acquire().unwrap());
    }
    assert_eq!(state(&breaker), BreakerState::Closed);
    for _ in 0..5 {
        let permit = breaker.try_acquire().unwrap();
        advance(Duration::from_millis(1500)).await;
        drop(permit);
    }
    let status = breaker.status();
    assert_eq!((status.state, status.counters.cancelled), (BreakerState::Open, 105));
    assert_eq!(status.last_error.as_deref(), Some("the caller gave up after 1500 ms"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure() {
    let breaker = breaker();
    trip(&breaker);
    until_probe(&breaker).await;
    let probing = Arc::clone(&breaker);
    let probe = tokio::spawn(async move {
        let _permit = probing.try_acquire().unwrap();
        panic!("on purpose");
    });
    assert!(probe.await.unwrap_err().is_panic());
    assert_eq!(state(&breaker), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn an_operator_can_force_the_circuit_open_and_closed() {
    let breaker = breaker();
    let early = breaker.try_acquire().unwrap();
    breaker.force_open();
    early.settle(&Verdict::Success);
    advance(Duration::from_hours(1)).await;
    assert!(breaker.try_acquire().is_err(), "no probe goes out");
    assert_eq!(state(&breaker), BreakerState::ForcedOpen);
    breaker.close();
    call(&breaker, &failure());
    assert_eq!(breaker.status().counters.failure, 1);
    breaker.reset();
    let status = breaker.status();
    assert_eq!(
        (status.state, status.counters),
        (BreakerState::Closed, Counters::default())
    );
    assert_eq!(status.transitions.len(), 3, "what happened stays");
}

#[tokio::test(start_paused = true)]
async fn the_last_fifty_transitions_are_kept() {
    let breaker = breaker();
    for _ in 0..40 {
        breaker.force_open();
        breaker.close();
    }
    let transitions = breaker.status().transitions;
    assert_eq!(transitions.len(), 50);
    assert_eq!(transitions.last().unwrap().to, BreakerState::Closed);
}
