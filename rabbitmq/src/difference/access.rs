//! Differences between users and what they may do.

use serde_json::{Value, json};

use super::{Difference, Repair, Scope, Stage};
use crate::desired::NOTHING;
use crate::management::Request;
use crate::password::{Passwords, is_password_of};
use crate::state::{Permission, State, TopicPermission, User};

pub(super) fn compare_users(desired: &State, actual: &State, passwords: &Passwords, found: &mut Vec<Difference>) {
    for name in desired.users.keys() {
        let password = passwords.get(name);
        let object = format!("user {name:?}");
        let Some(is) = actual.users.get(name) else {
            found.push(missing(object, name, password));
            continue;
        };
        let wrong_password = password.filter(|password| is_password_of(password, is) == Some(false));
        let problem = match (wrong_password, is.tags.is_empty()) {
            (None, true) => continue,
            (Some(_), true) => "its password is not the one given".to_owned(),
            (None, false) => format!("has the tags {}, must have none", is.tags.join(", ")),
            (Some(_), false) => format!(
                "its password is not the one given, and it has the tags {}",
                is.tags.join(", ")
            ),
        };
        let secret = wrong_password.map_or_else(|| kept(is), |password| json!({ "password": password }));
        let request = put_user(name, secret);
        found.push(Difference::new(
            object,
            problem,
            Repair::send_for(name, Stage::User, request),
        ));
    }
}

fn missing(object: String, name: &str, password: Option<&str>) -> Difference {
    let Some(password) = password else {
        let problem = format!("missing: set {} and run `topology apply`", Passwords::variable(name));
        return Difference::new(object, problem, Repair::ByHand);
    };
    let request = put_user(name, json!({ "password": password }));
    Difference::new(object, "missing", Repair::send_for(name, Stage::User, request))
}

/// The password stays the one that is stored.
fn kept(user: &User) -> Value {
    json!({ "password_hash": user.password_hash, "hashing_algorithm": user.hashing_algorithm })
}

fn put_user(name: &str, mut secret: Value) -> Request {
    secret["tags"] = json!("");
    Request::put(&["users", name], secret)
}

/// A user that is missing, and cannot be made without a password, is one difference and not three.
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
            Some(is) if is != wanted => changes(&[
                ("configure", &is.configure, &wanted.configure),
                ("write", &is.write, &wanted.write),
                ("read", &is.read, &wanted.read),
            ]),
            Some(_) => continue,
        };
        let Permission { configure, write, read } = wanted;
        let body = json!({ "configure": configure, "write": write, "read": read });
        let request = Request::put(&["permissions", scope.vhost, user], body);
        let repair = Repair::send_for(user, Stage::Permission, request);
        found.push(Difference::new(format!("permission of user {user:?}"), problem, repair));
    }
    for (user, is) in &actual.permissions {
        let nothing = [&is.configure, &is.write, &is.read]
            .iter()
            .all(|pattern| *pattern == NOTHING);
        if desired.permissions.contains_key(user) || user == scope.operator || nothing {
            continue;
        }
        let object = format!("permission of user {user:?}");
        // An administrator can give itself any permission again: taking it away would only look like a protection.
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
    for (at, wanted) in desired
        .topic_permissions
        .iter()
        .filter(|(at, _)| will_exist(&at.0, actual, scope))
    {
        let problem = match actual.topic_permissions.get(at) {
            None => "missing, which allows every key".to_owned(),
            Some(is) if is != wanted => {
                changes(&[("write", &is.write, &wanted.write), ("read", &is.read, &wanted.read)])
            }
            Some(_) => continue,
        };
        found.push(topic_difference(scope, at, problem, wanted));
    }
    let closed = TopicPermission {
        write: NOTHING.to_owned(),
        read: NOTHING.to_owned(),
    };
    for (at, is) in &actual.topic_permissions {
        let ours = desired.users.contains_key(&at.0);
        if ours && !desired.topic_permissions.contains_key(at) && *is != closed {
            // The API deletes a user's records only all at once, and no record means that all is allowed.
            found.push(topic_difference(
                scope,
                at,
                "not in the topology, must allow nothing".to_owned(),
                &closed,
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
    let changed = patterns.iter().filter(|(_, is, wanted)| is != wanted);
    let changed: Vec<String> = changed
        .map(|(name, is, wanted)| format!("{name} is {is:?}, must be {wanted:?}"))
        .collect();
    changed.join(", ")
}
