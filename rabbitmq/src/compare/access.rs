//! Differences between users and their permissions.

use crate::{
    desired::MATCH_NOTHING,
    difference::{Difference, Repair, Scope, Stage},
    management::Request,
    password::{Passwords, password_matches},
    state::{Permission, State, TopicPermission, User},
};
use serde_json::{Value, json};

pub(super) fn compare_users(desired: &State, actual: &State, passwords: &Passwords, found: &mut Vec<Difference>) {
    for name in desired.users.keys() {
        let password = passwords.get(name);
        let object = format!("user {name:?}");
        let Some(present) = actual.users.get(name) else {
            found.push(missing_user(object, name, password));
            continue;
        };
        let wrong_password = password.filter(|password| password_matches(password, present) == Some(false));
        let problem = match (wrong_password, present.tags.is_empty()) {
            (None, true) => continue,
            (Some(_), true) => "its password is not the configured one".to_owned(),
            (None, false) => format!("has the tags {}, must have none", present.tags.join(", ")),
            (Some(_), false) => format!(
                "its password is not the configured one, and it has the tags {}",
                present.tags.join(", ")
            ),
        };
        let secret = wrong_password.map_or_else(|| stored_hash(present), |password| json!({ "password": password }));
        let request = put_user(name, secret);
        found.push(Difference::new(
            object,
            problem,
            Repair::send_for(name, Stage::User, request),
        ));
    }
}

fn missing_user(object: String, name: &str, password: Option<&str>) -> Difference {
    let Some(password) = password else {
        let problem = format!("missing: set {} and run `topology apply`", Passwords::variable(name));
        return Difference::new(object, problem, Repair::Manual);
    };
    let request = put_user(name, json!({ "password": password }));
    Difference::new(object, "missing", Repair::send_for(name, Stage::User, request))
}

/// The password fields of a request that keeps the stored password.
fn stored_hash(user: &User) -> Value {
    json!({ "password_hash": user.password_hash, "hashing_algorithm": user.hashing_algorithm })
}

fn put_user(name: &str, mut secret: Value) -> Request {
    secret["tags"] = json!("");
    Request::put(&["users", name], secret)
}

/// Reports whether a user exists or can be created. A missing user without a password is one difference, not three.
fn will_exist(user: &str, actual: &State, scope: &Scope<'_>) -> bool {
    actual.users.contains_key(user) || scope.passwords.is_some_and(|passwords| passwords.get(user).is_some())
}

pub(super) fn compare_permissions(desired: &State, actual: &State, scope: &Scope<'_>, found: &mut Vec<Difference>) {
    for (user, wanted) in desired
        .permissions
        .iter()
        .filter(|(user, _)| will_exist(user, actual, scope))
    {
        let problem = match actual.permissions.get(user) {
            None => "missing".to_owned(),
            Some(present) if present != wanted => changes(&[
                ("configure", &present.configure, &wanted.configure),
                ("write", &present.write, &wanted.write),
                ("read", &present.read, &wanted.read),
            ]),
            Some(_) => continue,
        };
        let Permission { configure, write, read } = wanted;
        let body = json!({ "configure": configure, "write": write, "read": read });
        let request = Request::put(&["permissions", scope.vhost, user], body);
        let repair = Repair::send_for(user, Stage::Permission, request);
        found.push(Difference::new(format!("permission of user {user:?}"), problem, repair));
    }
    for (user, present) in &actual.permissions {
        let grants_nothing = [&present.configure, &present.write, &present.read]
            .iter()
            .all(|pattern| *pattern == MATCH_NOTHING);
        if desired.permissions.contains_key(user) || user == scope.operator || grants_nothing {
            continue;
        }
        let object = format!("permission of user {user:?}");
        // An administrator can grant itself any permission again, so revoking it would protect nothing.
        if actual.users.get(user).is_some_and(User::is_administrator) {
            found.push(Difference::new(
                object,
                "an administrator, not in the topology, left alone",
                Repair::Note,
            ));
            continue;
        }
        let request = Request::delete(&["permissions", scope.vhost, user]);
        let repair = Repair::send_for(user, Stage::Permission, request);
        found.push(Difference::new(object, "not in the topology", repair));
    }
}

pub(super) fn compare_topic_permissions(
    desired: &State,
    actual: &State,
    scope: &Scope<'_>,
    found: &mut Vec<Difference>,
) {
    for (key, wanted) in desired
        .topic_permissions
        .iter()
        .filter(|(key, _)| will_exist(&key.0, actual, scope))
    {
        let problem = match actual.topic_permissions.get(key) {
            None => "missing, which allows every key".to_owned(),
            Some(present) if present != wanted => changes(&[
                ("write", &present.write, &wanted.write),
                ("read", &present.read, &wanted.read),
            ]),
            Some(_) => continue,
        };
        found.push(topic_difference(scope, key, problem, wanted));
    }
    let nothing = TopicPermission {
        write: MATCH_NOTHING.to_owned(),
        read: MATCH_NOTHING.to_owned(),
    };
    for (key, present) in &actual.topic_permissions {
        let is_service_user = desired.users.contains_key(&key.0);
        if is_service_user && !desired.topic_permissions.contains_key(key) && *present != nothing {
            // The API deletes all topic permissions of a user at once, and without one every key is allowed.
            found.push(topic_difference(
                scope,
                key,
                "not in the topology, must allow nothing".to_owned(),
                &nothing,
            ));
        }
    }
}

fn topic_difference(
    scope: &Scope<'_>,
    (user, exchange): &(String, String),
    problem: String,
    wanted: &TopicPermission,
) -> Difference {
    let body = json!({ "exchange": exchange, "write": wanted.write, "read": wanted.read });
    let request = Request::put(&["topic-permissions", scope.vhost, user], body);
    let object = format!("topic permission of user {user:?} on exchange {exchange:?}");
    Difference::new(object, problem, Repair::send_for(user, Stage::TopicPermission, request))
}

fn changes(patterns: &[(&str, &String, &String)]) -> String {
    let changed = patterns.iter().filter(|(_, present, wanted)| present != wanted);
    let changed: Vec<String> = changed
        .map(|(name, present, wanted)| format!("{name} is {present:?}, must be {wanted:?}"))
        .collect();
    changed.join(", ")
}
