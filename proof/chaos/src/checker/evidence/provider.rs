//! The payment provider's log: the witness of where the money went.

use crate::checker::CheckError;
use serde::Deserialize;
use std::{fs, path::Path};
use uuid::Uuid;

/// One line of the log. The keys are those that the platform has chosen: the payment's id and the refund's.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(in crate::checker) enum Entry {
    Capture {
        key: Uuid,
        reference: Uuid,
        amount_minor: i64,
        currency: String,
    },
    Decline {
        key: Uuid,
        reference: Uuid,
    },
    Refund {
        key: Uuid,
        charge_key: Uuid,
        reference: Uuid,
        amount_minor: i64,
    },
}

impl Entry {
    /// The order that it is about.
    pub(in crate::checker) fn order(&self) -> Uuid {
        match self {
            Self::Capture { reference, .. } | Self::Decline { reference, .. } | Self::Refund { reference, .. } => {
                *reference
            }
        }
    }
}

/// Reads the log. A last line that is not whole was never answered for, and the provider itself forgets it.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, CheckError> {
    let file = |source| CheckError::File {
        path: path.to_owned(),
        source,
    };
    let text = fs::read_to_string(path).map_err(file)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| CheckError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })
        })
        .collect()
}
