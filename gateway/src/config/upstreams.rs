//! The addresses of the services behind the gateway: one argument for each service that the route table names.

use super::addresses::Replicas;
use crate::routes::{RouteTable, url_variable};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use std::ops::Deref;

/// Each service with its replicas, by name. The arguments follow from the route table: `order-service` is
/// `--order-service-url`, or the variable `ORDER_SERVICE_URL`.
#[derive(Debug, Clone)]
pub struct Upstreams(Vec<(String, Replicas)>);

impl Deref for Upstreams {
    type Target = [(String, Replicas)];
    fn deref(&self) -> &[(String, Replicas)] {
        &self.0
    }
}

impl Args for Upstreams {
    fn augment_args(command: Command) -> Command {
        command.args(services().iter().map(|service| argument(service)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Upstreams {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let replicas = |service: String| {
            let found = matches.get_one::<Replicas>(&id(&service)).cloned();
            let found = found.ok_or_else(|| clap::Error::new(ErrorKind::MissingRequiredArgument))?;
            Ok((service, found))
        };
        services().into_iter().map(replicas).collect::<Result<_, _>>().map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the services of the route table in use. The arguments must be known before they are parsed, so the table is looked
/// up here; a fault in it is reported when `ROUTES_FILE` itself is parsed.
#[expect(
    clippy::disallowed_methods,
    reason = "the arguments depend on the route table that a variable names"
)]
fn services() -> Vec<String> {
    let named = std::env::var("ROUTES_FILE").ok();
    let table = named.and_then(|path| std::fs::read_to_string(path).ok()?.parse().ok());
    let table: RouteTable = table.unwrap_or_else(RouteTable::built_in);
    table.upstreams().into_iter().map(str::to_owned).collect()
}

fn id(service: &str) -> String {
    format!("{service}-url")
}

/// Declares the argument of a service. clap takes static names, so they are leaked, once per process.
fn argument(service: &str) -> Arg {
    let variable: &'static str = url_variable(service).leak();
    let id: &'static str = id(service).leak();
    Arg::new(id)
        .long(id)
        .env(variable)
        .value_name(variable)
        .required(true)
        .value_parser(clap::value_parser!(Replicas))
        .help(format!(
            "Replicas of {service}, as in `http://a:4002,http://b:4002;weight=3`"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::arguments::from_variables;

    #[derive(Debug, clap::Args)]
    struct Only {
        #[command(flatten)]
        upstreams: Upstreams,
    }

    #[test]
    fn every_upstream_of_the_table_needs_an_address() {
        let table = RouteTable::built_in();
        let variables: Vec<String> = table.upstreams().into_iter().map(url_variable).collect();
        let addresses: Vec<(&str, &str)> = variables
            .iter()
            .map(|name| (name.as_str(), "http://127.0.0.1:1"))
            .collect();
        let names = from_variables::<Only>(&addresses).unwrap().upstreams;
        assert!(names.iter().map(|(service, _)| service.as_str()).eq(table.upstreams()));
        let error = from_variables::<Only>(&addresses[1..]).unwrap_err();
        assert_eq!(error, format!("environment variable {} is not set", variables[0]));
        let mut wrong = addresses.clone();
        wrong[0].1 = "https://x";
        assert!(
            from_variables::<Only>(&wrong)
                .unwrap_err()
                .contains(variables[0].as_str())
        );
    }
}
