//! A section of the status page.

use kernel::chain;
use serde::Serialize;
use serde_json::{Value, json};
use std::{pin::Pin, sync::Arc};

type ReadFuture = Pin<Box<dyn Future<Output = Result<Value, sqlx::Error>> + Send>>;

/// A section of the service's own.
#[derive(Clone)]
pub(crate) struct Section {
    read: Arc<dyn Fn() -> ReadFuture + Send + Sync>,
}

impl Section {
    pub(crate) fn new<T, F>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        T: Serialize,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    {
        let read = Arc::new(move || -> ReadFuture {
            let reading = read();
            Box::pin(async move { reading.await.map(|value| json!(value)) })
        });
        Self { read }
    }

    pub(super) async fn read(&self, name: &str) -> Value {
        read(name, (self.read)()).await
    }
}

/// Reads a section. In place of one that cannot be read stands the text `unreadable`; its cause is logged.
pub(super) async fn read<T: Serialize>(name: &str, value: impl Future<Output = Result<T, sqlx::Error>>) -> Value {
    match value.await {
        Ok(value) => json!(value),
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(
                section = name,
                dependency = "postgres",
                error,
                "Section of the status page cannot be read"
            );
            json!("unreadable")
        }
    }
}
