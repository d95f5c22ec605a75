//! Messages as they stand on the wire: what is written here stays what it is for as long as the subprotocol is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::fmt::Debug;

use fleet::MESSAGE_MAX_BYTES;
use fleet::message::{Error, FromControlPlane, FromDataPlane, Heard, Message, Offered, Phase, Rejection, read, write};
use serde_json::{Value, json};

/// Reads a message, and writes it again as it was.
fn check<M: Message + PartialEq + Debug>(text: &Value) -> M {
    let Heard::Message(message) = read::<M>(&text.to_string()).unwrap() else { unreachable!("it is known: {text}") };
    let written: Value = serde_json::from_str(&write(&message).unwrap()).unwrap();
    assert_eq!(&written, text);
    message
}

fn pointer() -> Value {
    json!({
        "format": 1, "project": "0199", "group": "env=prod", "serial": 3, "previous": "09".repeat(32), "artifact": "07".repeat(32),
        "length": 4096, "issued_at": 1_700_000_000, "expires_at": 1_701_000_000, "signatures": [],
    })
}

#[test]
fn what_data_planes_say() {
    let id = "0199e0b4-6d2e-7c3f-9d3a-6f1f5f0a5b11";
    check::<FromDataPlane>(&json!({
        "type": "hello", "node_id": id, "instance_id": id, "name": "edge-1", "labels": {"env": "prod"},
        "formats": {"oldest": 1, "newest": 1}, "version": "0.1.0",
        "state": {"running_digest": null, "pointer_serial": null, "phase": {"name": "waiting"}},
    }));
    check::<FromDataPlane>(&json!({
        "type": "heartbeat",
        "state": {
            "running_digest": "07", "pointer_serial": 3, "root_version": 1,
            "phase": {"name": "active", "digest": "07"},
        },
        "health": {
            "window_ms": 30_000, "requests": 4, "server_errors": 1, "p99_ms": 2.5, "memory_bytes": 9, "uptime_seconds": 7,
        },
        "alarms": [{"code": "pointer_expired", "detail": "for 3 seconds"}],
    }));
    check::<FromDataPlane>(&json!({
        "type": "status",
        "state": {
            "running_digest": "06", "pointer_serial": 3,
            "phase": {
                "name": "rejected", "digest": "07", "code": "section_mismatch",
                "detail": "section ROUTES is not the one that was signed", "outcome": "refused",
            },
        },
    }));
    check::<FromDataPlane>(&json!({
        "type": "status",
        "state": {
            "running_digest": null, "pointer_serial": 3,
            "phase": {
                "name": "rejected", "digest": "07", "code": "digest_mismatch", "detail": "other bytes came",
                "outcome": "retrying",
            },
        },
    }));
}

/// An older program does not say what follows, and a newer one may say something else.
#[test]
fn a_rejection_is_a_refusal_where_it_does_not_say_otherwise() {
    let phase = json!({"name": "rejected", "digest": "07", "code": "untrusted", "detail": ""});
    let mut newer = phase.clone();
    newer["outcome"] = json!("pondering");
    for phase in [phase, newer] {
        let phase: Phase = serde_json::from_value(phase).unwrap();
        assert!(matches!(phase, Phase::Rejected { outcome: Rejection::Refused, .. }), "{phase:?}");
    }
}

#[test]
fn what_control_planes_say() {
    let id = "0199e0b4-6d2e-7c3f-9d3a-6f1f5f0a5b11";
    let wanted = json!({"heartbeat_ms": 30_000, "pointer": pointer(), "root_version": 2, "fetch_within_ms": 20_000});
    check::<FromControlPlane>(
        &json!({"type": "welcome", "data_plane": id, "now_ms": 1_700_000_000_000_u64, "wanted": wanted}),
    );
    let nothing = json!({"heartbeat_ms": 30_000, "pointer": null, "fetch_within_ms": 0});
    check::<FromControlPlane>(&json!({"type": "heartbeat_ack", "wanted": nothing}));
    let available = json!({"type": "artifact_available", "pointer": pointer(), "fetch_within_ms": 0});
    check::<FromControlPlane>(&available);
    let available =
        json!({"type": "artifact_available", "pointer": pointer(), "root_version": 2, "fetch_within_ms": 5});
    check::<FromControlPlane>(&available);
    check::<FromControlPlane>(&json!({"type": "drain", "within_ms": 5000}));
    check::<FromControlPlane>(
        &json!({"type": "goodbye", "reason": "removed", "detail": "somebody removed this data plane"}),
    );
}

#[test]
fn what_newer_programs_add_is_passed_over() {
    let unknown = read::<FromDataPlane>(r#"{"type": "poem", "lines": 3}"#).unwrap();
    assert_eq!(unknown, Heard::Unknown { kind: "poem".into() });
    let more = read::<FromControlPlane>(r#"{"type": "drain", "within_ms": 1, "more": true}"#).unwrap();
    assert!(matches!(more, Heard::Message(FromControlPlane::Drain(_))));
    let reason = read::<FromControlPlane>(r#"{"type": "goodbye", "reason": "eclipse", "detail": ""}"#).unwrap();
    assert!(matches!(reason, Heard::Message(FromControlPlane::Goodbye(_))));
}

#[test]
fn what_is_no_message_is_an_error() {
    for frame in ["", "[]", "{}", r#"{"type": 1}"#, r#"{"type": "hello"}"#, r#"{"type": "status", "state": {}}"#] {
        assert!(matches!(read::<FromDataPlane>(frame), Err(Error::Malformed(_))), "{frame}");
    }
    let long = format!(r#"{{"type": "poem", "text": "{}"}}"#, "x".repeat(MESSAGE_MAX_BYTES));
    assert!(matches!(read::<FromDataPlane>(&long), Err(Error::TooLong { .. })));
}

#[test]
fn a_pointer_that_cannot_be_read_leaves_the_rest_of_the_message_as_it_is() {
    let check = |pointer: Value, code: &str, artifact: Option<&str>| {
        let wanted = json!({"heartbeat_ms": 5_000, "pointer": pointer, "root_version": 2, "fetch_within_ms": 0});
        let message = check::<FromControlPlane>(&json!({"type": "heartbeat_ack", "wanted": wanted}));
        let FromControlPlane::HeartbeatAck(ack) = message else { panic!() };
        assert_eq!(ack.wanted.root_version.map(std::num::NonZeroU64::get), Some(2));
        let Some(Offered::Unreadable(unreadable)) = ack.wanted.pointer else { panic!() };
        assert_eq!(
            (unreadable.code(), unreadable.artifact().map(|digest| digest.to_string()).as_deref()),
            (code, artifact)
        );
    };
    let with = |member: &str, value: Value| {
        let mut pointer = pointer();
        pointer[member] = value;
        pointer
    };
    let artifact = "07".repeat(32);
    check(with("format", json!(2)), "pointer_format", Some(&artifact));
    check(with("hue", json!("mauve")), "pointer_damaged", Some(&artifact));
    check(with("length", json!(0)), "pointer_damaged", Some(&artifact));
    check(with("artifact", json!("07")), "pointer_damaged", None);
    check(json!("mauve"), "pointer_damaged", None);
}
