//! Storage drivers around storage drivers: instrumentation, throttling, fault injection.
