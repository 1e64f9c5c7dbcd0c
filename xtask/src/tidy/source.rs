//! One Rust file, with its tests told apart from the rest.

use std::{collections::BTreeSet, path::Path};
use syn::{Attribute, ImplItem, Item, spanned::Spanned as _};

pub(super) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) lines: usize,
    /// The items without those that are compiled only for tests.
    pub(super) production: Vec<Item>,
    /// Lines of the modules and functions that are compiled only for tests.
    pub(super) test_lines: usize,
    /// The paths of the modules that this file declares for tests only: `src/a/tests` for `#[cfg(test)] mod tests;` in
    /// `src/a.rs`.
    pub(super) test_modules: Vec<String>,
    /// True if the whole file is a test.
    pub(super) is_test: bool,
}

impl Source {
    /// Fails with the line that is not Rust.
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, (usize, String)> {
        let file = syn::parse_file(text).map_err(|error| (error.span().start().line, error.to_string()))?;
        let folder = module_folder(path);
        let outside = file.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() && is_test_only(&module.attrs) => Some(&module.ident),
            _ => None,
        });
        let test_modules = outside.map(|name| format!("{folder}/{name}")).collect();
        let mut production = file.items;
        let mut test_lines = 0;
        if is_test_only(&file.attrs) {
            production.clear();
        }
        remove_tests(&mut production, &mut test_lines);
        Ok(Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            production,
            test_lines,
            test_modules,
            is_test: is_test_only(&file.attrs) || path.contains("/tests/") || path.starts_with("proof/e2e/"),
        })
    }

    /// The items that rules for production code look at.
    pub(super) fn production_items(&self) -> &[Item] {
        if self.is_test { &[] } else { &self.production }
    }

    /// Lines without tests.
    pub(crate) fn code_lines(&self) -> usize {
        if self.is_test { 0 } else { self.lines - self.test_lines }
    }

    pub(super) fn note_test_modules(&mut self, tests: &BTreeSet<String>) {
        let own = self.path.trim_end_matches(".rs");
        let is_inside = |test: &String| own == test || own.starts_with(&format!("{test}/"));
        self.is_test |= tests.iter().any(is_inside);
    }
}

fn module_folder(path: &str) -> String {
    let stem = path.trim_end_matches(".rs");
    for name in ["/lib", "/main", "/mod"] {
        if let Some(folder) = stem.strip_suffix(name) {
            return folder.to_owned();
        }
    }
    stem.to_owned()
}

fn remove_tests(items: &mut Vec<Item>, lines: &mut usize) {
    items.retain(|item| {
        let test = is_test_only(attributes(item));
        if test {
            *lines += item.span().end().line + 1 - item.span().start().line;
        }
        !test
    });
    for item in items {
        match item {
            Item::Mod(module) => {
                if let Some((_, inner)) = &mut module.content {
                    remove_tests(inner, lines);
                }
            }
            Item::Impl(block) => block.items.retain(|item| match item {
                ImplItem::Fn(function) => !is_test_only(&function.attrs),
                _ => true,
            }),
            _ => {}
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, `#[test]`, `#[tokio::test]`, with whatever arguments.
fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = attribute
            .path()
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "test");
        is_test || (attribute.path().is_ident("cfg") && is_cfg_test(attribute))
    })
}

/// `cfg(test)` alone or among alternatives, but not `cfg(not(test))`.
fn is_cfg_test(attribute: &Attribute) -> bool {
    let Ok(list) = attribute.meta.require_list() else {
        return false;
    };
    let condition = list.tokens.to_string();
    let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == "test") && !condition.contains("not")
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn tests_are_separated_from_production_code() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n";
        let source = Source::parse("a/src/lib.rs", text).unwrap();
        assert_eq!(source.production_items().len(), 2);
        assert_eq!(source.test_lines, 4);
        assert!(!source.is_test);
        assert!(Source::parse("a/tests/it/main.rs", text).unwrap().is_test);
    }

    #[test]
    fn modules_in_files_of_their_own_are_found() {
        let parent = Source::parse("a/src/b.rs", "#[cfg(test)]\nmod tests;\nmod rest;").unwrap();
        assert_eq!(parent.test_modules, ["a/src/b/tests"]);
        let root = Source::parse("a/src/lib.rs", "#[cfg(test)]\nmod tests;").unwrap();
        assert_eq!(root.test_modules, ["a/src/tests"]);
        let mut child = Source::parse("a/src/b/tests/more.rs", "").unwrap();
        child.is_test = false;
        child.note_test_modules(&["a/src/b/tests".to_owned()].into());
        assert!(child.is_test);
        let mut other = Source::parse("a/src/b/rest.rs", "").unwrap();
        other.note_test_modules(&["a/src/b/tests".to_owned()].into());
        assert!(!other.is_test);
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        assert_eq!(Source::parse("a.rs", "fn a() {}\nfn {}").map(drop).unwrap_err().0, 2);
    }
}

/// A project of a few files, for the tests of other rules.
#[cfg(test)]
pub(super) mod tests_project {
    use crate::workspace::Workspace;
    use std::path::PathBuf;

    pub(in crate::tidy) struct Project {
        pub(in crate::tidy) workspace: Workspace,
        root: PathBuf,
    }

    impl Project {
        pub(in crate::tidy) fn with(files: &[(&str, &str)]) -> Self {
            static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
            let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let root = std::env::temp_dir().join(format!("tidy-{}-{number}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self {
                workspace: Workspace::at(&root),
                root,
            }
        }
    }

    impl Drop for Project {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.root).ok();
        }
    }
}
