//! Differences between exchanges, queues, bindings and policies.

use serde_json::{Map, Value, json};

use super::{Difference, Repair, Scope, Stage};
use crate::desired::EVERYTHING;
use crate::management::Request;
use crate::state::{Binding, Policy, State};

pub(super) fn compare_vhost(actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    let vhost = scope.vhost;
    if !actual.vhost_exists {
        let repair = Repair::send(Stage::Vhost, Request::put(&["vhosts", vhost], json!({})));
        found.push(Difference::new(format!("vhost {vhost:?}"), "missing", repair));
    }
    if !actual.operator_may_use_it {
        let body = json!({ "configure": EVERYTHING, "write": EVERYTHING, "read": EVERYTHING });
        let request = Request::put(&["permissions", vhost, scope.operator], body);
        let object = format!("permission of operator {:?} on vhost {vhost:?}", scope.operator);
        found.push(Difference::new(
            object,
            "missing or too narrow",
            Repair::send(Stage::Operator, request),
        ));
    }
    for feature in &actual.disabled_features {
        let problem = format!("disabled, dead letters could be lost: run `rabbitmqctl enable_feature_flag {feature}`");
        found.push(Difference::new(
            format!("feature flag {feature:?}"),
            problem,
            Repair::ByHand,
        ));
    }
}

pub(super) fn compare_exchanges(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (name, wanted) in &desired.exchanges {
        let object = format!("exchange {name:?}");
        let Some(is) = actual.exchanges.get(name) else {
            let body = json!({ "type": wanted.kind, "durable": true, "arguments": {} });
            let request = Request::put(&["exchanges", scope.vhost, name], body);
            found.push(Difference::new(
                object,
                "missing",
                Repair::send(Stage::Exchange, request),
            ));
            continue;
        };
        if (&is.kind, is.durable, &is.arguments) != (&wanted.kind, wanted.durable, &wanted.arguments) {
            let problem = format!(
                "is {} of type {} with arguments {}, must be durable of type {} without arguments: delete it and run `topology apply`",
                durability(is.durable),
                is.kind,
                Value::from(is.arguments.clone()),
                wanted.kind,
            );
            found.push(Difference::new(object, problem, Repair::ByHand));
        }
    }
}

pub(super) fn compare_queues(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (name, wanted) in &desired.queues {
        let object = format!("queue {name:?}");
        let Some(is) = actual.queues.get(name) else {
            let body = json!({ "durable": true, "arguments": wanted.arguments });
            let request = Request::put(&["queues", scope.vhost, name], body);
            found.push(Difference::new(object, "missing", Repair::send(Stage::Queue, request)));
            continue;
        };
        if (is.durable, &is.arguments) != (wanted.durable, &wanted.arguments) {
            let problem = format!(
                "is {} with arguments {}, must be durable with {}: let it run empty, delete it and run `topology apply`",
                durability(is.durable),
                Value::from(is.arguments.clone()),
                Value::from(wanted.arguments.clone()),
            );
            found.push(Difference::new(object.clone(), problem, Repair::ByHand));
        }
        if let Some(policy) = is
            .operator_policy
            .as_ref()
            .filter(|policy| actual.operator_policies.contains(*policy))
        {
            let problem = format!(
                "operator policy {policy:?} changes its limits: remove it with `rabbitmqctl clear_operator_policy -p {} {policy}`",
                scope.vhost
            );
            found.push(Difference::new(object, problem, Repair::ByHand));
        }
    }
    for name in actual.queues.keys().filter(|name| !desired.queues.contains_key(*name)) {
        if is_obsolete_retry_queue(desired, name) {
            let repair = Repair::DeleteWhenEmpty { queue: name.clone() };
            found.push(Difference::new(
                format!("queue {name:?}"),
                "its delay is not in the topology any more",
                repair,
            ));
        } else {
            found.push(Difference::new(
                format!("queue {name:?}"),
                "not in the topology, left alone",
                Repair::Note,
            ));
        }
    }
}

fn durability(durable: bool) -> &'static str {
    if durable { "durable" } else { "transient" }
}

/// `<one of our queues>.retry.<n>ms`, which is not among the wanted ones.
fn is_obsolete_retry_queue(desired: &State, name: &str) -> bool {
    let Some((queue, delay)) = name.rsplit_once(".retry.") else {
        return false;
    };
    let is_delay = delay
        .strip_suffix("ms")
        .is_some_and(|digits| digits.parse::<u64>().is_ok());
    is_delay && desired.queues.contains_key(queue) && !desired.queues.contains_key(name)
}

pub(super) fn compare_bindings(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for binding in desired
        .bindings
        .keys()
        .filter(|binding| !actual.bindings.contains_key(*binding))
    {
        let path = ["bindings", scope.vhost, "e", &binding.source, "q", &binding.destination];
        let request = Request::post(&path, json!({ "routing_key": binding.key }));
        found.push(Difference::new(
            described(binding),
            "missing",
            Repair::send(Stage::Binding, request),
        ));
    }
    for (binding, properties_key) in &actual.bindings {
        if desired.bindings.contains_key(binding) {
            continue;
        }
        let to_us = binding.destination_kind == "queue"
            && (desired.queues.contains_key(&binding.destination)
                || is_obsolete_retry_queue(desired, &binding.destination));
        let to_our_exchange =
            binding.destination_kind == "exchange" && desired.exchanges.contains_key(&binding.destination);
        if to_us || to_our_exchange {
            let kind = if to_us { "q" } else { "e" };
            let path = [
                "bindings",
                scope.vhost,
                "e",
                &binding.source,
                kind,
                &binding.destination,
                properties_key,
            ];
            let repair = Repair::send(Stage::Removal, Request::delete(&path));
            found.push(Difference::new(described(binding), "not in the topology", repair));
        } else if desired.exchanges.contains_key(&binding.source) {
            found.push(Difference::new(
                described(binding),
                "not in the topology, left alone",
                Repair::Note,
            ));
        }
    }
}

fn described(binding: &Binding) -> String {
    let Binding {
        source,
        destination_kind,
        destination,
        key,
        has_arguments,
    } = binding;
    let arguments = if *has_arguments { " and arguments" } else { "" };
    format!("binding from {source:?} to {destination_kind} {destination:?} with key {key:?}{arguments}")
}

pub(super) fn compare_policies(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (name, wanted) in &desired.policies {
        let problem = match actual.policies.get(name) {
            None => "missing".to_owned(),
            Some(is) if is != wanted => changes(is, wanted),
            Some(_) => continue,
        };
        let Policy {
            pattern,
            apply_to,
            priority,
            definition,
        } = wanted;
        let body = json!({ "pattern": pattern, "apply-to": apply_to, "priority": priority, "definition": definition });
        let request = Request::put(&["policies", scope.vhost, name], body);
        found.push(Difference::new(
            format!("policy {name:?}"),
            problem,
            Repair::send(Stage::Policy, request),
        ));
    }
    for (name, policy) in &actual.policies {
        if desired.policies.contains_key(name) {
            continue;
        }
        let left_over = is_obsolete_retry_queue(desired, name) && !actual.queues.contains_key(name);
        let problem = match ruled_by(desired, actual, name) {
            Some(object) => format!("with pattern {:?} takes the place of ours on {object}", policy.pattern),
            None if left_over => "its queue is not in the topology any more".to_owned(),
            None => continue,
        };
        let repair = Repair::send(Stage::Removal, Request::delete(&["policies", scope.vhost, name]));
        found.push(Difference::new(format!("policy {name:?}"), problem, repair));
    }
}

/// One of our objects on which the broker says that this policy is in force.
fn ruled_by(desired: &State, actual: &State, policy: &str) -> Option<String> {
    let is_it = |in_force: &Option<String>| in_force.as_deref() == Some(policy);
    let mut queues = desired
        .queues
        .keys()
        .filter(|name| actual.queues.get(*name).is_some_and(|is| is_it(&is.policy)));
    let mut exchanges = desired
        .exchanges
        .keys()
        .filter(|name| actual.exchanges.get(*name).is_some_and(|is| is_it(&is.policy)));
    let queue = queues.next().map(|name| format!("queue {name:?}"));
    queue.or_else(|| exchanges.next().map(|name| format!("exchange {name:?}")))
}

/// What differs, setting by setting.
fn changes(is: &Policy, wanted: &Policy) -> String {
    let settings = |policy: &Policy| -> Map<String, Value> {
        let mut settings = policy.definition.clone();
        settings.insert("pattern".to_owned(), json!(policy.pattern));
        settings.insert("apply-to".to_owned(), json!(policy.apply_to));
        settings.insert("priority".to_owned(), json!(policy.priority));
        settings
    };
    let (is, wanted) = (settings(is), settings(wanted));
    let mut changes = Vec::new();
    for (name, value) in &wanted {
        match is.get(name) {
            None => changes.push(format!("{name} is missing, must be {value}")),
            Some(other) if other != value => changes.push(format!("{name} is {other}, must be {value}")),
            Some(_) => {}
        }
    }
    let extra = is.iter().filter(|(name, _)| !wanted.contains_key(*name));
    changes.extend(extra.map(|(name, value)| format!("{name} is {value}, must be absent")));
    changes.join(", ")
}
