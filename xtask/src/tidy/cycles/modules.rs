//! The modules of one crate, and the item and module that a path means.

use crate::tidy::{
    imports::{Import, imports},
    source::Source,
};
use std::collections::{BTreeMap, BTreeSet};
use syn::{
    Item, ItemMod, ItemUse, Macro, Path, Visibility,
    visit::{self, Visit},
};

/// Re-exports of re-exports are followed so far; globs that name each other would never end.
const STEPS_MAX: usize = 8;

/// A file names an item of another.
pub(super) struct Use<'a> {
    pub(super) by: &'a File<'a>,
    pub(super) of: &'a File<'a>,
    pub(super) item: String,
    pub(super) line: usize,
}

pub(super) struct File<'a> {
    pub(super) path: &'a str,
    /// Empty for the crate's root, else such as `::messaging::relay`.
    pub(super) module: String,
}

pub(super) struct Crate<'a> {
    /// The crate's files by number; the root is the first.
    pub(super) files: Vec<File<'a>>,
    /// `mod` declarations without a file, which would hide uses: the declaring file and the line.
    pub(super) missing: Vec<(&'a str, usize)>,
    modules: Vec<Module>,
    sources: BTreeMap<&'a str, &'a Source>,
}

struct Module {
    parent: usize,
    /// The number of the file, which inline modules share with the module around them.
    file: usize,
    items: BTreeSet<String>,
    children: BTreeMap<String, usize>,
    code: Code,
}

/// The meaning of a path: a module, or an item with its module.
enum Meaning {
    Module(usize),
    Item(usize, String),
}

impl<'a> Crate<'a> {
    /// Follows the `mod` declarations from the crate's root file.
    pub(super) fn read(root: &str, sources: &'a [Source]) -> Self {
        let mut found = Self {
            files: Vec::new(),
            missing: Vec::new(),
            modules: Vec::new(),
            sources: sources.iter().map(|source| (source.path.as_str(), source)).collect(),
        };
        if let Some(source) = found.sources.get(root).copied() {
            let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
            found.add_file(source, 0, String::new(), folder);
        }
        found
    }

    fn add_file(&mut self, source: &'a Source, parent: usize, module: String, folder: &str) -> usize {
        let path = &source.path;
        let name = module.clone();
        self.files.push(File { path, module });
        self.add(&source.production, parent, self.files.len() - 1, &name, folder)
    }

    fn add(&mut self, contents: &'a [Item], parent: usize, file: usize, path: &str, folder: &str) -> usize {
        let number = self.modules.len();
        let mut code = Code::default();
        for item in contents {
            code.visit_item(item);
        }
        self.modules.push(Module {
            parent,
            file,
            items: contents.iter().filter_map(name).collect(),
            children: BTreeMap::new(),
            code,
        });
        for item in contents {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let (path, folder) = (format!("{path}::{name}"), format!("{folder}/{name}"));
            let files = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            let child = if let Some((_, contents)) = &module.content {
                self.add(contents, number, file, &path, &folder)
            } else if let Some(source) = files.iter().find_map(|file| self.sources.get(file.as_str()).copied()) {
                self.add_file(source, number, path, &folder)
            } else {
                let line = module.ident.span().start().line;
                self.missing.push((self.files[file].path, line));
                continue;
            };
            self.modules[number].children.insert(name, child);
        }
        number
    }

    /// Every use of another file's item.
    pub(super) fn uses(&self) -> Vec<Use<'_>> {
        let mut uses = Vec::new();
        for (number, module) in self.modules.iter().enumerate() {
            for (path, line) in &module.code.paths {
                if let Some(Meaning::Item(of, item)) = self.meaning(number, path, STEPS_MAX)
                    && self.modules[of].file != module.file
                {
                    let (by, of) = (&self.files[module.file], &self.files[self.modules[of].file]);
                    let line = *line;
                    uses.push(Use { by, of, item, line });
                }
            }
        }
        uses
    }

    fn meaning(&self, from: usize, path: &[String], steps: usize) -> Option<Meaning> {
        let steps = steps.checked_sub(1)?;
        let mut at = Meaning::Module(from);
        for (index, name) in path.iter().enumerate() {
            let Meaning::Module(module) = at else { break };
            at = match name.as_str() {
                "crate" => Meaning::Module(0),
                "self" => at,
                "super" => Meaning::Module(self.modules[module].parent),
                name => self.find(module, name, index + 1 == path.len(), steps)?,
            };
        }
        Some(at)
    }

    /// A name in a module. A module and a function may share it: the end of a path is the item, what comes before is not.
    fn find(&self, number: usize, name: &str, is_end: bool, steps: usize) -> Option<Meaning> {
        let module = &self.modules[number];
        let own = module.items.get(name).map(|name| Meaning::Item(number, name.clone()));
        let child = module.children.get(name).map(|child| Meaning::Module(*child));
        let imported = module.code.imports.iter().filter_map(|import| {
            if import.name == name {
                return self.meaning(number, &import.path, steps);
            }
            let is_glob = import.name == "*";
            match is_glob.then(|| self.meaning(number, &import.path, steps))?? {
                Meaning::Module(other) if other != number => self.find(other, name, is_end, steps),
                _ => None,
            }
        });
        let mut other = None;
        for meaning in own.into_iter().chain(child).chain(imported) {
            if matches!(meaning, Meaning::Item(..)) == is_end {
                return Some(meaning);
            }
            other.get_or_insert(meaning);
        }
        other
    }
}

fn name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The names in a module's code, without its inline modules.
#[derive(Default)]
struct Code {
    /// The names that it brings into scope, also inside functions.
    imports: Vec<Import>,
    /// The paths of private imports, expressions, types, patterns and macros, with their lines.
    paths: Vec<(Vec<String>, usize)>,
}

impl<'ast> Visit<'ast> for Code {
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let imports = imports(item);
        if matches!(item.vis, Visibility::Inherited) {
            let line = item.use_token.span.start().line;
            self.paths
                .extend(imports.iter().map(|import| (import.path.clone(), line)));
        }
        self.imports.extend(imports);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string());
            let line = path.segments[0].ident.span().start().line;
            self.paths.push((names.collect(), line));
        }
        visit::visit_path(self, path);
    }

    /// The arguments of a macro are only tokens; of these, words with `::` between them are paths.
    fn visit_macro(&mut self, call: &'ast Macro) {
        let line = call.path.segments[0].ident.span().start().line;
        let tokens = call.tokens.to_string().replace(" :: ", "::");
        let words = tokens.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        for word in words.map(|word| word.trim_end_matches(':')) {
            if word.contains("::") {
                self.paths.push((word.split("::").map(str::to_owned).collect(), line));
            }
        }
        visit::visit_macro(self, call);
    }
}
