//! Words that occur in millions of rows, kept once.

use std::{collections::HashSet, sync::Arc};

/// A status, a type of event, the name of a service.
pub(in crate::checker) type Word = Arc<str>;

/// All words seen so far.
#[derive(Debug, Default)]
pub(super) struct Words(HashSet<Word>);

impl Words {
    /// The one copy of this word.
    pub(super) fn get(&mut self, text: &str) -> Word {
        if let Some(word) = self.0.get(text) {
            return Arc::clone(word);
        }
        let word: Word = text.into();
        self.0.insert(Arc::clone(&word));
        word
    }
}
