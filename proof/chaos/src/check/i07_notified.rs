//! I7: each customer gets every notification once in the list and at least once by mail.

use super::verdict::{Finding, require};
use crate::collect::evidence::rows::{Evidence, Notification, Published};
use platform_client::mail::Mail;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

const NOTIFYING: [&str; 6] = [
    "order.confirmed",
    "order.shipped",
    "order.delivered",
    "order.failed",
    "order.cancelled",
    "payment.refunded",
];
const DOMAIN: &str = "@platform.local";

pub(super) fn check(evidence: &Evidence) -> Finding {
    let mut finding = Finding::new(
        "I7",
        "every notification is in the list once, and mailed to the right address",
    );
    let expected = expected(evidence);
    let mut listed: HashMap<Uuid, u32> = HashMap::new();
    for notification in &evidence.notifications {
        *listed.entry(notification.event).or_default() += 1;
    }
    for (
        event,
        Published {
            event_type, subject, ..
        },
    ) in &expected
    {
        let times = listed.get(event).copied().unwrap_or_default();
        require!(
            finding,
            times == 1,
            "{event_type} {event} about {subject} has {times} notifications"
        );
    }
    let copies = copies_by_event(&evidence.mails);
    let addresses = addresses(evidence);
    for notification in &evidence.notifications {
        matches_its_event(
            &mut finding,
            evidence,
            notification,
            expected.get(&notification.event).copied(),
        );
        is_mailed(&mut finding, evidence, notification, &copies, &addresses);
    }
    for mail in &evidence.mails {
        let is_ours = event_of(mail).is_some_and(|event| listed.contains_key(&event));
        require!(
            finding,
            is_ours,
            "mail {} to {:?} is <{}>, of no notification",
            mail.id,
            mail.to,
            mail.message_id
        );
    }
    finding
}

/// Number of mails that repeat another.
pub(super) fn repeats(evidence: &Evidence) -> usize {
    let distinct: HashSet<&str> = evidence.mails.iter().map(|mail| mail.message_id.as_str()).collect();
    evidence.mails.len() - distinct.len()
}

fn expected(evidence: &Evidence) -> HashMap<Uuid, &Published> {
    let notifying = evidence
        .published()
        .filter(|(.., event)| NOTIFYING.contains(&&*event.event_type));
    notifying.map(|(_, id, event)| (id, event)).collect()
}

/// The Message-ID contains the event's id.
fn event_of(mail: &Mail) -> Option<Uuid> {
    mail.message_id.strip_suffix(DOMAIN)?.parse().ok()
}

fn copies_by_event(mails: &[Mail]) -> HashMap<Uuid, Vec<&Mail>> {
    let mut copies: HashMap<Uuid, Vec<&Mail>> = HashMap::new();
    for mail in mails {
        if let Some(event) = event_of(mail) {
            copies.entry(event).or_default().push(mail);
        }
    }
    copies
}

/// Every address that a user has had, lower-case: a mail goes to the one that is current when it is sent.
fn addresses(evidence: &Evidence) -> HashMap<Uuid, HashSet<String>> {
    let mut addresses: HashMap<Uuid, HashSet<String>> = HashMap::new();
    let now = evidence.users.iter().map(|(id, user)| (*id, &user.email));
    let before = evidence.user_events.iter().map(|event| (event.user, &event.email));
    for (user, email) in now.chain(before) {
        addresses.entry(user).or_default().insert(email.to_ascii_lowercase());
    }
    addresses
}

fn matches_its_event(
    finding: &mut Finding,
    evidence: &Evidence,
    notification: &Notification,
    event: Option<&Published>,
) {
    let owner = evidence.orders.get(&notification.order).map(|order| order.user);
    let is_so = event.is_some_and(|event| {
        event.event_type == notification.kind && event.subject == notification.order && owner == notification.user
    });
    require!(
        finding,
        is_so,
        "{notification:?} does not belong to its event, {event:?}, and to the order's owner, {owner:?}"
    );
}

fn is_mailed(
    finding: &mut Finding,
    evidence: &Evidence,
    notification: &Notification,
    copies: &HashMap<Uuid, Vec<&Mail>>,
    addresses: &HashMap<Uuid, HashSet<String>>,
) {
    let Notification {
        id, event, user, mail, ..
    } = notification;
    let has_contact = user.is_some_and(|user| evidence.contacts.contains_key(&user));
    require!(
        finding,
        &**mail == "sent" || !has_contact,
        "the mail of notification {id} about event {event} is {mail}, and the address is known"
    );
    let copies = copies.get(event).map_or(&[][..], Vec::as_slice);
    require!(
        finding,
        &**mail != "sent" || !copies.is_empty(),
        "notification {id} about event {event} is {mail}, and no such mail went out"
    );
    let theirs = user.and_then(|user| addresses.get(&user));
    for copy in copies {
        let is_theirs = copy
            .to
            .iter()
            .all(|to| theirs.is_some_and(|theirs| theirs.contains(to)));
        require!(
            finding,
            is_theirs,
            "mail {} went to {:?}, not to user {user:?}",
            copy.id,
            copy.to
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{check, repeats};
    use crate::check::sample::{self, violations};

    #[test]
    fn a_duplicate_or_missing_notification_is_found() {
        assert_eq!(
            violations(check, |evidence| evidence
                .notifications
                .push(evidence.notifications[0].clone())),
            1
        );
        // Its mail then belongs to no notification.
        assert_eq!(violations(check, |evidence| drop(evidence.notifications.pop())), 2);
    }

    #[test]
    fn a_notification_of_another_event_or_user_is_found() {
        let other = uuid::Uuid::from_u128(9);
        assert_eq!(
            violations(check, |evidence| evidence.notifications[0].kind =
                "order.delivered ".into()),
            1
        );
        assert!(violations(check, |evidence| evidence.notifications[0].user = Some(other)) >= 1);
    }

    #[test]
    fn a_missing_or_misdirected_mail_is_found() {
        assert_eq!(
            violations(check, |evidence| evidence.notifications[0].mail = "failed".into()),
            1
        );
        assert_eq!(violations(check, |evidence| drop(evidence.mails.pop())), 1);
        assert_eq!(
            violations(check, |evidence| evidence.mails[0].to =
                vec!["eve@example.com".to_owned()]),
            1
        );
        assert_eq!(
            violations(check, |evidence| evidence.mails[0].message_id =
                "x@platform.local".to_owned()),
            2
        );
    }

    #[test]
    fn a_repeated_mail_is_counted_and_no_violation() {
        let mut evidence = sample::consistent();
        evidence.mails.push(evidence.mails[0].clone());
        assert_eq!((check(&evidence).violations, repeats(&evidence)), (0, 1));
    }
}
