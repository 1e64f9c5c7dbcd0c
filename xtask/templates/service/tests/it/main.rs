//! __service__ on a real database and broker.

#![cfg(test)]

mod contracts;
mod events;
mod fixture;
mod __get_entity__;
mod topology;
