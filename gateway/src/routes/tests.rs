use super::*;

fn default_table() -> RouteTable {
    include_str!("../../routes.toml").parse().unwrap()
}

fn found(table: &RouteTable, method: &Method, path: &str) -> (String, Access) {
    match table.find(method, path) {
        Match::Found(route) => (route.path.clone(), route.access),
        other => panic!("{method} {path}: {other:?}"),
    }
}

#[test]
fn the_more_literal_route_wins() {
    let table = default_table();
    assert_eq!(found(&table, &Method::GET, "/api/users/me").0, "/api/users/me");
    assert_eq!(found(&table, &Method::GET, "/api/users/42").0, "/api/users/{id}");
}

#[test]
fn the_access_of_a_path_depends_on_the_method() {
    let table = default_table();
    assert_eq!(found(&table, &Method::HEAD, "/api/products").1, Access::Public);
    assert_eq!(found(&table, &Method::POST, "/api/products").1, Access::Admin);
}

#[test]
fn another_method_finds_the_allowed_methods() {
    let table = default_table();
    let Match::OtherMethods(allowed) = table.find(&Method::DELETE, "/api/products") else {
        panic!("found")
    };
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[test]
fn an_unlisted_path_has_no_route() {
    let table = default_table();
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/users/",
        "/api/users/1/2",
        "/internal/status",
        "/livez",
        "/metrics",
        "/API/users",
    ] {
        assert!(matches!(table.find(&Method::GET, path), Match::Nothing), "{path}");
    }
}

/// A path that is missing here and in the API description would be noticed by clients alone.
#[test]
fn each_api_route_of_a_service_is_listed() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let table = default_table();
    let mut routes = 0;
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.to_str().unwrap().ends_with("-service") {
            continue;
        }
        let text = std::fs::read_to_string(folder.join("src/http.rs")).unwrap();
        for path in text.split('"').filter(|text| text.starts_with("/api/")) {
            let one = path
                .split('/')
                .map(|segment| if segment.starts_with('{') { "1" } else { segment });
            let found = table.find(&Method::GET, &one.collect::<Vec<_>>().join("/"));
            assert!(!matches!(found, Match::Nothing), "{path} is not in gateway/routes.toml");
            routes += 1;
        }
    }
    assert!(routes > 10, "{routes} routes were found");
}

#[test]
fn an_invalid_table_is_refused_with_the_reason() {
    let route = |path: &str, method: &str, upstream: &str| {
        format!("[[route]]\npath = '{path}'\nmethods = ['{method}']\nupstream = '{upstream}'\naccess = 'public'\n")
    };
    let wrong = [
        (route("/internal/x", "GET", "user-service"), "clean pattern"),
        (route("/api/../x", "GET", "user-service"), "clean pattern"),
        (route("/api/{id", "GET", "user-service"), "clean pattern"),
        (route("/api/x", "TRACE", "user-service"), "method `TRACE`"),
        (route("/api/x", "GET", "evil service"), "no service"),
        (
            route("/api/{a}", "GET", "user-service") + &route("/api/{b}", "GET", "order-service"),
            "two routes",
        ),
        ("[[route]]\npath = 1".to_owned(), "invalid type"),
    ];
    for (text, expected) in wrong {
        let fault = text.parse::<RouteTable>().unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    }
}
