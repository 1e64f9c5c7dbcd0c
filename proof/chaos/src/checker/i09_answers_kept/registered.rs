//! Users and their names.

use crate::{
    checker::{
        Finding,
        evidence::{Evidence, clients::Call},
    },
    history::Request,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

pub(super) fn check(finding: &mut Finding, evidence: &Evidence) {
    let ids: HashMap<&str, Uuid> = evidence
        .users
        .iter()
        .map(|(id, user)| (user.email.as_str(), *id))
        .collect();
    let mut registrations: HashMap<String, Vec<&Call>> = HashMap::new();
    let mut renamings: HashMap<u32, Vec<(&str, &Call)>> = HashMap::new();
    for call in &evidence.clients.calls {
        match (&call.request, call.customer) {
            (Request::Register { email, .. }, _) => {
                registrations
                    .entry(email.trim().to_ascii_lowercase())
                    .or_default()
                    .push(call);
            }
            (Request::Rename { name }, Some(customer)) => {
                renamings.entry(customer).or_default().push((name.trim(), call));
            }
            _ => {}
        }
    }
    for (email, calls) in &registrations {
        is_registered(finding, email, calls, ids.get(email.as_str()).copied());
    }
    for (customer, emails) in evidence.clients.addresses() {
        let users: Vec<Uuid> = emails
            .iter()
            .filter_map(|email| ids.get(email.as_str()).copied())
            .collect();
        // With two accounts nobody knows which one was renamed.
        if let [user] = users[..] {
            let registered = emails.iter().flat_map(|email| &registrations[email]);
            let first = registered.filter_map(|call| match &call.request {
                Request::Register { name, .. } => Some((name.trim(), *call)),
                _ => None,
            });
            let renamed = renamings.get(&customer).map_or(&[][..], Vec::as_slice);
            let names = possible_names(first, renamed);
            let name = evidence.users[&user].name.as_str();
            finding.expect(names.contains(name), || {
                format!("user {user}, customer {customer}, is called {name:?}, and can only be one of {names:?}")
            });
        }
    }
}

fn is_registered(finding: &mut Finding, email: &str, calls: &[&Call], user: Option<Uuid>) {
    for call in calls.iter().filter(|call| call.created().is_some()) {
        let told = call.created_id();
        finding.expect(told.is_some() && told == user, || {
            format!("{email} was registered as user {told:?}, and the user of that address is {user:?}")
        });
    }
    if calls.iter().all(|call| call.was_refused()) {
        finding.expect(user.is_none(), || {
            format!("{email} was refused, and yet is user {user:?}")
        });
    }
}

/// The names of one user that the calls allow in the end: those whose call may have come last. A call surely did not come
/// last if it was refused, or was answered before one was asked that succeeded; one without an answer may come at any time.
fn possible_names<'a>(
    registrations: impl Iterator<Item = (&'a str, &'a Call)>,
    renamings: &[(&'a str, &'a Call)],
) -> HashSet<&'a str> {
    let last_asked = renamings
        .iter()
        .filter(|(_, call)| call.succeeded_ms().is_some())
        .map(|(_, call)| call.asked_ms)
        .max();
    // Whoever is renamed was registered before.
    let first = registrations.filter(|_| last_asked.is_none());
    let renamed = renamings.iter().copied().filter(|(_, call)| {
        let answered_after = |asked_ms| call.succeeded_ms().is_none_or(|answered_ms| answered_ms >= asked_ms);
        !call.was_refused() && last_asked.is_none_or(answered_after)
    });
    first.chain(renamed).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::check, Call, possible_names};
    use crate::{
        checker::{
            evidence::{Evidence, clients::Outcome},
            sample,
        },
        history::Request,
    };

    fn doctored(doctor: impl FnOnce(&mut Evidence)) -> u64 {
        let mut evidence = sample::consistent();
        doctor(&mut evidence);
        check(&evidence).violations
    }

    #[test]
    fn a_registered_user_is_there_under_a_name_that_was_asked_for() {
        assert!(doctored(|evidence| evidence.users.clear()) >= 1);
        assert_eq!(
            doctored(|evidence| evidence
                .users
                .values_mut()
                .for_each(|user| user.name = "Eve".to_owned())),
            1
        );
        // The name from before a renaming that was answered.
        assert_eq!(
            doctored(|evidence| evidence
                .users
                .values_mut()
                .for_each(|user| user.name = "Ada".to_owned())),
            1
        );
    }

    #[test]
    fn a_refused_registration_makes_no_user() {
        let refused = |evidence: &mut Evidence| {
            for call in &mut evidence.clients.calls {
                if let Request::Register { .. } = call.request {
                    call.outcome = Outcome::Answered {
                        at_ms: 1,
                        status: 400,
                        body: String::new(),
                    };
                }
            }
        };
        assert_eq!(doctored(refused), 1);
    }

    #[test]
    fn the_last_name_wins_and_an_unanswered_one_may() {
        let call = |name: &str, asked_ms, outcome| Call {
            asked_ms,
            customer: Some(1),
            request: Request::Rename { name: name.to_owned() },
            outcome,
        };
        let answered = |at_ms, status| Outcome::Answered {
            at_ms,
            status,
            body: String::new(),
        };
        let calls = [
            call("first", 10, answered(20, 200)),
            call("overlapping", 25, answered(35, 200)),
            call("unknown", 26, Outcome::Unknown),
            call("last", 30, answered(40, 200)),
            call("refused", 50, answered(60, 400)),
            call("never", 70, Outcome::NeverSent),
        ];
        let renamings: Vec<(&str, &Call)> = ["first", "overlapping", "unknown", "last", "refused", "never"]
            .into_iter()
            .zip(&calls)
            .collect();
        let mut names: Vec<&str> = possible_names(std::iter::empty(), &renamings).into_iter().collect();
        names.sort_unstable();
        assert_eq!(names, ["last", "overlapping", "unknown"]);
        let registered = [("registered", &calls[0])];
        let names = possible_names(registered.into_iter(), &renamings[2..3]);
        assert_eq!(names.len(), 2);
    }
}
