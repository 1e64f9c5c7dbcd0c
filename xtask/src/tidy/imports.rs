//! The names that a `use` brings, one by one.

use syn::{ItemUse, UseTree};

/// `name` is `*` for a glob, whose path is the module. A path that begins with `::` begins with an empty name.
pub(super) struct Import {
    pub(super) name: String,
    pub(super) path: Vec<String>,
}

pub(super) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    let outside = item.leading_colon.map(|_| String::new());
    flatten(&item.tree, &mut outside.into_iter().collect(), &mut imports);
    imports
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, imports: &mut Vec<Import>) {
    let mut add = |last: &str, name: &str| {
        let last = (!matches!(last, "self" | "*")).then(|| last.to_owned());
        let path: Vec<String> = path.iter().cloned().chain(last).collect();
        let name = if name == "self" { path.last().cloned() } else { None }.unwrap_or_else(|| name.to_owned());
        imports.push(Import { name, path });
    };
    match tree {
        UseTree::Name(name) => add(&name.ident.to_string(), &name.ident.to_string()),
        UseTree::Rename(name) => add(&name.ident.to_string(), &name.rename.to_string()),
        UseTree::Glob(_) => add("*", "*"),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, path, imports)),
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            flatten(&inner.tree, path, imports);
            path.pop();
        }
    }
}
