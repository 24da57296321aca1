use crate::Version;

/// When a put may replace what is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PutMode {
    /// Always.
    #[default]
    Overwrite,
    /// Never: fail when the file exists. Required of every driver.
    Create,
    /// Only this version. A capability, see [`crate::Capabilities::conditional_update`].
    Update(Version),
}

/// How a small file is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOptions {
    /// When to replace what is there.
    pub mode: PutMode,
    /// Whether the file must survive a power failure once the call returned. Without it the driver may leave
    /// out the syncing; readers still never see a half-written file.
    pub durable: bool,
}

impl Default for PutOptions {
    fn default() -> Self {
        Self {
            mode: PutMode::Overwrite,
            durable: true,
        }
    }
}
