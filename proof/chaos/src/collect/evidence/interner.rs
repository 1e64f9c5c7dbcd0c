//! Interned strings: statuses and event types occur in millions of rows, and are kept once.

use sqlx::{
    Decode, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};
use std::{
    collections::HashSet,
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

static SYMBOLS: LazyLock<Mutex<HashSet<Arc<str>>>> = LazyLock::new(Mutex::default);

/// An interned string: a status, an event type, the name of a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Symbol(Arc<str>);

impl From<&str> for Symbol {
    fn from(text: &str) -> Self {
        let mut symbols = SYMBOLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = symbols.get(text) {
            return Self(Arc::clone(known));
        }
        let symbol: Arc<str> = text.into();
        symbols.insert(Arc::clone(&symbol));
        Self(symbol)
    }
}

impl Deref for Symbol {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Type<Postgres> for Symbol {
    fn type_info() -> PgTypeInfo {
        <&str as Type<Postgres>>::type_info()
    }

    fn compatible(actual: &PgTypeInfo) -> bool {
        <&str as Type<Postgres>>::compatible(actual)
    }
}

impl<'r> Decode<'r, Postgres> for Symbol {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(<&str as Decode<Postgres>>::decode(value)?.into())
    }
}
