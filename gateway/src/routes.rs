//! The route table: the paths that exist for a client, their access, and the service that answers.

use http::Method;
use serde::Deserialize;
use std::{collections::BTreeSet, str::FromStr};

/// The upstream that is the gateway itself.
pub const GATEWAY: &str = "gateway";

/// The service that publishes the keys of access tokens: an upstream of every table.
pub const KEY_PUBLISHER: &str = "user-service";

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The routes of a gateway.
#[derive(Debug, Clone)]
pub struct RouteTable {
    routes: Vec<Route>,
    shapes: Vec<Shape>,
}

/// The paths that one or several routes match, each with methods of its own.
#[derive(Debug, Clone)]
struct Shape {
    /// The segments; `None` is a parameter.
    segments: Vec<Option<String>>,
    /// Indices of the routes.
    routes: Vec<usize>,
}

/// One route of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Pattern of the path; `{name}` stands for one segment.
    pub path: String,
    /// Methods that it answers; `GET` includes `HEAD`.
    pub methods: Vec<String>,
    /// Service that answers, or [`GATEWAY`].
    pub upstream: String,
    /// Callers that may use it.
    pub access: Access,
    /// True if a 2xx answer ends the caller's session.
    #[serde(default)]
    pub ends_session: bool,
    /// Parts of an answer that otherwise do not pass to a client.
    #[serde(default)]
    pub passes: Vec<Passes>,
}

/// A part of an answer that passes only where the route says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passes {
    /// `Set-Cookie`.
    Cookies,
    /// Redirects, and a `Location` that is no path of this API.
    Redirects,
    /// `Access-Control-*`, in place of the gateway's own.
    Cors,
}

/// The callers that may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Any caller; a token is optional.
    Public,
    /// Callers with a valid token.
    User,
    /// Administrators.
    Admin,
}

/// The result of looking a request up.
#[derive(Debug)]
pub enum Match<'a> {
    Found(&'a Route),
    /// The path exists, but not the method; with the methods that do.
    OtherMethods(Vec<&'a str>),
    /// No such path.
    Nothing,
}

/// The fault of a route table.
#[derive(Debug, thiserror::Error)]
pub enum TableFault {
    /// Not TOML of the right shape. Only the message: the rest is a drawing of several lines.
    #[error("{}", .0.message())]
    Syntax(#[from] toml::de::Error),
    /// The path has more than one reading, or does not consist of whole segments.
    #[error("the path `{0}` is not a clean pattern under /api/")]
    Path(String),
    /// The method cannot be routed.
    #[error("`{path}` names the method `{method}`; it must be one of GET, HEAD, POST, PUT, PATCH, DELETE")]
    Method { path: String, method: String },
    /// The upstream cannot be the name of a service, nor part of a variable's name.
    #[error("`{path}` leads to `{upstream}`, which is no service's name")]
    Upstream { path: String, upstream: String },
    /// Two routes answer the same method and path.
    #[error("two routes answer {method} {path}")]
    Twice { method: String, path: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    route: Vec<Route>,
}

impl FromStr for RouteTable {
    type Err = TableFault;

    fn from_str(text: &str) -> Result<Self, TableFault> {
        let mut routes = toml::from_str::<Document>(text)?.route;
        for (index, route) in routes.iter().enumerate() {
            route.check()?;
            route.check_unique(&routes[..index])?;
        }
        // The first match wins, so literal segments sort before parameters.
        routes.sort_by_key(|route| route.segments().map(is_parameter).collect::<Vec<_>>());
        let mut shapes: Vec<Shape> = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let segments = route.shape();
            match shapes.iter_mut().find(|shape| shape.segments == segments) {
                Some(shape) => shape.routes.push(index),
                None => shapes.push(Shape {
                    segments,
                    routes: vec![index],
                }),
            }
        }
        Ok(Self { routes, shapes })
    }
}

impl RouteTable {
    /// Returns the table of `routes.toml`.
    pub fn built_in() -> Self {
        include_str!("../routes.toml")
            .parse()
            .expect("a test parses the built-in table")
    }

    /// Finds the route of a request. `path` must have passed [`crate::path::check`].
    pub fn find(&self, method: &Method, path: &str) -> Match<'_> {
        let asked: Vec<&str> = segments(path).collect();
        let Some(shape) = self.shapes.iter().find(|shape| shape.fits(&asked)) else {
            return Match::Nothing;
        };
        let mut alike = shape.routes.iter().map(|&index| &self.routes[index]);
        match alike.clone().find(|route| route.answers(method)) {
            Some(route) => Match::Found(route),
            None => Match::OtherMethods(alike.by_ref().flat_map(Route::offered).collect()),
        }
    }

    /// Returns the services that the routes lead to.
    pub fn upstreams(&self) -> BTreeSet<&str> {
        let upstreams = self.routes.iter().map(|route| route.upstream.as_str());
        upstreams
            .filter(|&name| name != GATEWAY)
            .chain([KEY_PUBLISHER])
            .collect()
    }

    /// Returns the routes, literal segments first.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

impl Route {
    fn segments(&self) -> impl Iterator<Item = &str> {
        segments(&self.path)
    }

    /// Returns the segments without the names of the parameters: routes of one shape match the same paths.
    fn shape(&self) -> Vec<Option<String>> {
        let literal = |segment: &str| (!is_parameter(segment)).then(|| segment.to_owned());
        self.segments().map(literal).collect()
    }

    fn answers(&self, method: &Method) -> bool {
        self.offered().any(|offered| offered == method.as_str())
    }

    fn offered(&self) -> impl Iterator<Item = &str> {
        let head = self.methods.iter().any(|method| method == "GET").then_some("HEAD");
        self.methods.iter().map(String::as_str).chain(head)
    }

    fn check(&self) -> Result<(), TableFault> {
        let path = || self.path.clone();
        let literal = self.path.replace(['{', '}'], "");
        let clean = crate::path::check(&literal, None).is_ok() && self.path.starts_with("/api/");
        let whole = |segment: &str| !segment.is_empty() && (is_parameter(segment) || !segment.contains(['{', '}']));
        if !clean || !self.segments().all(whole) {
            return Err(TableFault::Path(path()));
        }
        if let Some(method) = self.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(TableFault::Method {
                path: path(),
                method: method.clone(),
            });
        }
        if !is_name(&self.upstream) {
            return Err(TableFault::Upstream {
                path: path(),
                upstream: self.upstream.clone(),
            });
        }
        Ok(())
    }

    fn check_unique(&self, earlier: &[Self]) -> Result<(), TableFault> {
        let mut alike = earlier
            .iter()
            .filter(|route| route.shape() == self.shape())
            .flat_map(|route| &route.methods);
        match alike.find(|method| self.methods.contains(method)) {
            Some(method) => Err(TableFault::Twice {
                method: method.clone(),
                path: self.path.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Returns the variable with the addresses of a service: `order-service` → `ORDER_SERVICE_URL`.
pub fn url_variable(service: &str) -> String {
    service.to_uppercase().replace('-', "_") + "_URL"
}

fn is_name(upstream: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    !upstream.is_empty() && upstream.chars().all(is_letter)
}

fn is_parameter(segment: &str) -> bool {
    segment.len() > 2 && segment.starts_with('{') && segment.ends_with('}')
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

impl Shape {
    fn fits(&self, asked: &[&str]) -> bool {
        let fits = |(segment, asked): (&Option<String>, &&str)| match segment {
            Some(literal) => literal == asked,
            None => !asked.is_empty(),
        };
        self.segments.len() == asked.len() && self.segments.iter().zip(asked).all(fits)
    }
}

#[cfg(test)]
mod tests;
