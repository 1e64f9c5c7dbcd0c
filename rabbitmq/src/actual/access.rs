//! Reading of users and their permissions.

use crate::{
    error::Error,
    management::Management,
    state::{Permission, TopicPermission, User},
};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

pub(super) async fn users(management: &Management) -> Result<BTreeMap<String, User>, Error> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        #[serde(deserialize_with = "tags")]
        tags: Vec<String>,
        #[serde(default)]
        password_hash: String,
        #[serde(default)]
        hashing_algorithm: String,
    }
    let rows: Vec<Row> = management.get(&["users"]).await?;
    let user = |row: Row| {
        let Row {
            name,
            tags,
            password_hash,
            hashing_algorithm,
        } = row;
        (
            name,
            User {
                tags,
                password_hash,
                hashing_algorithm,
            },
        )
    };
    Ok(rows.into_iter().map(user).collect())
}

/// Reads the tags of a user: a list, or in older versions one comma-separated string.
fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Tags {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Tags::deserialize(deserializer)? {
        Tags::List(tags) => tags,
        Tags::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

pub(super) async fn permissions(management: &Management, vhost: &str) -> Result<BTreeMap<String, Permission>, Error> {
    #[derive(Deserialize)]
    struct Row {
        user: String,
        configure: String,
        write: String,
        read: String,
    }
    let rows: Vec<Row> = management.get(&["vhosts", vhost, "permissions"]).await?;
    let permission = |row: Row| {
        (
            row.user,
            Permission {
                configure: row.configure,
                write: row.write,
                read: row.read,
            },
        )
    };
    Ok(rows.into_iter().map(permission).collect())
}

pub(super) async fn topic_permissions(
    management: &Management,
    vhost: &str,
) -> Result<BTreeMap<(String, String), TopicPermission>, Error> {
    #[derive(Deserialize)]
    struct Row {
        user: String,
        exchange: String,
        write: String,
        read: String,
    }
    let rows: Vec<Row> = management.get(&["vhosts", vhost, "topic-permissions"]).await?;
    let permission = |row: Row| {
        (
            (row.user, row.exchange),
            TopicPermission {
                write: row.write,
                read: row.read,
            },
        )
    };
    Ok(rows.into_iter().map(permission).collect())
}
