//! Reading of a vhost's actual state from the management API.

use crate::{
    desired::MATCH_EVERYTHING,
    error::Error,
    management::Management,
    state::{Binding, Exchange, Permission, Policy, Queue, QueueStats, State},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

mod access;

/// Feature flags that quorum queues and at-least-once dead-lettering require. After an upgrade they may be disabled.
const REQUIRED_FEATURES: [&str; 2] = ["quorum_queue", "stream_queue"];

/// Reads the state of `vhost`. Everything that the operator has no access to yet is left empty.
pub(crate) async fn read(management: &Management, vhost: &str, operator: &str) -> Result<State, Error> {
    let mut state = State {
        users: access::users(management).await?,
        ..State::default()
    };
    state.disabled_features = disabled_features(management).await?;
    if management.find::<Value>(&["vhosts", vhost]).await?.is_none() {
        return Ok(state);
    }
    state.vhost_exists = true;
    state.permissions = access::permissions(management, vhost).await?;
    state.operator_has_access = state.permissions.get(operator).is_some_and(allows_everything);
    if !state.operator_has_access {
        return Ok(state);
    }
    state.topic_permissions = access::topic_permissions(management, vhost).await?;
    state.exchanges = exchanges(management, vhost).await?;
    state.queues = queues(management, vhost).await?;
    state.bindings = bindings(management, vhost).await?;
    state.policies = policies(management, vhost).await?;
    state.operator_policies = operator_policies(management, vhost).await?;
    Ok(state)
}

fn allows_everything(permission: &Permission) -> bool {
    [&permission.configure, &permission.write, &permission.read]
        .iter()
        .all(|pattern| *pattern == MATCH_EVERYTHING)
}

async fn disabled_features(management: &Management) -> Result<Vec<String>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        state: String,
    }
    let rows: Vec<Row> = management.get(&["feature-flags"]).await?;
    let disabled = rows
        .into_iter()
        .filter(|row| row.state == "disabled" && REQUIRED_FEATURES.contains(&row.name.as_str()));
    Ok(disabled.map(|row| row.name).collect())
}

async fn exchanges(management: &Management, vhost: &str) -> Result<BTreeMap<String, Exchange>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        r#type: String,
        durable: bool,
        arguments: Map<String, Value>,
        policy: Option<String>,
    }
    let rows: Vec<Row> = management.get(&["exchanges", vhost]).await?;
    let exchange = |row: Row| {
        let Row {
            name,
            r#type: kind,
            durable,
            arguments,
            policy,
        } = row;
        (
            name,
            Exchange {
                kind,
                durable,
                arguments,
                policy,
            },
        )
    };
    Ok(rows.into_iter().map(exchange).collect())
}

#[derive(Deserialize)]
struct QueueRow {
    name: String,
    durable: bool,
    arguments: Map<String, Value>,
    policy: Option<String>,
    operator_policy: Option<String>,
    #[serde(default)]
    messages: u64,
    #[serde(default)]
    message_bytes: u64,
    #[serde(default)]
    messages_dlx: u64,
    message_stats: Option<MessageStats>,
}

#[derive(Default, Deserialize)]
struct MessageStats {
    #[serde(default)]
    publish: u64,
    #[serde(default)]
    ack: u64,
}

async fn queues(management: &Management, vhost: &str) -> Result<BTreeMap<String, Queue>, Error> {
    let rows: Vec<QueueRow> = management.get(&["queues", vhost]).await?;
    let queue = |row: QueueRow| {
        let counted = row.message_stats.unwrap_or_default();
        let stats = QueueStats {
            messages: row.messages,
            message_bytes: row.message_bytes,
            unconfirmed_dead_letters: row.messages_dlx,
            published: counted.publish,
            acknowledged: counted.ack,
        };
        let QueueRow {
            name,
            durable,
            arguments,
            policy,
            operator_policy,
            ..
        } = row;
        (
            name,
            Queue {
                durable,
                arguments,
                policy,
                operator_policy,
                stats,
            },
        )
    };
    Ok(rows.into_iter().map(queue).collect())
}

async fn bindings(management: &Management, vhost: &str) -> Result<BTreeMap<Binding, String>, Error> {
    #[derive(Deserialize)]
    struct Row {
        source: String,
        destination: String,
        destination_type: String,
        routing_key: String,
        arguments: Map<String, Value>,
        properties_key: String,
    }
    let rows: Vec<Row> = management.get(&["bindings", vhost]).await?;
    // The default exchange is bound to every queue, and these bindings are immutable.
    let declared = rows.into_iter().filter(|row| !row.source.is_empty());
    let binding = |row: Row| {
        let Row {
            source,
            destination,
            destination_type: destination_kind,
            routing_key: key,
            ..
        } = row;
        let has_arguments = !row.arguments.is_empty();
        (
            Binding {
                source,
                destination,
                destination_kind,
                key,
                has_arguments,
            },
            row.properties_key,
        )
    };
    Ok(declared.map(binding).collect())
}

async fn policies(management: &Management, vhost: &str) -> Result<BTreeMap<String, Policy>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        pattern: String,
        #[serde(rename = "apply-to")]
        apply_to: String,
        priority: i64,
        definition: Map<String, Value>,
    }
    let rows: Vec<Row> = management.get(&["policies", vhost]).await?;
    let policy = |row: Row| {
        let Row {
            name,
            pattern,
            apply_to,
            priority,
            definition,
        } = row;
        (
            name,
            Policy {
                pattern,
                apply_to,
                priority,
                definition,
            },
        )
    };
    Ok(rows.into_iter().map(policy).collect())
}

async fn operator_policies(management: &Management, vhost: &str) -> Result<BTreeSet<String>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    let rows: Vec<Row> = management.get(&["operator-policies", vhost]).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
