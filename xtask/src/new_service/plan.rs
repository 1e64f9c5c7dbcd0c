//! The facts of the service to make, checked against what exists.

use super::{
    catalogue::{Catalogue, listed},
    words::{capitalized, plural, snake_case, type_name, variable},
};
use crate::{platform, workspace::Workspace};
use serde_json::Value;

const ROUTES: &str = "gateway/routes.toml";
/// The first port that a service may get.
const PORT_MIN: u16 = 4001;

/// The service to make.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The name of its folder, package and program, such as `shipping-service`.
    pub name: String,
    /// The event that it consumes: one that another service publishes.
    #[arg(long, value_name = "EVENT")]
    pub consumes: String,
    /// The event that it publishes, `<entity>.<past_tense>`, about an entity of its own.
    #[arg(long, value_name = "EVENT")]
    pub publishes: String,
    /// Its HTTP port; by default the next free one.
    #[arg(long)]
    pub port: Option<u16>,
}

/// A service that can be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) port: u16,
    pub(super) queue: String,
    pub(super) consumes: String,
    /// The service that publishes the consumed event.
    publisher: String,
    /// The field of the consumed event that holds the id of its subject, such as `orderId`.
    subject: String,
    pub(super) publishes: String,
    /// The first word of the published event: the name of a row, in the singular.
    entity: String,
    /// The queues that receive every event, and so the published one.
    pub(super) reaches: Vec<String>,
}

impl Plan {
    /// Checks everything that can be wrong before anything is written. `None` means that the service exists as asked for.
    pub(super) fn make(workspace: &Workspace, options: &Options) -> Result<Option<Self>, String> {
        let Options {
            name,
            consumes,
            publishes,
            port,
        } = options;
        let stem = stem(name)?;
        let catalogue = Catalogue::read(workspace)?;
        if exists(workspace, &catalogue, options)? {
            return Ok(None);
        }
        let queue = format!("{stem}-queue");
        catalogue.check_queue(&queue)?;
        let publisher = catalogue.publisher(consumes)?;
        let entity = catalogue.new_entity(publishes)?;
        check_route(workspace, &plural(entity))?;
        Ok(Some(Self {
            name: name.clone(),
            port: free_port(workspace, *port)?,
            queue,
            consumes: consumes.clone(),
            publisher: publisher.to_owned(),
            subject: subject_field(workspace, publisher, consumes)?,
            publishes: publishes.clone(),
            entity: entity.to_owned(),
            reaches: catalogue.queues_of_all_events(),
        }))
    }

    /// The placeholders of the templates and what each stands for.
    pub(super) fn words(&self) -> Vec<(&'static str, String)> {
        let entities = plural(&self.entity);
        let entity_id = format!("{}_id", self.entity);
        let subject_id = variable(&self.subject);
        vec![
            ("service", self.name.clone()),
            ("crate", self.name.replace('-', "_")),
            ("port", self.port.to_string()),
            ("queue", self.queue.clone()),
            ("publisher", self.publisher.clone()),
            ("consumed", self.consumes.clone()),
            ("Consumed", type_name(&self.consumes)),
            ("consumed_event", snake_case(&self.consumes)),
            ("published", self.publishes.clone()),
            ("Published", type_name(&self.publishes)),
            ("entity", self.entity.clone()),
            ("Entity", capitalized(&self.entity)),
            ("entities", entities.clone()),
            ("Entities", capitalized(&entities)),
            ("get_entity", format!("get_{}", self.entity)),
            ("entityId", format!("{}Id", self.entity)),
            ("EntityId", type_name(&entity_id)),
            ("entity_id", entity_id),
            ("subject", subject_id.trim_end_matches("_id").replace('_', " ")),
            ("subjectId", self.subject.clone()),
            ("SubjectId", type_name(&subject_id)),
            ("subject_id", subject_id),
        ]
    }
}

/// The name without `-service`.
fn stem(name: &str) -> Result<&str, String> {
    let is_plain = |stem: &&str| {
        stem.starts_with(|letter: char| letter.is_ascii_lowercase())
            && stem.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
    };
    name.strip_suffix("-service")
        .filter(is_plain)
        .ok_or_else(|| format!("`{name}`: use small letters and hyphens and end in -service, as in shipping-service"))
}

/// True if the service exists with the same events. Fails if another thing has its name.
fn exists(workspace: &Workspace, catalogue: &Catalogue, options: &Options) -> Result<bool, String> {
    let name = &options.name;
    let has_folder = workspace.root().join(name).exists();
    let Some(service) = catalogue.services.get(name) else {
        return if has_folder {
            Err(format!("`{name}` is taken: there is a folder of this name"))
        } else {
            Ok(false)
        };
    };
    let ports = platform::ports(workspace)?;
    let has_port = |port: u16| ports.contains(&(name.clone(), port));
    let is_same = has_folder
        && service.bindings.contains(&options.consumes)
        && service.publishes.contains(&options.publishes)
        && options.port.is_none_or(has_port);
    if is_same {
        return Ok(true);
    }
    Err(format!(
        "`{name}` is taken: a service of this name consumes {} and publishes {}",
        listed(&service.bindings),
        listed(&service.publishes)
    ))
}

/// No route begins with the collection of the new endpoint.
fn check_route(workspace: &Workspace, entities: &str) -> Result<(), String> {
    let routes = workspace.text(ROUTES).unwrap_or_default();
    let path = format!("\"/api/{entities}");
    let mut same = routes.split(&path).skip(1);
    if same.any(|rest| rest.starts_with(['"', '/'])) {
        return Err(format!(
            "/api/{entities} is a route already ({ROUTES}): publish an event about another entity"
        ));
    }
    Ok(())
}

/// The wanted port, or the next one, whose last four digits no process has: a test platform derives its ports from them.
fn free_port(workspace: &Workspace, wanted: Option<u16>) -> Result<u16, String> {
    let ports = platform::ports(workspace)?;
    let owner = |port: u16| ports.iter().find(|(_, other)| *other % 10_000 == port % 10_000);
    match wanted {
        None => (PORT_MIN..10_000)
            .find(|port| owner(*port).is_none())
            .ok_or_else(|| "no port from 4001 to 9999 is free".to_owned()),
        Some(port) => match owner(port) {
            Some((name, other)) => Err(format!(
                "port {port} is too close to {other} of {name}: take one with other last four digits"
            )),
            None => Ok(port),
        },
    }
}

/// The field that holds the id of the subject, by the publisher's example.
fn subject_field(workspace: &Workspace, publisher: &str, event: &str) -> Result<String, String> {
    let path = format!("{publisher}/contracts/{event}.v1.example.json");
    let text = workspace.text(&path).ok_or_else(|| format!("{path}: missing"))?;
    let example: Value = serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    let subject = &example["metadata"]["subject"];
    let mut fields = example["data"].as_object().into_iter().flatten();
    let field = fields.find(|(_, value)| *value == subject);
    field
        .map(|(name, _)| name.clone())
        .ok_or_else(|| format!("{path}: no field of `data` is the subject's id: add one, or write the view by hand"))
}
