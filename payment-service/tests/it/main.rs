//! payment-service on a real database, broker and sandbox provider.

#![cfg(test)]

mod columns;
mod contracts;
mod discarded_jobs;
mod ended_orders;
mod fixture;
mod get_payment;
mod payment_methods;
mod provider_process;
mod saga;
mod sandbox_provider;
mod topology;
