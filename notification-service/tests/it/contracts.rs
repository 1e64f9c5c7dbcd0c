use crate::support::{User, World};
use shared::messaging::envelope::Envelope;
use uuid::Uuid;

/// Every event that the topology file sends us and that we act on, as its publisher promises it, end to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_publishers_own_examples_are_understood() {
    let world = World::new().await;
    let registered = example("user-service", "user.registered");
    let user = User {
        id: registered.metadata.subject,
        email: example("user-service", "user.updated").data["email"]
            .as_str()
            .unwrap()
            .to_owned(),
    };
    for (service, event_type) in [
        ("user-service", "user.registered"),
        ("user-service", "user.updated"),
        ("order-service", "order.placed"),
        ("order-service", "order.confirmed"),
        ("order-service", "order.shipped"),
        ("order-service", "order.delivered"),
        ("order-service", "order.failed"),
        ("order-service", "order.cancelled"),
        ("payment-service", "payment.refunded"),
        ("order-service", "order.payment_received"),
        ("order-service", "order.compensation_requested"),
    ] {
        // Each service writes its examples with ids of its own: here they are about one order of one user.
        let mut event = example(service, event_type);
        for (field, id) in [("orderId", Uuid::from_u128(1)), ("userId", user.id)] {
            if event.data.get(field).is_some() {
                event.data[field] = id.to_string().into();
            }
        }
        world.publish(&event).await;
        world.taken(&event).await;
    }
    let mut kinds: Vec<_> = world
        .notifications(&user)
        .await
        .iter()
        .map(|one| one["kind"].clone())
        .collect();
    kinds.reverse();
    let told = [
        "order.confirmed",
        "order.shipped",
        "order.delivered",
        "order.failed",
        "order.cancelled",
        "payment.refunded",
    ];
    assert_eq!(kinds, told);
    assert_eq!(world.mails.wait_for(told.len(), &user).await.len(), told.len());
}

fn example(service: &str, event_type: &str) -> Envelope {
    let path = format!(
        "{}/../{service}/contracts/{event_type}.v1.example.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}
