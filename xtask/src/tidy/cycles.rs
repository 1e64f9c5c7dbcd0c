//! Import circles between the modules of one crate. Modules that need each other can be understood, tested and moved
//! only together; an item that both need belongs in a module of its own.
//!
//! A module uses another when it names one of its items: a private `use`, or a path in an expression, a type or a macro.
//! Declaring or re-exporting a child is no use. A re-exported item counts for the module that defines it. Circles are
//! looked for at each level: between a module's own file and its children, each child with all that lies below it. An
//! inline module belongs to its file. Method calls and derives name no module and are not seen.

use super::{finding::Finding, source::Source};
use crate::workspace::Package;
use modules::{Crate, Use};
use std::collections::{BTreeMap, BTreeSet};

mod modules;

const RULE: &str = "import-circle";

/// The uses between modules: the items, and the first place of each.
type Edges<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeMap<&'a str, (&'a str, usize)>>>;

pub(super) fn check(packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let targets = packages.iter().flat_map(|package| &package.targets);
    let crates = targets.filter(|target| !target.is("test") && !target.is("bench") && !target.is("custom-build"));
    let roots = crates.map(|target| target.src_path.to_string_lossy());
    roots.flat_map(|root| circles(&root, sources)).collect()
}

/// The circles of the crate that begins with the file `root`, one finding for each set of modules that reach each other.
fn circles(root: &str, sources: &[Source]) -> Vec<Finding> {
    let found = Crate::read(root, sources);
    let advice = "declares a module whose file is not where Rust looks for it: its imports cannot be checked";
    let missing = found
        .missing
        .iter()
        .map(|(path, line)| Finding::new(path, *line, RULE, advice));
    let mut findings: Vec<Finding> = missing.collect();
    let uses = found.uses();
    for level in &found.files {
        let edges = edges(&level.module, &uses);
        for node in edges.keys() {
            let mut circle = reached(node, &edges);
            circle.retain(|other| reached(other, &edges).contains(node));
            if circle.first() == Some(node) {
                findings.push(finding(&circle, &edges));
            }
        }
    }
    findings
}

fn edges<'a>(level: &str, uses: &'a [Use<'_>]) -> Edges<'a> {
    let mut edges = Edges::new();
    for used in uses {
        if let (Some(by), Some(of)) = (node(level, &used.by.module), node(level, &used.of.module))
            && by != of
        {
            let items = edges.entry(by).or_default().entry(of).or_default();
            items.entry(&used.item).or_insert((used.by.path, used.line));
        }
    }
    edges
}

/// The module directly below `level` that holds `module`, or `level` itself; `None` outside of it.
fn node<'a>(level: &str, module: &'a str) -> Option<&'a str> {
    let below = module.strip_prefix(level)?;
    if below.is_empty() {
        return Some(module);
    }
    let child = below.strip_prefix("::")?.split("::").next()?;
    Some(&module[..level.len() + "::".len() + child.len()])
}

/// The modules that can be reached from `node`; with itself only on a way back.
fn reached<'a>(node: &'a str, edges: &Edges<'a>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        let next = edges.get(node).into_iter().flat_map(BTreeMap::keys);
        open.extend(next.filter(|next| reached.insert(**next)));
    }
    reached
}

fn finding(circle: &BTreeSet<&str>, edges: &Edges<'_>) -> Finding {
    let name = |module: &str| module.strip_prefix("::").unwrap_or("the crate root").to_owned();
    let mut uses = Vec::new();
    let mut place = None;
    for (by, others) in edges.iter().filter(|(by, _)| circle.contains(*by)) {
        for (of, items) in others.iter().filter(|(of, _)| circle.contains(*of)) {
            let names: Vec<&str> = items.keys().copied().collect();
            uses.push(format!("{} uses {} of {}", name(by), names.join(", "), name(of)));
            place = place.or(items.values().next().copied());
        }
    }
    let (path, line) = place.unwrap_or_default();
    let advice = format!("{}: move what both need to a module of its own", uses.join("; "));
    Finding::new(path, line, RULE, advice)
}

#[cfg(test)]
mod tests {
    use super::{Source, circles};

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let parse = |(path, text): &(&str, &str)| Source::parse(path, text).unwrap();
        let sources: Vec<Source> = files.iter().map(parse).collect();
        circles(files[0].0, &sources).iter().map(ToString::to_string).collect()
    }

    fn siblings(a: &str, b: &str) -> Vec<String> {
        let root = "mod a;\nmod b;\npub use a::{A, make};\npub use b::B;";
        found(&[("c/src/lib.rs", root), ("c/src/a.rs", a), ("c/src/b.rs", b)])
    }

    #[test]
    fn two_modules_that_use_each_other_are_a_circle_with_its_items() {
        let a = "use crate::b::B;\npub struct A(B);\npub fn make() {}";
        let circle = "c/src/a.rs:1: import-circle: a uses B of b; b uses A, make of a: \
                      move what both need to a module of its own";
        for b in [
            "use super::a::{A, make};\npub struct B;",
            "pub struct B;\nfn b(a: crate::a::A) { super::a::make() }",
            "use crate::{A, make};\npub struct B;",
            "use super::*;\npub struct B;\nfn b(a: A) { make() }",
            "use crate::a;\npub struct B;\nfn b(a: a::A) { a::make() }",
            "pub struct B;\nfn b() { use super::A; assert!(crate::a::make(1).is_none()); }",
            "pub struct B;\nmod inner { use super::super::a::{self as other, A};\n fn b() { other::make() } }",
        ] {
            assert_eq!(siblings(a, b), [circle], "{b}");
        }
        assert_eq!(siblings(a, "pub struct B;"), [""; 0]);
        let test = "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }";
        assert_eq!(siblings(a, test), [""; 0], "a test may use what it likes");
        let other_crates =
            "use a::A;\nuse ::b::B as Other;\npub struct B(std::io::Error);\nfn a() -> Self { a::make() }";
        assert_eq!(siblings(a, other_crates), [""; 0]);
    }

    #[test]
    fn a_parent_may_declare_and_publish_its_children_but_not_use_what_uses_it() {
        let root = "mod web;\npub use web::{serve, page::Page};\npub struct App;";
        let web = "pub(crate) mod page;\npub use page::Page as Other;\npub fn serve(app: crate::App) {}";
        let page = "use crate::App;\npub struct Page(App);";
        let files = |root, web| {
            found(&[
                ("c/src/main.rs", root),
                ("c/src/web.rs", web),
                ("c/src/web/page.rs", page),
            ])
        };
        assert_eq!(files(root, web), [""; 0]);

        let wiring = format!("{root}\nfn main() {{ web::serve(App) }}");
        let circle = files(&wiring, web);
        assert!(
            circle[0].contains("the crate root uses serve of web; web uses App of the crate root"),
            "{circle:?}"
        );
        let through_child = format!("{root}\nfn main(page: web::Other) {{}}");
        let circle = files(&through_child, web);
        assert!(
            circle[0].contains("the crate root uses Page of web; web uses App of"),
            "{circle:?}"
        );
        let apart = "mod web;\nmod app;\npub use app::App;\nfn main() { web::serve(App) }";
        let (web, page) = (("c/src/web.rs", web), ("c/src/web/page.rs", page));
        assert_eq!(
            found(&[("c/src/main.rs", apart), web, page, ("c/src/app.rs", "pub struct App;")]),
            [""; 0]
        );
    }

    #[test]
    fn long_circles_are_one_finding_and_separate_ones_two() {
        let root = (
            "c/src/bin/tool.rs",
            "mod a; mod b; mod c; mod d; mod e;\nfn main() { a::x() }",
        );
        let long = [
            root,
            ("c/src/bin/a.rs", "use crate::b::y;\npub fn x() {}"),
            ("c/src/bin/b.rs", "use crate::c::z;\npub fn y() {}"),
            ("c/src/bin/c.rs", "use crate::a::x;\npub fn z() {}"),
            ("c/src/bin/d.rs", "use crate::e::E;\nuse crate::a::x;\npub struct D;"),
            (
                "c/src/bin/e.rs",
                "use crate::d::D;\npub enum E { One }\nfn e() { Self::One; E::One; }",
            ),
        ];
        let found = found(&long);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("a uses y of b; b uses z of c; c uses x of a:"),
            "{found:?}"
        );
        assert!(found[1].contains("d uses E of e; e uses D of d:"), "{found:?}");
    }

    #[test]
    fn submodules_count_for_their_module() {
        let files = [
            ("c/src/lib.rs", "mod events;\nmod saga;"),
            ("c/src/events.rs", "mod placed;\npub mod published;"),
            ("c/src/events/placed.rs", "use crate::saga::apply;"),
            ("c/src/events/published.rs", "pub struct Failed;"),
            (
                "c/src/saga.rs",
                "use crate::events::published::Failed;\npub fn apply() {}",
            ),
        ];
        let found = found(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains("circle: events uses apply of saga; saga uses Failed of events:"),
            "{found:?}"
        );
    }

    #[test]
    fn a_function_may_have_the_name_of_its_module() {
        let http = "mod list;\nuse list::list;\npub struct Page;\npub fn router() { list() }";
        let list = "pub fn list() { let http = super::Page; }";
        let files = [
            ("c/src/lib.rs", "mod http;"),
            ("c/src/http.rs", http),
            ("c/src/http/list.rs", list),
        ];
        let found = found(&files);
        assert!(
            found[0].contains("http uses list of http::list; http::list uses Page of http:"),
            "{found:?}"
        );
    }

    #[test]
    fn a_module_that_cannot_be_read_is_found() {
        let found = found(&[("c/src/lib.rs", "#[path = \"elsewhere.rs\"]\nmod a;")]);
        assert!(
            found[0].starts_with("c/src/lib.rs:2: import-circle: declares a module"),
            "{found:?}"
        );
    }
}
