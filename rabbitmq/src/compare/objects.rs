//! Differences between exchanges, queues, bindings and policies.

use crate::{
    desired::MATCH_EVERYTHING,
    difference::{Difference, Repair, Scope, Stage},
    management::Request,
    state::{Binding, Policy, State},
};
use serde_json::{Map, Value, json};

pub(super) fn compare_vhost(actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    let vhost = scope.vhost;
    if !actual.vhost_exists {
        let repair = Repair::send(Stage::Vhost, Request::put(&["vhosts", vhost], json!({})));
        found.push(Difference::new(format!("vhost {vhost:?}"), "missing", repair));
    }
    if !actual.operator_has_access {
        let body = json!({ "configure": MATCH_EVERYTHING, "write": MATCH_EVERYTHING, "read": MATCH_EVERYTHING });
        let request = Request::put(&["permissions", vhost, scope.operator], body);
        let object = format!("permission of operator {:?} on vhost {vhost:?}", scope.operator);
        found.push(Difference::new(
            object,
            "missing or too narrow",
            Repair::send(Stage::Operator, request),
        ));
    }
    for feature in &actual.disabled_features {
        let problem =
            format!("disabled, so dead letters could be lost: run `rabbitmqctl enable_feature_flag {feature}`");
        found.push(Difference::new(
            format!("feature flag {feature:?}"),
            problem,
            Repair::Manual,
        ));
    }
}

pub(super) fn compare_exchanges(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (name, wanted) in &desired.exchanges {
        let object = format!("exchange {name:?}");
        let Some(present) = actual.exchanges.get(name) else {
            let body = json!({ "type": wanted.kind, "durable": true, "arguments": {} });
            let request = Request::put(&["exchanges", scope.vhost, name], body);
            found.push(Difference::new(
                object,
                "missing",
                Repair::send(Stage::Exchange, request),
            ));
            continue;
        };
        if (&present.kind, present.durable, &present.arguments) != (&wanted.kind, wanted.durable, &wanted.arguments) {
            let problem = format!(
                "is {} of type {} with arguments {}, must be durable of type {} without arguments: delete it and run `topology apply`",
                durability(present.durable),
                present.kind,
                Value::from(present.arguments.clone()),
                wanted.kind,
            );
            found.push(Difference::new(object, problem, Repair::Manual));
        }
    }
}

pub(super) fn compare_queues(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (name, wanted) in &desired.queues {
        let object = format!("queue {name:?}");
        let Some(present) = actual.queues.get(name) else {
            let body = json!({ "durable": true, "arguments": wanted.arguments });
            let request = Request::put(&["queues", scope.vhost, name], body);
            found.push(Difference::new(object, "missing", Repair::send(Stage::Queue, request)));
            continue;
        };
        if (present.durable, &present.arguments) != (wanted.durable, &wanted.arguments) {
            let problem = format!(
                "is {} with arguments {}, must be durable with {}: drain it, delete it and run `topology apply`",
                durability(present.durable),
                Value::from(present.arguments.clone()),
                Value::from(wanted.arguments.clone()),
            );
            found.push(Difference::new(object.clone(), problem, Repair::Manual));
        }
        if let Some(policy) = present
            .operator_policy
            .as_ref()
            .filter(|policy| actual.operator_policies.contains(*policy))
        {
            let problem = format!(
                "operator policy {policy:?} overrides its limits: remove it with `rabbitmqctl clear_operator_policy -p {} {policy}`",
                scope.vhost
            );
            found.push(Difference::new(object, problem, Repair::Manual));
        }
    }
    for name in actual.queues.keys().filter(|name| !desired.queues.contains_key(*name)) {
        if is_obsolete_retry_queue(desired, name) {
            let repair = Repair::DeleteWhenEmpty { queue: name.clone() };
            found.push(Difference::new(
                format!("queue {name:?}"),
                "its delay is no longer in the topology",
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

/// Recognises `<queue of the topology>.retry.<n>ms` with a delay that the topology does not have.
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
            describe(binding),
            "missing",
            Repair::send(Stage::Binding, request),
        ));
    }
    for (binding, properties_key) in &actual.bindings {
        if desired.bindings.contains_key(binding) {
            continue;
        }
        let to_owned_queue = binding.destination_kind == "queue"
            && (desired.queues.contains_key(&binding.destination)
                || is_obsolete_retry_queue(desired, &binding.destination));
        let to_owned_exchange =
            binding.destination_kind == "exchange" && desired.exchanges.contains_key(&binding.destination);
        if to_owned_queue || to_owned_exchange {
            let kind = if to_owned_queue { "q" } else { "e" };
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
            found.push(Difference::new(describe(binding), "not in the topology", repair));
        } else if desired.exchanges.contains_key(&binding.source) {
            found.push(Difference::new(
                describe(binding),
                "not in the topology, left alone",
                Repair::Note,
            ));
        }
    }
}

fn describe(binding: &Binding) -> String {
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
            Some(present) if present != wanted => changes(present, wanted),
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
        let orphaned = is_obsolete_retry_queue(desired, name) && !actual.queues.contains_key(name);
        let problem = match overridden_object(desired, actual, name) {
            Some(object) => format!(
                "with pattern {:?} overrides the topology's policy on {object}",
                policy.pattern
            ),
            None if orphaned => "its queue is no longer in the topology".to_owned(),
            None => continue,
        };
        let repair = Repair::send(Stage::Removal, Request::delete(&["policies", scope.vhost, name]));
        found.push(Difference::new(format!("policy {name:?}"), problem, repair));
    }
}

/// Finds an object of the topology on which the broker reports that this policy is in force.
fn overridden_object(desired: &State, actual: &State, policy: &str) -> Option<String> {
    let is_policy = |in_force: &Option<String>| in_force.as_deref() == Some(policy);
    let mut queues = desired.queues.keys().filter(|name| {
        actual
            .queues
            .get(*name)
            .is_some_and(|present| is_policy(&present.policy))
    });
    let mut exchanges = desired.exchanges.keys().filter(|name| {
        actual
            .exchanges
            .get(*name)
            .is_some_and(|present| is_policy(&present.policy))
    });
    let queue = queues.next().map(|name| format!("queue {name:?}"));
    queue.or_else(|| exchanges.next().map(|name| format!("exchange {name:?}")))
}

/// Lists the changed settings of a policy.
fn changes(present: &Policy, wanted: &Policy) -> String {
    let settings = |policy: &Policy| -> Map<String, Value> {
        let mut settings = policy.definition.clone();
        settings.insert("pattern".to_owned(), json!(policy.pattern));
        settings.insert("apply-to".to_owned(), json!(policy.apply_to));
        settings.insert("priority".to_owned(), json!(policy.priority));
        settings
    };
    let (present, wanted) = (settings(present), settings(wanted));
    let mut changes = Vec::new();
    for (name, value) in &wanted {
        match present.get(name) {
            None => changes.push(format!("{name} is missing, must be {value}")),
            Some(other) if other != value => changes.push(format!("{name} is {other}, must be {value}")),
            Some(_) => {}
        }
    }
    let extra = present.iter().filter(|(name, _)| !wanted.contains_key(*name));
    changes.extend(extra.map(|(name, value)| format!("{name} is {value}, must be absent")));
    changes.join(", ")
}
