//! I9 for users: registrations and names.

use crate::{
    check::verdict::Finding,
    collect::evidence::{clients::Call, rows::Evidence},
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
        // With two accounts it is unknown which one was renamed.
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
                format!("user {user}, customer {customer}, is named {name:?}, and must be one of {names:?}")
            });
        }
    }
}

fn is_registered(finding: &mut Finding, email: &str, calls: &[&Call], user: Option<Uuid>) {
    for call in calls.iter().filter(|call| call.created().is_some()) {
        let answered = call.created_id();
        finding.expect(answered.is_some() && answered == user, || {
            format!("{email} was registered as user {answered:?}, and the user of that address is {user:?}")
        });
    }
    if calls.iter().all(|call| call.was_refused()) {
        finding.expect(user.is_none(), || {
            format!("{email} was refused, and yet is user {user:?}")
        });
    }
}

/// The names that one user may have in the end: those whose call may have taken effect last. A call cannot have been
/// last if it was refused, or answered before another was sent that succeeded; one without an answer may take effect at
/// any time.
fn possible_names<'a>(
    registrations: impl Iterator<Item = (&'a str, &'a Call)>,
    renamings: &[(&'a str, &'a Call)],
) -> HashSet<&'a str> {
    let last_sent = renamings
        .iter()
        .filter(|(_, call)| call.succeeded_ms().is_some())
        .map(|(_, call)| call.sent_ms)
        .max();
    // A registration precedes every renaming.
    let first = registrations.filter(|_| last_sent.is_none());
    let renamed = renamings.iter().copied().filter(|(_, call)| {
        let answered_after = |sent_ms| call.succeeded_ms().is_none_or(|answered_ms| answered_ms >= sent_ms);
        !call.was_refused() && last_sent.is_none_or(answered_after)
    });
    first.chain(renamed).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::check, Call, possible_names};
    use crate::{
        check::sample::violations,
        collect::evidence::{clients::Outcome, rows::Evidence},
        history::Request,
    };

    #[test]
    fn a_missing_user_or_another_name_is_found() {
        assert!(violations(check, |evidence| evidence.users.clear()) >= 1);
        assert_eq!(
            violations(check, |evidence| evidence
                .users
                .values_mut()
                .for_each(|user| user.name = "Eve".to_owned())),
            1
        );
        // The name from before a renaming that was answered.
        assert_eq!(
            violations(check, |evidence| evidence
                .users
                .values_mut()
                .for_each(|user| user.name = "Ada".to_owned())),
            1
        );
    }

    #[test]
    fn a_user_of_a_refused_registration_is_found() {
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
        assert_eq!(violations(check, refused), 1);
    }

    #[test]
    fn the_last_confirmed_name_is_expected_and_an_unanswered_one_allowed() {
        let call = |name: &str, sent_ms, outcome| Call {
            sent_ms,
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
