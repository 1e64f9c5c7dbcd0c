//! The programs of the platform and the numbers of their instances.

use platform_client::description::services;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    /// Name in local mode.
    pub(crate) name: &'static str,
    pub(crate) instances: u16,
    /// Setting with the address of the probes.
    pub(super) probe_setting: Option<&'static str>,
    pub(super) probe_path: &'static str,
}

impl Program {
    /// Every program: each service and the gateway twice, everything else once.
    pub(super) fn all() -> Vec<Self> {
        let program = |name, instances, probe_setting, probe_path| Self {
            name,
            instances,
            probe_setting,
            probe_path,
        };
        let service = |name| program(name, 2, Some("LISTEN_ADDR"), "/readyz");
        let mut all: Vec<Self> = services().iter().map(|described| service(&*described.name)).collect();
        all.extend([
            program("gateway", 2, Some("OPERATORS_ADDR"), "/readyz"),
            program("mail-catcher", 1, Some("HTTP_ADDR"), "/livez"),
            program("sandbox-provider", 1, Some("LISTEN_ADDR"), "/livez"),
            program("topology-watch", 1, None, ""),
        ]);
        all
    }

    /// Holds for the services and the gateway, as opposed to what they call or what watches them.
    pub(crate) fn is_service(&self) -> bool {
        self.instances > 1
    }

    pub(super) fn instance_name(&self, instance: u16) -> String {
        match self.instances {
            1 => self.name.to_owned(),
            _ => format!("{}-{instance}", self.name),
        }
    }
}
